"""Layers of Keras that lstm.h does not have, from their configuration and arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.keras.chain import Config, get
from lstm_export.keras.curves import number, prelu
from lstm_export.model import Array, Layer, Row
from lstm_export.own_layers import (
    Affine,
    Conv,
    Embedding,
    GlobalPool,
    LayerNorm,
    Pool,
    Repeat,
    normalising,
)

Arrays: TypeAlias = dict[str, Array]
Made: TypeAlias = Callable[[str, str, Config, Arrays], Layer]


def variables(kind: str, config: Config) -> list[str]:
    """The names of a layer's weights, in the order in which Keras 3 numbers them."""
    if kind in ("BatchNormalization", "LayerNormalization"):
        found = ["gamma"] if config.get("scale", True) else []
        found += ["beta"] if config.get("center", True) else []
        own = kind == "BatchNormalization"
        return [*found, "moving_mean", "moving_variance"] if own else found
    if kind == "Normalization":
        given = config.get("mean") is not None
        return [] if given else ["mean", "variance", "count"]
    if kind == "Conv1D":
        return ["kernel", "bias"]
    return {"Embedding": ["embeddings"], "PReLU": ["alpha"]}.get(kind, [])


def one(what: str, option: str, value: Any) -> int:
    """A whole number above zero, which Keras may keep as a list of one."""
    value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refusal(f"{what}: {option}={value!r}; use a whole number above zero")
    return value


def _axis(what: str, config: Config) -> int | None:
    """The axis that is the features'; None for the last one, whichever that is."""
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    axis = None if axis == [] else axis
    if axis is not None and (not isinstance(axis, int) or axis not in (-1, 1, 2)):
        raise Refusal(f"{what}: axis={axis}; use axis=-1, the features")
    return None if axis == -1 else axis


def _wanted(what: str, names: list[str], arrays: Arrays) -> None:
    for name in names:
        if name not in arrays:
            raise Refusal(f"{what}: the file has no {name} of it; save the model again")


def _batch_normalization(name: str, what: str, config: Config, arrays: Arrays) -> Affine:
    wanted = variables("BatchNormalization", config)
    _wanted(what, wanted, arrays)
    epsilon = number(what, "epsilon", config.get("epsilon", 0.001))
    found = normalising(
        arrays["moving_mean"],
        arrays["moving_variance"],
        arrays.get("gamma"),
        arrays.get("beta"),
        epsilon,
    )
    weights = tuple((each, arrays[each]) for each in wanted)
    return Affine(name, "BatchNormalization", *found, weights, _axis(what, config))


def _given(what: str, option: str, value: Any) -> Array:
    """Numbers that a configuration has."""
    try:
        found = np.array(value, np.float64).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise Refusal(f"{what}: {option} is no list of numbers; save it again") from error
    return found.ravel()


def _normalization(name: str, what: str, config: Config, arrays: Arrays) -> Affine:
    if config.get("mean") is not None:
        mean = _given(what, "mean", config["mean"])
        variance = _given(what, "variance", config.get("variance"))
        weights = []
    else:
        _wanted(what, ["mean", "variance"], arrays)
        mean, variance = arrays["mean"].ravel(), arrays["variance"].ravel()
        weights = [("mean", mean), ("variance", variance)]
    if mean.shape != variance.shape or not mean.size:
        raise Refusal(f"{what}: mean and variance differ in size; save it again")
    # Keras divides by no less than its epsilon.
    deviation = np.maximum(np.sqrt(variance), np.float32(1e-7))
    zeros = np.zeros_like(mean)
    if config.get("invert"):
        scale, offset = deviation, mean
        return Affine(name, "Normalization", zeros, scale, offset, tuple(weights))
    scale = (1.0 / deviation.astype(np.float64)).astype(np.float32)
    axis = _axis(what, config)
    return Affine(name, "Normalization", mean, scale, zeros, tuple(weights), axis)


def _rescaling(name: str, what: str, config: Config, arrays: Arrays) -> Affine:
    del arrays
    scale = _given(what, "scale", get(config, "scale", what))
    offset = _given(what, "offset", config.get("offset", 0.0))
    scale, offset = (np.array(a) for a in np.broadcast_arrays(scale, offset))
    return Affine(name, "Rescaling", np.zeros_like(scale), scale, offset)


def _layer_normalization(
    name: str, what: str, config: Config, arrays: Arrays
) -> LayerNorm:
    if config.get("rms_scaling"):
        raise Refusal(f"{what}: rms_scaling=True; build it without")
    _wanted(what, variables("LayerNormalization", config), arrays)
    epsilon = number(what, "epsilon", config.get("epsilon", 0.001))
    gamma, beta = arrays.get("gamma"), arrays.get("beta")
    return LayerNorm(
        name, "LayerNormalization", gamma, beta, epsilon, _axis(what, config)
    )


