"""Layers that lstm.h does not have. The header has a function of its own for each that a
model needs (c_layers.py).

Each says what shape it gives, what it computes in float64, and which numbers it stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.model import Array, Own, Shape, shape_text
from lstm_export.rows import Rows, after

Doubles = npt.NDArray[np.float64]
Named = tuple[tuple[str, Array], ...]


@dataclass(frozen=True)
class Affine(Own):
    """(x - mean) * scale + offset for each feature: BatchNormalization, Normalization,
    Rescaling. `weights` are those that the file has."""

    mean: Array
    scale: Array
    offset: Array
    weights: Named = ()
    axis: int | None = None  # where a file says which; the batch is 0

    def named(self) -> Iterator[tuple[str, Array]]:
        return iter(self.weights)

    def stored(self) -> Iterator[tuple[str, Array]]:
        yield "mean", self.mean
        yield "scale", self.scale
        yield "offset", self.offset

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        check_axis(self, self.axis, shape)
        if self.scale.size != 1:
            self.check_features(self.scale.size, shape)
        return shape, rows

    def run(self, y: Doubles) -> Doubles:
        mean, scale, offset = (a.astype(np.float64) for _, a in self.stored())
        return (y - mean) * scale + offset


def check_axis(layer: Own, axis: int | None, shape: Shape) -> None:
    if axis is not None and axis != len(shape):
        raise Refusal(
            f"{layer}: works along the axis {axis} of {shape_text(shape)}; build it with "
            "axis=-1, the features"
        )


def normalising(
    mean: Array, variance: Array, gamma: Array | None, beta: Array | None, epsilon: float
) -> tuple[Array, Array, Array]:
    """The mean, scale and offset of an Affine that divides by a standard deviation."""
    deviation = np.sqrt(variance.astype(np.float64) + epsilon)
    if np.any(deviation == 0.0) or not np.all(np.isfinite(deviation)):
        raise Refusal(
            "a variance is not above zero, by which a normalization would divide; train "
            "or adapt it again"
        )
    scale = (1.0 if gamma is None else gamma.astype(np.float64)) / deviation
    offset = np.zeros_like(mean) if beta is None else beta
    return mean, scale.astype(np.float32), offset


@dataclass(frozen=True)
class LayerNorm(Own):
    """(x - mean) / sqrt(variance + epsilon) of each row, times gamma, plus beta."""

    gamma: Array | None
    beta: Array | None
    epsilon: float
    axis: int | None = None

    def named(self) -> Iterator[tuple[str, Array]]:
        for name, array in (("gamma", self.gamma), ("beta", self.beta)):
            if array is not None:
                yield name, array

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        check_axis(self, self.axis, shape)
        for _, array in self.named():
            self.check_features(array.size, shape)
        return shape, rows

    def run(self, y: Doubles) -> Doubles:
        centred = y - y.mean(axis=-1, keepdims=True)
        variance = np.mean(centred**2, axis=-1, keepdims=True)
        y = centred / np.sqrt(variance + self.epsilon)
        y = y if self.gamma is None else y * self.gamma.astype(np.float64)
        return y if self.beta is None else y + self.beta.astype(np.float64)


@dataclass(frozen=True)
class Ramp(Own):
    """x from a threshold on, at most top; below it slope * (x - threshold). The slope is
    one number or one for each feature."""

    slope: Array
    threshold: float = 0.0
    top: float | None = None
    weights: Named = ()

    def named(self) -> Iterator[tuple[str, Array]]:
        return iter(self.weights)

    def stored(self) -> Iterator[tuple[str, Array]]:
        yield "slope", self.slope

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        if self.slope.size != 1:
            self.check_features(self.slope.size, shape)
        return shape, rows

    def run(self, y: Doubles) -> Doubles:
        low = self.slope.astype(np.float64) * (y - self.threshold)
        high = y if self.top is None else np.minimum(y, self.top)
        return np.where(y >= self.threshold, high, low)


@dataclass(frozen=True)
class Clip(Own):
    """x between two limits."""

    low: float
    high: float

    def run(self, y: Doubles) -> Doubles:
        return np.clip(y, self.low, self.high)


@dataclass(frozen=True)
class Erf(Own):
    """A part of what some exporters make of a gelu."""

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        raise Refusal(f"{self}: is no part of a gelu; export the model without it")


@dataclass(frozen=True)
class Repeat(Own):
    """A vector as a sequence of itself."""

    count: int
    by_row: ClassVar[bool] = False

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        if len(shape) != 1 or rows != 1:
            raise Refusal(
                f"{self}: its input is of shape {shape_text(shape)}, not a vector; give "
                "the LSTM before it return_sequences=False"
            )
        return (self.count, *shape), self.count

    def run(self, y: Doubles) -> Doubles:
        return np.repeat(y, self.count, axis=0)


@dataclass(frozen=True)
class Embedding(Own):
    """The rows of a table that the model's input, of whole numbers, is the numbers of."""

    table: Array
    mask_zero: bool = False

    def named(self) -> Iterator[tuple[str, Array]]:
        yield "embeddings", self.table

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        if self.table.ndim != 2 or 0 in self.table.shape:
            raise Refusal(
                f"{self}: its table has the shape {self.table.shape}; save it again"
            )
        return (*shape[:-1], int(self.table.shape[1])), rows

    def run(self, y: Doubles) -> Doubles:
        return self.table.astype(np.float64)[y[:, 0].astype(np.int64)]


