"""Golden vectors from Keras: run real layers on the matrix of cases below.

    python tests/golden/generate_keras.py --write tests/golden/keras.txt
    python tests/golden/generate_keras.py --check tests/golden/keras.txt
    python tests/golden/generate_keras.py --reference

Needs the packages of tests/requirements.txt. Runs eagerly on the CPU, in float32, with
one thread. The matrix comes from SEED alone, so every run makes the same cases.
"""

from __future__ import annotations

import os
import random
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import golden
import keras
import numpy as np
import reference
import tensorflow as tf
from golden import ACTIVATIONS, Array, Case, Inputs, Layer, Outputs, fan_scale
from keras import layers as kl

SEED = 2026

# Activations with an upper and a lower bound. The others, as gates, need small weights
# and few steps.
BOUNDED = {"tanh", "sigmoid", "hard_sigmoid", "softsign", "softmax"}

# What the cases with random options choose from.
TAME = (
    "default",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softsign",
    "softmax",
    "relu",
    "elu",
)
TAME_GATES = ("default", "sigmoid", "hard_sigmoid", "tanh", "softsign")


# ---- Running a case in Keras ---------------------------------------------------------


def recurrent_options(layer: Layer) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "units": layer.units,
        "use_bias": layer.use_bias,
        "return_sequences": layer.sequences,
        "go_backwards": layer.backwards,
        "zero_output_for_mask": layer.zero_output,
    }
    if layer.activation != "default":
        chosen["activation"] = layer.activation
    if layer.recurrent != "default":
        chosen["recurrent_activation"] = layer.recurrent
    return chosen


def dense_layer(layer: Layer) -> Any:
    chosen = {} if layer.activation == "default" else {"activation": layer.activation}
    made = kl.Dense(layer.units, use_bias=layer.use_bias, **chosen)
    return kl.TimeDistributed(made) if layer.over == "time" else made


def bidirectional_layer(forward: Layer, backward: Layer, **more: Any) -> Any:
    first = recurrent_options(forward)
    second = recurrent_options(backward)
    other = None
    if {**first, "go_backwards": True} != second:
        other = kl.LSTM(**second, **more)
    made = kl.Bidirectional(
        kl.LSTM(**first, **more), merge_mode=backward.merge, backward_layer=other
    )
    assert made.forward_layer.go_backwards == forward.backwards
    assert made.backward_layer.go_backwards == backward.backwards
    return made


def keras_layers(
    case: Case, inputs: Inputs, **more: Any
) -> list[tuple[Any, Layer, list[Array]]]:
    """A Keras layer for every layer of the case, with its last line and its weights."""
    made: list[tuple[Any, Layer, list[Array]]] = []
    for position, (layer, weights) in enumerate(zip(case.layers, inputs.weights)):
        if layer.kind == "masking":
            made.append((kl.Masking(mask_value=layer.value), layer, weights))
        elif layer.kind == "dense":
            made.append((dense_layer(layer), layer, weights))
        elif layer.kind == "lstm":
            made.append((kl.LSTM(**recurrent_options(layer), **more), layer, weights))
        elif layer.kind == "backward":
            both = bidirectional_layer(case.layers[position - 1], layer, **more)
            made.append((both, layer, inputs.weights[position - 1] + weights))
    return made


def recurrent_halves(made: Any) -> list[Any]:
    return (
        [made.forward_layer, made.backward_layer]
        if hasattr(made, "merge_mode")
        else [made]
    )


def run_sequential(case: Case, inputs: Inputs) -> Outputs:
    made = keras_layers(case, inputs)
    shape = (case.timesteps, case.input_dim)
    model = keras.Sequential([keras.Input(shape), *(layer for layer, _, _ in made)])
    model.set_weights([w for _, _, weights in made for w in weights])
    outputs = Outputs(np.asarray(model(inputs.x)))
    for layer, line, _ in made:
        if line.kind == "masking":
            outputs.mask = np.asarray(layer.compute_mask(inputs.x))
    return outputs


