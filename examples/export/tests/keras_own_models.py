"""Models of layers that lstm.h does not have, and what Keras says of them."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras_models
import numpy as np
from harness import Case, Pair
from keras_models import D, L, keras, sequential

VOCABULARY = 23
Build = Callable[[], Any]


def _embedding(*layers: Any, timesteps: int | None = None, **options: Any) -> Any:
    table = L.Embedding(VOCABULARY, D, **options)
    return keras.Sequential([keras.Input((timesteps,)), table, *layers])


def _adapted(*layers: Any, **options: Any) -> Any:
    """Normalization of numbers that it was adapted to, far from zero."""
    random = np.random.RandomState(4)
    normalization = L.Normalization(**options)
    normalization.adapt(random.normal(2.0, 3.0, (50, 4, D)).astype(np.float32))
    return sequential(normalization, *layers)


def _sliced(part: Any) -> Any:
    x = keras.Input((12, D))
    h = L.LSTM(4, return_sequences=True)(x)
    return keras.Model(x, L.Dense(2)(h[:, part]))


def _nested_functional() -> Any:
    x = keras.Input((None, 6))
    inner = keras.Model(x, L.LSTM(5)(L.Dense(4)(x)), name="inner")
    return sequential(L.LSTM(6, return_sequences=True), inner, L.Dense(2))


def convolutions() -> dict[str, Build]:
    found: dict[str, Build] = {
        "conv before": lambda: sequential(
            L.Conv1D(6, 3, activation="relu"), L.MaxPooling1D(2), L.LSTM(5), L.Dense(2)
        ),
        "conv after": lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.Conv1D(4, 2, padding="causal"),
            L.GlobalMaxPooling1D(),
            L.Dense(3),
        ),
        "conv rows": lambda: sequential(
            L.Conv1D(4, 3, strides=2, use_bias=False),
            L.LSTM(6, return_sequences=True),
            L.Dense(2),
        ),
        "global average": lambda: sequential(
            L.Bidirectional(L.LSTM(4, return_sequences=True)),
            L.GlobalAveragePooling1D(),
            L.Dense(3, activation="softmax"),
        ),
        "global keeping the axis": lambda: sequential(
            L.LSTM(4, return_sequences=True),
            L.GlobalAveragePooling1D(keepdims=True),
            L.LSTM(3),
        ),
        "conv flatten": lambda: sequential(
            L.Conv1D(6, 4, strides=3, padding="same"),
            L.LSTM(5, return_sequences=True),
            L.AveragePooling1D(2),
            L.Flatten(),
            L.Dense(2),
            timesteps=21,
        ),
    }
    for padding, options in (
        ("valid", {}),
        ("same", {}),
        ("same", {"strides": 3}),
        ("causal", {}),
        ("causal", {"strides": 2}),
        ("valid", {"dilation_rate": 2}),
        ("same", {"dilation_rate": 3}),
        ("causal", {"dilation_rate": 2}),
    ):
        name = "conv " + " ".join([padding, *(f"{k}={v}" for k, v in options.items())])
        found[name] = lambda padding=padding, options=options: sequential(
            L.Conv1D(4, 4, padding=padding, **options), L.LSTM(3, return_sequences=True)
        )
    for pool in (L.MaxPooling1D, L.AveragePooling1D):
        for padding, options in (
            ("valid", {}),
            ("same", {}),
            ("valid", {"strides": 1}),
            ("same", {"strides": 2}),
        ):
            name = f"{pool.__name__} {padding} {options.get('strides', '')}".strip()
            found[name] = lambda pool=pool, padding=padding, options=options: sequential(
                L.LSTM(4, return_sequences=True), pool(3, padding=padding, **options)
            )
    return found


def rowwise() -> dict[str, Build]:
    return {
        "batch normalization": lambda: sequential(
            L.BatchNormalization(),
            L.LSTM(6, return_sequences=True),
            L.BatchNormalization(scale=False),
            L.LSTM(4),
            L.BatchNormalization(center=False, epsilon=0.1),
            L.Dense(2),
        ),
        "layer normalization": lambda: sequential(
            L.LayerNormalization(),
            L.LSTM(6, return_sequences=True),
            L.LayerNormalization(scale=False, epsilon=1e-5),
            L.LSTM(4),
            L.LayerNormalization(center=False),
            L.Dense(2),
        ),
        "normalization": lambda: _adapted(L.LSTM(4)),
        "normalization of all": lambda: _adapted(L.LSTM(4), axis=None),
        "normalization inverted": lambda: sequential(
            L.LSTM(4),
            L.Dense(3),
            L.Normalization(
                mean=[1.0, -2.0, 0.5], variance=[4.0, 0.25, 1.0], invert=True
            ),
        ),
        "normalization given": lambda: sequential(
            L.Normalization(mean=[1.0, 2.0, 3.0, 4.0, 5.0], variance=[4.0] * 5), L.LSTM(4)
        ),
        "rescaling": lambda: sequential(L.Rescaling(0.5, offset=-1.0), L.LSTM(4)),
        "curves": lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.LeakyReLU(0.3),
            L.Dense(6),
            L.ELU(0.5),
            L.Dense(6, activation=L.ReLU(max_value=0.4, negative_slope=0.1)),
            L.Dense(6),
            L.ReLU(max_value=0.5, negative_slope=0.25, threshold=0.1),
            L.TimeDistributed(L.Dense(4, activation=L.LeakyReLU(0.01))),
            L.PReLU(shared_axes=[1]),
            L.TimeDistributed(L.ReLU(max_value=1.0)),
            L.Dense(3, activation="hard_tanh"),
            L.Activation(L.LeakyReLU(0.05)),
        ),
        "prelu of a vector": lambda: sequential(L.LSTM(5), L.PReLU(), L.Dense(2)),
        "rnn of a cell": lambda: sequential(
            L.RNN(L.LSTMCell(6), return_sequences=True), L.RNN(L.LSTMCell(4)), L.Dense(2)
        ),
        "noise": lambda: sequential(
            L.GaussianNoise(0.1), L.LSTM(5), L.GaussianDropout(0.1), L.Dense(2)
        ),
    }


def shapes() -> dict[str, Build]:
    return {
        "repeat vector": lambda: sequential(
            L.LSTM(6),
            L.RepeatVector(7),
            L.LSTM(5, return_sequences=True),
            L.TimeDistributed(L.Dense(2)),
        ),
        "repeat bidirectional": lambda: sequential(
            L.Bidirectional(L.LSTM(4)),
            L.RepeatVector(9),
            L.Bidirectional(L.LSTM(3, return_sequences=True)),
            L.TimeDistributed(L.Dense(D)),
            timesteps=9,
        ),
        "sliced": lambda: _sliced(-1),
        "sliced first": lambda: _sliced(0),
        "nested": lambda: sequential(
            keras.Sequential(
                [L.LSTM(6, return_sequences=True), keras.Sequential([L.Dense(4)])]
            ),
            keras.Sequential([L.LSTM(5)]),
            L.Dense(2),
        ),
        "nested functional": _nested_functional,
        "reshape of a vector": lambda: keras.Sequential(
            [keras.Input((4 * D,)), L.Reshape((4, D)), L.LSTM(5), L.Dense(2)]
        ),
        "embedding": lambda: _embedding(L.LSTM(6), L.Dense(2)),
        "embedding rows": lambda: _embedding(
            L.SpatialDropout1D(0.2), L.LSTM(6, return_sequences=True), L.Dense(2)
        ),
        "embedding bidirectional": lambda: _embedding(
            L.Bidirectional(L.LSTM(4)), L.Dense(2), timesteps=14
        ),
        "embedding conv": lambda: _embedding(
            L.Conv1D(6, 3, padding="same"), L.MaxPooling1D(2), L.LSTM(4), L.Dense(2)
        ),
        "embedding mask_zero": lambda: _embedding(
            L.LSTM(6, return_sequences=True), L.LSTM(4), L.Dense(2), mask_zero=True
        ),
        "embedding mask_zero bidirectional": lambda: _embedding(
            L.Bidirectional(L.LSTM(4, return_sequences=True)), L.LSTM(3), mask_zero=True
        ),
        "embedding mask_zero batch normalization": lambda: _embedding(
            L.BatchNormalization(), L.LSTM(4), mask_zero=True
        ),
    }


def _randomise(model: Any, seed: int) -> None:
    """Weights of any kind; variances are above zero."""
    random = np.random.RandomState(seed)
    for variable in model.weights:
        own = ("/mean", "/variance", "/count", "seed_generator_state")
        if variable.path.endswith(own):  # of Normalization, which has copies of them
            continue
        low = 0.2 if "variance" in variable.path else -0.6
        variable.assign(random.uniform(low, 0.8, variable.shape))


def _pairs(model: Any, lengths: tuple[int, ...], is_whole: bool) -> list[Pair]:
    pairs = []
    for timesteps in lengths:
        random = np.random.RandomState(timesteps)
        shape = (timesteps, int(model.input_shape[-1] or 0))
        if is_whole:
            x = random.randint(0, VOCABULARY, (timesteps, 1)).astype(np.int32)
            x[::4] = 0
            given = x[:, 0]
        elif len(model.input_shape) == 2:
            given = random.uniform(-1.5, 1.5, shape[1:]).astype(np.float32)
            x = given.reshape(-1, D)
        else:
            given = x = random.uniform(-1.5, 1.5, shape).astype(np.float32)
        y = keras.ops.convert_to_numpy(model(given[None], training=False))[0]
        pairs.append(Pair(x, y.reshape(-1, y.shape[-1])))
    return pairs


def case(name: str, model: Any, path: Path, seed: int) -> Case:
    _randomise(model, seed)
    is_whole = name.startswith("embedding")
    fixed = None if len(model.input_shape) == 2 and not is_whole else model.input_shape[1]
    short = 1 if not isinstance(model.layers[0], L.Conv1D | L.Embedding) else 10
    lengths = (int(fixed),) if fixed else (short, 21, 22)
    if name.startswith(("MaxPooling", "AveragePooling")):
        lengths = (5, 21, 22)
    pairs = _pairs(model, lengths, is_whole)
    options = keras_models.save(model, path)
    return Case(f"Keras {name}", path, pairs, options, by="keras 3")


# ---- Files that are not what their name says, and of Windows ---------------------------


def _renamed(built: Case, directory: Path, suffix: str) -> Case:
    path = directory / f"renamed{built.file.suffix[1:]}{suffix}"
    shutil.copy(built.file, path)
    return Case(f"{built.name} named {suffix}", path, built.pairs, by="keras 3")


PREFIXES = (
    "layers\\",
    "_layer_checkpoint_dependencies\\",
    "_layer_checkpoint_dependencies\\layers\\",
)


def _of_windows(built: Case, directory: Path, prefix: str) -> Case:
    """As Keras 2.13 to 2.15 write it under Windows."""
    path = directory / f"windows{len(prefix)}.keras"
    buffer = io.BytesIO()
    with zipfile.ZipFile(built.file) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if not name.endswith(".h5"):
                version = keras.__version__.encode()
                new.writestr(name, old.read(name).replace(version, b"2.15.0"))
        with (
            h5py.File(io.BytesIO(old.read("model.weights.h5"))) as source,
            h5py.File(buffer, "w") as target,
        ):
            for name, group in source["layers"].items():
                for inner in ("vars", "cell/vars"):
                    if inner in group:
                        windows = inner.replace("cell/", "cell\\")
                        made = target.create_group(f"{prefix}{name}\\{windows}")
                        for number, array in group[inner].items():
                            made[number] = array[()]
        new.writestr("model.weights.h5", buffer.getvalue())
    name = f"{built.name} with backslashes {prefix}"
    return Case(name, path, built.pairs)


GUESSED: dict[str, tuple[Build, str]] = {
    "lstm dense": (lambda: sequential(L.LSTM(6), L.Dense(2)), ""),
    "stack": (
        lambda: sequential(
            L.LSTM(6, return_sequences=True),
            L.Dropout(0.2),
            L.LSTM(4, use_bias=False),
            L.Dense(7, activation="relu"),
            L.Dense(3, activation="softmax"),
        ),
        "--activations DENSE0=relu,DENSE1=softmax",
    ),
    "bidirectional": (
        lambda: sequential(
            L.Bidirectional(L.LSTM(4, return_sequences=True)),
            L.Bidirectional(L.LSTM(3)),
            L.Dense(2),
        ),
        "",
    ),
    "rows": (
        lambda: sequential(
            L.LSTM(6, return_sequences=True), L.TimeDistributed(L.Dense(3))
        ),
        "--take sequence",
    ),
    "embedding": (lambda: _embedding(L.LSTM(6), L.Dense(2)), ""),
}


def _guessed(directory: Path) -> list[Case]:
    """Weights without the configuration of their model."""
    found = []
    for number, (name, (build, words)) in enumerate(GUESSED.items()):
        model = build()
        dense = [layer.name for layer in model.layers if isinstance(layer, L.Dense)]
        for k, each in enumerate(dense):
            words = words.replace(f"DENSE{k}", each)
        for suffix in (".weights.h5", ".h5"):
            path = directory / f"guessed{number}{suffix}"
            label = f"{name} guessed as {suffix}"
            pairs = case(label, model, path, number).pairs
            if suffix == ".h5":
                with h5py.File(path, "r+") as file:
                    del file.attrs["model_config"]
            found.append(Case(f"Keras {label}", path, pairs, tuple(words.split())))
    return found


def cases(directory: Path) -> list[Case]:
    directory.mkdir()
    builders = {**convolutions(), **rowwise(), **shapes()}
    found = []
    for seed, (name, build) in enumerate(builders.items()):
        path = directory / f"own{seed}.keras"
        found.append(case(name, build(), path, seed))
    for name in ("nested", "batch normalization", "curves", "conv before", "embedding"):
        for suffix in (".weights.h5", ".h5"):
            path = directory / f"{name.replace(' ', '_')}{suffix}"
            found.append(case(f"{name} as {suffix}", builders[name](), path, len(found)))
    found += _guessed(directory)
    plain = sequential(L.LSTM(5, return_sequences=True), L.LSTM(4), L.Dense(2))
    for suffix in (".keras", ".h5"):
        path = directory / f"plain{suffix}"
        other = ".h5" if suffix == ".keras" else ".keras"
        built = case("plain", plain, path, 7)
        found.append(_renamed(built, directory, other))
        if suffix == ".keras":
            for prefix in PREFIXES:
                found.append(_of_windows(built, directory, prefix))
    return found
