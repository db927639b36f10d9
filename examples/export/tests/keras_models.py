"""Models that Keras builds, and what it says of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from harness import Array, Case, Pair

L = keras.layers
D = 5  # features, another number than any units
ACTIVATIONS = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "hard_sigmoid",
    "hard_silu",
    "softplus",
    "softsign",
    "exponential",
    "mish",
    "softmax",
    "log_softmax",
    "sigmoid",
]
# Options of the header, each tried in one of the models.
DEFINES = {
    "stack": ("CHUNK 3",),
    "stack sequence": ("CHUNK ((size_t)1)",),
    "wide": ('WEIGHTS __attribute__((section(".flash"), aligned(4)))',),
}
NO_GATES = ("exponential", "log_softmax")  # with which the state grows without bounds


def randomise(model: Any, seed: int, scale: float = 0.6) -> None:
    """Weights that tell every gate, row and column from every other."""
    random = np.random.RandomState(seed)
    model.set_weights(
        [random.uniform(-scale, scale, w.shape) for w in model.get_weights()]
    )


def sequential(*layers: Any, timesteps: int | None = None, dim: int = D) -> Any:
    return keras.Sequential([keras.Input((timesteps, dim)), *layers])


def inputs(timesteps: int, dim: int, masked: tuple[int, ...], value: float) -> Array:
    random = np.random.RandomState(timesteps)
    x = random.uniform(-1.5, 1.5, (timesteps, dim)).astype(np.float32)
    for t in masked:
        if -timesteps <= t < timesteps:
            x[t] = value
    return x


def pairs_of(
    model: Any, lengths: tuple[int, ...], masks: bool, value: float
) -> list[Pair]:
    dim = int(model.input_shape[-1])
    # masked steps at the beginning, in the middle, at the end, everywhere
    masked: list[tuple[int, ...]] = [(1, -2), (0, 1, -1), tuple(range(40)), ()]
    pairs = []
    for timesteps in lengths:
        for steps in masked if masks else [()]:
            x = inputs(timesteps, dim, steps, value)
            batch = model.input_shape[0] or 1
            y = model(np.repeat(x[None], batch, 0), training=False)
            y = y["answer"] if isinstance(y, dict) else y
            y0 = keras.ops.convert_to_numpy(y)[0]
            pairs.append(Pair(x, y0.reshape(-1, y0.shape[-1])))
            for layer in model.layers:
                if getattr(layer, "stateful", False):
                    layer.reset_state()
    return pairs


def activations() -> dict[str, Callable[[], Any]]:
    """Every activation in each of the places it may be in."""
    found: dict[str, Callable[[], Any]] = {}
    for name in ACTIVATIONS:
        gate = "sigmoid" if name in NO_GATES else name
        found[f"activation {name}"] = lambda name=name, gate=gate: sequential(
            L.LSTM(6, activation=name, recurrent_activation=gate, return_sequences=True),
            L.Activation(name),
            L.Dense(3, activation=name),
        )
    return found


def plain() -> dict[str, Callable[[], Any]]:
    return {
        "lstm": lambda: sequential(L.LSTM(7)),
        "lstm sequences": lambda: sequential(L.LSTM(7, return_sequences=True)),
        "lstm dense": lambda: sequential(L.LSTM(9), L.Dense(4, activation="softmax")),
        "one unit": lambda: sequential(L.LSTM(1), L.Dense(1), dim=1),
        "no bias": lambda: sequential(
            L.LSTM(6, use_bias=False), L.Dense(3, use_bias=False)
        ),
        "wide": lambda: sequential(L.LSTM(67), L.Dense(33, activation="tanh"), dim=19),
        "stack": lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.Dropout(0.4),
            L.LSTM(8, return_sequences=True, dropout=0.2, recurrent_dropout=0.1),
            L.SpatialDropout1D(0.3),
            L.LSTM(4),
            L.Dense(3, activation="relu"),
            L.Dense(2),
        ),
        "dense before": lambda: sequential(
            L.Dense(9, activation="tanh"), L.LSTM(6, return_sequences=True), L.LSTM(3)
        ),
        "sequence out": lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.TimeDistributed(L.Dense(4, activation="softmax")),
        ),
        "stack sequence": lambda: sequential(
            L.LSTM(6, return_sequences=True), L.LSTM(5, return_sequences=True), L.Dense(2)
        ),
        "time distributed": lambda: sequential(
            L.TimeDistributed(L.Dense(6)),
            L.TimeDistributed(L.Activation("relu")),
            L.TimeDistributed(L.Dropout(0.5)),
            L.LSTM(5),
        ),
        "backwards": lambda: sequential(L.LSTM(6, go_backwards=True), L.Dense(2)),
        "backwards sequence": lambda: sequential(
            L.LSTM(6, go_backwards=True, return_sequences=True),
            L.LSTM(4, return_sequences=True),
        ),
        "activation layers": lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.ReLU(),
            L.Dense(5),
            L.LeakyReLU(negative_slope=0.2),
            L.LSTM(4),
            L.Dense(6),
            L.ELU(),
            L.Dense(4),
            L.ReLU(max_value=6.0),
            L.Dense(3),
            L.Softmax(),
        ),
        "softmax of the lstm": lambda: sequential(L.LSTM(6), L.Softmax()),
        "unrolled": lambda: sequential(L.LSTM(6, unroll=True), timesteps=9),
        "fixed timesteps": lambda: sequential(L.LSTM(6), L.Dense(2), timesteps=9),
        "11 timesteps": lambda: sequential(L.LSTM(6), L.Dense(2), timesteps=11),
        "20 timesteps": lambda: sequential(
            L.Bidirectional(L.LSTM(4, return_sequences=True)), L.LSTM(3), timesteps=20
        ),
        "128 timesteps": lambda: sequential(
            L.LSTM(6, return_sequences=True), L.Dense(2), timesteps=128
        ),
        "1000 timesteps": lambda: sequential(L.LSTM(3), timesteps=1000, dim=2),
        "mask of 12 timesteps": lambda: sequential(
            L.Masking(), L.LSTM(6), L.Dense(2), timesteps=12
        ),
        "flatten": lambda: sequential(
            L.LSTM(4, return_sequences=True), L.Flatten(), L.Dense(3), timesteps=9
        ),
        "flatten at the end": lambda: sequential(
            L.LSTM(4, return_sequences=True), L.Dense(2), L.Flatten(), timesteps=9
        ),
        "reshape": lambda: sequential(
            L.Reshape((18, 3)),
            L.LSTM(4, return_sequences=True),
            L.Reshape((-1, 8)),
            L.LSTM(3),
            timesteps=9,
            dim=6,
        ),
        "reshape to itself": lambda: sequential(
            L.LSTM(4, return_sequences=True), L.Reshape((-1, 4)), L.LSTM(3), timesteps=9
        ),
        "flatten of a vector": lambda: sequential(L.LSTM(4), L.Flatten(), L.Dense(2)),
        "stateful": lambda: keras.Sequential(
            [
                keras.Input(batch_shape=(1, None, D)),
                L.LSTM(5, stateful=True, return_sequences=True),
                L.LSTM(4, stateful=True),
            ]
        ),
        "batch of three": lambda: keras.Sequential(
            [keras.Input(batch_shape=(3, None, D)), L.LSTM(5), L.Dense(2)]
        ),
        "trained": trained,
        "functional": functional,
        "named output": named_output,
        "frozen": frozen,
    }


def trained() -> Any:
    model = sequential(L.LSTM(5, return_sequences=True), L.LSTM(4), L.Dense(2))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 6, D)), np.ones((4, 2)), verbose=0)
    return model


def functional() -> Any:
    x = keras.Input((None, D))
    h = L.Bidirectional(L.LSTM(4, return_sequences=True), name="both ways")(x)
    h = L.LSTM(6, name="summary *\\ int")(h, training=False)
    return keras.Model(x, L.Dense(3, name="Antwort ä \"'")(h), name='a "model" *\\')


def named_output() -> Any:
    x = keras.Input((None, D))
    return keras.Model(x, {"answer": L.Dense(2)(L.LSTM(4)(x))})


def frozen() -> Any:
    model = sequential(L.LSTM(5, name="int"), L.Dense(2, name="state"))
    model.layers[0].trainable = False
    return model


def bidirectional() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    for merge in ("concat", "sum", "mul", "ave"):
        found[f"bidirectional {merge}"] = lambda merge=merge: sequential(
            L.Bidirectional(L.LSTM(6), merge_mode=merge), L.Dense(2)
        )
        found[f"bidirectional {merge} sequence"] = lambda merge=merge: sequential(
            L.Bidirectional(L.LSTM(6, return_sequences=True), merge_mode=merge)
        )
    found["bidirectional stack"] = lambda: sequential(
        L.Bidirectional(L.LSTM(6, return_sequences=True, use_bias=False)),
        L.Bidirectional(L.LSTM(4)),
        L.Dense(3),
    )
    found["bidirectional unlike"] = lambda: sequential(
        L.Bidirectional(
            L.LSTM(6, return_sequences=True, activation="relu"),
            backward_layer=L.LSTM(
                6, return_sequences=True, go_backwards=True, use_bias=False
            ),
        ),
        L.Dense(2),
    )
    # Keras itself takes no layer after this one: it expects 12 numbers, not 10.
    found["bidirectional unlike units"] = lambda: sequential(
        L.Bidirectional(L.LSTM(6), backward_layer=L.LSTM(4, go_backwards=True))
    )
    found["bidirectional turned round"] = lambda: sequential(
        L.Bidirectional(
            L.LSTM(5, return_sequences=True, go_backwards=True),
            backward_layer=L.LSTM(5, return_sequences=True),
        ),
        L.LSTM(3),
    )
    return found


def masked() -> dict[str, Callable[[], Any]]:
    return {
        "mask": lambda: sequential(L.Masking(), L.LSTM(6), L.Dense(2)),
        "mask sequence": lambda: sequential(
            L.Masking(), L.LSTM(6, return_sequences=True), L.Dense(2)
        ),
        "mask zero output": lambda: sequential(
            L.Masking(), L.LSTM(6, return_sequences=True, zero_output_for_mask=True)
        ),
        "mask zero last": lambda: sequential(
            L.Masking(), L.LSTM(6, zero_output_for_mask=True), L.Dense(2)
        ),
        "mask stack": lambda: sequential(
            L.Dropout(0.1),
            L.Masking(),
            L.Dense(4),
            L.LSTM(6, return_sequences=True),
            L.TimeDistributed(L.Dense(5)),
            L.LSTM(4, return_sequences=True, zero_output_for_mask=True),
            L.LSTM(3, return_sequences=True),
        ),
        "mask bidirectional": lambda: sequential(
            L.Masking(), L.Bidirectional(L.LSTM(5, return_sequences=True)), L.LSTM(3)
        ),
        "mask bidirectional last": lambda: sequential(
            L.Masking(), L.Bidirectional(L.LSTM(5), merge_mode="sum"), L.Dense(3)
        ),
        "mask backwards": lambda: sequential(
            L.Masking(),
            L.LSTM(5, return_sequences=True, go_backwards=True),
            L.LSTM(4),
        ),
        "mask backwards zero": lambda: sequential(
            L.Masking(), L.LSTM(5, go_backwards=True, zero_output_for_mask=True)
        ),
        "mask dropped": lambda: sequential(
            L.Masking(),
            L.LSTM(5, return_sequences=True),
            L.Reshape((9, 5)),
            L.LSTM(4),
            timesteps=9,
        ),
        "mask unused": lambda: sequential(L.LSTM(4, return_sequences=True), L.LSTM(3)),
    }


def save(model: Any, path: Path) -> tuple[str, ...]:
    """Save a model in the format that the path says; the options to export it with."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
        config = json.loads(model.to_json())
        config["keras_version"] = keras.__version__
        path.with_suffix(".json").write_text(json.dumps(config), encoding="utf-8")
        return ("--config", str(path.with_suffix(".json")))
    model.save(path)
    return ()


