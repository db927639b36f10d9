"""Train the guitar amplifier of examples/08_amplifier.c with Keras.

    python examples/amplifier/train.py           simulate, train, write the files
    python examples/amplifier/train.py --check   compare the files with Keras

The amplifier is a circuit that this script simulates: a gain stage, then a diode clipper
(a resistor, a capacitor, one diode one way and two the other way) and a high-pass filter
that takes the direct current off. Nothing is recorded: the guitar is simulated too, by
plucked strings (K. Karplus and A. Strong, "Digital Synthesis of Plucked-String and Drum
Timbres", Computer Music Journal 7(2), 1983).

Writes amplifier.keras (`make export` makes amplifier.h of it), riff.wav (the guitar),
and riff_circuit.wav (the same riff through the simulated circuit). The riff is not among
the training data.

Needs the packages of tests/requirements.txt. Runs on the CPU with one thread; training
takes about ten minutes.
"""

from __future__ import annotations

import os
import sys
import time
import wave
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import scipy.signal
import tensorflow as tf

Array = np.ndarray[Any, np.dtype[Any]]

HERE = Path(__file__).resolve().parent
MODEL = HERE / "amplifier.keras"
RIFF = HERE / "riff.wav"
CIRCUIT = HERE / "riff_circuit.wav"

SEED = 1958
RATE = 48_000
UNITS = 16
ROWS = 64  # stretches of the training audio that go through the LSTM side by side
CHUNK = 240  # samples between two updates of the weights; the state is kept
ROW_CHUNKS = 50
EPOCHS = 60
MOST_ERROR = 0.01  # error-to-signal ratio of the riff

# The circuit, in volts, ohms, farads and seconds.
GAIN = 12.0
RESISTOR = 2_200.0
CAPACITOR = 10e-9
DIODE_CURRENT = 2.52e-9  # a 1N4148
DIODE_VOLTAGE = 0.0453
HIGH_PASS = 30.0  # Hz
VOLUME = 0.7
OVERSAMPLED = 8


# ---- The circuit ---------------------------------------------------------------------


def clipper(volts: Array) -> Array:
    """The capacitor's voltage, by the trapezoidal rule and Newton's method.

    volts [rows][samples] at OVERSAMPLED * RATE. The first diode conducts above 0; the
    two in series below 0 share the voltage.
    """

    def slope(v: Array, u: Array) -> tuple[Array, Array]:
        above = DIODE_CURRENT * np.exp(np.clip(v / DIODE_VOLTAGE, None, 40.0))
        below = DIODE_CURRENT * np.exp(np.clip(-v / (2 * DIODE_VOLTAGE), None, 40.0))
        current = (u - v) / RESISTOR - above + below
        conductance = -1 / RESISTOR - (above + below / 2) / DIODE_VOLTAGE
        return current / CAPACITOR, conductance / CAPACITOR

    half = 0.5 / (RATE * OVERSAMPLED)
    v = np.zeros(len(volts))
    result = np.empty_like(volts)
    before = slope(v, volts[:, 0])[0]
    for k in range(volts.shape[1]):
        u = volts[:, k]
        start = v
        for _ in range(50):
            now, derivative = slope(v, u)
            change = (v - start - half * (before + now)) / (1 - half * derivative)
            v = v - np.clip(change, -0.1, 0.1)
            if not np.any(np.abs(change) > 1e-9):
                break
        before = slope(v, u)[0]
        result[:, k] = v
    return result


