"""A model with 8-bit weights: what lstm_int8.h computes, in exact integers.

The arithmetic is that of NUMERICS in lstm_int8.h. A layer is converted as
lstm_int8_quantize does it; with calibration data the weights are rounded so that the
gates of these inputs change least.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lstm_export import reference
from lstm_export.errors import Refusal
from lstm_export.model import (
    Bidirectional,
    Cell,
    Dense,
    Layer,
    Lstm,
    Model,
    Unchanged,
    cells,
)

Ints: TypeAlias = npt.NDArray[np.int64]
Doubles: TypeAlias = npt.NDArray[np.float64]
F32 = np.float32

TABLE: Ints = np.array(
    [math.floor(math.tanh(n / 32) * 32768 + 0.5) for n in range(193)], np.int64
)
LIMIT = 1 << 30  # of a sum, so that nothing overflows
PASSES = 4  # over a column that is refined


@dataclass(frozen=True)
class Half:
    """An LSTM in one direction; columns are in Keras' order i f c o."""

    weights: Ints  # [rows][4*units]
    row_scales: Ints
    multipliers: Ints
    bias: Ints
    shift: int
    bits: int  # input_fraction_bits
    backwards: bool

    @property
    def units(self) -> int:
        return int(self.weights.shape[1]) // 4

    @property
    def input_dim(self) -> int:
        return len(self.weights) - self.units


@dataclass(frozen=True)
class Output:
    """A Dense layer; weights [units][input_dim]."""

    weights: Ints
    multipliers: Ints
    bias: Ints
    shift: int
    activation: str


@dataclass(frozen=True)
class Int8:
    """The converted model: layers one after the other, each of one or two halves."""

    model: Model
    names: tuple[str, ...]  # of the layers
    layers: tuple[tuple[Half, ...], ...]
    output: Output | None
    sequences: bool  # a row of output for each timestep
    bits: int

    @property
    def bytes(self) -> int:
        """Of all constant arrays."""
        total = 0
        for half in (half for halves in self.layers for half in halves):
            rows, columns = half.weights.shape
            total += (rows + 7) // 8 * 8 * columns + 2 * rows + (2 + 4) * columns
        if self.output is not None:
            total += self.output.weights.size + (2 + 4) * len(self.output.bias)
        return total


# ---- What can be converted -------------------------------------------------------------


def _refuse(layer: Layer, why: str) -> Refusal:
    return Refusal(f"{layer}: --int8 does not do {why}; leave --int8 out")


def _check_recurrent(layer: Lstm | Bidirectional, is_first: bool) -> None:
    for cell in cells(layer):
        if (cell.activation, cell.recurrent_activation) != ("tanh", "sigmoid"):
            raise _refuse(layer, "activations other than tanh and sigmoid")
    if layer.masked:
        raise _refuse(layer, "masks")
    if layer.go_backwards:
        raise _refuse(layer, "go_backwards")
    if isinstance(layer, Lstm) and layer.start is not None:
        raise _refuse(layer, "an initial state")
    if isinstance(layer, Bidirectional):
        if layer.return_sequences or not is_first:
            raise _refuse(layer, "Bidirectional with other LSTMs or return_sequences")
        if layer.merge != "concat":
            raise _refuse(layer, f"merge_mode='{layer.merge}'")


def chain(model: Model) -> tuple[list[Lstm | Bidirectional], Dense | None]:
    """The recurrent layers and the Dense layer after them; refuses other models."""
    if model.vocabulary is not None:
        raise Refusal("--int8 does not do an Embedding; leave --int8 out")
    found: list[Lstm | Bidirectional] = []
    dense: Dense | None = None
    for layer in model.layers:
        if isinstance(layer, Unchanged) and layer.shape is None:
            continue
        if dense is not None:
            raise _refuse(layer, "a layer after the Dense layer")
        if isinstance(layer, Lstm | Bidirectional):
            _check_recurrent(layer, not found)
            found.append(layer)
        elif isinstance(layer, Dense) and found:
            if layer.activation == "log_softmax":
                raise _refuse(layer, "log_softmax")
            dense = layer
        else:
            raise _refuse(layer, "such a layer")
    if not found:
        raise Refusal("the model has no LSTM layer; there is nothing to export")
    return found, dense


