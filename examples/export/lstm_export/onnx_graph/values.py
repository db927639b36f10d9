"""What is known of a tensor before the model is run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.model import Layer

UNIT = "1"  # an axis of one element
FEATURES = "f"
DIRECTIONS = "d"


@dataclass(frozen=True)
class Known:
    """A tensor whose numbers are in the file."""

    array: npt.NDArray[Any]


@dataclass(frozen=True)
class Zeros:
    """A tensor of zeros, of whatever shape."""


@dataclass(frozen=True)
class Unknown:
    """A tensor that depends on shapes, or an input that no layer may use."""

    why: str


@dataclass(frozen=True)
class Data:
    """The output of layers on the model's input.

    The axes have names: those of the input "x0", "x1"; FEATURES, DIRECTIONS, UNIT. The
    C code runs a batch of one, so every axis but time, features and directions has one
    element.
    """

    layers: tuple[Layer, ...]
    axes: tuple[str, ...]
    features: int
    time: str = ""  # the name of the axis of timesteps, once an LSTM has shown which
    directions: int = 1
    opset: int = 0  # the version of ONNX' operators
    is_whole: bool = False  # the model's input, of whole numbers
    part: int | None = None  # of two directions, the one that it is
    sizes: tuple[tuple[str, int], ...] = ()  # of axes of the input that are fixed

    def then(self, layer: Layer) -> Data:
        return replace(self, layers=(*self.layers, layer))

    def place(self, axis: int, index: int) -> int:
        """An index of a row, the last one as -1 also where the file counts from 0."""
        size = dict(self.sizes).get(self.axes[axis])
        return -1 if size is not None and index == size - 1 else index

    @property
    def shape(self) -> tuple[str, ...]:
        """The axes that have more than one element."""
        kept = {FEATURES, self.time or "none"}
        if self.directions > 1:
            kept.add(DIRECTIONS)
        return tuple(axis for axis in self.axes if axis in kept)


Value: TypeAlias = Known | Zeros | Unknown | Data


def label(node: Any) -> str:
    return f"node '{node.name or ', '.join(node.output)}' ({node.op_type})"


def attributes(node: Any) -> dict[str, Any]:
    import onnx

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def known(value: Value | None, what: str) -> npt.NDArray[Any]:
    """The numbers of a tensor, or a refusal."""
    if isinstance(value, Known):
        return value.array
    raise Refusal(
        f"{what} is not stored in the file but computed; export the model for fixed "
        "shapes, or fold its constants"
    )


def integers(value: Value | None, what: str) -> list[int]:
    array = known(value, what)
    if array.dtype.kind not in "iu":
        raise Refusal(f"{what} holds no integers; export the model again")
    return [int(v) for v in np.ravel(array)]