def run_layers(case: Case, inputs: Inputs) -> Outputs:
    """Call layer after layer, each with its mask and initial state given explicitly.

    The values go through numpy in between, so no mask travels along with a tensor.
    """
    outputs = Outputs(inputs.x)
    states = list(inputs.states)
    for layer, line, weights in keras_layers(case, inputs, return_state=True):
        layer.build(outputs.y.shape)
        layer.set_weights(weights)
        if line.kind == "masking":
            outputs.mask = np.asarray(layer.compute_mask(outputs.y))
            outputs.y = np.empty(0)
        elif line.kind == "dense":
            outputs.y = np.asarray(layer(outputs.y))
        else:
            start = [states.pop(0) for _ in recurrent_halves(layer)]
            call: dict[str, Any] = {"mask": inputs.mask if line.masked else None}
            if case.state:
                call["initial_state"] = [tf.constant(a) for pair in start for a in pair]
            y, *final = layer(tf.constant(outputs.y), **call)
            outputs.y = np.asarray(y)
            outputs.h += [np.asarray(h) for h in final[0::2]]
            outputs.c += [np.asarray(c) for c in final[1::2]]
    return outputs


def run_stateful(case: Case, inputs: Inputs) -> Outputs:
    """A stateful layer called on the two parts of the sequence in turn."""
    [(layer, line, weights)] = keras_layers(case, inputs, stateful=True)
    layer.build(inputs.x[:, : case.split].shape)
    layer.set_weights(weights)
    halves = recurrent_halves(layer)
    for half, (h, c) in zip(halves, inputs.states):
        half.states[0].assign(h)
        half.states[1].assign(c)
    parts = []
    for part in (slice(0, case.split), slice(case.split, None)):
        mask = inputs.mask[:, part] if inputs.mask is not None and line.masked else None
        parts.append(np.asarray(layer(tf.constant(inputs.x[:, part]), mask=mask)))
    return Outputs(
        np.concatenate(parts, 1) if line.sequences else parts[1],
        [np.asarray(half.states[0]) for half in halves],
        [np.asarray(half.states[1]) for half in halves],
    )


def as_float32(outputs: Outputs) -> Outputs:
    outputs.y = outputs.y.astype(np.float32)
    outputs.h = [h.astype(np.float32) for h in outputs.h]
    outputs.c = [c.astype(np.float32) for c in outputs.c]
    return outputs


def run(case: Case, inputs: Inputs) -> Outputs:
    if case.source == "reference":
        return as_float32(reference.run(case, inputs))
    if case.source == "sequential":
        outputs = run_sequential(case, inputs)
    elif case.split:
        outputs = run_stateful(case, inputs)
    else:
        outputs = run_layers(case, inputs)
    assert np.abs(outputs.y).max(initial=0) < 100, case
    return outputs


# ---- The matrix of cases -------------------------------------------------------------


