"""Train the small models of the numbered examples with Keras, or check what they print.

    python examples/small_models.py           train, write the weights into the examples
    python examples/small_models.py --check   compare what their comments say with Keras

02_sequence.c     LSTM(3) on 2 features as Keras initialises it
03_model.c        LSTM(32) on (10, 64) and Dense(2), weights by a formula
04_streaming.c    LSTM(4) and Dense(1), trained: the next sample of a sine wave
06_stacked.c      LSTM(4), LSTM(3) and Dense(1), trained: the frequency of a sine wave
07_weights_file.c the model of 06_stacked.c as 07_weights_file.bin

Weights are rounded to four decimals, so that they take few lines. The check builds each
Keras model from the weights in the C file, and compares Keras' numbers with those of the
comment "Prints:", which `make test` compares with what the program prints.

Needs the packages of tests/requirements.txt. Runs on the CPU with one thread.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

Array = np.ndarray[Any, np.dtype[Any]]

HERE = Path(__file__).resolve().parent
WEIGHTS_FILE = HERE / "07_weights_file.bin"
SEED = 1997
STEPS = 24  # samples that 06_stacked.c looks at


# ---- Models ---------------------------------------------------------------------------


def sequence_model() -> keras.Model:
    return keras.Sequential([keras.layers.Input((None, 2)), keras.layers.LSTM(3)])


def shapes_model() -> keras.Model:
    layers = keras.layers
    return keras.Sequential([layers.Input((10, 64)), layers.LSTM(32), layers.Dense(2)])


def streaming_model() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((None, 1)),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(1),
        ]
    )


def stacked_model() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((None, 1)),
            layers.LSTM(4, return_sequences=True),
            layers.LSTM(3),
            layers.Dense(1),
        ]
    )


def sine(cycles: Array, phase: Array, samples: int) -> Array:
    """cycles in 100 samples; the result is [len(cycles)][samples][1]."""
    t = np.arange(samples)
    turns = cycles[:, None] / 100 * t + phase[:, None]
    return np.sin(2 * np.pi * turns)[..., None].astype(np.float32)


def fit(model: keras.Model, x: Array, y: Array) -> None:
    epochs, size = 120, 64
    rate = keras.optimizers.schedules.CosineDecay(1e-2, epochs * (len(x) // size))
    model.compile(keras.optimizers.Adam(rate), "mse")
    loss = model.fit(x, y, size, epochs, verbose=0).history["loss"][-1]
    print(f"root of the mean squared error {loss**0.5:.4f}")


def rounded(model: keras.Model) -> None:
    model.set_weights([np.round(w, 4) for w in model.get_weights()])


def trained() -> dict[str, keras.Model]:
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    cycles, phase = rng.uniform(2, 12, 2048), rng.uniform(0, 1, 2048)
    streaming, stacked, sequence = streaming_model(), stacked_model(), sequence_model()
    waves = sine(cycles, phase, 61)
    fit(streaming, waves[:, :-1], waves[:, 1:])
    fit(stacked, waves[:, :STEPS], cycles[:, None] / 10)
    models = {
        "02_sequence.c": sequence,
        "04_streaming.c": streaming,
        "06_stacked.c": stacked,
    }
    for model in models.values():
        rounded(model)
    return models


# ---- C files --------------------------------------------------------------------------


def write_weights(name: str, model: keras.Model) -> None:
    """Replaces the numbers of the arrays NAME_weights in the file, layer by layer."""
    path = HERE / name
    text = path.read_text(encoding="ascii")
    for array, layer in zip(arrays(text), model.layers, strict=True):
        numbers = np.concatenate([w.ravel() for w in layer.get_weights()])
        words = ", ".join(f"{float(v):.4f}f" for v in numbers)
        lines = textwrap.indent(textwrap.fill(words, 80), "    ")
        pattern = rf"(\b{array}\[[^=]*= {{\n).*?(\n?}};)"
        text = re.sub(
            pattern,
            lambda m, new=lines: m[1] + new + m[2],
            text,
            count=1,
            flags=re.DOTALL,
        )
    path.write_text(text, encoding="ascii")
    print(f"wrote the weights of {name}")


def arrays(text: str) -> list[str]:
    return re.findall(r"^static const float (\w*weights)\[", text, re.MULTILINE)


def weights_of(name: str, model: keras.Model) -> keras.Model:
    text = (HERE / name).read_text(encoding="ascii")
    for array, layer in zip(arrays(text), model.layers, strict=True):
        body = re.search(rf"\b{array}\[[^=]*= {{(.*?)}};", text, re.DOTALL)
        if body is None:
            raise ValueError(f"{name}: no array {array}")
        words = re.findall(r"-?[0-9.]+(?=f)", body[1])
        numbers = np.array([float(word) for word in words], np.float32)
        split(layer, numbers)
    return model


def split(layer: Any, numbers: Array) -> None:
    """Weights in a row become the arrays that set_weights() takes."""
    shapes = [w.shape for w in layer.get_weights()]
    sizes = [int(np.prod(shape)) for shape in shapes]
    if sum(sizes) != len(numbers):
        raise ValueError(f"{len(numbers)} weights, wanted {sum(sizes)}")
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    layer.set_weights([p.reshape(s) for p, s in zip(parts, shapes, strict=True)])


def printed(name: str) -> list[str]:
    """The lines that the comment of the file promises."""
    comment = (HERE / name).read_text(encoding="ascii").split("*/")[0]
    return comment.split(" * Prints:\n")[1].splitlines()


def numbers_in(lines: list[str]) -> list[str]:
    return [w for line in lines for w in re.findall(r"-?[0-9]+\.[0-9]+", line)]


def formula(count: int, scale: float, seed: int) -> Array:
    """What fill() of 03_model.c does."""
    numbers = np.empty(count, np.float32)
    for k in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        numbers[k] = np.float32(scale) * np.float32((seed >> 8) / 8388608 - 1)
    return numbers


# ---- The check ------------------------------------------------------------------------


def compare(what: str, words: list[str], wanted: list[float]) -> bool:
    """Whether each printed number is Keras', to within a half of its last digit."""
    if len(words) != len(wanted):
        print(f"FAILED: {what}: {len(words)} numbers, Keras gives {len(wanted)}")
        return False
    for word, number in zip(words, wanted, strict=True):
        allowed = 0.5 * 10.0 ** -len(word.split(".")[1]) + 2e-6
        if not abs(float(word) - number) <= allowed:
            print(f"FAILED: {what}: prints {word}, Keras says {number:.7f}")
            return False
    print(f"{what}: all {len(words)} numbers are Keras'")
    return True


