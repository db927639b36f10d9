"""The nodes besides LSTM: what turns axes round, Dense layers, activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.errors import Refusal
from exporter.formats import float32
from exporter.model import Activation, Dense, Row, Unchanged
from exporter.onnx_graph.lstm import hard_sigmoid
from exporter.onnx_graph.values import (
    DIRECTIONS,
    FEATURES,
    UNIT,
    Data,
    Known,
    Value,
    attributes,
    integers,
    known,
    label,
)

Inputs = list[Value | None]
Handler = Callable[[Any, Data, Inputs], Data]

ACTIVATIONS = {
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Relu": "relu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exponential",
    "Mish": "mish",
    "HardSwish": "hard_silu",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
}


def _input(inputs: Inputs, position: int) -> Value | None:
    return inputs[position] if len(inputs) > position else None


def _axis(axis: int, data: Data, what: str) -> int:
    rank = len(data.axes)
    if not -rank <= axis < rank:
        raise Refusal(f"{what}: there is no axis {axis}; export the model again")
    return axis % rank


def _list(node: Any, inputs: Inputs, name: str, position: int) -> list[int] | None:
    """An attribute that newer versions of ONNX have as an input."""
    options = attributes(node)
    if name in options:
        return [int(v) for v in options[name]]
    value = _input(inputs, position)
    return None if value is None else integers(value, f"{label(node)}: {name}")


# ---- Axes ------------------------------------------------------------------------------


def _transpose(node: Any, data: Data, inputs: Inputs) -> Data:
    del inputs
    rank = len(data.axes)
    order = attributes(node).get("perm", list(range(rank))[::-1])
    if sorted(order) != list(range(rank)):
        raise Refusal(f"{label(node)}: perm does not fit its input; export it again")
    return replace(data, axes=tuple(data.axes[k] for k in order))


def _is_one(axis: str, data: Data) -> bool:
    return axis not in data.shape


def _squeeze(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    axes = _list(node, inputs, "axes", 1)
    if axes is None:
        axes = [k for k, axis in enumerate(data.axes) if _is_one(axis, data)]
    gone = {_axis(axis, data, what) for axis in axes}
    for k in gone:
        if data.axes[k] == FEATURES:
            raise Refusal(f"{what}: takes the axis of features away; export without it")
        if not _is_one(data.axes[k], data):
            raise Refusal(f"{what}: axis {k} has more than one element; export it again")
    return replace(data, axes=tuple(a for k, a in enumerate(data.axes) if k not in gone))


def _unsqueeze(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    added = _list(node, inputs, "axes", 1) or []
    rank = len(data.axes) + len(added)
    if not all(-rank <= axis < rank for axis in added):
        raise Refusal(f"{what}: its axes do not fit; export the model again")
    axes = list(data.axes)
    for axis in sorted(axis % rank for axis in added):
        axes.insert(axis, UNIT)
    return replace(data, axes=tuple(axes))


def _joined(data: Data) -> Data:
    """Directions next to features make one row, [forward | backward]."""
    if data.directions == 1:
        return data
    at = data.axes.index(DIRECTIONS)
    rest = [axis for axis in data.axes[at + 1 :] if not _is_one(axis, data)]
    if rest != [FEATURES]:
        return data
    axes = (*data.axes[:at], *data.axes[at + 1 :])
    features = data.features * data.directions
    return replace(data, axes=axes, features=features, directions=1)


def _keeps_rows(data: Data, shape: list[int]) -> bool:
    """Whether the last axis is that of the features before and after."""
    if shape[-1] == 0:
        return data.axes[len(shape) - 1 : len(shape)] == (FEATURES,)
    if shape[-1] == -1:  # what the sizes before it leave: these have to be all the rest
        rest = [axis for axis in data.shape if axis != FEATURES]
        kept = [data.axes[k] for k, size in enumerate(shape[:-1]) if size == 0]
        return all(size in (0, 1) for size in shape[:-1]) and set(rest) <= set(kept)
    return shape[-1] == data.features


def _reshape(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    shape = integers(_input(inputs, 1), f"{what}: its shape")
    data = _joined(data)
    axes = data.shape
    if data.directions > 1 or not axes or axes[-1] != FEATURES or not shape:
        raise Refusal(
            f"{what}: turns the axes {data.axes} into another order; export a model that "
            "keeps timesteps before features"
        )
    if not _keeps_rows(data, shape):
        raise Refusal(
            f"{what}: to {shape} does not keep the rows of {data.features}; export a "
            "model that does not join timesteps with features"
        )
    # What has one element may come and go; the rows stay rows.
    room = len(shape) - len(axes)
    if room < 0:
        raise Refusal(f"{what}: joins timesteps with features; export it without")
    front = shape[:-1]
    kept = list(axes[:-1])
    result: list[str] = []
    for position, size in enumerate(front):
        left = len(front) - position
        must = len(kept) >= left
        if kept and (must or size not in (1, 0) or _same_place(data, position, kept[0])):
            result.append(kept.pop(0))
        else:
            result.append(UNIT)
    return replace(data, axes=(*result, FEATURES))


def _same_place(data: Data, position: int, axis: str) -> bool:
    """Whether a 0 in a shape, which keeps the size there, is about this axis."""
    return position < len(data.axes) and data.axes[position] == axis


def _identity(node: Any, data: Data, inputs: Inputs) -> Data:
    del inputs
    if node.op_type == "Dropout":
        return data.then(Unchanged(node.name or "dropout", "Dropout"))
    if node.op_type == "Cast" and attributes(node).get("to") != 1:
        raise Refusal(f"{label(node)}: casts to another type than float; export float32")
    return data


def _flatten(node: Any, data: Data, inputs: Inputs) -> Data:
    del inputs
    data = _joined(data)
    axis = _axis(attributes(node).get("axis", 1), data, label(node))
    if data.shape != (FEATURES,) or FEATURES in data.axes[:axis]:
        raise Refusal(f"{label(node)}: joins timesteps with features; export it without")
    return replace(data, axes=(UNIT, FEATURES))


# ---- One row ---------------------------------------------------------------------------


def _row(node: Any, data: Data, axis: int, last: bool, keep: bool) -> Data:
    what = label(node)
    if not data.time or data.axes[axis] != data.time:
        raise Refusal(
            f"{what}: takes a part of an axis that is not the timesteps after an LSTM; "
            "export a model of a chain of layers"
        )
    name = node.name or ("last" if last else "first")
    row = Row(name, "last row" if last else "first row", last)
    axes = list(data.axes)
    axes[axis : axis + 1] = [UNIT] if keep else []
    return replace(data.then(row), axes=tuple(axes), time="none")


def _gather(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    array = known(_input(inputs, 1), f"{what}: its indices")
    axis = _axis(attributes(node).get("axis", 0), data, what)
    if array.size != 1 or int(array.ravel()[0]) not in (0, -1):
        if array.size == 1 and _is_one(data.axes[axis], data):
            raise Refusal(f"{what}: takes another row of a batch than the first")
        raise Refusal(f"{what}: takes other rows than the last or first; take one")
    if _is_one(data.axes[axis], data):
        axes = [a for k, a in enumerate(data.axes) if k != axis or array.ndim]
        return replace(data, axes=tuple(axes))
    return _row(node, data, axis, int(array.ravel()[0]) == -1, bool(array.ndim))


def _slice(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    starts, ends = (_list(node, inputs, n, k) for n, k in (("starts", 1), ("ends", 2)))
    axes = _list(node, inputs, "axes", 3)
    steps = _list(node, inputs, "steps", 4) or [1]
    if starts is None or ends is None or len(starts) != 1 or len(ends) != 1:
        raise Refusal(f"{what}: cuts more than one axis; take the last or first row")
    axis = _axis(axes[0] if axes else 0, data, what)
    if steps == [1] and starts == [0] and ends[0] >= 2**31 - 1:
        return data
    is_last = starts == [-1] and ends[0] >= 2**31 - 1
    is_first = starts == [0] and ends == [1]
    if steps != [1] or not (is_last or is_first):
        raise Refusal(f"{what}: takes other rows than the last or first; take one")
    if _is_one(data.axes[axis], data):
        return data
    return _row(node, data, axis, is_last, keep=True)


# ---- Dense layers and activations ------------------------------------------------------


def _check_features(data: Data, what: str) -> Data:
    data = _joined(data)
    if data.axes[-1:] != (FEATURES,) or data.directions > 1:
        raise Refusal(
            f"{what}: works on another axis than the features; export a model that keeps "
            "them last"
        )
    return data


def _dense(
    node: Any, data: Data, kernel: npt.NDArray[Any], bias: npt.NDArray[Any] | None
) -> Data:
    what = label(node)
    data = _check_features(data, what)
    if kernel.ndim != 2 or kernel.shape[0] != data.features:
        raise Refusal(
            f"{what}: its matrix has the shape {kernel.shape}, not ({data.features}, "
            "units); export the model again"
        )
    name = node.name or node.output[0]
    layer = Dense(
        name,
        node.op_type,
        np.ascontiguousarray(float32(kernel, f"{what}: its matrix")),
        None if bias is None else _bias(bias, int(kernel.shape[1]), what),
    )
    return replace(data.then(layer), features=int(kernel.shape[1]))


def _bias(array: npt.NDArray[Any], units: int, what: str) -> npt.NDArray[np.float32]:
    values = float32(array, f"{what}: its bias")
    if values.size not in (1, units) or (values.ndim and values.shape[-1] != values.size):
        raise Refusal(
            f"{what}: its bias has the shape {values.shape}, not ({units},); export the "
            "model again"
        )
    return np.ascontiguousarray(np.broadcast_to(values.ravel(), (units,)))


def _matmul(node: Any, data: Data, inputs: Inputs) -> Data:
    if not isinstance(inputs[0], Data):
        raise Refusal(f"{label(node)}: multiplies from the left; use x @ kernel")
    kernel = known(_input(inputs, 1), f"{label(node)}: its matrix")
    return _dense(node, data, kernel, None)


def _gemm(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    options = attributes(node)
    if not isinstance(inputs[0], Data) or options.get("transA"):
        raise Refusal(f"{what}: multiplies from the left; use x @ kernel")
    kernel = known(_input(inputs, 1), f"{what}: its matrix")
    kernel = kernel.T if options.get("transB") else kernel
    given = _input(inputs, 2)
    bias = None if given is None else known(given, f"{what}: its bias")
    if options.get("alpha", 1.0) != 1.0 or options.get("beta", 1.0) != 1.0:
        raise Refusal(f"{what}: alpha and beta are not 1; export the model without them")
    return _dense(node, data, kernel, bias)


def _add(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    other = next((v for v in inputs if not isinstance(v, Data)), None)
    if other is None:
        raise Refusal(f"{what}: adds two outputs; export a model of a chain of layers")
    layer = data.layers[-1] if data.layers else None
    if not isinstance(layer, Dense) or layer.bias is not None:
        raise Refusal(
            f"{what}: adds numbers to what is no MatMul's output; export it without"
        )
    units = int(layer.kernel.shape[1])
    bias = _bias(known(other, f"{what}: what it adds"), units, what)
    named = replace(layer, kind="MatMul, Add", bias=bias)
    return replace(data, layers=(*data.layers[:-1], named))


def _activation(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    options = attributes(node)
    kind = node.op_type
    name = ACTIVATIONS.get(kind)
    if kind in ("Softmax", "LogSoftmax"):
        data = _check_features(data, what)
        # Until opset 12 all axes from the given one on were one.
        joins = data.opset < 13
        axis = _axis(options.get("axis", 1 if joins else -1), data, what)
        taken = data.axes[axis:] if joins else data.axes[axis : axis + 1]
        rest = [a for a in taken if not _is_one(a, data)]
        if rest != [FEATURES]:
            raise Refusal(f"{what}: its axis is not the features; use axis=-1")
    elif kind == "HardSigmoid":
        name = hard_sigmoid(options.get("alpha", 0.2), options.get("beta", 0.5))
    elif kind == "LeakyRelu":
        fits = np.float32(options.get("alpha", 0.01)) == np.float32(0.2)
        name = "leaky_relu" if fits else None
    elif kind == "Elu":
        name = "elu" if options.get("alpha", 1.0) == 1.0 else None
    elif kind == "Selu":
        name = "selu" if not options else None
    elif kind == "Gelu":
        name = "gelu" if options.get("approximate", b"none") == b"none" else None
    elif kind == "Clip":
        limits = [v for v in inputs[1:] if v is not None] or [
            Known(np.array(options.get(key, np.nan))) for key in ("min", "max")
        ]
        found = [float(known(value, f"{what}: its limits")) for value in limits]
        name = "relu6" if found == [0.0, 6.0] else None
    if name is None:
        raise Refusal(
            f"{what}: with these parameters it has no counterpart in lstm.h; use Keras'"
        )
    return data.then(Activation(node.name or node.output[0], kind, name))


HANDLERS: dict[str, Handler] = {
    "Add": _add,
    "Cast": _identity,
    "Clip": _activation,
    "Dropout": _identity,
    "Elu": _activation,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _activation,
    "Gemm": _gemm,
    "HardSigmoid": _activation,
    "Identity": _identity,
    "LeakyRelu": _activation,
    "MatMul": _matmul,
    "Reshape": _reshape,
    "Selu": _activation,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    **dict.fromkeys(ACTIVATIONS, _activation),
}


def run_node(node: Any, inputs: Inputs) -> Data:
    """The output of a node that takes the output of layers."""
    data = [value for value in inputs if isinstance(value, Data)]
    what = label(node)
    if len(data) != 1:
        raise Refusal(
            f"{what}: joins {len(data)} outputs of layers; export a model of a chain of "
            "layers"
        )
    handler = HANDLERS.get(node.op_type)
    if handler is None or node.domain not in ("", "ai.onnx"):
        raise Refusal(
            f"{what}: is not supported; export a model of LSTM, MatMul, Gemm, Add and "
            "activations, or one LSTM of it with --node"
        )
    return handler(node, data[0], inputs)
