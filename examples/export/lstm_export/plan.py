"""Where every layer of a model reads and writes, before any C is written.

A model that can stream runs in one function for up to CHUNK timesteps, which predict
calls for a long sequence and step for one timestep. One that has to see the whole
sequence runs all timesteps at once. A mask makes each timestep a call of its own, as a
masked timestep repeats the output before it, which a chunk's first row does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lstm_export.c_names import WEIGHTS, layer_names
from lstm_export.c_text import largest
from lstm_export.model import (
    OVER_ALL_UNITS,
    Activation,
    Bidirectional,
    Dense,
    Layer,
    Lstm,
    Masking,
    Model,
    Row,
    Stage,
    Unchanged,
    cells,
)
from lstm_export.own_layers import Embedding
from lstm_export.rows import Rows, Strided

BUFFERS = ("a", "b")
ROOM = 16  # floats: where the numbers of a layer begin in a file of weights


@dataclass(frozen=True)
class Op:
    """A layer that does something, and where. Pointers are C expressions."""

    layer: Layer
    name: str
    source: str
    target: str  # "" where nothing but the state is written
    rows: Rows  # of the source
    dim: int
    out_rows: Rows
    out_dim: int
    state: int  # where its state begins


@dataclass
class Plan:
    model: Model
    name: str
    is_binary: bool = False  # the weights are in a file, and in memory of the caller
    ops: list[Op] = field(default_factory=list)
    output: str = "x"  # where the output is in the end
    # The floats that a row takes of those for so many rows, for each buffer.
    buffers: dict[str, dict[Rows, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.can_stream = self.model.can_stream
        self.has_mask = self.model.is_masked
        stages = _fused(self.model.stages())
        names = layer_names(
            (stage.layer.name, stage.layer.kind.lower()) for stage in stages
        )
        state = 0
        for k in range(len(stages)):
            state = self._add(stages, k, names[k], state)
        self.state_len = state
        last = self.model.stages()[-1]
        self.out_rows, self.out_dim = last.out_rows, last.out_dim
        self.weights_len = 0
        self._weights_at: dict[str, int] = {}
        for op in self.ops:
            self._weights_at[op.name] = self.weights_len
            self.weights_len += -(-stored_size(op) // ROOM) * ROOM

    @property
    def in_chunks(self) -> bool:
        """Whether a long sequence goes through the layers a few timesteps at a time."""
        has_rows = any(None in sizes for sizes in self.buffers.values())
        return self.can_stream and (has_rows or self.has_mask)

    @property
    def x_type(self) -> str:
        """The type of the model's input."""
        return "float" if self.model.vocabulary is None else "int32_t"

    @property
    def embedding(self) -> Embedding | None:
        layers = [op.layer for op in self.ops]
        return next((each for each in layers if isinstance(each, Embedding)), None)

    @property
    def recurrent(self) -> list[Op]:
        return [op for op in self.ops if isinstance(op.layer, Lstm | Bidirectional)]

    @property
    def weights_argument(self) -> str:
        """What comes before the other arguments of a function."""
        return "weights, " if self.is_binary else ""

    @property
    def weights_parameter(self) -> str:
        return "const float *weights, " if self.is_binary else ""

    def _add(self, stages: list[Stage], k: int, name: str, state: int) -> int:
        stage = stages[k]
        layer = stage.layer
        source, target = self.output, ""
        if isinstance(layer, Row):
            if layer.last and stage.rows != 1:
                target = f"{source} + ({self.count(stage.rows)} - 1) * {stage.dim}"
        elif self._writes(layer):
            target = self._target(stages, k)
        self.ops.append(
            Op(
                layer,
                name,
                source,
                target,
                stage.rows,
                stage.dim,
                stage.out_rows,
                stage.out_dim,
                state,
            )
        )
        if target:
            self.output = target
        elif isinstance(layer, Lstm):
            self.output = f"state + {state}" if state else "state"
        return state + 2 * sum(cell.units for cell in cells(layer))

    def count(self, rows: Rows) -> str:
        """How many rows, in C."""
        if isinstance(rows, Strided):
            return rows.text("timesteps")
        if rows is not None:
            return str(rows)
        if self.can_stream:
            return "1" if self.has_mask else "rows"
        return "timesteps"

    def _writes(self, layer: Layer) -> bool:
        """Whether the layer's output is more than its state."""
        if not isinstance(layer, Lstm):
            return True
        if layer.masked and layer.zero_output_for_mask:
            return True
        # With a mask a stream is run one timestep at a time: the output is the state.
        return layer.return_sequences and not (self.can_stream and self.has_mask)

    def _target(self, stages: list[Stage], k: int) -> str:
        after = stages[k + 1 :]
        if not any(
            isinstance(stage.layer, Row) or self._writes(stage.layer) for stage in after
        ) and not any(isinstance(stage.layer, Lstm) for stage in after):
            return "y"
        free = next(buffer for buffer in BUFFERS if not self._is_in(buffer))
        sizes = self.buffers.setdefault(free, {})
        rows, dim = stages[k].out_rows, stages[k].out_dim
        if rows is None and self.can_stream and self.has_mask:
            rows = 1
        if isinstance(rows, int):
            rows, dim = 1, dim * rows
        sizes[rows] = max(sizes.get(rows, 0), dim)
        return free

    def _is_in(self, buffer: str) -> bool:
        return self.output.split(" ")[0] == buffer

    # ---- Sizes, as C expressions ----

    def of(self, op: Op, what: str) -> str:
        """What there is of a layer, by its name in C."""
        if self.is_binary and what == WEIGHTS:
            at = self._weights_at[op.name]
            return f"weights + {at}" if at else "weights"
        return f"{self.name}_{op.name}_{what}"

    def macro(self, suffix: str) -> str:
        return f"{self.name.upper()}_{suffix}"

    def scratch(self) -> str:
        """What the calls of lstm.h need."""
        units = [op.layer.cell.units for op in self.ops if isinstance(op.layer, Lstm)]
        sizes = [f"LSTM_SCRATCH_LEN({max(units)})"] if units else []
        if not self.can_stream and sizes:
            sizes = [f"LSTM_BATCH_SCRATCH_LEN(1, {max(units)})"]
        for op in self.ops:
            if isinstance(op.layer, Bidirectional):
                halves = f"{op.layer.forward.units}, {op.layer.backward.units}"
                size = f"LSTM_BIDIRECTIONAL_SCRATCH_LEN(1, {halves})"
                sizes += [] if size in sizes else [size]
        return largest(sizes, self.macro("LARGER"))

    def buffer_len(self, buffer: str, rows: str) -> str:
        terms = []
        for count, dim in self.buffers[buffer].items():
            if count is None:
                terms.append(f"(size_t){rows} * {dim}")
            elif isinstance(count, Strided):
                terms.append(f"{count.text(f'(size_t){rows}')} * {dim}")
            else:
                terms.append(f"(size_t){dim}")
        return largest(terms, self.macro("LARGER"))


