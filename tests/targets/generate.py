"""What Keras makes of the two models of the firmware targets.

    python tests/targets/generate.py --write tests/targets/expected.h
    python tests/targets/generate.py --check tests/targets/expected.h

Needs the packages of tests/requirements.txt. Weights and inputs are those that weights.c
prints: splitmix64 from one seed, multiples of 2^-23.
"""

from __future__ import annotations

import os
import re
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf

SEED = 2026
OUTPUTS = 2
CASES = {"A": (5, 10, 13), "B": (64, 32, 10)}  # input_dim, units, timesteps
MASK = (1 << 64) - 1


def random_floats(state: int, shape: tuple[int, ...], scale: float) -> tuple[int, np.ndarray]:
    """The next floats of check_random_float() in tests/check.h."""
    values = []
    for _ in range(int(np.prod(shape))):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        bits = (z ^ (z >> 31)) >> 40
        values.append(np.float32(bits) / np.float32(8388608) - np.float32(1))
    return state, np.float32(scale) * np.array(values, np.float32).reshape(shape)


def outputs(input_dim: int, units: int, timesteps: int) -> np.ndarray:
    """Keras' two outputs, followed by the last h and c."""
    state = SEED
    arrays = []
    for shape, scale in (
        ((input_dim, 4 * units), 0.3),
        ((units, 4 * units), 0.3),
        ((4 * units,), 0.3),
        ((units, OUTPUTS), 0.5),
        ((OUTPUTS,), 0.5),
        ((1, timesteps, input_dim), 1.0),
    ):
        state, array = random_floats(state, shape, scale)
        arrays.append(array)
    lstm = keras.layers.LSTM(units, return_state=True)
    dense = keras.layers.Dense(OUTPUTS)
    lstm.build((1, timesteps, input_dim))
    dense.build((1, units))
    lstm.set_weights(arrays[0:3])
    dense.set_weights(arrays[3:5])
    _, h, c = lstm(arrays[5])
    return np.concatenate([np.ravel(dense(h)), np.ravel(h), np.ravel(c)])


def header() -> str:
    lines = [
        f"/* Made by tests/targets/generate.py: Keras {keras.__version__} on TensorFlow "
        f"{tf.__version__}, seed {SEED}.",
        " * The two outputs, then h and c after the last step. */",
    ]
    for name, case in CASES.items():
        values = outputs(*case)
        lines.append(f"#ifdef CASE_{name}")
        lines.append(f"static const float expected[{len(values)}] MODEL_ROM = {{")
        for k in range(0, len(values), 5):
            lines.append("    " + " ".join(f"{v:.8e}f," for v in values[k : k + 5]))
        lines.append("};")
        lines.append("#endif")
    return "\n".join(lines) + "\n"


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\S+e[+-]\d\d(?=f,)", text)]


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("--write", "--check"):
        print(__doc__)
        return 2
    text = header()
    if sys.argv[1] == "--write":
        with open(sys.argv[2], "w", encoding="ascii") as file:
            file.write(text)
        return 0
    with open(sys.argv[2], encoding="ascii") as file:
        old, new = numbers(file.read()), numbers(text)
    same = len(old) == len(new) and np.allclose(old, new, rtol=1e-5, atol=1e-6)
    print("same as Keras makes now" if same else "differs from what Keras makes now")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
