"""Train the two models of examples/05_speakers.c with Keras, and write what it reads.

    python examples/speakers/train.py --cross-validate   compare the candidates
    python examples/speakers/train.py                    train the chosen, write files
    python examples/speakers/train.py --check            compare the files with Keras

Writes the models as speaker_*.keras; `make export` makes C headers of them.

The data are the Japanese Vowels set: 9 speakers, 270 training and 370 test utterances
of 7 to 29 frames of 12 LPC cepstrum coefficients (M. Kudo, J. Toyama, M. Shimbo,
"Multidimensional curve classification using passing-through regions", Pattern
Recognition Letters 20(11-13), 1999; UCI Machine Learning Repository, CC BY 4.0), as
they come with aeon.

Everything about a model is chosen by cross-validation on the training utterances alone.
The test utterances are looked at when the chosen models are final.

Needs the packages of tests/requirements.txt. Runs on the CPU with one thread.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from aeon.datasets import load_japanese_vowels

Array = np.ndarray[Any, np.dtype[Any]]

SEED = 1999
FOLDS = 5
BATCH_SIZE = 27  # divides 216 and 270: every batch of a run has one shape
FEATURES = 12
SPEAKERS = 9
MOST_PARAMETERS = 15_000
CHECK_TOLERANCE = 1e-5

HERE = Path(__file__).resolve().parent
DATA_FILE = HERE / "vowels_test.txt"
CALIBRATION_FILE = HERE / "vowels_calibration.txt"
CALIBRATION_OF_EACH = 5  # the first of each speaker
TABLE_FILE = HERE / "cross_validation.txt"


@dataclass(frozen=True)
class Recipe:
    """A model and how it is trained. Noise is in standard deviations of a feature."""

    name: str
    units: int
    bidirectional: bool = False
    noise: float = 0.3  # on every number
    offset: float = 0.3  # the same on every frame: a voice on another day
    crop: float = 0.7  # train on stretches no shorter than this share of the utterance
    dropout: float = 0.2  # between the LSTM and the Dense layer
    smoothing: float = 0.1  # of the labels
    decay: float = 1e-3  # of the weights
    rate: float = 5e-3  # falls to 0 along a cosine
    epochs: int = 200

    @property
    def lstm_parameters(self) -> int:
        directions = 2 if self.bidirectional else 1
        return directions * 4 * self.units * (FEATURES + self.units + 1)

    @property
    def dense_inputs(self) -> int:
        return self.units * (2 if self.bidirectional else 1)

    @property
    def parameters(self) -> int:
        return self.lstm_parameters + SPEAKERS * (self.dense_inputs + 1)


PLAIN = {
    "noise": 0.0,
    "offset": 0.0,
    "crop": 1.0,
    "dropout": 0.0,
    "smoothing": 0.0,
    "decay": 0.0,
}

CANDIDATES: dict[str, tuple[Recipe, ...]] = {
    "streaming": (
        Recipe("plain", 48, **PLAIN),
        Recipe("small", 32),
        Recipe("base", 48),
        Recipe("noise", 48, noise=0.6),
        Recipe("offset", 48, noise=0.6, offset=0.6),
        Recipe("dropout", 48, noise=0.6, dropout=0.5, decay=1e-2),
    ),
    "bidirectional": (
        Recipe("base", 32, bidirectional=True),
        Recipe("noise", 32, bidirectional=True, noise=0.6),
        Recipe("dropout", 32, bidirectional=True, noise=0.6, dropout=0.5, decay=1e-2),
    ),
}

# What --cross-validate chose.
CHOSEN = {"streaming": "dropout", "bidirectional": "dropout"}


@dataclass(frozen=True)
class Utterances:
    frames: list[Array]  # each [frames][FEATURES], float64, as in the source
    speakers: Array  # 0..8

    def __len__(self) -> int:
        return len(self.frames)

    def pick(self, rows: Array) -> Utterances:
        return Utterances([self.frames[row] for row in rows], self.speakers[rows])

    def standardised(self, mean: Array, deviation: Array) -> Utterances:
        return Utterances([(x - mean) / deviation for x in self.frames], self.speakers)


def load(split: str) -> Utterances:
    x, y = load_japanese_vowels(split=split)
    return Utterances([np.asarray(u).T for u in x], np.asarray(y, dtype=int) - 1)


def moments(utterances: Utterances) -> tuple[Array, Array]:
    """Mean and standard deviation of each feature over all frames."""
    frames = np.concatenate(utterances.frames)
    return frames.mean(axis=0), frames.std(axis=0)


def padded(frames: Sequence[Array], timesteps: int) -> Array:
    """A batch; the zeros after an utterance are what the Masking layer leaves out."""
    batch = np.zeros((len(frames), timesteps, FEATURES), dtype=np.float32)
    for row, x in zip(batch, frames, strict=True):
        row[: len(x)] = x
    return batch


class Batches(keras.utils.PyDataset):
    """Shuffled batches of the utterances, distorted anew in every epoch."""

    def __init__(self, utterances: Utterances, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.utterances = utterances
        self.recipe = recipe
        self.timesteps = max(len(x) for x in utterances.frames)
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.utterances))

    def __len__(self) -> int:
        return len(self.utterances) // BATCH_SIZE

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        rows = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        picked = self.utterances.pick(rows)
        frames = [self.distorted(x) for x in picked.frames]
        return padded(frames, self.timesteps), np.eye(SPEAKERS)[picked.speakers]

    def distorted(self, x: Array) -> Array:
        length = round(len(x) * self.random.uniform(self.recipe.crop, 1.0))
        start = self.random.integers(0, len(x) - length + 1)
        noise = self.random.normal(0.0, self.recipe.noise, (length, FEATURES))
        offset = self.random.normal(0.0, self.recipe.offset, FEATURES)
        return x[start : start + length] + noise + offset


def recurrent_layer(recipe: Recipe) -> keras.Layer:
    lstm = keras.layers.LSTM(recipe.units, name="lstm")
    return keras.layers.Bidirectional(lstm) if recipe.bidirectional else lstm


def train(utterances: Utterances, recipe: Recipe, seed: int) -> keras.Model:
    """Train on standardised utterances. The model takes padded ones."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    batches = Batches(utterances, recipe, seed)
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            keras.layers.Masking(),
            recurrent_layer(recipe),
            keras.layers.Dropout(recipe.dropout),
            keras.layers.Dense(SPEAKERS, activation="softmax", name="dense"),
        ]
    )
    steps = recipe.epochs * len(batches)
    model.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(recipe.rate, steps),
            weight_decay=recipe.decay,
            clipnorm=1.0,
        ),
        keras.losses.CategoricalCrossentropy(label_smoothing=recipe.smoothing),
        jit_compile=True,
    )
    model.fit(batches, epochs=recipe.epochs, verbose=0)
    return model