class Matrix:
    """Collects cases; what is not given is drawn at random, small enough to store."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cases: list[Case] = []
        self.flips = 0

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def between(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def alternate(self) -> bool:
        self.flips += 1
        return self.flips % 2 == 0

    def lstm(self, units: int, input_dim: int, gain: int = 0, **more: Any) -> Layer:
        """An LSTM; a gain above 0 is for the inputs alone: rounding errors die out."""
        return Layer(
            more.pop("kind", "lstm"),
            units,
            kernel_scale=fan_scale(input_dim, gain),
            recurrent_scale=fan_scale(units, min(gain, -1 if gain else 0)),
            **more,
        )

    def dense(self, units: int, input_dim: int, **more: Any) -> Layer:
        return Layer("dense", units, kernel_scale=fan_scale(input_dim), **more)

    def both(
        self,
        units: int,
        other: int,
        input_dim: int,
        sequences: bool,
        merge: str = "concat",
        gain: int = 0,
        second: dict[str, Any] | None = None,
        **more: Any,
    ) -> tuple[Layer, ...]:
        """A Bidirectional's halves; `second` is what only the backward one has."""
        more["sequences"] = sequences
        forward = self.lstm(units, input_dim, gain, kind="forward", **more)
        more |= {"backwards": True, "merge": merge, **(second or {})}
        backward = self.lstm(other, input_dim, gain, kind="backward", **more)
        return forward, backward

    def steps(self, batch: int, units: int, sequences: bool) -> int:
        """Between 3 and 24 timesteps, fewer where many wide rows are kept."""
        longest = 600 // (batch * units) if sequences else 3000 // (batch * units)
        return self.between(3, max(4, min(24, longest)))

    def add(self, feature: str, *layers: Layer, **more: Any) -> None:
        batch = more.pop("batch", None) or self.between(2, 4)
        recurrent = [layer for layer in layers if layer.is_recurrent]
        width = max((layer.units for layer in recurrent), default=1)
        sequences = any(layer.sequences for layer in recurrent)
        if "timesteps" not in more:
            more["timesteps"] = self.steps(batch, width, sequences)
        more.setdefault("state", bool(recurrent) and more.get("source") != "sequential")
        more.setdefault("x_scale", self.pick(0, 0, 1))
        self.cases.append(Case(feature, batch, layers=layers, **more))

    def mask(self, batch: int, timesteps: int, kind: str) -> str:
        rows = []
        for row in range(batch):
            used = self.between(1, timesteps - 1)
            bits = {
                "random": "".join(self.pick("0", "1", "1") for _ in range(timesteps)),
                "leading": "0" * used + "1" * (timesteps - used),
                "trailing": "1" * used + "0" * (timesteps - used),
                "middle": "1" + "0" * (timesteps - 2) + "1",
                "ones": "1" * timesteps,
                "zeros": "0" * timesteps,
            }
            name = kind
            if kind == "some_empty":
                name = "zeros" if row % 2 == 0 else "random"
            rows.append(bits[name])
        return "".join(rows)


def add_shapes(m: Matrix) -> None:
    """Every kind of vector remainder in units, and input_dim up to 70."""
    wide = [35, 38, 40, 43, 47, 48, 49, 50, 52, 55, 57, 60, 61, 63, 64, 65, 66, 71, 72]
    wide += [74, 77, 79, 80, 81, 85, 88, 93, 95, 96, 97, 100, 102, 107, 111, 112, 113]
    wide += [119, 120, 121, 125, 127, 128, 129, 130]
    for units in [*range(1, 34), *wide]:
        dim = m.between(2, 20 if units > 64 else 40)
        batch = m.between(5, 9) if units < 20 and units % 3 == 0 else m.between(2, 4)
        layer = m.lstm(units, dim, sequences=m.alternate())
        m.add("units", layer, input_dim=dim, batch=batch)
    for dim in [*range(1, 18), 23, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70]:
        units = m.between(5, 30)
        m.add("input_dim", m.lstm(units, dim, sequences=m.alternate()), input_dim=dim)
    for units, timesteps in ((3, 50), (8, 47), (13, 40), (16, 36), (5, 31), (24, 28)):
        layer = m.lstm(units, 4, sequences=m.alternate())
        m.add("timesteps", layer, input_dim=4, timesteps=timesteps, batch=2)
    ones = [(1, 1, 1, 1), (1, 1, 1, 3), (1, 7, 4, 1), (3, 1, 5, 4), (1, 6, 1, 9)]
    ones.append((2, 5, 17, 1))
    for batch, timesteps, dim, units in ones:
        for sequences in (False, True):
            layer = m.lstm(units, dim, sequences=sequences)
            m.add("ones", layer, input_dim=dim, timesteps=timesteps, batch=batch)
    for batch in range(1, 10):
        layer = m.lstm(6, 5, sequences=m.alternate())
        m.add(
            "batch", layer, input_dim=5, timesteps=6, batch=batch, state=batch % 3 != 0
        )


