"""Runs one Python peer for peers.py, in a process of its own for each round:

    peers_worker.py PEER version
    peers_worker.py PEER time DIRECTORY CASE:MILLISECONDS ...

PEER is onnxruntime, onnxruntime_int8 (weights and inputs of 8 bits: its dynamic quantisation) or torch.
DIRECTORY has a file for each case, made by `worker prepare`, and cases.txt, what `worker cases`
prints. `time` prints lines "CASE SECONDS OVERHEAD ERROR": the least time of a run (of one sample for
a stream), that of calling the library with nothing to do, and how far the output is off.
"""

import sys
import tempfile
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

    inputs = units or input_dim  # of the Dense layer
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
        floats(inputs, dense_units),
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


def onnxruntime_dense(case: Case) -> Model:
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    def value(name: str, columns: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [case.batch, columns])

    def binding(nodes: list[Any]) -> tuple[Any, Any, Any]:
        graph = helper.make_graph(
            nodes,
            "dense",
            [value("x", case.input_dim)],
            [value("y", case.dense_units)],
            [
                numpy_helper.from_array(case.dense_kernel, "w"),
                numpy_helper.from_array(case.dense_bias, "b"),
            ],
        )
        opset = [helper.make_opsetid("", 14)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(
            model.SerializeToString(), options, ["CPUExecutionProvider"]
        )
        bound = session.io_binding()
        y = ort.OrtValue.ortvalue_from_numpy(np.zeros((case.batch, case.dense_units), np.float32))
        x = ort.OrtValue.ortvalue_from_numpy(case.x.reshape(case.batch, -1))
        bound.bind_ortvalue_input("x", x)
        bound.bind_ortvalue_output("y", y)
        return session, bound, y

    session, bound, y = binding([helper.make_node("Gemm", ["x", "w", "b"], ["y"])])

    class Dense:
        def run(self) -> Floats:
            session.run_with_iobinding(bound)
            return y.numpy()  # type: ignore[no-any-return]

        def nothing(self) -> None:
            y.numpy()

    return Dense()


def dynamic_int8(model: Any) -> Any:
    """As onnxruntime.quantization makes it: an LSTM becomes DynamicQuantizeLSTM."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = f"{folder}/before.onnx", f"{folder}/after.onnx"
        onnx.save(model, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8)
        small = onnx.load(after)
    if all(node.op_type != "DynamicQuantizeLSTM" for node in small.graph.node):
        raise RuntimeError("the LSTM is still one of floats")
    return small


def onnxruntime_int8_model(case: Case) -> Model:
    if not case.units:
        raise NotImplementedError("a Dense layer alone")
    return onnxruntime_model(case, is_int8=True)


def onnxruntime_model(case: Case, is_int8: bool = False) -> Model:
    import onnxruntime as ort
    from onnx import TensorProto, checker, helper, numpy_helper

    if not case.units:
        return onnxruntime_dense(case)
    steps = 1 if case.is_stream else case.timesteps
    order = [0, 3, 1, 2]
    bias = np.concatenate([blocks(case.bias[None], order)[:, 0], np.zeros(4 * case.units)])
    constants: dict[str, np.ndarray[Any, Any]] = {
        "w": blocks(case.kernel, order)[None],
        "r": blocks(case.recurrent, order)[None],
        "b": bias[None].astype(np.float32),
        "dense": case.dense_kernel,
        "dense_bias": case.dense_bias,
    }
    if case.dense_units:
        constants["rows"] = np.array([case.batch, case.units], np.int64)
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
    if is_int8:
        model = dynamic_int8(model)
    # as many inputs and outputs with nothing between them, of one number: a copy is no part of a call
    copies = [helper.make_node("Identity", [name], [name + "1"]) for name in ("x", "h", "c")]
    idle = helper.make_model(
        helper.make_graph(
            copies,
            "nothing",
            [value(name, [1]) for name in inputs],
            [value(name + "1", [1]) for name in inputs],
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
    for name in inputs:
        idle_binding.bind_ortvalue_input(name, values(1))
        idle_binding.bind_ortvalue_output(name + "1", values(1))

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


def torch_dense(case: Case) -> Model:
    import torch

    layer = torch.nn.Linear(case.input_dim, case.dense_units).eval()
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(case.dense_kernel.T)))
    layer.bias.copy_(torch.from_numpy(case.dense_bias))
    x = torch.from_numpy(case.x.reshape(case.batch, -1))
    identity = torch.nn.Identity()

    class Dense:
        def run(self) -> Floats:
            return layer(x).numpy()  # type: ignore[no-any-return]

        def nothing(self) -> None:
            identity(x).numpy()

    return Dense()


def torch_model(case: Case) -> Model:
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    if not case.units:
        return torch_dense(case)
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


def version(peer: str) -> str:
    if peer.startswith("onnxruntime"):
        import onnxruntime

        return str(onnxruntime.__version__)
    import torch

    return str(torch.__version__)


def least(call: Callable[[], object], seconds: float) -> float:
    best = float("inf")
    for _ in range(3):
        call()
    stop = time.process_time() + seconds
    while True:
        start = time.process_time()
        call()
        now = time.process_time()
        best = min(best, now - start)
        if now > stop:
            return best


def main() -> None:
    peer, what = sys.argv[1:3]
    makers = {
        "onnxruntime": onnxruntime_model,
        "onnxruntime_int8": onnxruntime_int8_model,
        "torch": torch_model,
    }
    if what == "version":
        print(version(peer))
        return
    directory = Path(sys.argv[3])
    fields = {
        line.split()[0]: line.split()[1:7]
        for line in (directory / "cases.txt").read_text().splitlines()
    }
    for argument in sys.argv[4:]:
        name, _, milliseconds = argument.partition(":")
        seconds = float(milliseconds) / 1000
        try:
            case = read_case(fields[name], str(directory / f"{name}.bin"))
            model = makers[peer](case)
            error = float(np.max(np.abs(model.run().ravel() - case.want)))
        except Exception as problem:  # whatever a library raises is the answer
            text = " ".join(str(problem).split())[:100]
            print(f"{name} cannot {type(problem).__name__} {text}", flush=True)
            continue
        best = least(model.run, seconds) / case.calls
        overhead = least(model.nothing, seconds / 10) / case.calls
        print(f"{name} {best:.9g} {overhead:.9g} {error:.3g}", flush=True)


if __name__ == "__main__":
    main()
