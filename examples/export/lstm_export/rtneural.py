"""Models as RTNeural loads them: Keras' layers and weights as JSON. AIDA-X' .aidax is the
same with gains and a skip."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_export.errors import NotRun, Refusal
from lstm_export.model import (
    Activation,
    AddInput,
    Array,
    Cell,
    Dense,
    Layer,
    Lstm,
    Model,
    Source,
)
from lstm_export.own_layers import Affine

ACTIVATIONS = ("tanh", "relu", "sigmoid", "softmax", "elu")
DENSE = ("dense", "time-distributed-dense", "time-distributed")


def _arrays(what: str, layer: Mapping[str, Any], count: tuple[int, ...]) -> list[Array]:
    weights = layer.get("weights")
    if not isinstance(weights, list) or len(weights) not in count:
        raise Refusal(f"{what}: has not {count[-1]} arrays of weights; export it again")
    try:
        return [np.array(each, np.float64).astype(np.float32) for each in weights]
    except (TypeError, ValueError) as error:
        raise Refusal(
            f"{what}: its weights are not arrays of numbers; export the model again"
        ) from error


def _activation(what: str, name: str, layer: Mapping[str, Any]) -> list[Layer]:
    found = layer.get("activation", "")
    if found in ("", None, "linear"):
        return []
    if found not in ACTIVATIONS:
        raise Refusal(
            f"{what}: the activation '{found}' is not one that RTNeural has; use one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    return [Activation(f"{name}_activation", found, found)]


def _check_units(what: str, layer: Mapping[str, Any], units: int) -> None:
    shape = layer.get("shape")
    last = shape[-1] if isinstance(shape, list) and shape else units
    if last != units:
        raise Refusal(
            f"{what}: its shape ends in {last} but its weights are of {units} units; "
            "export the model again"
        )


def _layer(number: int, layer: Any) -> list[Layer]:
    kind = layer.get("type") if isinstance(layer, Mapping) else layer
    what, name = f"layer {number} ({kind})", f"{str(kind).replace('-', '_')}_{number}"
    if kind == "lstm":
        kernel, recurrent, bias = _arrays(what, layer, (3,))
        if layer.get("activation", "") not in ("", "tanh"):
            raise Refusal(
                f"{what}: its activation is '{layer['activation']}', where RTNeural has "
                "tanh; export the model again"
            )
        _check_units(what, layer, len(recurrent))
        return [Lstm(name, "LSTM", Cell(kernel, recurrent, bias), return_sequences=True)]
    if kind in DENSE:
        kernel, *more = _arrays(what, layer, (1, 2))
        _check_units(what, layer, int(kernel.shape[-1]))
        dense = Dense(name, "Dense", kernel, more[0] if more else None)
        return [dense, *_activation(what, name, layer)]
    if kind == "activation":
        return _activation(what, name, layer)
    raise Refusal(
        f"{what}: is not supported; export a model of lstm, dense, "
        "time-distributed-dense and activation layers"
    )


def _decibels(path: Path, found: Mapping[str, Any], key: str) -> float:
    value = found.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(f"{path.name}: {key} is {value!r}, not a number; export it again")
    return 10.0 ** (value / 20.0)


def _gained(name: str, gain: float, columns: int) -> list[Layer]:
    """The first column times this."""
    if gain == 1.0:
        return []
    zeros, scale = np.zeros(columns, np.float32), np.ones(columns, np.float32)
    scale[0] = gain
    return [Affine(name, "gain", zeros, scale, zeros)]


def read(path: Path, found: Mapping[str, Any]) -> Model:
    shape, layers = found.get("in_shape"), found.get("layers")
    last = shape[-1] if isinstance(shape, list) and shape else None
    if not isinstance(last, int) or last < 1 or not isinstance(layers, list):
        raise Refusal(f"{path.name}: has no in_shape and layers; export the model again")
    made = [each for k, layer in enumerate(layers) for each in _layer(k, layer)]
    skip = found.get("in_skip", 0)
    if skip not in (0, 1):
        raise Refusal(f"{path.name}: in_skip is {skip!r}; train it with 0 or 1")
    before, after = (_decibels(path, found, key) for key in ("in_gain", "out_gain"))
    if skip:
        gain = float(np.float32(before))
        made.append(AddInput("skip", "plus the input", 1, gain))
    made = [*_gained("in_gain", before, last), *made, *_gained("out_gain", after, 1)]
    notes = _notes(found)
    source = Source(path.name, "RTNeural's JSON")
    return Model(path.name.split(".")[0], tuple(made), last, None, source, notes)


def _notes(found: Mapping[str, Any]) -> tuple[str, ...]:
    rate = found.get("samplerate", found.get("sample_rate"))
    metadata = found.get("metadata")
    if rate is None and isinstance(metadata, Mapping):
        rate = metadata.get("samplerate", metadata.get("sample_rate"))
    return () if rate is None else (f"Made for {rate} samples a second.",)


def run(found: Mapping[str, Any], model: Model, x: Array) -> tuple[Array, str]:
    """Keras' output: its layers are what RTNeural's are exported from."""
    try:
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise NotRun("is not installed") from error
    y: Any = x[None].copy()
    y[..., 0] *= 10.0 ** (found.get("in_gain", 0.0) / 20.0)
    gained = y
    for layer in model.layers:
        made: Any
        if isinstance(layer, Lstm):
            made = keras.layers.LSTM(layer.cell.units, return_sequences=True)
        elif isinstance(layer, Dense):
            bias = layer.bias is not None
            made = keras.layers.Dense(int(layer.kernel.shape[1]), use_bias=bias)
        elif isinstance(layer, Activation):
            made = keras.layers.Activation(layer.activation)
        else:
            continue
        made.build(y.shape)
        made.set_weights([array for _, array in layer.named()])
        y = made(y)
    y = np.array(keras.ops.convert_to_numpy(y))
    if found.get("in_skip"):
        y[..., 0] += gained[..., 0]
    y = y[0] * np.float32(10.0 ** (found.get("out_gain", 0.0) / 20.0))
    return np.asarray(y, np.float32), f"keras {keras.__version__}"