def add_activations(m: Matrix) -> None:
    """Each activation at small and at large arguments, in each of its three places."""
    for name in ["default", *ACTIVATIONS]:
        for gain in (-1, 1):
            units, dim = m.between(4, 21), m.between(3, 12)
            growing = name not in BOUNDED
            if name == "log_softmax":
                units = m.between(3, 6)
            chosen = gain if name != "exponential" else gain - 4
            layer = m.lstm(units, dim, chosen, activation=name, sequences=m.alternate())
            steps = 3 if growing and gain > 0 else m.between(4, 8)
            reach = 1 if gain > 0 and name != "exponential" else 0
            reach += gain > 0 and name == "relu6"  # past 6
            m.add("activation", layer, input_dim=dim, timesteps=steps, x_scale=reach)
    for name in ["default", *ACTIVATIONS]:
        for gain in (-1, 1):
            units, dim = m.between(4, 21), m.between(3, 12)
            growing = name not in BOUNDED
            if name == "log_softmax":
                units = m.between(3, 6)
            chosen = min(gain, 0) - 1 if growing else gain
            layer = m.lstm(units, dim, chosen, recurrent=name, sequences=m.alternate())
            steps = 3 if growing else m.between(4, 8)
            steps = 2 if name == "log_softmax" else steps
            reach = 1 if gain > 0 and name != "exponential" else 0
            m.add(
                "recurrent_activation",
                layer,
                input_dim=dim,
                timesteps=steps,
                x_scale=reach,
            )
    for first, second in (
        ("relu", "hard_sigmoid"),
        ("softsign", "hard_sigmoid"),
        ("elu", "softmax"),
        ("softmax", "softsign"),
        ("silu", "tanh"),
        ("linear", "hard_sigmoid"),
        ("sigmoid", "tanh"),
        ("gelu", "sigmoid"),
    ):
        units, dim = m.between(4, 21), m.between(3, 12)
        layer = m.lstm(units, dim, activation=first, recurrent=second, sequences=True)
        m.add("activation_pairs", layer, input_dim=dim, timesteps=4, x_scale=0)
    name = "hard_sigmoid_keras2"
    for key in ("recurrent", "recurrent", "recurrent", "activation"):
        more: dict[str, Any] = {key: name, "sequences": m.alternate()}
        layer = m.lstm(m.between(4, 21), 6, 1, **more)
        m.add(
            "hard_sigmoid_keras2", layer, input_dim=6, timesteps=5, source="reference"
        )
    for units in (3, 18):
        layer = m.dense(units, 6, activation=name)
        m.add(
            "hard_sigmoid_keras2", layer, input_dim=6, timesteps=2, source="reference"
        )


def add_dense(m: Matrix) -> None:
    for name in ["default", *ACTIVATIONS]:
        units, dim = m.between(3, 17), m.between(3, 20)
        scale = {"exponential": 0, "relu6": 3}.get(name, 2)
        layer = m.dense(units, dim, activation=name)
        m.add("dense", layer, input_dim=dim, timesteps=1, x_scale=scale, batch=5)
        over = m.pick("rows", "time")
        layer = m.dense(units, dim, activation=name, over=over)
        m.add("dense", layer, input_dim=dim, timesteps=4, x_scale=scale, batch=3)
    shapes = [(1, 1), (1, 9), (9, 1), (2, 32), (10, 64), (33, 17), (64, 31), (130, 70)]
    for units, dim in shapes:
        for use_bias in (True, False):
            over = m.pick("rows", "time", "batch")
            steps = 1 if over == "batch" else 3
            layer = m.dense(units, dim, use_bias=use_bias, over=over)
            m.add("dense", layer, input_dim=dim, timesteps=steps, batch=2)


