"""Golden vectors from ONNX Runtime: models of one LSTM node, weights in its layout.

    python tests/golden/generate_onnx.py --write tests/golden/onnx.txt
    python tests/golden/generate_onnx.py --check tests/golden/onnx.txt
    python tests/golden/generate_onnx.py --reference

Needs the packages of tests/requirements.txt. Y of a lone reverse direction is stored in
the order of computation, last timestep first, as Keras gives it; a node with
sequence_lens is a case with a mask. What onnx.reference can run too must agree with
ONNX Runtime.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import golden
import numpy as np
import onnx
import onnx.reference
import onnxruntime
import reference
from golden import Array, Case, Inputs, Layer, Outputs, fan_scale
from onnx import TensorProto, helper, numpy_helper

SEED = 2028

# ONNX' name and its alpha and beta, for the activations the two share.
NAMES: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "hard_sigmoid_keras2": ("HardSigmoid", 0.2, 0.5),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
}


def activation_attributes(case: Case) -> dict[str, Any]:
    """activations, activation_alpha, activation_beta: f, g and h of each direction."""
    if all(line.activation == line.recurrent == "default" for line in case.layers):
        return {}
    chosen = []
    for line in case.layers:
        gate = "sigmoid" if line.recurrent == "default" else line.recurrent
        cell = "tanh" if line.activation == "default" else line.activation
        chosen += [NAMES[gate], NAMES[cell], NAMES[cell]]
    attributes = {
        "activations": [name for name, _, _ in chosen],
        "activation_alpha": [alpha for _, alpha, _ in chosen if alpha is not None],
        "activation_beta": [beta for _, _, beta in chosen if beta is not None],
    }
    return {name: values for name, values in attributes.items() if values}


def direction(case: Case) -> str:
    if len(case.layers) == 2:
        return "bidirectional"
    return "reverse" if case.layers[0].backwards else "forward"


def lengths(case: Case, inputs: Inputs) -> Array | None:
    return None if inputs.mask is None else inputs.mask.sum(1).astype(np.int32)


def node_inputs(case: Case, inputs: Inputs) -> dict[str, Array]:
    """The inputs of the node by name, in the node's order; absent ones are left out."""
    use_bias = case.layers[0].use_bias
    named = {"X": inputs.x.transpose(1, 0, 2).copy()}
    for position, name in enumerate("WRB" if use_bias else "WR"):
        named[name] = np.stack([weights[position] for weights in inputs.weights])
    sequence_lens = lengths(case, inputs)
    if sequence_lens is not None:
        named["sequence_lens"] = sequence_lens
    if case.state:
        named["initial_h"] = np.stack([h for h, _ in inputs.states])
        named["initial_c"] = np.stack([c for _, c in inputs.states])
    return named


def model(case: Case, named: dict[str, Array]) -> onnx.ModelProto:
    """X is the model's input; everything else is a constant in it."""
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c"]
    used = [name if name in named else "" for name in order]
    node = helper.make_node(
        "LSTM",
        used,
        ["Y", "Y_h", "Y_c"],
        direction=direction(case),
        hidden_size=case.layers[0].units,
        **activation_attributes(case),
    )
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, named["X"].shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank)
            for name, rank in (("Y", 4), ("Y_h", 3), ("Y_c", 3))
        ],
        [
            numpy_helper.from_array(value, name)
            for name, value in named.items()
            if name != "X"
        ],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8
    )
    onnx.checker.check_model(made)
    return made


def runtime(made: onnx.ModelProto, x: Array) -> list[Array]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    return [np.asarray(value) for value in session.run(None, {"X": x})]


def cross_check(case: Case, made: onnx.ModelProto, x: Array, y: Array) -> None:
    """onnx.reference knows one forward direction, default activations, full length."""
    if direction(case) != "forward" or case.mask or activation_attributes(case):
        return
    again: Any = onnx.reference.ReferenceEvaluator(made).run(None, {"X": x})
    assert golden.excess(np.asarray(again[0]), y) <= 1e-6, case


def run(case: Case, inputs: Inputs) -> Outputs:
    named = node_inputs(case, inputs)
    made = model(case, named)
    y, h, c = runtime(made, named["X"])
    cross_check(case, made, named["X"], y)
    rows = y.transpose(2, 0, 1, 3).reshape(case.batch, case.timesteps, -1)
    if direction(case) == "reverse":
        rows = rows[:, ::-1]
    return Outputs(rows.copy(), list(h), list(c))


def lines(where: str, units: int, input_dim: int, **more: Any) -> tuple[Layer, ...]:
    kinds = ("forward", "backward") if where == "bidirectional" else ("lstm",)
    return tuple(
        Layer(
            kind,
            units,
            layout="onnx",
            sequences=True,
            backwards=kind == "backward" or where == "reverse",
            kernel_scale=fan_scale(input_dim),
            recurrent_scale=fan_scale(units, -1),
            **more,
        )
        for kind in kinds
    )


def build_cases() -> list[Case]:
    chosen = random.Random(SEED)
    cases: list[Case] = []

    def add(
        feature: str, layers: tuple[Layer, ...], input_dim: int, **more: Any
    ) -> None:
        more.setdefault("batch", chosen.randint(1, 4))
        more.setdefault("timesteps", chosen.randint(3, 8))
        more["state"] = chosen.random() < 0.8
        cases.append(Case(feature, input_dim=input_dim, layers=layers, **more))

    sizes = ((3, 5), (8, 4), (13, 7), (16, 10), (1, 3), (6, 1))
    pairs = (
        ("relu", "default"),
        ("softsign", "hard_sigmoid"),
        ("elu", "hard_sigmoid_keras2"),
        ("default", "hard_sigmoid"),
        ("leaky_relu", "softsign"),
        ("softplus", "tanh"),
    )
    for where in ("forward", "reverse", "bidirectional"):
        for units, input_dim in sizes:
            for use_bias in (True, False):
                made = lines(where, units, input_dim, use_bias=use_bias)
                add(where, made, input_dim)
        for activation, recurrent in pairs:
            made = lines(where, 7, 4, activation=activation, recurrent=recurrent)
            add(f"{where}_activations", made, 4)
        for batch, steps in ((3, 5), (2, 7), (4, 6)):
            used = [chosen.randint(1, steps) for _ in range(batch)]
            mask = "".join("1" * n + "0" * (steps - n) for n in used)
            made = lines(where, 5, 3, masked=True, zero_output=True)
            add(f"{where}_lengths", made, 3, batch=batch, timesteps=steps, mask=mask)
    return golden.numbered(cases, SEED)


def main() -> int:
    tools = (
        f"onnxruntime {onnxruntime.__version__} (on a CPU, onnx {onnx.__version__}, "
        f"numpy {np.__version__}), seed {SEED}"
    )
    what = "Golden vectors from ONNX Runtime."
    return golden.main(what, tools, build_cases(), run, reference.run)


if __name__ == "__main__":
    sys.exit(main())