# ---- Conversion ------------------------------------------------------------------------


def _nearest(values: npt.NDArray[np.float32]) -> Ints:
    """Halves away from 0, the sum in float32, as in C."""
    half = F32(0.5)
    up = np.trunc(np.abs(values) + half)
    return np.where(values < 0, -up, up).astype(np.int64)


def _refined(q: Ints, steps: Doubles, weights: Doubles, moments: Doubles) -> Ints:
    """Rounds single weights the other way where that makes the error of the gate
    smaller: the error times the moments times the error. All columns at once; steps are
    [rows][columns]."""
    rows = len(q)
    damping = 0.01 * float(np.trace(moments)) / rows
    wide = moments + damping * np.eye(rows)
    q = q.copy()
    error = q * steps - weights
    slope = wide @ error
    for _ in range(PASSES):
        changed = False
        for k in range(rows):
            by = np.where(slope[k] > 0, -1, 1)
            step = by * steps[k]
            gain = 2.0 * step * slope[k] + step * step * wide[k, k]
            better = (gain < 0) & (np.abs(q[k] + by) <= 127)
            if better.any():
                changed = True
                step = np.where(better, step, 0.0)
                q[k] += np.where(better, by, 0)
                error[k] += step
                slope += np.outer(wide[:, k], step)
        if not changed:
            break
    return q


def _shift(factor: np.float32, bias: np.float32) -> int:
    for shift in range(15, 0, -1):
        power = F32(1 << shift)
        if factor * F32(65536) * power < F32(65534.5) and bias * power <= 1 << 30:
            return shift
    return 0


def _columns(
    values: npt.NDArray[np.float32],
    steps: Doubles,
    row_scales: Ints,
    weights: Doubles,
    moments: Doubles | None,
) -> tuple[Ints, npt.NDArray[np.float32]]:
    """The integers and the scale of each column. steps: what 1 is of a real weight."""
    scales = np.abs(values).max(0) / F32(127)
    while True:
        safe = np.where(scales > 0, scales, F32(1))
        q = np.clip(_nearest(values / safe), -127, 127)
        if moments is not None:
            q = _refined(q, steps[:, None] * scales[None], weights, moments)
        over = (np.abs(q) * row_scales[:, None]).sum(0) > LIMIT
        if not over.any():
            return q, scales
        scales = np.where(over, scales * F32(1.0625), scales)


def _half(
    layer: Layer, cell: Cell, bits: int, backwards: bool, moments: Doubles | None
) -> Half:
    unit = np.ones(cell.input_dim + cell.units, F32)
    unit[: cell.input_dim] = 1 << (15 - bits)
    real = np.concatenate([cell.kernel, cell.recurrent_kernel]).astype(F32)
    weights = real * unit[:, None]
    sizes = np.abs(weights).max(1)
    largest = sizes.max()
    rows = len(real)
    crowd = rows / (129 if rows > 8192 else 258)
    bias = np.zeros(4 * cell.units, F32) if cell.bias is None else cell.bias.astype(F32)
    if largest * max(crowd, 1.0) > 400 or np.abs(bias).max() > 65536:
        raise Refusal(
            f"{layer}: its weights are too large for 8 bits with an input range of "
            f"{2 ** (15 - bits)}; scale them down, or leave --int8 out"
        )
    share = sizes / largest if largest > 0 else sizes
    row_scales = np.ceil(share * F32(32767)).astype(np.int64)
    divisor = np.where(row_scales > 0, row_scales, 1).astype(F32)
    values = np.where(row_scales[:, None] > 0, weights / divisor[:, None], F32(0))
    q, scales = _columns(
        values.astype(F32), row_scales / unit, row_scales, real.astype(float), moments
    )
    per_gate = np.repeat(np.array([4096, 4096, 8192, 4096], F32), cell.units)
    factors = scales * per_gate
    shift = _shift(factors.max(), np.abs(bias).max() * F32(8192))
    power = F32(1 << shift)
    half_unit = (1 << shift) >> 1
    return Half(
        q,
        row_scales,
        _nearest(factors * F32(65536) * power),
        _nearest(bias * per_gate * power) + half_unit,
        shift,
        bits,
        backwards,
    )