def check_sequence() -> bool:
    x = np.array([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5], [0.0, 2.0]], np.float32)
    layer = weights_of("02_sequence.c", sequence_model()).layers[0]
    every = keras.layers.LSTM(3, return_sequences=True, return_state=True)
    every.build((1, 4, 2))
    every.set_weights(layer.get_weights())
    y, _, c = (np.ravel(v) for v in every(x[None]))
    final = list(y[-3:]) + list(c)
    return compare(
        "02_sequence.c", numbers_in(printed("02_sequence.c")), [*y, *c, *final]
    )


def check_shapes() -> bool:
    model = shapes_model()
    split(model.layers[0], formula(4 * 32 * (64 + 32 + 1), 0.2, 3))
    split(model.layers[1], formula(2 * (32 + 1), 0.5, 4))
    y = model(formula(3 * 10 * 64, 1.0, 5).reshape(3, 10, 64)).numpy()
    lines = [line for line in printed("03_model.c") if "y[" in line]
    same = compare("03_model.c", numbers_in(lines), list(np.ravel(y)))
    counts = [model.layers[0].count_params(), model.layers[1].count_params()]
    table = " ".join(printed("03_model.c"))
    return same and all(str(n) in table for n in [*counts, sum(counts)])


def check_streaming() -> bool:
    model = weights_of("04_streaming.c", streaming_model())
    waves = sine(np.array([4.5, 9.0]), np.zeros(2), 31)
    said = model(waves[:, :-1]).numpy()[..., 0]
    wanted = []
    for k in range(24, 30):
        for row in range(2):
            wanted += [waves[row, k + 1, 0], said[row, k]]
    lines = [line for line in printed("04_streaming.c") if "sample" in line]
    return compare("04_streaming.c", numbers_in(lines[1:]), wanted)


def check_stacked() -> bool:
    model = weights_of("06_stacked.c", stacked_model())
    cycles = np.array([3.0, 5.0, 8.0, 11.0])
    x = sine(cycles, np.zeros(4), STEPS)
    right = 10 * model(x).numpy()[:, 0]
    first, second, dense = model.layers
    rows = np.zeros((4, STEPS, 4), np.float32)
    rows[:, 0] = first(x).numpy()[:, -1]  # the last output where the first row belongs
    wrong = 10 * dense(second(rows)).numpy()[:, 0]
    wanted = list(np.ravel(np.stack([cycles, right, wrong], axis=1)))
    same = compare("06_stacked.c", numbers_in(printed("06_stacked.c")), wanted)
    numbers = np.concatenate([w.ravel() for w in model.get_weights()]).astype("<f4")
    if numbers.tobytes() != WEIGHTS_FILE.read_bytes():
        print(f"FAILED: {WEIGHTS_FILE.name} is not the model of 06_stacked.c")
        return False
    words = numbers_in(printed("07_weights_file.c"))
    return compare("07_weights_file.c", words, [cycles[1], right[1]]) and same


def check() -> int:
    checks = [check_sequence(), check_shapes(), check_streaming(), check_stacked()]
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if sys.argv[1:] == ["--check"]:
        return check()
    models = trained()
    for name, model in models.items():
        write_weights(name, model)
    weights = models["06_stacked.c"].get_weights()
    np.concatenate([w.ravel() for w in weights]).astype("<f4").tofile(WEIGHTS_FILE)
    print("now put what the programs print into their comments, and run --check")
    return 0


if __name__ == "__main__":
    sys.exit(main())
