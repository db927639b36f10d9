"""The description of a model that every format is read into and C is written from.

A model is a chain of layers over one sequence x [timesteps][input_dim]. Weights are
float32 and in Keras' layout: kernel [input_dim][4*units] and recurrent_kernel
[units][4*units] with the gate blocks i, f, c, o, and bias [4*units].
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.limits import MOST_LAYERS
from lstm_export.rows import Rows, Strided

Array: TypeAlias = npt.NDArray[np.float32]
Shape: TypeAlias = tuple[int | None, ...]

# Name here and, in capitals after LSTM_, in C.
ACTIVATIONS = (
    "linear",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "hard_sigmoid_keras2",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "hard_silu",
    "softplus",
    "softsign",
    "exponential",
    "mish",
    "softmax",
    "log_softmax",
)
OVER_ALL_UNITS = ("softmax", "log_softmax")
MERGES = ("concat", "sum", "mul", "ave")


@dataclass(frozen=True)
class Cell:
    """The weights and gates of one LSTM in one direction."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    @property
    def input_dim(self) -> int:
        return int(self.kernel.shape[0])

    @property
    def units(self) -> int:
        return int(self.recurrent_kernel.shape[0])

    def named(self) -> Iterator[tuple[str, Array]]:
        yield "kernel", self.kernel
        yield "recurrent_kernel", self.recurrent_kernel
        if self.bias is not None:
            yield "bias", self.bias


@dataclass(frozen=True)
class Layer:
    """What all layers have. `kind` is the class as summary() shows it."""

    name: str
    kind: str
    trainable: bool = field(default=True, kw_only=True)

    def __str__(self) -> str:
        return f"layer '{self.name}' ({self.kind})"

    def named(self) -> Iterator[tuple[str, Array]]:
        """The weights, in the order of Keras' get_weights()."""
        return iter(())

    def stored(self) -> Iterator[tuple[str, Array]]:
        """The numbers that are written into the header."""
        return self.named()

    @property
    def parameters(self) -> int:
        return sum(int(array.size) for _, array in self.named())


