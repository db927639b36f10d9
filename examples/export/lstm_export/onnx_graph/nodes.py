"""The nodes besides LSTM: what turns axes round, Dense layers, activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.formats import float32
from lstm_export.model import Activation, Dense, Layer, Row, Unchanged
from lstm_export.onnx_graph.lstm import hard_sigmoid
from lstm_export.onnx_graph.values import (
    DIRECTIONS,
    FEATURES,
    UNIT,
    Data,
    Value,
    attributes,
    integers,
    known,
    label,
)
from lstm_export.own_layers import (
    Affine,
    Clip,
    Embedding,
    Erf,
    LayerNorm,
    Ramp,
    normalising,
)

FLOAT_MAX = 3.4028234663852886e38
KEEPS_PART = (
    "Cast",
    "Dropout",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
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
    if node.op_type == "Cast" and data.is_whole and attributes(node).get("to") in (6, 7):
        return data
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
    if data.is_whole:
        return _embedding(node, data, inputs)
    array = known(_input(inputs, 1), f"{what}: its indices")
    axis = _axis(attributes(node).get("axis", 0), data, what)
    if _is_directions(data, axis) and array.size == 1:
        return _direction(data, axis, int(array.ravel()[0]), array.ndim > 0, what)
    place = data.place(axis, int(array.ravel()[0])) if array.size else 0
    if array.size != 1 or place not in (0, -1):
        if array.size == 1 and _is_one(data.axes[axis], data):
            raise Refusal(f"{what}: takes another row of a batch than the first")
        raise Refusal(f"{what}: takes other rows than the last or first; take one")
    if _is_one(data.axes[axis], data):
        axes = [a for k, a in enumerate(data.axes) if k != axis or array.ndim]
        return replace(data, axes=tuple(axes))
    return _row(node, data, axis, place == -1, bool(array.ndim))


def _gather_elements(node: Any, data: Data, inputs: Inputs) -> Data:
    """A row, by its number for each of its features."""
    what = label(node)
    array = known(_input(inputs, 1), f"{what}: its indices")
    axis = _axis(attributes(node).get("axis", 0), data, what)
    needed = tuple(data.features if each == FEATURES else 1 for each in data.axes)
    places = {data.place(axis, int(index)) for index in np.unique(array)}
    if array.shape != needed or places not in ({0}, {-1}) or data.directions > 1:
        raise Refusal(
            f"{what}: takes other numbers than those of the last or first row; take one "
            "row, with indices of the shape 1, 1, features"
        )
    return _row(node, data, axis, places == {-1}, keep=True)


END_OF_AXIS = 2**31 - 1  # and above: as far as there is something


def _cuts(node: Any, data: Data, inputs: Inputs) -> list[tuple[int, int, int]]:
    """The axes of which a Slice takes a part: axis, start, end."""
    what = label(node)
    starts, ends = (_list(node, inputs, n, k) for n, k in (("starts", 1), ("ends", 2)))
    axes = _list(node, inputs, "axes", 3)
    steps = _list(node, inputs, "steps", 4)
    if starts is None or ends is None:
        raise Refusal(f"{what}: has no starts or ends; export the model again")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Refusal(f"{what}: its axes do not fit; export the model again")
    found = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step != 1:
            raise Refusal(f"{what}: takes other rows than the last or first; take one")
        if start != 0 or end < END_OF_AXIS:
            found.append((_axis(axis, data, what), start, end))
    return found


def _slice(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    for axis, start, end in _cuts(node, data, inputs):
        if data.axes[axis] == FEATURES and start == 0 and end >= data.features:
            continue
        if _is_directions(data, axis):
            if end - start != 1 and not (start == -1 and end >= 2):
                raise Refusal(f"{what}: takes other than one direction; take one")
            data = _direction(data, axis, start, True, what)
            continue
        place = data.place(axis, start)
        is_last = place == -1 and (end >= END_OF_AXIS or end == start + 1 != 0)
        if not is_last and (start, end) != (0, 1):
            raise Refusal(f"{what}: takes other rows than the last or first; take one")
        if not _is_one(data.axes[axis], data):
            data = _row(node, data, axis, is_last, keep=True)
    return data


# ---- One of two directions, and both again ---------------------------------------------


def _is_directions(data: Data, axis: int) -> bool:
    return data.axes[axis] == DIRECTIONS and data.directions > 1


def _direction(data: Data, axis: int, number: int, keep: bool, what: str) -> Data:
    if not -data.directions <= number < data.directions:
        raise Refusal(f"{what}: there is no direction {number}; export the model again")
    axes = list(data.axes)
    axes[axis : axis + 1] = [UNIT] if keep else []
    part = number % data.directions
    return replace(data, axes=tuple(axes), directions=1, part=part)


def _split(node: Any, data: Data, inputs: Inputs) -> list[Value]:
    """Into the two directions."""
    what = label(node)
    axis = _axis(attributes(node).get("axis", 0), data, what)
    sizes = _list(node, inputs, "split", 1) or [1] * len(node.output)
    if not _is_directions(data, axis) or sizes != [1] * data.directions:
        raise Refusal(f"{what}: splits another axis than that of the directions")
    return [_direction(data, axis, k, True, what) for k in range(data.directions)]


def _concat(node: Any, parts: list[Data]) -> Data:
    """The two directions next to each other, as lstm.h has them."""
    what = label(node)
    first, second = parts if len(parts) == 2 else (None, None)
    if (
        first is None
        or second is None
        or (first.part, second.part) != (0, 1)
        or replace(second, part=0) != first
    ):
        raise Refusal(
            f"{what}: joins {len(parts)} outputs of layers; export a model of a chain of "
            "layers"
        )
    axis = _axis(attributes(node).get("axis", 0), first, what)
    if first.axes[axis] != FEATURES:
        raise Refusal(f"{what}: joins directions along another axis than the features")
    return replace(first, part=None, features=2 * first.features)


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
        return _arithmetic(node, data, inputs)
    units = int(layer.kernel.shape[1])
    bias = _bias(known(other, f"{what}: what it adds"), units, what)
    named = replace(layer, kind="MatMul, Add", bias=bias)
    return replace(data, layers=(*data.layers[:-1], named))


def _vector(value: Value | None, data: Data, what: str) -> npt.NDArray[np.float32]:
    """Numbers for each feature, or one for all."""
    array = float32(known(value, what), what)
    if array.size == 1:
        return array.ravel()
    if data.axes[-1:] != (FEATURES,) or array.shape[-1:] != (array.size,):
        raise Refusal(
            f"{what} has the shape {array.shape}, not one number or one for each of "
            f"{data.features} features; export the model without it"
        )
    return np.ascontiguousarray(array.ravel())


def _arithmetic(node: Any, data: Data, inputs: Inputs) -> Data:
    """x + c, x - c, c - x, x * c and x / c."""
    what, kind = label(node), node.op_type
    is_first = isinstance(inputs[0], Data)
    value = inputs[1] if is_first else inputs[0]
    data = _joined(data)
    array = _vector(value, data, f"{what}: its other operand")
    zeros, ones = np.zeros_like(array), np.ones_like(array)
    if kind == "Div":
        if not is_first or not np.all(array):
            raise Refusal(f"{what}: divides by what is not a number; export it without")
        mean, scale, offset = zeros, (1.0 / array.astype(float)).astype("f4"), zeros
    elif kind == "Mul":
        mean, scale, offset = zeros, array, zeros
    elif kind == "Sub":
        mean, scale, offset = (array, ones, zeros) if is_first else (array, -ones, zeros)
    else:
        mean, scale, offset = zeros, ones, array
    name = node.name or node.output[0]
    return data.then(Affine(name, kind, mean, scale, offset, ((kind, array),)))


def _batch_normalization(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    if data.axes[1:2] != (FEATURES,):
        raise Refusal(f"{what}: its axis 1 is not that of the features; export it again")
    gamma, beta, mean, variance = (
        _vector(_input(inputs, k), replace(data, axes=(FEATURES,)), f"{what}: its {name}")
        for k, name in ((1, "scale"), (2, "B"), (3, "mean"), (4, "variance"))
    )
    epsilon = float(attributes(node).get("epsilon", 1e-5))
    found = normalising(mean, variance, gamma, beta, epsilon)
    arrays = ("scale", gamma), ("B", beta), ("mean", mean), ("variance", variance)
    return data.then(Affine(node.name or node.output[0], node.op_type, *found, arrays))


def _layer_normalization(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    options = attributes(node)
    data = _check_features(data, what)
    if _axis(options.get("axis", -1), data, what) != len(data.axes) - 1:
        raise Refusal(f"{what}: its axis is not that of the features; use axis=-1")
    given = (_input(inputs, 1), _input(inputs, 2))
    gamma, beta = (
        None if value is None else _vector(value, data, f"{what}: its numbers")
        for value in given
    )
    epsilon = float(options.get("epsilon", 1e-5))
    name = node.name or node.output[0]
    return data.then(LayerNorm(name, node.op_type, gamma, beta, epsilon))


def _embedding(node: Any, data: Data, inputs: Inputs) -> Data:
    what = label(node)
    if not isinstance(_input(inputs, 1), Data) or attributes(node).get("axis", 0) != 0:
        raise Refusal(f"{what}: takes a part of the model's input; export it without")
    table = float32(known(inputs[0], f"{what}: its table"), f"{what}: its table")
    if table.ndim != 2:
        raise Refusal(f"{what}: its table has the shape {table.shape}, not two axes")
    layer = Embedding(node.name or node.output[0], "Gather", table)
    axes = (*data.axes, FEATURES)
    features = int(table.shape[1])
    return replace(data.then(layer), axes=axes, features=features, is_whole=False)


# What exporters make of an activation on x: x times these layers of x.
_PRODUCTS: dict[tuple[str, ...], str] = {
    ("sigmoid",): "silu",
    ("softplus", "tanh"): "mish",
    ("hard_sigmoid",): "hard_silu",
}


def _product(node: Any, parts: list[Data]) -> Data:
    """x * sigmoid(x) and its like."""
    what = label(node)
    first, second = sorted(parts, key=lambda data: len(data.layers))
    count = len(first.layers)
    tail = second.layers[count:]
    is_like = (
        second.layers[:count] == first.layers
        and replace(second, layers=first.layers) == first
    )
    name = node.name or node.output[0]
    words = tuple(getattr(each, "activation", each.kind) for each in tail)
    if is_like and words in _PRODUCTS:
        found = _PRODUCTS[words]
        return first.then(Activation(name, found, found))
    if is_like and len(tail) == 3 and words[1] == "Erf" and _is_gelu(tail):
        # x * (1 + erf(x / sqrt(2))): a half of it is the gelu.
        two = np.array([2.0], np.float32)
        zero = np.zeros(1, np.float32)
        gelu = first.then(Activation(name, "Erf", "gelu"))
        return gelu.then(Affine(f"{name}_2", "Mul", zero, two, zero))
    raise Refusal(
        f"{what}: joins 2 outputs of layers; export a model of a chain of layers"
    )


def _is_gelu(tail: Sequence[Layer]) -> bool:
    root, _, one = tail
    return (
        isinstance(root, Affine)
        and isinstance(one, Affine)
        and abs(float(root.scale.ravel()[0]) - 2.0**-0.5) < 1e-6
        and (root.scale.size, one.scale.size) == (1, 1)
        and (float(root.mean[0]), float(root.offset[0])) == (0.0, 0.0)
        and (float(one.mean[0]), float(one.scale[0]), float(one.offset[0])) == (0, 1, 1)
    )


def _erf(node: Any, data: Data, inputs: Inputs) -> Data:
    """Of which a gelu is made; alone it is refused when the layers are looked at."""
    del inputs
    return data.then(Erf(node.name or node.output[0], "Erf"))


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
        slope = float(options.get("alpha", 0.01))
        return data.then(_leaky(node, slope))
    elif kind == "Elu":
        alpha = float(options.get("alpha", 1.0))
        data = data.then(Activation(node.name or node.output[0], kind, "elu"))
        return data if alpha == 1.0 else data.then(_leaky(node, alpha, "_alpha"))
    elif kind == "PRelu":
        slopes = _vector(_input(inputs, 1), data, f"{what}: its slope")
        return data.then(
            Ramp(node.name or node.output[0], kind, slopes, weights=(("slope", slopes),))
        )
    elif kind == "Selu":
        name = "selu" if not options else None
    elif kind == "Gelu":
        name = "gelu" if options.get("approximate", b"none") == b"none" else None
    elif kind == "Clip":
        return data.then(_clip(node, options, inputs))
    if name is None:
        raise Refusal(
            f"{what}: with these parameters it has no counterpart in lstm.h; use Keras'"
        )
    return data.then(Activation(node.name or node.output[0], kind, name))


def _leaky(node: Any, slope: float, more: str = "") -> Layer:
    name = f"{node.name or node.output[0]}{more}"
    if np.float32(slope) == np.float32(0.2):
        return Activation(name, node.op_type, "leaky_relu")
    return Ramp(name, node.op_type, np.array([slope], np.float32))


def _clip(node: Any, options: dict[str, Any], inputs: Inputs) -> Layer:
    limits = []
    for position, key in ((1, "min"), (2, "max")):
        value = _input(inputs, position)
        if value is not None:
            array = known(value, f"{label(node)}: its limits")
            limits.append(float(array.ravel()[0]))
        else:
            limits.append(float(options.get(key, (-FLOAT_MAX, FLOAT_MAX)[position - 1])))
    low, high = limits
    name = node.name or node.output[0]
    if limits == [0.0, 6.0]:
        return Activation(name, "Clip", "relu6")
    if not (np.isfinite(np.float32(low)) and np.isfinite(np.float32(high))):
        raise Refusal(f"{label(node)}: its limits are {limits}; use finite ones")
    return Clip(name, "Clip", low, high)


HANDLERS: dict[str, Handler] = {
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Div": _arithmetic,
    "Erf": _erf,
    "LayerNormalization": _layer_normalization,
    "Mul": _arithmetic,
    "PRelu": _activation,
    "Sub": _arithmetic,
    "Cast": _identity,
    "Clip": _activation,
    "Dropout": _identity,
    "Elu": _activation,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
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


def run_node(node: Any, inputs: Inputs) -> list[Value]:
    """The outputs of a node that takes the output of layers."""
    data = [value for value in inputs if isinstance(value, Data)]
    what = label(node)
    is_own = node.domain not in ("", "ai.onnx")
    if node.op_type == "Concat" and len(data) > 1 and not is_own:
        return [_concat(node, data)]
    if node.op_type == "Mul" and len(data) == 2 and not is_own:
        return [_product(node, data)]
    if len(data) != 1:
        raise Refusal(
            f"{what}: joins {len(data)} outputs of layers; export a model of a chain of "
            "layers"
        )
    if node.op_type == "Split" and not is_own:
        return _split(node, data[0], inputs)
    if node.op_type == "Loop":
        raise Refusal(
            f"{what}: a loop over timesteps that reads the graph around it; export the "
            "LSTM as a layer, not as a loop of your own"
        )
    if data[0].part is not None and node.op_type not in KEEPS_PART:
        raise Refusal(f"{what}: takes one of two directions alone; take both, joined")
    handler = HANDLERS.get(node.op_type)
    if handler is None or is_own:
        raise Refusal(
            f"{what}: is not supported; export a model of LSTM, MatMul, Gemm, Add, Mul, "
            "Gather of a table, normalizations and activations, or one LSTM of it with "
            "--node"
        )
    found: list[Value] = [handler(node, data[0], inputs)]
    return found