def _dense(layer: Dense) -> Output:
    """Its input is h, which has 15 fraction bits."""
    kernel = layer.kernel.astype(F32)
    inputs = len(kernel)
    bias = (
        np.zeros(kernel.shape[1], F32) if layer.bias is None else layer.bias.astype(F32)
    )
    total = np.zeros(kernel.shape[1], F32)
    for row in kernel:
        total = total + np.abs(row)
    scales = np.maximum(
        np.abs(kernel).max(0) / F32(127),
        total / (F32(32768) - F32(0.5) * F32(min(inputs, 32768))),
    )
    factors = scales * F32(2)
    if factors.max() >= 0.99 or np.abs(bias).max() > 8192 or inputs > 32768:
        raise Refusal(
            f"{layer}: its weights are too large for 8 bits; scale them down, or leave "
            "--int8 out"
        )
    shift = _shift(factors.max(), np.abs(bias).max() * F32(65536))
    power = F32(1 << shift)
    safe = np.where(scales > 0, scales, F32(1))
    return Output(
        np.where(scales > 0, _nearest(kernel / safe), 0).T.copy(),
        _nearest(factors * F32(65536) * power),
        _nearest(bias * F32(65536) * power) + ((1 << shift) >> 1),
        shift,
        layer.activation,
    )


