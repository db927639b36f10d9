"""Activations: by name, or the layers that are one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.keras.chain import Config
from lstm_export.keras.options import ALIASES
from lstm_export.model import ACTIVATIONS, Activation, Array, Layer
from lstm_export.own_layers import Clip, Ramp

KERAS_ACTIVATIONS = ", ".join(a for a in ACTIVATIONS if a != "hard_sigmoid_keras2")
# The layers that are activations and have no weights.
CURVES = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")


def named(what: str, option: str, value: Any, generation: tuple[int, ...]) -> str:
    """The activation of this name, in the words of model.py."""
    if value is None:
        return "linear"
    name = ALIASES.get(str(value), str(value))
    if name == "hard_sigmoid" and not generation:
        raise Refusal(
            f"{what}: {option}='{name}' is another function in Keras 2 than in Keras "
            "3, and the file does not say which saved it; load and save it again"
        )
    if name == "hard_sigmoid" and generation == (2,):
        return "hard_sigmoid_keras2"
    if name not in ACTIVATIONS or name == "hard_sigmoid_keras2":
        raise Refusal(
            f"{what}: {option}='{value}' is not supported; use one of {KERAS_ACTIVATIONS}"
        )
    return name


def curve(
    name: str, what: str, option: str, value: Any, generation: tuple[int, ...]
) -> tuple[Layer, ...]:
    """The layers that an activation is, whether a name or a layer; none for linear."""
    if isinstance(value, Mapping):
        kind, inner = str(value.get("class_name")), value.get("config")
        if kind in CURVES and isinstance(inner, Mapping):
            return layers(name, f"{what}: {option}", kind, inner, generation)
        raise Refusal(
            f"{what}: {option} is {_own_function(value)}, which cannot be read from the "
            f"file; use one of {KERAS_ACTIVATIONS}, by its name"
        )
    if value == "hard_tanh":
        return (Clip(name, "hard_tanh", -1.0, 1.0),)
    found = named(what, option, value, generation)
    return () if found == "linear" else (Activation(name, found, found),)


def layers(
    name: str, what: str, kind: str, config: Config, generation: tuple[int, ...]
) -> tuple[Layer, ...]:
    """What a layer such as ReLU is."""
    if kind == "Activation":
        value = config.get("activation")
        found = curve(name, what, "activation", value, generation)
        if (
            isinstance(value, str)
            and len(found) == 1
            and isinstance(found[0], Activation)
        ):
            return (Activation(name, kind, found[0].activation),)
        return found or (Activation(name, kind, "linear"),)
    if kind == "ReLU":
        return (_relu(name, kind, what, config),)
    if kind == "LeakyReLU":
        slope = config.get("negative_slope", config.get("alpha", 0.3))
        return (leaky(name, kind, number(what, "negative_slope", slope)),)
    if kind == "ELU":
        alpha = number(what, "alpha", config.get("alpha", 1.0))
        elu = Activation(name, kind, "elu")
        return (elu,) if alpha == 1.0 else (elu, leaky(f"{name}_alpha", kind, alpha))
    if kind == "Softmax" and config.get("axis", -1) in (-1, [-1]):
        return (Activation(name, kind, "softmax"),)
    raise Refusal(
        f"{what}: {kind} with axis={config.get('axis')} works on another axis than the "
        "features; use axis=-1"
    )


def leaky(name: str, kind: str, slope: float) -> Layer:
    if np.float32(slope) == np.float32(0.2):
        return Activation(name, kind, "leaky_relu")
    return Ramp(name, kind, np.array([slope], np.float32))


def _relu(name: str, kind: str, what: str, config: Config) -> Layer:
    slope = number(what, "negative_slope", config.get("negative_slope") or 0.0)
    threshold = number(what, "threshold", config.get("threshold") or 0.0)
    top = config.get("max_value")
    if top is not None:
        top = number(what, "max_value", top)
    if not slope and not threshold and top in (None, 6.0):
        return Activation(name, kind, "relu" if top is None else "relu6")
    if not threshold and top is None:
        return leaky(name, kind, slope)
    return Ramp(name, kind, np.array([slope], np.float32), threshold, top)


def number(what: str, option: str, value: Any) -> float:
    if isinstance(value, Mapping):  # Keras 2.13 writes a numpy number so
        value = value.get("config", {}).get("value")
    if not isinstance(value, int | float) or not np.isfinite(np.float32(value)):
        raise Refusal(f"{what}: {option}={value!r}; use a finite number")
    return float(value)


def prelu(name: str, kind: str, what: str, alpha: Array) -> Layer:
    if alpha.size != alpha.shape[-1]:
        raise Refusal(
            f"{what}: has slopes of the shape {alpha.shape}, others for each timestep; "
            "build it with shared_axes=[1]"
        )
    slope = np.ascontiguousarray(alpha.ravel())
    return Ramp(name, kind, slope, weights=(("alpha", slope),))


def _own_function(value: Mapping[str, Any]) -> str:
    """What a file says in place of an activation's name."""
    kind, inner = value.get("class_name"), value.get("config")
    if kind == "function" and isinstance(inner, str):
        return f"a function of your own, '{inner}'"
    return "a lambda" if kind in (None, "__lambda__", "function") else f"a {kind} layer"