def in_pieces(volts: Array) -> Array:
    """clipper() on pieces side by side, each after a run-up that it throws away.

    The capacitor forgets in 22 microseconds what was before, so 10 ms are plenty.
    """
    length, run_up = 960 * OVERSAMPLED, 480 * OVERSAMPLED
    rows, samples = volts.shape
    count = -(-samples // length)
    padded = np.pad(volts, ((0, 0), (run_up, count * length - samples)))
    pieces = [padded[:, k * length : (k + 1) * length + run_up] for k in range(count)]
    clipped = clipper(np.concatenate(pieces))[:, run_up:]
    joined = np.swapaxes(clipped.reshape(count, rows, length), 0, 1)
    return joined.reshape(rows, count * length)[:, :samples]


def circuit(guitar: Array) -> Array:
    """guitar [rows][samples] at RATE, in -1 to 1; the same shape out of the amplifier."""
    samples = guitar.shape[1]
    frequencies = np.fft.rfft(np.pad(guitar, ((0, 0), (0, samples))), axis=1)
    fine = np.fft.irfft(frequencies, 2 * samples * OVERSAMPLED, axis=1) * OVERSAMPLED
    clipped = in_pieces(GAIN * fine[:, : samples * OVERSAMPLED])
    frequencies = np.fft.rfft(np.pad(clipped, ((0, 0), (0, clipped.shape[1]))), axis=1)
    kept = frequencies[:, : samples + 1]
    clipped = np.fft.irfft(kept, 2 * samples, axis=1)[:, :samples] / OVERSAMPLED
    return VOLUME * high_pass(clipped)


def high_pass(x: Array) -> Array:
    keep = np.exp(-2 * np.pi * HIGH_PASS / RATE)
    return x - scipy.signal.lfilter([1 - keep], [1, -keep], x, axis=1)


# ---- The guitar ----------------------------------------------------------------------


def pluck(
    rng: np.random.Generator, frequency: float, seconds: float, loudness: float
) -> Array:
    """A plucked string: a delay line that starts as noise and loses its treble."""
    period = max(2, round(RATE / frequency))
    line = rng.uniform(-1, 1, period)
    line -= line.mean()
    pick = max(1, int(period * rng.uniform(0.1, 0.4)))
    line = line - np.roll(line, pick)
    line = np.convolve(np.concatenate([line[-8:], line]), np.ones(9) / 9, "valid")
    line *= loudness / np.max(np.abs(line))
    loss = rng.uniform(0.992, 0.998)
    rounds = []
    for _ in range(int(seconds * RATE) // period + 1):
        rounds.append(line)
        line = loss * (0.5 * line + 0.5 * np.roll(line, 1))
    return np.concatenate(rounds)[: int(seconds * RATE)]


def play(rng: np.random.Generator, samples: int) -> Array:
    """Notes and chords at random, from the low E to two octaves above it."""
    guitar = np.zeros(samples)
    at = 0
    while at < samples:
        seconds = rng.choice([0.1, 0.2, 0.4])
        root = 82.41 * 2 ** (rng.integers(0, 25) / 12)
        loudness = rng.uniform(0.05, 0.8)
        chord = [(0,), (0, 7), (0, 7, 12), (0, 4, 7)][rng.integers(0, 4)]
        ring = rng.uniform(0.8, 3.0) * seconds
        for step in chord:
            note = pluck(rng, root * 2 ** (step / 12), ring, loudness / len(chord))
            room = min(len(note), samples - at)
            guitar[at : at + room] += note[:room]
        at += int(seconds * RATE)
    return np.clip(guitar, -1, 1)


def riff() -> Array:
    """Two seconds of power chords and a run; never part of the training data."""
    rng = np.random.default_rng(SEED + 1)
    guitar = np.zeros(2 * RATE)
    fifth, octave = 2 ** (7 / 12), 2.0
    score = [  # start in seconds, half tones above the low E, seconds, chord
        (0.00, 0, 0.40, True),
        (0.25, 0, 0.15, True),
        (0.375, 3, 0.30, True),
        (0.625, 5, 0.45, True),
        (1.00, 12, 0.15, False),
        (1.125, 15, 0.15, False),
        (1.25, 17, 0.15, False),
        (1.375, 18, 0.15, False),
        (1.50, 17, 0.15, False),
        (1.625, 0, 0.375, True),
    ]
    for start, step, seconds, chord in score:
        root = 82.41 * 2 ** (step / 12)
        for ratio in (1.0, fifth, octave) if chord else (1.0,):
            note = pluck(rng, root * ratio, seconds, 0.25 if chord else 0.4)
            at = int(start * RATE)
            guitar[at : at + len(note)] += note
    guitar[-960:] *= np.linspace(1, 0, 960)
    return np.round(np.clip(guitar, -1, 1) * 32767) / 32768


# ---- Files ---------------------------------------------------------------------------


def write_wav(path: Path, samples: Array) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        words = np.clip(np.round(samples * 32768), -32768, 32767)
        file.writeframes(words.astype("<i2").tobytes())
    print(f"wrote {path.name}")


def read_wav(path: Path) -> Array:
    with wave.open(str(path), "rb") as file:
        words = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return words.astype(np.float32) / np.float32(32768)


# ---- The model -----------------------------------------------------------------------


def network(batch: int, stateful: bool) -> keras.Model:
    return keras.Sequential(
        [
            keras.layers.Input(batch_shape=(batch, None, 1)),
            keras.layers.LSTM(UNITS, return_sequences=True, stateful=stateful),
            keras.layers.Dense(1),
        ],
        name="amplifier",
    )


def error_to_signal(wanted: Array, got: Array) -> float:
    return float(np.sum((wanted - got) ** 2) / np.sum(wanted**2))


def loss(wanted: Any, got: Any) -> Any:
    """Squares of the error and of its slope, which is where the treble is."""
    error = wanted - got
    slope = error[:, 1:] - error[:, :-1]
    scale = tf.reduce_mean(tf.square(wanted)) + 1e-4
    return (
        tf.reduce_mean(tf.square(error)) + 4.0 * tf.reduce_mean(tf.square(slope))
    ) / scale


def train(guitar: Array, wanted: Array) -> keras.Model:
    model = network(ROWS, stateful=True)
    lstm = model.layers[0]
    steps = EPOCHS * ROW_CHUNKS
    rate = keras.optimizers.schedules.CosineDecay(1e-2, steps, alpha=1e-3)
    optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def update(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return value

    began = time.time()
    for epoch in range(EPOCHS):
        lstm.reset_states()
        values = []
        for k in range(ROW_CHUNKS):
            piece = slice(k * CHUNK, (k + 1) * CHUNK)
            x, y = guitar[:, piece, None], wanted[:, piece, None]
            values.append(float(update(tf.constant(x), tf.constant(y))))
        if epoch % 5 == 4:
            seconds = time.time() - began
            print(f"epoch {epoch + 1}: loss {np.mean(values[1:]):.5f}, {seconds:.0f} s")
    deployed = keras.Sequential(
        [
            keras.layers.Input((None, 1)),
            keras.layers.LSTM(UNITS, return_sequences=True, name="lstm"),
            keras.layers.Dense(1, name="dense"),
        ],
        name="amplifier",
    )
    deployed.set_weights(model.get_weights())
    return deployed


def check() -> int:
    model = keras.models.load_model(MODEL, compile=False)
    guitar, wanted = read_wav(RIFF), read_wav(CIRCUIT)
    got = model.predict(guitar[None, :, None], verbose=0)[0, :, 0]
    error = error_to_signal(wanted, got)
    print(f"{MODEL.name}: {100 * error:.2f} % of the signal's energy is error")
    simulated = circuit(read_wav(RIFF)[None].astype(np.float64))[0]
    same_riff = bool(np.max(np.abs(riff() - guitar)) < 1e-6)
    same_circuit = bool(np.max(np.abs(simulated - wanted)) < 1e-4)
    print(f"{RIFF.name} is the riff: {same_riff}; {CIRCUIT.name}: {same_circuit}")
    passed = [error <= MOST_ERROR, same_riff, same_circuit]
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if sys.argv[1:] == ["--check"]:
        return check()
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    guitar = np.stack([play(rng, ROW_CHUNKS * CHUNK) for _ in range(ROWS)])
    wanted = circuit(guitar).astype(np.float32)
    model = train(guitar.astype(np.float32), wanted)
    write_wav(RIFF, riff())
    write_wav(CIRCUIT, circuit(riff()[None])[0])
    model.save(MODEL)
    print(f"wrote {MODEL.name}")
    return check()


if __name__ == "__main__":
    sys.exit(main())