def _observed(cell: Cell, x: Doubles, moments: Doubles) -> Doubles:
    """Runs a float layer, adds the products of its inputs, and gives its outputs."""
    w = np.concatenate([cell.kernel, cell.recurrent_kernel]).astype(float)
    bias = 0.0 if cell.bias is None else cell.bias.astype(float)
    h, c = np.zeros(cell.units), np.zeros(cell.units)
    rows = []
    sigmoid = reference.FUNCTIONS["sigmoid"]
    for row in x:
        v = np.concatenate([row, h])
        moments += np.outer(v, v)
        i, f, g, o = np.split(v @ w + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        rows.append(h)
    return np.array(rows)


def _all_moments(
    found: Sequence[Lstm | Bidirectional], data: Sequence[Doubles]
) -> Iterator[list[Doubles]]:
    """Of each cell of each layer, over all sequences."""
    pending = list(data)
    for layer in found:
        moments = []
        following: list[Doubles] = []
        for number, cell in enumerate(cells(layer)):
            size = cell.input_dim + cell.units
            sums = np.zeros((size, size))
            following = [_observed(cell, x[::-1] if number else x, sums) for x in pending]
            moments.append(sums)
        yield moments
        pending = following


def convert(model: Model, bits: int, data: Sequence[Doubles]) -> Int8:
    """The model with 8-bit weights, refined by the sequences in `data`, if any."""
    found, dense = chain(model)
    all_moments = list(_all_moments(found, data)) if data else None
    layers = []
    for number, layer in enumerate(found):
        halves = []
        for side, cell in enumerate(cells(layer)):
            moments = all_moments[number][side] if all_moments else None
            halves.append(
                _half(layer, cell, bits if number == 0 else 15, side == 1, moments)
            )
        layers.append(tuple(halves))
    return Int8(
        model,
        tuple(layer.name for layer in found),
        tuple(layers),
        None if dense is None else _dense(dense),
        found[-1].return_sequences,
        bits,
    )


# ---- Running ---------------------------------------------------------------------------


def from_float(x: npt.ArrayLike, bits: int) -> Ints:
    scaled = np.asarray(x, F32) * F32(1 << bits)
    return np.clip(_nearest(scaled), -32768, 32767)


def _tanh(z: Ints) -> Ints:
    a = np.minimum(np.abs(z), 49151)
    n, r = a >> 8, a & 255
    value = TABLE[n] + ((TABLE[n + 1] - TABLE[n]) * r >> 8)
    return np.where(z < 0, -value, value)


def _sigmoid(z: Ints) -> Ints:
    return np.asarray(16384 + (_tanh(z) >> 1))


def run_half(half: Half, x: Ints) -> tuple[Ints, Ints, Ints]:
    """All outputs in the order of computation, and the final h and c."""
    h = np.zeros(half.units, np.int64)
    c = np.zeros(half.units, np.int64)
    rows = []
    for row in x[::-1] if half.backwards else x:
        v = (np.concatenate([row, h]) * half.row_scales + 16384) >> 15
        total = v @ half.weights
        z = (((total * half.multipliers) >> 16) + half.bias) >> half.shift
        i, f, g, o = np.split(z, 4)
        kept = np.clip((c * _sigmoid(f) + 16384) >> 15, -LIMIT, LIMIT - 1)
        c = kept + ((_sigmoid(i) * _tanh(g) + 8192) >> 14)
        h = np.minimum((_sigmoid(o) * _tanh(c >> 3) + 16384) >> 15, 32767)
        rows.append(h)
    return np.array(rows), h, c


def run(int8: Int8, x: Ints) -> tuple[Ints, Ints]:
    """The final h of all layers in a row, and the logits, or without a Dense layer the
    outputs times 32768: [rows][units]."""
    states = []
    y = x
    for halves in int8.layers:
        outputs = [run_half(half, y) for half in halves]
        states += [h for _, h, _ in outputs]
        y = outputs[0][0]
    last = np.concatenate(states[-len(int8.layers[-1]) :])[None]
    rows = y if int8.sequences else last
    if int8.output is None:
        return np.concatenate(states), rows
    dense = int8.output
    total = rows @ dense.weights.T
    logits = (((total * dense.multipliers) >> 16) + dense.bias) >> dense.shift
    return np.concatenate(states), logits


def outputs(int8: Int8, x: npt.ArrayLike) -> Doubles:
    """What the model gives for floats."""
    _, found = run(int8, from_float(x, int8.bits))
    if int8.output is None:
        return found / 32768.0
    return reference.FUNCTIONS[int8.output.activation](found / 65536.0)


def largest_error(int8: Int8, data: Sequence[npt.ArrayLike]) -> float:
    """Of all outputs, beside those of the float model."""
    worst = 0.0
    for x in data:
        wanted = reference.run(int8.model, x)
        worst = max(worst, float(np.abs(outputs(int8, x) - wanted).max()))
    return worst


# ---- The options -----------------------------------------------------------------------


def calibration(path: Path, model: Model) -> list[Doubles]:
    """Sequences from an .npy file, ([batch])[timesteps][features]."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise Refusal(
            f"{path.name}: is no .npy file of numbers ({error}); write it with numpy.save"
        ) from error
    if found.ndim == 2:
        found = found[None]
    if (
        found.ndim != 3
        or found.dtype.kind not in "fiu"
        or found.shape[2] != model.input_dim
        or found.size == 0
    ):
        raise Refusal(
            f"{path.name}: holds {found.dtype} of shape {found.shape}; --calibrate needs "
            f"numbers of shape (batch, timesteps, {model.input_dim})"
        )
    data = found.astype(np.float64)
    if not np.isfinite(data).all():
        raise Refusal(f"{path.name}: has a NaN or an infinity in it; leave it out")
    return list(data)


def fraction_bits(input_range: float) -> int:
    """The most with which -input_range to input_range fits into 16 bits."""
    if not 0 < input_range <= 32768:
        raise Refusal(
            f"--input-range {input_range:g}: has to be above 0 and at most 32768"
        )
    return max(0, 15 - max(0, math.ceil(math.log2(input_range))))