def add_options(m: Matrix) -> None:
    for units in (1, 4, 7, 8, 12, 16, 19, 32, 45, 64):
        dim = m.between(2, 12)
        layer = m.lstm(units, dim, use_bias=False, sequences=m.alternate())
        m.add("no_bias", layer, input_dim=dim)
    for units in (2, 5, 8, 11, 16, 18, 24, 31, 40, 67):
        for sequences in (False, True):
            dim = m.between(2, 12)
            layer = m.lstm(units, dim, backwards=True, sequences=sequences)
            m.add("go_backwards", layer, input_dim=dim)
    for units in (3, 8, 10, 21):
        for state in (False, True):
            layer = m.lstm(units, 4, sequences=m.alternate())
            m.add(
                "zero_state" if not state else "state", layer, input_dim=4, state=state
            )


def add_masks(m: Matrix) -> None:
    kinds = ("random", "leading", "trailing", "middle", "some_empty", "zeros", "ones")
    for kind in kinds:
        for sequences in (False, True):
            for backwards in (False, True):
                for zero in (False, True):
                    batch, steps, dim = (
                        m.between(2, 5),
                        m.between(4, 9),
                        m.between(2, 7),
                    )
                    layer = m.lstm(
                        m.between(3, 14),
                        dim,
                        masked=True,
                        sequences=sequences,
                        backwards=backwards,
                        zero_output=zero,
                    )
                    mask = m.mask(batch, steps, kind)
                    rows = "".join(
                        "n" if b == "0" and m.pick(0, 0, 1) else "." for b in mask
                    )
                    m.add(
                        "zero_output_for_mask" if zero else "mask",
                        layer,
                        batch=batch,
                        timesteps=steps,
                        input_dim=dim,
                        mask=mask,
                        rows=rows if "n" in rows else "",
                    )


def add_stateful(m: Matrix) -> None:
    for units in (1, 3, 8, 9, 13, 16, 20, 37):
        for sequences in (False, True):
            dim, steps = m.between(2, 9), m.between(4, 8)
            layer = m.lstm(units, dim, sequences=sequences, backwards=units in (9, 20))
            split = m.between(1, steps - 1)
            m.add("stateful", layer, input_dim=dim, timesteps=steps, split=split)
    for kind in ("random", "leading", "trailing", "some_empty"):
        layer = m.lstm(m.between(3, 12), 4, sequences=True, masked=True)
        mask = m.mask(3, 7, kind)
        m.add("stateful", layer, batch=3, input_dim=4, timesteps=7, split=3, mask=mask)
    for sequences in (False, True):
        for merge in ("concat", "ave"):
            pair = m.both(5, 5, 3, sequences, merge=merge)
            m.add("stateful", *pair, input_dim=3, timesteps=6, split=4)


def add_bidirectional(m: Matrix) -> None:
    for merge in ("concat", "sum", "mul", "ave"):
        for sequences in (False, True):
            for variant in range(6):
                units, dim = m.between(2, 18), m.between(2, 9)
                more: dict[str, Any] = {"merge": merge}
                case: dict[str, Any] = {"state": variant != 5}
                other = units
                if variant == 1:
                    more["second"] = {
                        "activation": "softsign",
                        "recurrent": "hard_sigmoid",
                    }
                    other = units + 3 if merge == "concat" else units
                if variant == 2:
                    more["use_bias"] = False
                if variant in (3, 4):
                    batch, steps = 4, m.between(4, 8)
                    kind = (
                        "random"
                        if variant == 3
                        else m.pick("leading", "trailing", "some_empty")
                    )
                    case |= {"batch": batch, "timesteps": steps}
                    case["mask"] = m.mask(batch, steps, kind)
                    more["masked"] = True
                if variant == 5:
                    more["activation"] = m.pick("relu", "elu", "sigmoid")
                    more["gain"] = -1
                pair = m.both(units, other, dim, sequences, **more)
                m.add(
                    "bidirectional_mask" if "mask" in case else "bidirectional",
                    *pair,
                    input_dim=dim,
                    **case,
                )
    for units, other in ((1, 6), (16, 9), (33, 40), (64, 5), (7, 31), (8, 24)):
        use_bias = units % 2 == 0
        pair = m.both(units, other, 5, m.alternate(), second={"use_bias": use_bias})
        m.add("bidirectional_halves", *pair, input_dim=5)
    for sequences in (False, True):
        for merge in ("concat", "sum", "mul"):
            swapped = {"backwards": False}
            pair = m.both(
                6, 6, 4, sequences, merge=merge, backwards=True, second=swapped
            )
            m.add("bidirectional_swapped", *pair, input_dim=4)
    for merge in ("concat", "sum"):
        swapped = {"backwards": False}
        pair = m.both(
            5, 5, 4, True, merge=merge, backwards=True, masked=True, second=swapped
        )
        mask = m.mask(3, 6, "random")
        m.add(
            "bidirectional_swapped", *pair, batch=3, timesteps=6, input_dim=4, mask=mask
        )


