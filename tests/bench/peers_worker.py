"""Runs one Python peer for peers.py: peers_worker.py onnxruntime|torch|litert

Reads lines "open CASE BATCH TIMESTEPS INPUT_DIM UNITS DENSE_UNITS IS_STREAM FILE" and
"time CASE MILLISECONDS"; answers with the name and version first, then "opened ERROR" or why not,
and "SECONDS OVERHEAD": the least time of a run (of one sample for a stream) and that of calling
the library with nothing to do, both in seconds.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass
class Case:
    batch: int
    timesteps: int
    input_dim: int
    units: int
    dense_units: int
    is_stream: bool
    kernel: Floats  # Keras' layout
    recurrent: Floats
    bias: Floats
    dense_kernel: Floats
    dense_bias: Floats
    x: Floats  # [batch][timesteps][input_dim]
    want: np.ndarray[Any, np.dtype[np.float64]]

    @property
    def calls(self) -> int:
        return self.timesteps if self.is_stream else 1


class Model(Protocol):
    def run(self) -> Floats: ...

    def nothing(self) -> None:
        """What one call costs without the work."""


def read_case(fields: list[str], path: str) -> Case:
    batch, timesteps, input_dim, units, dense_units, is_stream = map(int, fields)
    data = Path(path).read_bytes()
    at = 0

    def floats(*shape: int) -> Floats:
        nonlocal at
        count = int(np.prod(shape))
        part = np.frombuffer(data, np.float32, count, at).reshape(shape).copy()
        at += 4 * count
        return part

    case = Case(
        batch,
        timesteps,
        input_dim,
        units,
        dense_units,
        is_stream != 0,
        floats(input_dim, 4 * units),
        floats(units, 4 * units),
        floats(4 * units),
        floats(units, dense_units),
        floats(dense_units),
        floats(batch, timesteps, input_dim),
        np.empty(0),
    )
    case.want = np.frombuffer(data, np.float64, offset=at)
    return case


def blocks(matrix: Floats, order: list[int]) -> Floats:
    """Gate blocks of columns as blocks of rows, in another order."""
    parts = np.split(matrix, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([parts[k].T for k in order], axis=0))


def onnxruntime_model(case: Case) -> Model:
    import onnxruntime as ort
    from onnx import TensorProto, checker, helper, numpy_helper

    steps = 1 if case.is_stream else case.timesteps
    order = [0, 3, 1, 2]
    bias = np.concatenate([blocks(case.bias[None], order)[:, 0], np.zeros(4 * case.units)])
    constants: dict[str, np.ndarray[Any, Any]] = {
        "w": blocks(case.kernel, order)[None],
        "r": blocks(case.recurrent, order)[None],
        "b": bias[None].astype(np.float32),
        "dense": case.dense_kernel,
        "dense_bias": case.dense_bias,
        "rows": np.array([case.batch, case.units], np.int64),
    }
    state = [1, case.batch, case.units]
    nodes = [
        helper.make_node(
            "LSTM",
            ["x", "w", "r", "b", "", "h", "c"],
            ["", "new_h", "new_c"],
            hidden_size=case.units,
        )
    ]
    outputs = ["new_h", "new_c"]
    shapes = [state, state]
    if case.dense_units:
        nodes.append(helper.make_node("Reshape", ["new_h", "rows"], ["flat"]))
        nodes.append(helper.make_node("Gemm", ["flat", "dense", "dense_bias"], ["y"]))
        outputs.append("y")
        shapes.append([case.batch, case.dense_units])

    def value(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs = {"x": [steps, case.batch, case.input_dim], "h": state, "c": state}
    graph = helper.make_graph(
        nodes,
        "lstm",
        [value(name, shape) for name, shape in inputs.items()],
        [value(name, shape) for name, shape in zip(outputs, shapes, strict=True)],
        [numpy_helper.from_array(a, name) for name, a in constants.items() if a.size],
    )
    opset = [helper.make_opsetid("", 14)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    checker.check_model(model)
    # the same inputs and outputs with nothing between them
    copies = [
        helper.make_node("Identity", ["h"], ["h1"]),
        helper.make_node("Identity", ["c"], ["c1"]),
    ]
    copies.append(helper.make_node("Identity", ["x"], ["x1"]))
    idle = helper.make_model(
        helper.make_graph(
            copies,
            "nothing",
            [value(name, shape) for name, shape in inputs.items()],
            [value(name + "1", shape) for name, shape in inputs.items()],
        ),
        opset_imports=opset,
        ir_version=8,
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL

    def session(of: Any) -> Any:
        return ort.InferenceSession(of.SerializeToString(), options, ["CPUExecutionProvider"])

    def values(*shape: int) -> Any:
        return ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))

    lstm, nothing = session(model), session(idle)
    xs = case.x.transpose(1, 0, 2)
    feeds = [
        ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(part))
        for part in np.split(xs, case.calls)
    ]
    h, c = [values(*state), values(*state)], [values(*state), values(*state)]
    ys = [values(case.batch, case.dense_units) for _ in range(case.calls)]
    bindings = []
    for call in range(case.calls):
        binding = lstm.io_binding()
        # zeros first; then the two states take turns
        source = [values(*state), values(*state)] if call == 0 else [h[call % 2], c[call % 2]]
        binding.bind_ortvalue_input("x", feeds[call])
        binding.bind_ortvalue_input("h", source[0])
        binding.bind_ortvalue_input("c", source[1])
        binding.bind_ortvalue_output("new_h", h[1 - call % 2])
        binding.bind_ortvalue_output("new_c", c[1 - call % 2])
        if case.dense_units:
            binding.bind_ortvalue_output("y", ys[call])
        bindings.append(binding)
    idle_binding = nothing.io_binding()
    for name, source in zip(inputs, [feeds[0], h[0], c[0]], strict=True):
        idle_binding.bind_ortvalue_input(name, source)
        idle_binding.bind_ortvalue_output(name + "1", values(*inputs[name]))

    class OnnxRuntime:
        def run(self) -> Floats:
            for binding in bindings:
                lstm.run_with_iobinding(binding)
            if case.dense_units:
                return np.concatenate([y.numpy().ravel() for y in ys])
            return np.array(h[1].numpy())

        def nothing(self) -> None:
            for _ in bindings:
                nothing.run_with_iobinding(idle_binding)
            if case.dense_units:
                np.concatenate([y.numpy().ravel() for y in ys])
            else:
                np.array(h[1].numpy())

    return OnnxRuntime()


def torch_model(case: Case) -> Model:
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    order = [0, 1, 2, 3]
    lstm = torch.nn.LSTM(case.input_dim, case.units).eval()
    lstm.weight_ih_l0.copy_(torch.from_numpy(blocks(case.kernel, order)))
    lstm.weight_hh_l0.copy_(torch.from_numpy(blocks(case.recurrent, order)))
    lstm.bias_ih_l0.copy_(torch.from_numpy(case.bias))
    lstm.bias_hh_l0.zero_()
    dense = torch.nn.Linear(case.units, max(case.dense_units, 1)).eval()
    if case.dense_units:
        dense.weight.copy_(torch.from_numpy(np.ascontiguousarray(case.dense_kernel.T)))
        dense.bias.copy_(torch.from_numpy(case.dense_bias))
    x = torch.from_numpy(np.ascontiguousarray(case.x.transpose(1, 0, 2)))
    parts = [part.contiguous() for part in torch.chunk(x, case.calls)]
    zeros = torch.zeros(1, case.batch, case.units)
    identity = torch.nn.Identity()

    class Torch:
        def run(self) -> Floats:
            state, ys = (zeros, zeros), []
            for part in parts:
                _, state = lstm(part, state)
                ys.append(dense(state[0]) if case.dense_units else state[0])
            return np.concatenate([y.numpy().ravel() for y in ys])

        def nothing(self) -> None:
            ys = []
            for part in parts:
                ys.append(identity(identity(part)))
            np.concatenate([y.numpy().ravel() for y in ys])

    return Torch()


def litert_model(case: Case) -> Model:
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if case.is_stream:
        raise NotImplementedError("not done for streams")
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    inputs = keras.Input((case.timesteps, case.input_dim), batch_size=case.batch)
    lstm = keras.layers.LSTM(case.units, unroll=case.timesteps <= 13)
    outputs = lstm(inputs)
    if case.dense_units:
        outputs = keras.layers.Dense(case.dense_units)(outputs)
    model = keras.Model(inputs, outputs)
    weights = [case.kernel, case.recurrent, case.bias]
    model.set_weights(weights + ([case.dense_kernel, case.dense_bias] if case.dense_units else []))
    shape = [case.batch, case.timesteps, case.input_dim]
    function = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec(shape, tf.float32)
    )
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    interpreter = tf.lite.Interpreter(model_content=converter.convert(), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], case.x)
    output = interpreter.get_output_details()[0]["index"]

    class LiteRt:
        def run(self) -> Floats:
            interpreter.invoke()
            return np.array(interpreter.get_tensor(output))

        def nothing(self) -> None:
            interpreter.get_tensor(output)

    return LiteRt()


def version(peer: str) -> str:
    if peer == "onnxruntime":
        import onnxruntime

        return str(onnxruntime.__version__)
    if peer == "torch":
        import torch

        return str(torch.__version__)
    import tensorflow

    return f"of TensorFlow {tensorflow.__version__}"


def least(call: Callable[[], object], seconds: float, most: int = 1 << 20) -> float:
    best = float("inf")
    stop = time.perf_counter() + seconds
    for _ in range(most):
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        best = min(best, now - start)
        if now > stop:
            break
    return best


def main() -> None:
    peer = sys.argv[1]
    makers = {"onnxruntime": onnxruntime_model, "torch": torch_model, "litert": litert_model}
    print(version(peer), flush=True)
    models: dict[str, tuple[Case, Model]] = {}
    for line in sys.stdin:
        words = line.split()
        if words[0] == "open":
            try:
                case = read_case(words[2:8], words[8])
                model = makers[peer](case)
                error = float(np.max(np.abs(model.run().ravel() - case.want)))
                models[words[1]] = case, model
                print(f"opened {error:.3g}", flush=True)
            except Exception as problem:  # whatever a library raises is the answer
                text = " ".join(str(problem).split())[:200]
                print(f"cannot: {type(problem).__name__} {text}", flush=True)
        else:
            case, model = models[words[1]]
            seconds = float(words[2]) / 1000
            best = least(model.run, seconds) / case.calls
            overhead = least(model.nothing, seconds / 10) / case.calls
            print(f"{best:.9g} {overhead:.9g}", flush=True)


if __name__ == "__main__":
    main()