def stratified_folds(speakers: Array, seed: int) -> Array:
    """The fold of each utterance; every fold has as many of each speaker."""
    random = np.random.default_rng(seed)
    folds = np.empty(len(speakers), dtype=int)
    for speaker in range(SPEAKERS):
        (rows,) = np.nonzero(speakers == speaker)
        folds[rows] = random.permutation(np.arange(len(rows)) % FOLDS)
    return folds


def cross_validate(utterances: Utterances, recipe: Recipe) -> tuple[float, float]:
    """Accuracy (%) and cross-entropy on what each model was not trained on."""
    folds = stratified_folds(utterances.speakers, SEED)
    timesteps = max(len(x) for x in utterances.frames)
    probabilities = np.empty((len(utterances), SPEAKERS))
    for fold in range(FOLDS):
        (used,) = np.nonzero(folds != fold)
        (held_out,) = np.nonzero(folds == fold)
        standardised = utterances.standardised(*moments(utterances.pick(used)))
        model = train(standardised.pick(used), recipe, SEED + fold)
        x = padded(standardised.pick(held_out).frames, timesteps)
        probabilities[held_out] = model.predict_on_batch(x)
    of_speaker = probabilities[np.arange(len(utterances)), utterances.speakers]
    entropy = -np.log(np.maximum(of_speaker, 1e-9)).mean()
    return accuracy(probabilities, utterances.speakers), float(entropy)


def accuracy(probabilities: Array, speakers: Array) -> float:
    return 100.0 * float(np.mean(probabilities.argmax(axis=1) == speakers))


def cross_validation_table(training: Utterances) -> Iterator[str]:
    """The lines of the table; the last of each model names the choice."""
    yield f"# {made_by('--cross-validate')}"
    yield from comment(
        "#",
        f"{FOLDS}-fold cross-validation on the {len(training)} training utterances, "
        "stratified by speaker. The highest accuracy is chosen, and of equal ones the "
        "lowest cross-entropy.",
    )
    for model, recipes in CANDIDATES.items():
        yield ""
        yield (
            f"{model:13} units  params noise offset crop dropout smooth  decay "
            "epochs accuracy entropy"
        )
        results = []
        for recipe in recipes:
            percent, entropy = cross_validate(training, recipe)
            results.append((-percent, entropy, recipe.name))
            yield (
                f"{recipe.name:13} {recipe.units:5} {recipe.parameters:7,} "
                f"{recipe.noise:5.2f} {recipe.offset:6.2f} {recipe.crop:4.1f} "
                f"{recipe.dropout:7.2f} {recipe.smoothing:6.2f} {recipe.decay:6g} "
                f"{recipe.epochs:6} {percent:7.2f}% {entropy:7.3f}"
            )
        yield f"chosen: {min(results)[2]}"