def add_masking(m: Matrix) -> None:
    for value in (0.0, 0.0, 1.0, -1.0, 0.5, -10.0, 0.1, 1e-7):
        for dim in (1, 2, 5):
            letters = ".mpzn.mq" if dim > 1 else ".mzn.m.."
            rows = "".join(m.pick(*letters) for _ in range(14))
            layer = Layer("masking", value=value)
            m.add(
                "masking",
                layer,
                batch=2,
                timesteps=7,
                input_dim=dim,
                rows=rows,
                x_scale=0,
            )


def add_models(m: Matrix) -> None:
    """Whole Sequential models, called as such."""
    for batch in (1, 3, 4):
        stack = (m.lstm(32, 64), m.dense(2, 32))
        m.add(
            "model",
            *stack,
            batch=batch,
            timesteps=10,
            input_dim=64,
            source="sequential",
        )
    for activation in ("softmax", "sigmoid", "default", "relu"):
        dim, units = m.between(1, 12), m.between(3, 40)
        last = m.dense(m.between(1, 6), units, activation=activation)
        m.add("model", m.lstm(units, dim), last, input_dim=dim, source="sequential")
    for _ in range(4):
        dim, one, two = m.between(1, 9), m.between(4, 20), m.between(4, 20)
        first, second = m.lstm(one, dim, sequences=True), m.lstm(two, one)
        hidden, last = m.dense(7, two, activation="relu"), m.dense(3, 7)
        layers = (first, second, hidden, last)
        m.add("model", *layers, input_dim=dim, source="sequential")
    for over in ("rows", "time"):
        first, last = m.lstm(9, 4, sequences=True), m.dense(5, 9, over=over)
        m.add("model", first, last, input_dim=4, source="sequential")
    for merge, width in (("concat", 14), ("sum", 7)):
        pair = m.both(7, 7, 3, True, merge=merge)
        last = m.dense(1, 5, activation="sigmoid")
        m.add("model", *pair, m.lstm(5, width), last, input_dim=3, source="sequential")
    halves = (*m.both(6, 6, 3, True), *m.both(4, 4, 12, False))
    m.add("model", *halves, m.dense(3, 8), input_dim=3, source="sequential")
    add_masked_models(m)