@dataclass(frozen=True)
class Own(Layer):
    """A layer that lstm.h does not have; own_layers.py has them."""

    by_row: ClassVar[bool] = True  # each row of the output is made of one row

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        """The shape and the rows that it makes of these; refuses what does not fit."""
        return shape, rows

    def run(self, y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What it computes, [rows][features]."""
        raise NotImplementedError

    def check_features(self, needed: int, shape: Shape) -> None:
        if needed != shape[-1]:
            raise Refusal(
                f"{self}: has the weights of {needed} features where the layer before it "
                f"gives {shape[-1]}; the file does not hold the weights of this model"
            )


@dataclass(frozen=True)
class State:
    """h and c before the first timestep."""

    h: Array
    c: Array


@dataclass(frozen=True)
class Lstm(Layer):
    cell: Cell
    return_sequences: bool = False
    go_backwards: bool = False
    rows_in_time_order: bool = False  # with go_backwards: turn the rows round
    zero_output_for_mask: bool = False
    masked: bool = False  # the model's mask reaches it
    stateful: bool = False
    start: State | None = None  # None: zeros

    def named(self) -> Iterator[tuple[str, Array]]:
        return self.cell.named()


@dataclass(frozen=True)
class Bidirectional(Layer):
    forward: Cell
    backward: Cell
    merge: str = "concat"
    return_sequences: bool = False
    go_backwards: bool = False  # of the forward half; the other goes against it
    masked: bool = False
    stateful: bool = False

    def named(self) -> Iterator[tuple[str, Array]]:
        for half, cell in (("forward", self.forward), ("backward", self.backward)):
            for name, array in cell.named():
                yield f"{half} {name}", array


@dataclass(frozen=True)
class Dense(Layer):
    kernel: Array
    bias: Array | None
    activation: str = "linear"

    def named(self) -> Iterator[tuple[str, Array]]:
        yield "kernel", self.kernel
        if self.bias is not None:
            yield "bias", self.bias


@dataclass(frozen=True)
class Activation(Layer):
    activation: str


@dataclass(frozen=True)
class Masking(Layer):
    """A step is masked where every feature equals mask_value."""

    mask_value: float


@dataclass(frozen=True)
class Unchanged(Layer):
    """Does nothing to the numbers: Dropout, or Flatten and Reshape to `shape`."""

    shape: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Row(Layer):
    """The last or first row of a sequence."""

    last: bool = True


@dataclass(frozen=True)
class AddInput(Layer):
    """Adds the first columns of the model's input to the output, row by row."""

    columns: int
    gain: float = 1.0  # of the input


@dataclass(frozen=True)
class Stage:
    """A layer with the shapes it works on."""

    layer: Layer
    rows: Rows
    dim: int
    out_rows: Rows
    out_dim: int
    out_shape: Shape


@dataclass(frozen=True)
class Source:
    file: str  # base name
    made_by: str  # "keras 3.15.1"


@dataclass(frozen=True)
class Model:
    name: str
    layers: tuple[Layer, ...]
    input_dim: int
    timesteps: int | None  # None: any
    source: Source
    notes: tuple[str, ...] = ()
    vocabulary: int | None = None  # the input is of whole numbers below this

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def mask_value(self) -> float | None:
        for layer in self.layers:
            if isinstance(layer, Masking):
                return layer.mask_value
        return None

    @property
    def is_masked(self) -> bool:
        return any(
            layer.masked
            for layer in self.layers
            if isinstance(layer, Lstm | Bidirectional)
        )

    def sha256(self) -> str:
        """Of all weights as little-endian float32, in the order of get_weights()."""
        digest = hashlib.sha256()
        for layer in self.layers:
            for _, array in layer.named():
                digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()

    def stages(self) -> list[Stage]:
        """The shapes through the model; refuses where they do not fit."""
        stages: list[Stage] = []
        shape: Shape = (self.timesteps, self.input_dim)
        rows: Rows = None
        for layer in self.layers:
            dim = shape[-1]
            assert dim is not None
            out_shape, out_rows = _output(layer, shape, rows)
            out_dim = out_shape[-1]
            assert out_dim is not None
            stages.append(Stage(layer, rows, dim, out_rows, out_dim, out_shape))
            shape, rows = out_shape, out_rows
        return stages

    @property
    def has_fixed_timesteps(self) -> bool:
        """Whether a Flatten or Reshape makes the weights fit one length only."""
        return any(
            isinstance(stage.layer, Unchanged)
            and not isinstance(stage.rows, int)
            and isinstance(stage.out_rows, int)
            for stage in self.stages()
        )

    @property
    def least_timesteps(self) -> int:
        """That give each layer a row to work on."""
        found = [
            stage.out_rows.least()
            for stage in self.stages()
            if isinstance(stage.out_rows, Strided)
        ]
        return max(found, default=1)

    @property
    def why_whole(self) -> str | None:
        """What needs the whole sequence; None where it runs a timestep at a time."""
        for stage in self.stages():
            layer = stage.layer
            if isinstance(layer, Bidirectional):
                return f"{layer} also runs from the end"
            if isinstance(layer, Lstm) and layer.go_backwards:
                return f"{layer} runs from the end"
            if isinstance(layer, Row):
                return f"{layer} takes one row of all"
            if isinstance(layer, Own) and not layer.by_row:
                return f"{layer} works on several rows at once"
            if isinstance(layer, Unchanged) and stage.rows != stage.out_rows:
                return f"{layer} takes all timesteps at once"
        return None

    @property
    def can_stream(self) -> bool:
        return self.why_whole is None

    def check(self) -> None:
        """Refuse what does not fit together and weights that are no numbers."""
        if len(self.layers) > MOST_LAYERS:
            raise Refusal(
                f"the model has {len(self.layers):,} layers where {MOST_LAYERS:,} can be "
                "exported; export a part of it"
            )
        if not any(isinstance(layer, Lstm | Bidirectional) for layer in self.layers):
            raise Refusal("the model has no LSTM layer; there is nothing to export")
        for layer in self.layers:
            for name, array in layer.named():
                bad = np.argwhere(~np.isfinite(array))
                if len(bad):
                    where = "".join(f"[{k}]" for k in bad[0])
                    value = array[tuple(bad[0])]
                    raise Refusal(
                        f"{layer}: its {name} is {value} at {where} ({len(bad)} of "
                        f"{array.size:,} weights are not finite); train it again"
                    )
            for cell in cells(layer):
                _check_cell(layer, cell)
            if isinstance(layer, Bidirectional):
                _check_halves(layer)
            if isinstance(layer, Dense):
                _check_bias(layer, layer.bias, layer.kernel.shape[-1])
        self.stages()


def with_early_rows(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Take the last row as early as can be, so that the model may stream.

    An LSTM whose last row alone is used returns just that; what comes between works row
    by row.
    """
    found = list(layers)
    for k, layer in enumerate(found):
        if not (isinstance(layer, Row) and layer.last):
            continue
        j = k - 1
        while j >= 0 and _is_by_row(found[j]):
            j -= 1
        before = found[j] if j >= 0 else None
        if (
            isinstance(before, Lstm)
            and before.return_sequences
            and not before.rows_in_time_order
        ):
            found[j] = replace(before, return_sequences=False)
            del found[k]
            break
    return tuple(found)


def _is_by_row(layer: Layer) -> bool:
    own = isinstance(layer, Own) and layer.by_row
    return own or isinstance(layer, Dense | Activation | Unchanged)


def cells(layer: Layer) -> tuple[Cell, ...]:
    if isinstance(layer, Lstm):
        return (layer.cell,)
    if isinstance(layer, Bidirectional):
        return (layer.forward, layer.backward)
    return ()


def _check_bias(layer: Layer, bias: Array | None, size: int) -> None:
    if bias is not None and bias.shape != (size,):
        raise Refusal(
            f"{layer}: its bias has the shape {bias.shape} where ({size},) is needed; "
            "the file does not hold the weights of this layer"
        )


def _check_cell(layer: Layer, cell: Cell) -> None:
    units = cell.units
    for name, array, first in (
        ("kernel", cell.kernel, cell.input_dim),
        ("recurrent_kernel", cell.recurrent_kernel, units),
    ):
        if array.ndim != 2 or units == 0 or array.shape != (first, 4 * units):
            raise Refusal(
                f"{layer}: its {name} has the shape {array.shape} where "
                f"({first}, {4 * units}) is needed; the file does not hold the weights "
                "of this layer"
            )
    _check_bias(layer, cell.bias, 4 * units)


def _check_halves(layer: Bidirectional) -> None:
    units = layer.forward.units, layer.backward.units
    if layer.merge != "concat" and units[0] != units[1]:
        raise Refusal(
            f"{layer}: merge_mode='{layer.merge}' needs halves of the same size, not "
            f"{units[0]} and {units[1]} units; use merge_mode='concat'"
        )


def _output(layer: Layer, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
    """The shape without the batch, and the rows, after a layer."""
    dim = shape[-1]
    if isinstance(layer, Own):
        return layer.after(shape, rows)
    if isinstance(layer, Lstm | Bidirectional):
        for cell in cells(layer):
            _check_input(layer, cell.input_dim, dim)
        if len(shape) != 2:
            raise Refusal(
                f"{layer}: its input is of shape {shape_text(shape)}, not a sequence "
                "of vectors; give the layer before it return_sequences=True"
            )
        units = sum(cell.units for cell in cells(layer))
        if isinstance(layer, Bidirectional) and layer.merge != "concat":
            units = layer.forward.units
        if layer.return_sequences:
            return (*shape[:-1], units), rows
        return (units,), 1
    if isinstance(layer, Dense):
        if layer.kernel.ndim != 2 or 0 in layer.kernel.shape:
            raise Refusal(
                f"{layer}: its kernel has the shape {layer.kernel.shape}, not "
                "(inputs, units); the file does not hold the weights of this layer"
            )
        _check_input(layer, layer.kernel.shape[0], dim)
        return (*shape[:-1], int(layer.kernel.shape[1])), rows
    if isinstance(layer, Row):
        return (dim,), 1
    if isinstance(layer, AddInput) and (rows is not None or dim != layer.columns):
        raise Refusal(
            f"{layer}: {layer.columns} columns of the input cannot be added to an "
            f"output of shape {shape_text(shape)}; use a skip as wide as the output"
        )
    if isinstance(layer, Unchanged) and layer.shape is not None:
        return _reshaped(layer, layer.shape, shape, rows)
    return shape, rows


def _check_input(layer: Layer, needed: int, dim: int | None) -> None:
    if needed != dim:
        raise Refusal(
            f"{layer}: its kernel takes {needed} inputs but the layer before it gives "
            f"{dim}; the file does not hold the weights of this model"
        )


def _reshaped(
    layer: Layer, target: Shape, shape: Shape, rows: Rows
) -> tuple[Shape, Rows]:
    if target == shape:
        return shape, rows
    sizes = [size for size in (*shape, *target) if size is not None]
    if len(sizes) != len(shape) + len(target):
        raise Refusal(
            f"{layer}: turns {shape_text(shape)} into {shape_text(target)}, which is "
            "known only for a fixed number of timesteps; build the model with "
            "Input((timesteps, features))"
        )
    if math.prod(sizes[: len(shape)]) != math.prod(sizes[len(shape) :]):
        raise Refusal(
            f"{layer}: {shape_text(shape)} has not as many numbers as "
            f"{shape_text(target)}; save the model again"
        )
    return target, math.prod(sizes[len(shape) : -1])


def shape_text(shape: Shape) -> str:
    inside = ", ".join(str(size) for size in (None, *shape))
    return f"({inside})"