def fold_standardisation(weights: list[Array], mean: Array, deviation: Array) -> None:
    """Let an LSTM take raw frames: (x - mean)/deviation moves into kernel and bias.

    `weights` is a list of kernel, recurrent kernel and bias, one triple a direction.
    """
    for k in range(0, len(weights), 3):
        kernel = weights[k].astype(np.float64) / deviation[:, None]
        bias = weights[k + 2].astype(np.float64) - mean @ kernel
        weights[k] = kernel.astype(np.float32)
        weights[k + 2] = bias.astype(np.float32)


def deployed_model(
    recipe: Recipe, lstm: list[Array], dense: list[Array]
) -> keras.Model:
    """The model that takes raw frames, one utterance at a time."""
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            recurrent_layer(recipe),
            keras.layers.Dense(SPEAKERS, activation="softmax", name="dense"),
        ],
        name="bidirectional" if recipe.bidirectional else "streaming",
    )
    model.layers[0].set_weights(lstm)
    model.layers[1].set_weights(dense)
    return model


def predict(model: keras.Model, utterances: Utterances) -> Array:
    """Probabilities, each utterance alone and at its own length."""
    rows = []
    for x in utterances.frames:
        rows.append(model(x[None].astype(np.float32), training=False).numpy()[0])
    return np.array(rows)


def made_by(option: str = "") -> str:
    command = f"examples/speakers/train.py {option}".strip()
    packages = ("keras", "tensorflow-cpu", "numpy", "aeon")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Made by {command} with {versions}; seed {SEED}"


def comment(prefix: str, text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, 90 - len(prefix) - 1, break_on_hyphens=False):
        yield f"{prefix} {line}"


def c_float(value: float) -> str:
    text = f"{value:.9g}"
    return text + ("f" if re.search(r"[.e]", text) else ".0f")


def model_path(model: str) -> Path:
    return HERE / f"speaker_{model}.keras"


def save(model: str, keras_model: keras.Model) -> None:
    keras_model.save(model_path(model))
    print(f"wrote {model_path(model).name}")


def read_weights(model: str, recipe: Recipe) -> tuple[list[Array], list[Array]]:
    """The weights in a .keras file, in the shapes get_weights() has."""
    loaded = keras.models.load_model(model_path(model), compile=False)
    if loaded.count_params() != recipe.parameters:
        raise ValueError(f"{model_path(model).name}: another model than {recipe.name}")
    lstm, dense = (layer.get_weights() for layer in loaded.layers)
    return lstm, dense


