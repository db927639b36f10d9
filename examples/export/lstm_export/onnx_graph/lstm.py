"""An LSTM node: its attributes, weights and states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.formats import float32
from lstm_export.model import Array, Bidirectional, Cell, Layer, Lstm, State
from lstm_export.onnx_graph.values import (
    DIRECTIONS,
    FEATURES,
    UNIT,
    Data,
    Known,
    Unknown,
    Value,
    Zeros,
    attributes,
    known,
    label,
)

GATES = [0, 2, 3, 1]  # of i o f c, to make i f c o
HARD_SIGMOID = {0.2: "hard_sigmoid_keras2", 1.0 / 6.0: "hard_sigmoid"}
# name -> (name in Keras, takes alpha, takes beta)
FUNCTIONS = {
    "tanh": ("tanh", False, False),
    "sigmoid": ("sigmoid", False, False),
    "relu": ("relu", False, False),
    "softsign": ("softsign", False, False),
    "softplus": ("softplus", False, False),
    "hardsigmoid": ("", True, True),
    "leakyrelu": ("", True, False),
    "elu": ("", True, False),
}


def hard_sigmoid(alpha: float, beta: float) -> str | None:
    for slope, name in HARD_SIGMOID.items():
        if np.float32(alpha) == np.float32(slope) and beta == 0.5:
            return name
    return None


def _function(what: str, name: str, alphas: list[float], betas: list[float]) -> str:
    """One of the activations; takes what it needs from alphas and betas."""
    found = FUNCTIONS.get(name.lower())
    if found is None:
        raise Refusal(
            f"{what}: the activation {name} is not supported; use one of "
            "Tanh, Sigmoid, Relu, HardSigmoid, Softsign, Softplus"
        )
    keras, takes_alpha, takes_beta = found
    defaults = {"hardsigmoid": 0.2, "leakyrelu": 0.01, "elu": 1.0}
    alpha = defaults.get(name.lower(), 0.0)
    if takes_alpha and alphas:
        alpha = alphas.pop(0)
    beta = betas.pop(0) if takes_beta and betas else 0.5
    if name.lower() == "hardsigmoid":
        keras = hard_sigmoid(alpha, beta) or ""
    elif name.lower() == "leakyrelu" and np.float32(alpha) == np.float32(0.2):
        keras = "leaky_relu"
    elif name.lower() == "elu" and alpha == 1.0:
        keras = "elu"
    if not keras:
        raise Refusal(
            f"{what}: the activation {name} with alpha {alpha:g} and beta {beta:g} is "
            "not in lstm.h; use one with Keras' parameters"
        )
    return keras


def _activations(what: str, options: dict[str, Any], directions: int) -> list[list[str]]:
    names = [text.decode() for text in options.get("activations", [])]
    names = names or ["Sigmoid", "Tanh", "Tanh"] * directions
    if len(names) != 3 * directions:
        raise Refusal(
            f"{what}: has {len(names)} activations where {3 * directions} are needed; "
            "export the model again"
        )
    alphas = list(options.get("activation_alpha", []))
    betas = list(options.get("activation_beta", []))
    found = [_function(what, name, alphas, betas) for name in names]
    if alphas or betas:
        raise Refusal(
            f"{what}: has more activation_alpha or activation_beta than its activations "
            "take; export the model again"
        )
    parts = [found[k : k + 3] for k in range(0, len(found), 3)]
    for recurrent, candidate, output in parts:
        del recurrent
        if candidate != output:
            raise Refusal(
                f"{what}: activations g ({candidate}) and h ({output}) differ, which "
                "Keras and lstm.h do not know; use the same"
            )
    return parts


@dataclass(frozen=True)
class LstmNode:
    """What an LSTM node is, apart from its input."""

    name: str
    what: str
    cells: list[Cell]
    direction: str
    layout: int
    start: State | None = None

    def layer(self, sequences: bool) -> Layer:
        if len(self.cells) == 2:
            forward, backward = self.cells
            return Bidirectional(
                self.name,
                "ONNX LSTM, bidirectional",
                forward,
                backward,
                return_sequences=sequences,
            )
        reverse = self.direction == "reverse"
        return Lstm(
            self.name,
            "ONNX LSTM, reverse" if reverse else "ONNX LSTM",
            self.cells[0],
            return_sequences=sequences,
            go_backwards=reverse,
            rows_in_time_order=reverse,
            start=self.start,
        )


def _refuse_options(node: Any, what: str, options: dict[str, Any]) -> None:
    if options.get("clip"):
        raise Refusal(f"{what}: clip={options['clip']:g}; export the model without it")
    if options.get("input_forget"):
        raise Refusal(f"{what}: input_forget=1; export the model without it")
    for position, name in ((4, "sequence_lens"), (7, "P (peepholes)")):
        if len(node.input) > position and node.input[position]:
            raise Refusal(
                f"{what}: {name} is given, which lstm.h does not support; export the "
                "model without it"
            )
    unknown = set(options) - {
        "activation_alpha",
        "activation_beta",
        "activations",
        "clip",
        "direction",
        "hidden_size",
        "input_forget",
        "layout",
    }
    for name in sorted(unknown):
        raise Refusal(f"{what}: the attribute {name} is not known; export without it")


def _weights(value: Value | None, what: str) -> Array:
    return float32(known(value, what), what)


def _check_shape(what: str, name: str, array: Array, shape: Sequence[int]) -> None:
    if array.shape != tuple(shape):
        raise Refusal(
            f"{what}: {name} has the shape {array.shape} where {tuple(shape)} is needed; "
            "export the model again"
        )


def lstm_node(node: Any, inputs: list[Value | None]) -> LstmNode:
    what = label(node)
    options = attributes(node)
    _refuse_options(node, what, options)
    direction = options.get("direction", b"forward").decode()
    directions = 2 if direction == "bidirectional" else 1
    w, r = (
        _weights(inputs[k] if len(inputs) > k else None, f"{what}: its {name}")
        for k, name in ((1, "W"), (2, "R"))
    )
    if w.ndim != 3 or r.ndim != 3 or r.shape[2] == 0:
        raise Refusal(f"{what}: W and R have not three axes; export the model again")
    units, input_dim = int(r.shape[2]), int(w.shape[2])
    _check_shape(what, "W", w, (directions, 4 * units, input_dim))
    _check_shape(what, "R", r, (directions, 4 * units, units))
    if options.get("hidden_size", units) != units:
        raise Refusal(f"{what}: hidden_size is not that of R; export the model again")
    given = inputs[3] if len(inputs) > 3 else None
    bias = None
    if given is not None:
        bias = _weights(given, f"{what}: its B")
        _check_shape(what, "B", bias, (directions, 8 * units))
    activations = _activations(what, options, directions)
    cells = [
        _cell(w[d], r[d], None if bias is None else bias[d], *activations[d][:2])
        for d in range(directions)
    ]
    name = node.name or node.output[0] or "lstm"
    return LstmNode(name, what, cells, direction, int(options.get("layout", 0)))


def _cell(w: Array, r: Array, b: Array | None, recurrent: str, activation: str) -> Cell:
    def rows(array: Array) -> Array:
        blocks = array.reshape(4, -1, *array.shape[1:])[GATES]
        return np.ascontiguousarray(blocks.reshape(array.shape).T)

    bias = None
    if b is not None:
        first, second = np.split(b, 2)
        bias = rows(first) + rows(second)
    return Cell(rows(w), rows(r), bias, activation, recurrent)


def _state(
    what: str, name: str, value: Value | None, zero_state: bool, found: LstmNode
) -> Array | None:
    """A state that is stored and not zero."""
    if value is None or isinstance(value, Zeros):
        return None
    if isinstance(value, Known):
        if not np.any(value.array):
            return None
        array = float32(value.array, f"{what}: {name}")
        if len(found.cells) == 1 and array.size == found.cells[0].units:
            return np.ascontiguousarray(array.ravel())
        raise Refusal(
            f"{what}: {name} is not zero and of the shape {array.shape}, not that of one "
            "direction; export the model without it"
        )
    if isinstance(value, Unknown) and value.why == "input":
        if zero_state:
            return None
        raise Refusal(
            f"{what}: {name} is an input of the model; add --zero-state to begin with "
            "zeros, which step() then keeps"
        )
    raise Refusal(
        f"{what}: {name} is computed by the model; export it without, or the LSTM alone "
        "with --node"
    )


def run_lstm(node: Any, inputs: list[Value | None], zero_state: bool) -> list[Value]:
    """The outputs Y, Y_h and Y_c."""
    found = lstm_node(node, inputs)
    states = []
    for position, name in ((5, "initial_h"), (6, "initial_c")):
        value = inputs[position] if len(inputs) > position else None
        states.append(_state(found.what, name, value, zero_state, found))
    if any(state is not None for state in states):
        zeros = np.zeros(found.cells[0].units, np.float32)
        h, c = (zeros if state is None else state for state in states)
        found = replace(found, start=State(h, c))
    data = inputs[0]
    if not isinstance(data, Data):
        raise Refusal(f"{found.what}: its input is not the model's; export it apart")
    if len(data.axes) != 3 or data.axes[2] != FEATURES:
        raise Refusal(
            f"{found.what}: its input has the axes {data.axes}, not timesteps, batch and "
            "features; export a model of a chain of layers"
        )
    time, batch = data.axes[found.layout], data.axes[1 - found.layout]
    if time == UNIT:
        raise Refusal(
            f"{found.what}: runs for one timestep only; export it with an axis of "
            "timesteps, or alone with --node"
        )
    if data.time not in ("", time):
        raise Refusal(
            f"{found.what}: runs along another axis than the LSTM before it; export a "
            "model with one axis of timesteps"
        )
    directions = len(found.cells)
    features = found.cells[0].units
    data = replace(data, time=time, features=features, directions=directions)
    y = (time, DIRECTIONS, batch, FEATURES)
    h = (DIRECTIONS, batch, FEATURES)
    if found.layout:
        y, h = (batch, time, DIRECTIONS, FEATURES), (batch, DIRECTIONS, FEATURES)
    return [
        replace(data.then(found.layer(sequences=True)), axes=y),
        replace(data.then(found.layer(sequences=False)), axes=h),
        Unknown("the state c"),
    ]
