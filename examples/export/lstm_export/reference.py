"""What a model computes, in float64 and with no regard for speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lstm_export.model import (
    Activation,
    AddInput,
    Bidirectional,
    Cell,
    Dense,
    Lstm,
    Masking,
    Model,
    Own,
    Row,
    State,
    Unchanged,
)
from lstm_export.own_layers import Embedding

Doubles: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _sigmoid(x: Doubles) -> Doubles:
    power: Doubles = np.exp(-np.abs(x))
    return np.where(x < 0, power, 1.0) / (1.0 + power)


def _softplus(x: Doubles) -> Doubles:
    return np.asarray(np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))))


def _expm1(x: Doubles) -> Doubles:
    return np.asarray(np.expm1(np.minimum(x, 0.0)))


def _gelu(x: Doubles) -> Doubles:
    tail = np.array([math.erfc(-v / math.sqrt(2.0)) for v in x.ravel()])
    return np.asarray(0.5 * x * tail.reshape(x.shape))


def _log_softmax(x: Doubles) -> Doubles:
    centred = x - x.max(axis=-1, keepdims=True)
    return np.asarray(
        centred - np.log(np.exp(centred).sum(axis=-1, keepdims=True)), np.float64
    )


FUNCTIONS: dict[str, Callable[[Doubles], Doubles]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0.0, 1.0),
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "elu": lambda x: np.where(x < 0, _expm1(x), x),
    "selu": lambda x: _SELU_SCALE * np.where(x < 0, _SELU_ALPHA * _expm1(x), x),
    "gelu": _gelu,
    "silu": lambda x: x * _sigmoid(x),
    "hard_silu": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "softplus": _softplus,
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "softmax": lambda x: np.exp(_log_softmax(x)),
    "log_softmax": _log_softmax,
}


def _lstm(
    cell: Cell,
    x: Doubles,
    mask: Mask,
    backwards: bool,
    zero_masked: bool,
    start: State | None = None,
) -> Doubles:
    """All outputs, in the order of computation."""
    kernel = cell.kernel.astype(np.float64)
    recurrent = cell.recurrent_kernel.astype(np.float64)
    bias = 0.0 if cell.bias is None else cell.bias.astype(np.float64)
    act = FUNCTIONS[cell.activation]
    gate = FUNCTIONS[cell.recurrent_activation]
    h = np.zeros(cell.units) if start is None else start.h.astype(np.float64)
    c = np.zeros(cell.units) if start is None else start.c.astype(np.float64)
    rows = []
    order = range(len(x))
    for t in reversed(order) if backwards else order:
        if mask[t]:
            i, f, g, o = np.split(x[t] @ kernel + h @ recurrent + bias, 4)
            c = gate(f) * c + gate(i) * act(g)
            h = gate(o) * act(c)
        rows.append(h if mask[t] or not zero_masked else np.zeros_like(h))
    return np.array(rows)


def _bidirectional(layer: Bidirectional, x: Doubles, mask: Mask) -> Doubles:
    sequences, backwards = layer.return_sequences, layer.go_backwards
    a = _lstm(layer.forward, x, mask, backwards, sequences)
    b = _lstm(layer.backward, x, mask, not backwards, sequences)
    a, b = (a, b[::-1]) if sequences else (a[-1:], b[-1:])
    if layer.merge == "concat":
        return np.concatenate([a, b], axis=-1)
    if layer.merge == "mul":
        return a * b
    return (a + b) * (0.5 if layer.merge == "ave" else 1.0)


def run(model: Model, inputs: npt.ArrayLike) -> Doubles:
    """The output for one sequence [timesteps][input_dim]: [rows][output_dim]."""
    x = np.asarray(inputs, np.float64)
    mask = all_used = np.ones(len(x), bool)
    y = x
    for stage in model.stages():
        layer = stage.layer
        if isinstance(layer, Masking):
            value = np.float32(layer.mask_value)
            mask = np.any(np.asarray(inputs, np.float32) != value, axis=-1)
        elif isinstance(layer, Lstm):
            y = _lstm(
                layer.cell,
                y,
                mask if layer.masked else all_used[:1].repeat(len(y)),
                layer.go_backwards,
                layer.zero_output_for_mask,
                layer.start,
            )
            if not layer.return_sequences:
                y = y[-1:]
            elif layer.rows_in_time_order:
                y = y[::-1]
        elif isinstance(layer, Bidirectional):
            used = mask if layer.masked else all_used[:1].repeat(len(y))
            y = _bidirectional(layer, y, used)
        elif isinstance(layer, Dense):
            y = y @ layer.kernel.astype(np.float64)
            y = FUNCTIONS[layer.activation](y if layer.bias is None else y + layer.bias)
        elif isinstance(layer, Activation):
            y = FUNCTIONS[layer.activation](y)
        elif isinstance(layer, Row):
            y = y[-1:] if layer.last else y[:1]
        elif isinstance(layer, AddInput):
            y = y + x[:, : layer.columns] * layer.gain
        elif isinstance(layer, Own):
            if isinstance(layer, Embedding) and layer.mask_zero:
                mask = x[:, 0] != 0
            y = layer.run(y)
        elif isinstance(layer, Unchanged):
            y = y.reshape(-1, stage.out_dim)
    return y
