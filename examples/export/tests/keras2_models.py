"""Models that Keras 2 builds (tf_keras) and saves as .h5, and what it says of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tf_keras as keras
from harness import Case, Pair

L = keras.layers
D = 5
LENGTHS = (1, 15)


def _sequential(*layers: Any) -> Any:
    return keras.Sequential([L.Input((None, D)), *layers])


def _functional() -> Any:
    x = L.Input((None, D), name="heard")
    h = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    return keras.Model(x, L.Dense(3)(L.LSTM(6)(h)))


MODELS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: _sequential(L.LSTM(6), L.Dense(2, activation="softmax")),
    "hard sigmoid": lambda: _sequential(
        L.LSTM(6, recurrent_activation="hard_sigmoid", return_sequences=True),
        L.Dense(3, activation="hard_sigmoid"),
        L.Activation("swish"),
    ),
    "stack": lambda: _sequential(
        L.LSTM(6, return_sequences=True),
        L.Dropout(0.2),
        L.TimeDistributed(L.Dense(4)),
        L.LSTM(3, use_bias=False),
    ),
    "leaky relu": lambda: _sequential(L.LSTM(6), L.Dense(4), L.LeakyReLU(alpha=0.2)),
    "functional": _functional,
    "bidirectional backwards": lambda: _sequential(
        L.Bidirectional(L.LSTM(4, return_sequences=True, go_backwards=True))
    ),
    "mask": lambda: _sequential(
        L.Masking(),
        L.LSTM(6, return_sequences=True),
        L.TimeDistributed(L.Dense(4)),
        L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="ave"),
        L.LSTM(3),
    ),
}
BUILT_SAVED = (("lstm", ".keras"), ("hard sigmoid", ".keras"), ("stack", ".hdf5"))


def _case(name: str, path: Path, seed: int) -> Case:
    model = MODELS[name]()
    random = np.random.RandomState(seed)
    model.set_weights([random.uniform(-0.6, 0.6, w.shape) for w in model.get_weights()])
    pairs = []
    for timesteps in LENGTHS:
        x = random.uniform(-1.5, 1.5, (timesteps, D)).astype(np.float32)
        if "mask" in name and timesteps > 4:
            x[[1, 3, -1]] = 0.0
        y = np.asarray(model(x[None], training=False))[0]
        pairs.append(Pair(x, y.reshape(-1, y.shape[-1])))
    model.save(path)
    return Case(f"Keras 2 {name} as {path.suffix}", path, pairs)


def cases(directory: Path) -> list[Case]:
    directory.mkdir()
    wanted = [*((name, ".h5") for name in MODELS), *BUILT_SAVED]
    return [
        _case(name, directory / f"old{seed}{suffix}", seed)
        for seed, (name, suffix) in enumerate(wanted)
    ]