def split(flat: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    if ends[-1] != flat.size:
        raise ValueError(f"{flat.size} weights, expected {ends[-1]}")
    parts = np.split(flat, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def calibration(training: Utterances) -> Utterances:
    """Training utterances that 8-bit weights are rounded by: the first of each speaker."""
    rows = [
        np.nonzero(training.speakers == speaker)[0][:CALIBRATION_OF_EACH]
        for speaker in range(SPEAKERS)
    ]
    return training.pick(np.concatenate(rows))


def data_lines(utterances: Utterances, which: str) -> Iterator[str]:
    yield f"# {made_by()}"
    yield from comment(
        "#",
        f"{which} of the Japanese Vowels set, unchanged: "
        "M. Kudo, J. Toyama, M. Shimbo, UCI Machine Learning Repository, "
        "https://archive.ics.uci.edu/dataset/128/japanese+vowels, licence CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/). Described in "
        '"Multidimensional curve classification using passing-through regions", '
        "Pattern Recognition Letters 20(11-13), 1999.",
    )
    yield from comment(
        "#",
        "Format: a line 'utterance N speaker S frames F', N from 1, S from 1 to 9, "
        "then F lines of 12 LPC cepstrum coefficients, one line a frame.",
    )
    for number, (x, speaker) in enumerate(
        zip(utterances.frames, utterances.speakers, strict=True), start=1
    ):
        yield f"utterance {number} speaker {speaker + 1} frames {len(x)}"
        for frame in x:
            yield " ".join(np.format_float_positional(v, trim="-") for v in frame)


def predictions_path(model: str) -> Path:
    return HERE / f"keras_{model}.txt"


def prediction_lines(model: str, probabilities: Array) -> Iterator[str]:
    yield f"# {made_by()}"
    yield from comment(
        "#",
        f"What Keras says with the weights in {model_path(model).name}: for each "
        "utterance of vowels_test.txt a line, the probabilities of speakers 1 to 9.",
    )
    for row in probabilities:
        yield " ".join(f"{v:.9g}" for v in row)


def write(path: Path, lines: Iterator[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    print(f"wrote {path.name}")


def chosen_recipe(model: str) -> Recipe:
    return next(r for r in CANDIDATES[model] if r.name == CHOSEN[model])


def write_calibration(training: Utterances) -> None:
    few = calibration(training)
    which = f"The first {CALIBRATION_OF_EACH} training utterances of each speaker"
    write(CALIBRATION_FILE, data_lines(few, which))


def train_and_write() -> int:
    training = load("train")
    test = load("test")
    mean, deviation = moments(training)
    write(DATA_FILE, data_lines(test, f"The {len(test)} test utterances"))
    write_calibration(training)
    for name in CANDIDATES:
        recipe = chosen_recipe(name)
        trained = train(training.standardised(mean, deviation), recipe, SEED)
        layers = [layer for layer in trained.layers if layer.get_weights()]
        lstm, dense = (layer.get_weights() for layer in layers)
        fold_standardisation(lstm, mean, deviation)
        model = deployed_model(recipe, lstm, dense)
        probabilities = predict(model, test)
        save(name, model)
        write(predictions_path(name), prediction_lines(name, probabilities))
        percent = accuracy(probabilities, test.speakers)
        print(f"{name}: {recipe.parameters:,} parameters, accuracy {percent:.2f} %")
    return 0


def check_data(path: Path, test: Utterances) -> bool:
    """Is the data file what aeon has?"""
    lines = path.read_text(encoding="ascii").splitlines()
    rows = iter([line for line in lines if not line.startswith("#")])
    same = 0
    for number, (x, speaker) in enumerate(
        zip(test.frames, test.speakers, strict=True), start=1
    ):
        head = f"utterance {number} speaker {speaker + 1} frames {len(x)}"
        if next(rows, "") != head:
            break
        frames = [[float(word) for word in next(rows, "").split()] for _ in x]
        same += frames == x.tolist()
    good = same == len(test) and next(rows, None) is None
    print(f"{path.name}: {same} of {len(test)} utterances as in the source")
    return good


def check_predictions(model: str, test: Utterances) -> bool:
    """Does Keras, with the weights of the .keras file, say what the file says?"""
    recipe = chosen_recipe(model)
    probabilities = predict(deployed_model(recipe, *read_weights(model, recipe)), test)
    recorded = np.loadtxt(predictions_path(model), ndmin=2)
    if recorded.shape != probabilities.shape:
        print(f"{predictions_path(model).name}: its shape is {recorded.shape}")
        return False
    difference = float(np.max(np.abs(recorded - probabilities)))
    print(
        f"{predictions_path(model).name}: largest difference {difference:.1e}, "
        f"accuracy {accuracy(probabilities, test.speakers):.2f} %"
    )
    return difference <= CHECK_TOLERANCE  # false for a NaN


def check() -> int:
    test = load("test")
    results = [
        check_data(DATA_FILE, test),
        check_data(CALIBRATION_FILE, calibration(load("train"))),
    ]
    results += [check_predictions(model, test) for model in CANDIDATES]
    return 0 if all(results) else 1


def print_cross_validation() -> int:
    start = time.monotonic()
    lines = []
    for line in cross_validation_table(load("train")):
        print(line, flush=True)
        lines.append(line)
    TABLE_FILE.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    print(f"({time.monotonic() - start:.0f} s)", file=sys.stderr)
    chosen = [line.removeprefix("chosen: ") for line in lines if line[:7] == "chosen:"]
    if chosen != [CHOSEN[model] for model in CANDIDATES]:
        print("CHOSEN in train.py says otherwise", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options = parser.add_mutually_exclusive_group()
    options.add_argument(
        "--cross-validate", action="store_true", help="print the table"
    )
    options.add_argument("--check", action="store_true", help="compare the files")
    arguments = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    run: Callable[[], int] = train_and_write
    if arguments.cross_validate:
        run = print_cross_validation
    elif arguments.check:
        run = check
    return run()


if __name__ == "__main__":
    sys.exit(main())
