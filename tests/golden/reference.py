"""The layers in float64 numpy, from their definitions: the yardstick for the tools.

Slow and plain on purpose. Nothing is shared with the C code or with the frameworks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from golden import Array, Case, Inputs, Layer, Outputs

erf = np.vectorize(math.erf, otypes=[np.float64])


def softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def log_softmax(x: Array) -> Array:
    shifted = x - x.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": elu,
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "silu": lambda x: x * sigmoid(x),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softmax": lambda x: np.exp(log_softmax(x)),
    "log_softmax": log_softmax,
}


def activate(name: str, default: str, x: Array) -> Array:
    return FUNCTIONS[default if name == "default" else name](x)


def keras_weights(layer: Layer, weights: list[Array]) -> list[Array]:
    """The arrays of a layer in Keras' layout: kernel, recurrent kernel, maybe bias."""
    wide = [w.astype(np.float64) for w in weights]
    if layer.layout == "torch":
        return [wide[0].T, wide[1].T] + ([wide[2] + wide[3]] if layer.use_bias else [])
    if layer.layout == "onnx":
        u = layer.units
        order = np.concatenate([np.arange(g * u, (g + 1) * u) for g in (0, 2, 3, 1)])
        bias = (
            [wide[2][: 4 * u][order] + wide[2][4 * u :][order]]
            if layer.use_bias
            else []
        )
        return [wide[0][order].T, wide[1][order].T, *bias]
    return wide


def step(
    layer: Layer, weights: list[Array], x: Array, h: Array, c: Array
) -> tuple[Array, Array]:
    z = x @ weights[0] + h @ weights[1] + (weights[2] if layer.use_bias else 0)
    i, f, g, o = np.split(z, 4, axis=-1)
    i, f, o = (activate(layer.recurrent, "sigmoid", gate) for gate in (i, f, o))
    c = f * c + i * activate(layer.activation, "tanh", g)
    return o * activate(layer.activation, "tanh", c), c


def lstm(
    layer: Layer,
    weights: list[Array],
    x: Array,
    h: Array,
    c: Array,
    mask: Array | None,
    zero_output: bool,
) -> tuple[Array, Array, Array]:
    """Rows in the order they are computed, all of them, and the final state."""
    output = np.zeros_like(h)
    rows = []
    order = range(x.shape[1])
    for t in reversed(order) if layer.backwards else order:
        new_h, new_c = step(layer, weights, x[:, t], h, c)
        if mask is None:
            output, h, c = new_h, new_h, new_c
        else:
            used = mask[:, t : t + 1]
            skipped = np.zeros_like(h) if zero_output else output
            output = np.where(used, new_h, skipped)
            h, c = np.where(used, new_h, h), np.where(used, new_c, c)
        rows.append(output)
    return np.stack(rows, 1), h, c


def dense(layer: Layer, weights: list[Array], x: Array) -> Array:
    z = x @ weights[0].astype(np.float64)
    if layer.use_bias:
        z = z + weights[1]
    return activate(layer.activation, "linear", z)


def merged(mode: str, forward: Array, backward: Array) -> Array:
    if mode == "concat":
        return np.concatenate([forward, backward], -1)
    if mode == "mul":
        return forward * backward
    return (forward + backward) / (2 if mode == "ave" else 1)


def run_once(
    case: Case,
    inputs: Inputs,
    x: Array,
    states: list[tuple[Array, Array]],
    mask: Array | None,
) -> Outputs:
    out = Outputs(x)
    pending = x
    states = list(states)
    for layer, weights in zip(case.layers, inputs.weights):
        if layer.kind == "masking":
            mask = out.mask = np.any(x != np.float32(layer.value), -1)
            x = np.where(mask[..., None], x, 0)
        elif layer.kind == "dense":
            x = dense(layer, weights, x)
        else:
            halves = layer.kind != "lstm"
            zero_output = layer.sequences if halves else layer.zero_output
            given = mask if layer.masked else None
            wide = keras_weights(layer, weights)
            h, c = states.pop(0)
            rows, h, c = lstm(layer, wide, x, h, c, given, zero_output)
            y = rows if layer.sequences else rows[:, -1]
            out.h.append(h)
            out.c.append(c)
            if layer.kind == "forward":
                pending = y
            elif layer.kind == "backward":
                y = y[:, ::-1] if layer.sequences else y
                x = merged(layer.merge, pending, y)
            else:
                x = y
    out.y = np.empty(0) if case.layers[-1].kind == "masking" else x
    return out


def run(case: Case, inputs: Inputs) -> Outputs:
    x = inputs.x.astype(np.float64)
    states = [(h.astype(np.float64), c.astype(np.float64)) for h, c in inputs.states]
    with np.errstate(invalid="ignore"):
        if not case.split:
            return run_once(case, inputs, x, states, inputs.mask)
        cut = case.split
        masks = (
            (None, None)
            if inputs.mask is None
            else (inputs.mask[:, :cut], inputs.mask[:, cut:])
        )
        first = run_once(case, inputs, x[:, :cut], states, masks[0])
        states = list(zip(first.h, first.c))
        second = run_once(case, inputs, x[:, cut:], states, masks[1])
        if case.layers[-1].sequences:
            second.y = np.concatenate([first.y, second.y], 1)
        return second