def _check_last(what: str, config: Config) -> None:
    if config.get("data_format") == "channels_first":
        raise Refusal(f"{what}: data_format='channels_first'; use channels_last")


def _conv(name: str, what: str, config: Config, arrays: Arrays) -> Conv:
    _check_last(what, config)
    _wanted(what, ["kernel", *(["bias"] if config.get("use_bias", True) else [])], arrays)
    if config.get("groups", 1) != 1:
        raise Refusal(f"{what}: groups={config['groups']}; build it with groups=1")
    padding = config.get("padding", "valid")
    if padding not in ("valid", "same", "causal"):
        raise Refusal(f"{what}: padding={padding!r}; use valid, same or causal")
    kernel = arrays["kernel"]
    size = one(what, "kernel_size", get(config, "kernel_size", what))
    filters = one(what, "filters", get(config, "filters", what))
    if kernel.ndim != 3 or (kernel.shape[0], kernel.shape[2]) != (size, filters):
        raise Refusal(
            f"{what}: kernel_size={size} and filters={filters} but its kernel has the "
            f"shape {kernel.shape}; save the model again"
        )
    return Conv(
        name,
        "Conv1D",
        size,
        one(what, "strides", config.get("strides", 1)),
        one(what, "dilation_rate", config.get("dilation_rate", 1)),
        padding,
        kernel,
        arrays.get("bias"),
    )


def _pool(takes_largest: bool) -> Made:
    kind = "MaxPooling1D" if takes_largest else "AveragePooling1D"

    def make(name: str, what: str, config: Config, arrays: Arrays) -> Pool:
        del arrays
        _check_last(what, config)
        size = one(what, "pool_size", config.get("pool_size", 2))
        strides = config.get("strides")
        padding = config.get("padding", "valid")
        if padding not in ("valid", "same"):
            raise Refusal(f"{what}: padding={padding!r}; use valid or same")
        stride = size if strides is None else one(what, "strides", strides)
        return Pool(name, kind, size, stride, 1, padding, takes_largest)

    return make


def _global(takes_largest: bool) -> Made:
    kind = f"Global{'Max' if takes_largest else 'Average'}Pooling1D"

    def make(name: str, what: str, config: Config, arrays: Arrays) -> GlobalPool:
        del arrays
        _check_last(what, config)
        return GlobalPool(name, kind, takes_largest, bool(config.get("keepdims")))

    return make


def _repeat(name: str, what: str, config: Config, arrays: Arrays) -> Repeat:
    del arrays
    return Repeat(name, "RepeatVector", one(what, "n", get(config, "n", what)))


def _embedding(name: str, what: str, config: Config, arrays: Arrays) -> Embedding:
    _wanted(what, ["embeddings"], arrays)
    table = arrays["embeddings"]
    sizes = config.get("input_dim"), config.get("output_dim")
    if table.shape != sizes:
        raise Refusal(
            f"{what}: input_dim and output_dim are {sizes} but its table has the shape "
            f"{table.shape}; save the model again"
        )
    return Embedding(name, "Embedding", table, bool(config.get("mask_zero")))


def _prelu(name: str, what: str, config: Config, arrays: Arrays) -> Layer:
    del config
    _wanted(what, ["alpha"], arrays)
    return prelu(name, "PReLU", what, arrays["alpha"])


def row_of(name: str, what: str, spec: Any) -> Row:
    """h[:, -1] and h[:, 0]."""
    whole = {"start": None, "stop": None, "step": None}

    def is_all(part: Any) -> bool:
        inner = part.get("config", part) if isinstance(part, dict) else None
        return isinstance(inner, dict) and inner == whole

    parts = spec if isinstance(spec, list) else [spec]
    others = [part for k, part in enumerate(parts) if k != 1]
    number_of = parts[1] if len(parts) in (2, 3) else None
    if number_of not in (0, -1) or not all(map(is_all, others)):
        raise Refusal(f"{what}: takes another part than [:, -1] or [:, 0]; take one row")
    return Row(name, "last row" if number_of else "first row", last=number_of == -1)


MAKERS: dict[str, Made] = {
    "AveragePooling1D": _pool(False),
    "BatchNormalization": _batch_normalization,
    "Conv1D": _conv,
    "Embedding": _embedding,
    "GlobalAveragePooling1D": _global(False),
    "GlobalMaxPooling1D": _global(True),
    "LayerNormalization": _layer_normalization,
    "MaxPooling1D": _pool(True),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "RepeatVector": _repeat,
    "Rescaling": _rescaling,
}