@dataclass(frozen=True)
class Window(Own):
    """What works on `size` rows that lie `dilation` apart, every `stride` rows. padding
    is valid, same or causal, as Keras has it."""

    size: int
    stride: int
    dilation: int
    padding: str
    by_row: ClassVar[bool] = False

    @property
    def reach(self) -> int:
        return (self.size - 1) * self.dilation + 1

    def rows_after(self, rows: Rows) -> Rows:
        add = self.stride - 1 if self.padding != "valid" else self.stride - self.reach
        return after(rows, add, self.stride)

    def after_window(self, shape: Shape, rows: Rows, dim: int) -> tuple[Shape, Rows]:
        if len(shape) != 2:
            raise Refusal(
                f"{self}: its input is of shape {shape_text(shape)}, not a sequence of "
                "vectors; give the layer before it return_sequences=True"
            )
        first = None if shape[0] is None else self.rows_after(shape[0])
        found = self.rows_after(rows)
        if first == 0 or found == 0:
            raise Refusal(
                f"{self}: reaches over {self.reach} rows where there are {shape[0]}; "
                "save the model again"
            )
        assert first is None or isinstance(first, int)
        return (first, dim), found

    def padded(self, y: Doubles, fill: float) -> Doubles:
        """The rows with those that padding puts before and after them."""
        if self.padding == "valid":
            return y
        before, after_them = self.reach - 1, 0
        if self.padding == "same":
            rows = -(-len(y) // self.stride)
            total = max((rows - 1) * self.stride + self.reach - len(y), 0)
            before, after_them = total // 2, total - total // 2
        return np.pad(y, ((before, after_them), (0, 0)), constant_values=fill)

    def windows(self, y: Doubles, fill: float) -> Doubles:
        """[rows][size][features]"""
        y = self.padded(y, fill)
        starts = range(0, len(y) - self.reach + 1, self.stride)
        reach = self.reach
        return np.array([y[at : at + reach : self.dilation] for at in starts])


@dataclass(frozen=True)
class Conv(Window):
    """Conv1D without its activation. kernel [size][inputs][filters]"""

    kernel: Array
    bias: Array | None

    def named(self) -> Iterator[tuple[str, Array]]:
        yield "kernel", self.kernel
        if self.bias is not None:
            yield "bias", self.bias

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        if self.kernel.ndim != 3 or 0 in self.kernel.shape:
            raise Refusal(
                f"{self}: its kernel has the shape {self.kernel.shape}, not (size, "
                "inputs, filters); the file does not hold the weights of this layer"
            )
        self.check_features(int(self.kernel.shape[1]), shape)
        return self.after_window(shape, rows, int(self.kernel.shape[2]))

    def run(self, y: Doubles) -> Doubles:
        found = np.einsum("tki,kio->to", self.windows(y, 0.0), self.kernel.astype(float))
        return np.asarray(found if self.bias is None else found + self.bias)


@dataclass(frozen=True)
class Pool(Window):
    """MaxPooling1D, or AveragePooling1D: of the rows that there are, without padding."""

    takes_largest: bool

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        return self.after_window(shape, rows, int(shape[-1] or 0))

    def run(self, y: Doubles) -> Doubles:
        found = self.windows(y, np.nan)
        return np.asarray((np.nanmax if self.takes_largest else np.nanmean)(found, 1))


@dataclass(frozen=True)
class GlobalPool(Own):
    """The largest or the mean of each feature over all rows."""

    takes_largest: bool
    keeps_axis: bool = False
    by_row: ClassVar[bool] = False

    def after(self, shape: Shape, rows: Rows) -> tuple[Shape, Rows]:
        if len(shape) != 2:
            raise Refusal(
                f"{self}: its input is of shape {shape_text(shape)}, not a sequence of "
                "vectors; give the layer before it return_sequences=True"
            )
        return ((1, shape[-1]) if self.keeps_axis else (shape[-1],)), 1

    def run(self, y: Doubles) -> Doubles:
        return np.asarray((np.max if self.takes_largest else np.mean)(y, 0))[None]