def case(name: str, model: Any, path: Path, seed: int, value: float = 0.0) -> Case:
    """Save the model and write down what Keras makes of some sequences."""
    # Activations without bounds take small weights, or the state grows without bounds.
    is_steep = name.endswith(("exponential", "softplus"))
    scale = 0.25 if name.startswith("activation") else 0.6
    randomise(model, seed, 0.08 if is_steep else scale)
    has_mask = name.startswith("mask")
    for layer in model.layers:
        if isinstance(layer, L.Masking):
            value = layer.mask_value
    fixed = model.input_shape[1]
    lengths = (fixed,) if fixed else ((1, 9) if has_mask else (1, 21))
    pairs = pairs_of(model, lengths, has_mask, value)
    whole = any(
        isinstance(layer, L.Bidirectional)
        or getattr(layer, "go_backwards", False)
        or (isinstance(layer, L.Flatten | L.Reshape) and "itself" not in name)
        for layer in model.layers
    )
    streams = None if "vector" in name or "dropped" in name else not whole
    defines = DEFINES.get(name, ())
    options = save(model, path)
    return Case(f"Keras {name}", path, pairs, options, streams, defines, by="keras 3")


def cases(directory: Path) -> list[Case]:
    """All models as .keras, and a few in the other formats of Keras 3."""
    directory.mkdir()
    builders = {**plain(), **activations(), **bidirectional(), **masked()}
    found = []
    for seed, (name, build) in enumerate(builders.items()):
        path = directory / f"model{seed}.keras"
        found.append(case(name, build(), path, seed))
    for name in ("stack", "mask bidirectional", "functional", "bidirectional unlike"):
        for suffix in (".weights.h5", ".h5"):
            path = directory / f"{name.replace(' ', '_')}{suffix}"
            label = f"{name} as {suffix}"
            found.append(case(label, builders[name](), path, len(found)))
    return found