def add_masked_models(m: Matrix) -> None:
    """Masking in a Sequential: `masked` are the layers Keras 3.15.1 takes the mask to.

    It goes through Dense, and through LSTM and Bidirectional with return_sequences.
    After go_backwards it is not reversed, although the rows are.
    """
    for value, last in (
        (0.0, True),
        (-1.0, False),
        (0.0, False),
        (2.0, True),
        (0.5, True),
    ):
        masking = Layer("masking", value=value)
        inner = m.lstm(8, 3, masked=True, sequences=True)
        dense = m.dense(4, 3, activation="relu", over=m.pick("rows", "time"))
        pair = m.both(5, 5, 3, True, masked=True)
        stacks: list[tuple[Layer, ...]] = [
            (m.lstm(8, 3, masked=True, sequences=last), m.dense(2, 8)),
            (inner, m.lstm(5, 8, masked=True), m.dense(2, 5)),
            (inner, m.lstm(5, 8, masked=True, sequences=last, backwards=True)),
            (
                m.lstm(6, 3, masked=True, sequences=True, backwards=True),
                m.lstm(5, 6, masked=True, sequences=last),
            ),
            (
                m.lstm(6, 3, masked=True, sequences=True, zero_output=True),
                m.lstm(5, 6, masked=True, sequences=last),
            ),
            (m.lstm(6, 3, masked=True), m.dense(5, 6), m.dense(3, 5)),
            (dense, m.lstm(7, 4, masked=True, sequences=last)),
            (*m.both(5, 5, 3, last, masked=True), m.dense(2, 10)),
            (*pair, m.lstm(4, 10, masked=True, sequences=last)),
            (*pair, *m.both(4, 4, 10, False, masked=True), m.dense(2, 8)),
        ]
        for stack in stacks:
            rows = "".join(m.pick("m", ".", ".", "p") for _ in range(3 * 6))
            m.add(
                "model_masking",
                masking,
                *stack,
                batch=3,
                timesteps=6,
                input_dim=3,
                rows=rows,
                source="sequential",
            )


def random_case(m: Matrix) -> None:
    batch, dim = m.between(1, 5), m.between(1, 24)
    steps = m.between(2, 12)
    masked = m.pick(False, True)
    sequences = m.pick(False, True)
    units = m.between(1, 200 // (batch * steps) + 12)
    more: dict[str, Any] = {
        "activation": m.pick(*TAME),
        "recurrent": m.pick(*TAME_GATES),
        "use_bias": m.pick(True, True, False),
        "masked": masked,
    }
    layers: tuple[Layer, ...]
    if m.pick(False, False, True):
        merge = m.pick("concat", "sum", "mul", "ave")
        other = m.between(1, 20) if merge == "concat" else units
        second = {"activation": m.pick(*TAME), "recurrent": m.pick(*TAME_GATES)}
        layers = m.both(
            units, other, dim, sequences, merge=merge, gain=-1, second=second, **more
        )
        width = units + other if merge == "concat" else units
    else:
        more |= {"backwards": m.pick(False, True), "zero_output": m.pick(False, True)}
        layers = (m.lstm(units, dim, -1, sequences=sequences, **more),)
        width = units
    split = m.pick(0, 0, 0, 1)
    if split:
        split = m.between(1, steps - 1)
    elif sequences and m.pick(False, True):
        more = {"activation": m.pick(*TAME), "masked": masked and m.pick(False, True)}
        layers += (
            m.lstm(m.between(1, 16), width, -1, sequences=m.pick(False, True), **more),
        )
    elif m.pick(False, True):
        over = "rows" if sequences else "batch"
        layers += (
            m.dense(m.between(1, 12), width, activation=m.pick(*TAME), over=over),
        )
    kind = m.pick("random", "leading", "trailing", "some_empty")
    m.add(
        "random",
        *layers,
        batch=batch,
        timesteps=steps,
        input_dim=dim,
        split=split,
        mask=m.mask(batch, steps, kind) if masked else "",
        state=m.pick(True, True, False),
    )


def build_cases() -> list[Case]:
    m = Matrix(SEED)
    add_shapes(m)
    add_activations(m)
    add_dense(m)
    add_options(m)
    add_masks(m)
    add_stateful(m)
    add_bidirectional(m)
    add_masking(m)
    add_models(m)
    for _ in range(80):
        random_case(m)
    return golden.numbered(m.cases, SEED)


def main() -> int:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tools = (
        f"keras {keras.__version__} (tensorflow {tf.__version__} on a CPU, "
        f"numpy {np.__version__}), seed {SEED}"
    )
    what = "Golden vectors from Keras."
    return golden.main(what, tools, build_cases(), run, reference.run)


if __name__ == "__main__":
    sys.exit(main())