def dense_rows(op: Op, rows: str) -> str:
    """How many rows an activation takes, run as a Dense layer."""
    if isinstance(op.layer, Activation) and op.layer.activation not in OVER_ALL_UNITS:
        return str(op.dim) if rows == "1" else f"{rows} * {op.dim}"
    return rows


def _fused(stages: list[Stage]) -> list[Stage]:
    """The stages that do something; an activation is part of the Dense before it."""
    fused: list[Stage] = []
    for stage in stages:
        if not _does_something(stage.layer):
            continue
        before = fused[-1] if fused else None
        if (
            isinstance(stage.layer, Activation)
            and before is not None
            and isinstance(before.layer, Dense)
            and before.layer.activation == "linear"
            and before.out_dim == stage.dim
        ):
            layer = replace(before.layer, activation=stage.layer.activation)
            fused[-1] = replace(before, layer=layer)
        else:
            fused.append(stage)
    return fused


def _does_something(layer: Layer) -> bool:
    if isinstance(layer, Activation):
        return layer.activation != "linear"
    return not isinstance(layer, Unchanged | Masking)


def activation_size(op: Op) -> int:
    """An activation alone is a Dense layer that multiplies by 1: on each number, or
    where it takes all of a row, on the row."""
    assert isinstance(op.layer, Activation)
    return op.dim if op.layer.activation in OVER_ALL_UNITS else 1


def stored_size(op: Op) -> int:
    """How many numbers are written for a layer."""
    if isinstance(op.layer, Activation):
        return activation_size(op) ** 2
    return sum(int(array.size) for _, array in op.layer.stored())
