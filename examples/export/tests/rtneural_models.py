"""Models of Keras as RTNeural and AIDA-X have them, and what Keras says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_models
import numpy as np
from harness import Case, Pair
from keras_models import L, keras, sequential

LENGTHS = (1, 21)
TYPES = {"LSTM": "lstm", "Dense": "dense", "TimeDistributed": "time-distributed-dense"}


def _lstm(*more: Any, dim: int = 1) -> Any:
    return sequential(L.LSTM(6, return_sequences=True), *more, dim=dim)


MODELS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "lstm dense": (lambda: _lstm(L.Dense(1)), {}),
    "two lstms": (
        lambda: _lstm(
            L.LSTM(5, return_sequences=True),
            L.TimeDistributed(L.Dense(4, activation="tanh")),
            L.Dense(3, activation="relu"),
            L.Dense(2, activation="softmax"),
            dim=3,
        ),
        {},
    ),
    "dense before, activation": (
        lambda: sequential(
            L.Dense(4), L.Activation("elu"), L.LSTM(5, return_sequences=True), L.Dense(1)
        ),
        {},
    ),
    "aidax": (
        lambda: _lstm(L.Dense(1)),
        {"in_skip": 1, "in_gain": -3.0, "out_gain": 4.5, "samplerate": 48000},
    ),
    "aidax with a knob": (
        lambda: _lstm(L.Dense(1), dim=2),
        {"in_skip": 1, "in_gain": 6.0, "metadata": {"name": "an amplifier"}},
    ),
}


def _described(model: Any) -> list[dict[str, Any]]:
    layers = []
    for layer in model.layers:
        kind = type(layer).__name__
        inner = layer.layer if kind == "TimeDistributed" else layer
        name = inner.activation.__name__
        layers.append(
            {
                "type": TYPES.get(kind, "activation"),
                "activation": "" if name == "linear" else name,
                "shape": [None, None, int(layer.output.shape[-1])],
                "weights": [w.tolist() for w in layer.get_weights()],
            }
        )
    return layers


def _output(model: Any, x: Any, more: dict[str, Any]) -> Any:
    """What AIDA-X makes of it: the gains are in decibels, the skip is the first input."""
    given = x.copy()
    given[:, 0] *= 10.0 ** (more.get("in_gain", 0.0) / 20.0)
    y = np.array(keras.ops.convert_to_numpy(model(given[None]))[0])
    if more.get("in_skip"):
        y[:, 0] += given[:, 0]
    return (y * 10.0 ** (more.get("out_gain", 0.0) / 20.0)).astype(np.float32)


def cases(directory: Path) -> list[Case]:
    directory.mkdir()
    found = []
    for seed, (name, (build, more)) in enumerate(MODELS.items()):
        model = build()
        keras_models.randomise(model, seed)
        path = directory / f"rt{seed}{'.aidax' if 'aidax' in name else '.json'}"
        dim = int(model.input_shape[-1])
        data = {"in_shape": [None, None, dim], "layers": _described(model), **more}
        path.write_text(json.dumps(data), encoding="ascii")
        pairs = []
        for timesteps in LENGTHS:
            x = keras_models.inputs(timesteps, dim, (), 0.0)
            pairs.append(Pair(x, _output(model, x, more)))
        found.append(Case(f"RTNeural {name}", path, pairs, (), True, by="keras 3"))
    return found
