"""ONNX files made node by node, one of others, and what ONNX Runtime says of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from harness import Array, Case, Pair
from onnx import TensorProto, helper, numpy_helper

D, H = 5, 6
LENGTHS = (1, 21)


class Builder:
    """A graph with random weights."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, *shape: int, scale: float = 0.6) -> str:
        return self.constant(self.random.uniform(-scale, scale, shape).astype(np.float32))

    def constant(self, array: npt.NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind: str, *inputs: str, outputs: int = 1, **options: Any) -> str:
        """Its first output; the others end in 1, 2, ..."""
        name = f"{kind.lower()}{len(self.nodes)}"
        outs = [name, *(f"{name}_{k}" for k in range(1, outputs))]
        self.nodes.append(
            helper.make_node(kind, list(inputs), outs, name=name, **options)
        )
        return name

    def lstm(
        self, x: str, inputs: int, *more: str, bias: bool = True, **options: Any
    ) -> str:
        directions = 2 if options.get("direction") == "bidirectional" else 1
        w = self.weight(directions, 4 * H, inputs)
        r = self.weight(directions, 4 * H, H)
        b = self.weight(directions, 8 * H) if bias else ""
        return self.node("LSTM", x, w, r, b, *more, outputs=3, hidden_size=H, **options)

    def model(self, output: str, opset: int = 20, **others: Any) -> Any:
        kind = TensorProto.FLOAT
        shape = ["time", "batch", D]
        inputs = [helper.make_tensor_value_info("x", kind, shape)]
        for name, dims in others.items():
            inputs.append(helper.make_tensor_value_info(name, kind, dims))
        outputs = [helper.make_tensor_value_info(output, kind, None)]
        graph = helper.make_graph(self.nodes, "made", inputs, outputs, self.weights)
        imports = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def _squeezed(b: Builder, y: str, axis: int = 1) -> str:
    return b.node("Squeeze", y, b.constant(np.array([axis])))


def _forward(b: Builder) -> Any:
    return b.model(_squeezed(b, b.lstm("x", D)))


def _no_bias(b: Builder) -> Any:
    return b.model(_squeezed(b, b.lstm("x", D, bias=False)))


def _reverse(b: Builder) -> Any:
    return b.model(_squeezed(b, b.lstm("x", D, direction="reverse")))


def _reverse_stack(b: Builder) -> Any:
    y = _squeezed(b, b.lstm("x", D, direction="reverse"))
    return b.model(_squeezed(b, b.lstm(y, H)))


def _reverse_final(b: Builder) -> Any:
    h = b.lstm("x", D, direction="reverse") + "_1"
    return b.model(b.node("MatMul", _squeezed(b, h, 0), b.weight(H, 3)))


def _bidirectional(b: Builder) -> Any:
    y = b.lstm("x", D, direction="bidirectional")
    y = b.node("Transpose", y, perm=[0, 2, 1, 3])
    y = b.node("Reshape", y, b.constant(np.array([0, 0, -1])))
    return b.model(b.node("MatMul", y, b.weight(2 * H, 3)))


def _raw_bidirectional(b: Builder) -> Any:
    return b.model(b.lstm("x", D, direction="bidirectional"))


def _bidirectional_final(b: Builder) -> Any:
    h = b.lstm("x", D, direction="bidirectional") + "_1"
    h = b.node("Transpose", h, perm=[1, 0, 2])
    h = b.node("Reshape", h, b.constant(np.array([-1, 2 * H])))
    return b.model(b.node("Gemm", h, b.weight(3, 2 * H), b.weight(3), transB=1))


def _final(b: Builder) -> Any:
    h = b.lstm("x", D) + "_1"
    y = b.node("Gemm", _squeezed(b, h, 0), b.weight(H, 3), b.weight(1, 3))
    return b.model(b.node("Softmax", y, axis=1))


def _bias_after(b: Builder) -> Any:
    y = b.node("MatMul", _squeezed(b, b.lstm("x", D)), b.weight(H, 4))
    y = b.node("Relu", b.node("Add", b.weight(4), y))
    y = b.node("Add", b.node("MatMul", y, b.weight(4, 2)), b.weight(2))
    return b.model(b.node("Tanh", b.node("Identity", y)))


def _first_row(b: Builder) -> Any:
    y = _squeezed(b, b.lstm("x", D, direction="reverse"))
    y = b.node("Gather", y, b.constant(np.array(0)), axis=0)
    return b.model(b.node("Gemm", y, b.weight(H, 3), b.weight(3)))


def _last_slice(b: Builder) -> Any:
    y = _squeezed(b, b.lstm("x", D))
    ends = b.constant(np.array([2**63 - 1]))
    y = b.node("Slice", y, b.constant(np.array([-1])), ends, b.constant(np.array([0])))
    y = _squeezed(b, y, 0)
    return b.model(b.node("Gemm", y, b.weight(H, 3), b.weight(3)))


def _functions(*names: str, **options: Any) -> Any:
    def build(b: Builder) -> Any:
        return b.model(_squeezed(b, b.lstm("x", D, activations=list(names), **options)))

    return build


def _zero_state(b: Builder) -> Any:
    y = b.lstm("x", D, "", "h0", "c0")
    states = {"h0": [1, "batch", H], "c0": [1, "batch", H]}
    return b.model(_squeezed(b, y), **states)


def _folded(b: Builder) -> Any:
    """Weights that are put together in the graph, as exporters leave them."""
    parts = [b.weight(2 * H, D), b.weight(2 * H, D)]
    axis = b.constant(np.array([0]))
    w = b.node("Unsqueeze", b.node("Concat", *parts, axis=0), axis)
    r = b.node("Unsqueeze", b.node("Transpose", b.weight(H, 4 * H), perm=[1, 0]), axis)
    y = b.node("LSTM", "x", w, r, outputs=3, hidden_size=H)
    return b.model(_squeezed(b, y))


def _subgraph_free(b: Builder) -> Any:
    shape = b.constant(np.array([1, 1, H]))
    zeros = b.node("ConstantOfShape", shape)
    y = b.lstm("x", D, "", b.node("Identity", zeros), zeros)
    y = b.node("Dropout", _squeezed(b, y))
    return b.model(b.node("LeakyRelu", y, alpha=0.2))


def _row_to_rows(b: Builder) -> Any:
    """Rows of all sequences in one matrix, as Keras' exporters make for a Dense."""
    y = b.node("Reshape", _squeezed(b, b.lstm("x", D)), b.constant(np.array([-1, H])))
    return b.model(b.node("Gemm", y, b.weight(H, 3), b.weight(3)))


def _old_softmax(b: Builder) -> Any:
    """Softmax of opset 12, whose axis 1 is all from there on; Squeeze has attributes."""
    y = b.node("MatMul", b.node("Squeeze", b.lstm("x", D), axes=[1]), b.weight(H, 3))
    return b.model(b.node("Softmax", y), opset=12)


def _shape_of_zeros(b: Builder) -> Any:
    y = _squeezed(b, b.lstm("x", D))
    y = b.node("Reshape", y, b.constant(np.array([0, 1, -1])))
    y = b.node("Reshape", y, b.constant(np.array([0, 0, 0])))
    return b.model(b.node("MatMul", y, b.weight(H, 3)))


def _rows(b: Builder) -> str:
    return _squeezed(b, b.lstm("x", D))


def _number(b: Builder, value: float) -> str:
    return b.constant(np.array(value, np.float32))


def _arithmetic(b: Builder) -> Any:
    y = b.node("Div", b.node("Sub", "x", b.weight(D)), b.weight(D, scale=2.0))
    y = _squeezed(b, b.lstm(y, D))
    y = b.node("Add", b.node("Mul", b.weight(H), y), b.weight(1, 1, H))
    return b.model(b.node("Sub", _number(b, 1.5), b.node("Mul", y, _number(b, 3.0))))


def _norms(b: Builder) -> Any:
    y = b.node("LayerNormalization", "x", b.weight(D), b.weight(D), axis=-1)
    y = b.node("Transpose", _squeezed(b, b.lstm(y, D)), perm=[0, 2, 1])
    statistics = [b.weight(H), b.weight(H), b.weight(H)]
    variance = b.constant(np.linspace(0.3, 2.0, H).astype(np.float32))
    y = b.node("BatchNormalization", y, *statistics, variance, epsilon=1e-3)
    y = b.node("Transpose", y, perm=[0, 2, 1])
    return b.model(b.node("MatMul", y, b.weight(H, 3)))


def _composed(b: Builder) -> Any:
    """SiLU, GELU and Mish as the nodes that they are made of."""
    y = b.node("MatMul", _rows(b), b.weight(H, 5, scale=2.0))
    y = b.node("MatMul", b.node("Mul", y, b.node("Sigmoid", y)), b.weight(5, 6))
    erf = b.node("Erf", b.node("Div", y, _number(b, 2.0**0.5)))
    y = b.node("Mul", y, b.node("Add", erf, _number(b, 1.0)))
    y = b.node("MatMul", b.node("Mul", y, _number(b, 0.5)), b.weight(6, 4))
    y = b.node("Mul", y, b.node("Tanh", b.node("Softplus", y)))
    return b.model(b.node("MatMul", y, b.weight(4, 3)))


def _curves(b: Builder) -> Any:
    y = b.node("LeakyRelu", b.node("MatMul", _rows(b), b.weight(H, 4)), alpha=0.01)
    y = b.node("Elu", b.node("MatMul", y, b.weight(4, 4)), alpha=0.5)
    y = b.node("PRelu", b.node("MatMul", y, b.weight(4, 4)), b.weight(4))
    y = b.node("Clip", y, _number(b, -0.25), _number(b, 0.5))
    return b.model(b.node("Clip", y, "", _number(b, 0.3)))


def _halves(b: Builder, y: str, axis: int) -> str:
    """Both directions as tf2onnx takes them apart, next to each other."""
    parts = []
    for number in (0, 1):
        one = [b.constant(np.array([k])) for k in (number, number + 1, axis)]
        parts.append(_squeezed(b, b.node("Slice", y, *one), axis))
    return b.node("Concat", *parts, axis=-1)


def _sliced_halves(b: Builder) -> Any:
    y = _halves(b, b.lstm("x", D, direction="bidirectional"), 1)
    return b.model(b.node("MatMul", y, b.weight(2 * H, 3)))


def _gathered_final(b: Builder) -> Any:
    h = b.lstm("x", D, direction="bidirectional") + "_1"
    parts = [b.node("Gather", h, b.constant(np.array(k)), axis=0) for k in (-2, -1)]
    y = b.node("Concat", *parts, axis=1)
    return b.model(b.node("Gemm", y, b.weight(3, 2 * H), b.weight(3), transB=1))


def _split_final(b: Builder) -> Any:
    h = b.lstm("x", D, direction="bidirectional") + "_1"
    first = b.node("Split", h, outputs=2, axis=0, num_outputs=2)
    parts = [_squeezed(b, each, 0) for each in (first, f"{first}_1")]
    y = b.node("Concat", *parts, axis=-1)
    return b.model(b.node("MatMul", y, b.weight(2 * H, 3)))


def _sliced_axes(b: Builder) -> Any:
    """A Slice over all axes, of which one cuts."""
    last = 2**63 - 1
    numbers = ([-1, 0, 0], [last, last, last], [0, 1, 2])
    y = b.node("Slice", _rows(b), *(b.constant(np.array(each)) for each in numbers))
    y = _squeezed(b, y, 0)
    return b.model(b.node("MatMul", y, b.weight(H, 3)))


def _old_constants(b: Builder) -> Any:
    """Weights put together by operators as they were in opset 11."""
    parts = b.node("Split", b.weight(8 * H, D), outputs=2, axis=0)
    w = b.node("Unsqueeze", parts, axes=[0])
    r = b.node("Squeeze", b.node("Unsqueeze", b.weight(1, 4 * H, H), axes=[0]), axes=[1])
    y = b.node("LSTM", "x", w, r, outputs=3, hidden_size=H)
    return b.model(b.node("Squeeze", y, axes=[1]), opset=11)


def _started(b: Builder) -> Any:
    """A state to begin with that is not zero."""
    return b.model(_squeezed(b, b.lstm("x", D, "", b.weight(1, 1, H), b.weight(1, 1, H))))


MODELS = {
    "arithmetic": _arithmetic,
    "norms": _norms,
    "composed activations": _composed,
    "curves": _curves,
    "halves sliced": _sliced_halves,
    "halves gathered, final": _gathered_final,
    "halves split, final": _split_final,
    "slice of several axes, final": _sliced_axes,
    "old constants": _old_constants,
    "state to begin with": _started,
    "forward": _forward,
    "no bias": _no_bias,
    "reverse": _reverse,
    "reverse stack": _reverse_stack,
    "reverse final": _reverse_final,
    "bidirectional": _bidirectional,
    "raw bidirectional": _raw_bidirectional,
    "bidirectional final": _bidirectional_final,
    "final": _final,
    "bias after": _bias_after,
    "first row": _first_row,
    "last slice": _last_slice,
    "hard sigmoid": _functions("HardSigmoid", "Tanh", "Tanh"),
    "hard sigmoid of Keras 3": _functions(
        "HardSigmoid",
        "Softsign",
        "Softsign",
        activation_alpha=[1 / 6],
        activation_beta=[0.5],
    ),
    "relu": _functions("Sigmoid", "Relu", "Relu"),
    "folded": _folded,
    "zeros": _subgraph_free,
    "rows in a matrix": _row_to_rows,
    "zero state": _zero_state,
    "old softmax": _old_softmax,
    "shape of zeros": _shape_of_zeros,
}


def output_of(model: Any, name: str, feeds: dict[str, Array]) -> Array:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run([name], feeds)[0], np.float32)


def _case(
    name: str,
    model: Any,
    path: Path,
    output: str = "",
    lengths: tuple[int, ...] = LENGTHS,
) -> Case:
    onnx.save(model, path)
    output = output or model.graph.output[0].name
    pairs = []
    for timesteps in lengths:
        random = np.random.RandomState(timesteps)
        x = random.uniform(-1.5, 1.5, (timesteps, D)).astype(np.float32)
        feeds = {"x": x[:, None]}
        for other in model.graph.input[1:]:
            feeds[other.name] = np.zeros((1, 1, H), np.float32)
        y = output_of(model, output, feeds)
        rows = timesteps if y.size % timesteps == 0 and "final" not in name else 1
        pairs.append(Pair(x, y.reshape(rows, -1)))
    options = ("--zero-state",) if name == "zero state" else ()
    return Case(f"ONNX {name}", path, pairs, options, by="onnxruntime")


# ---- Several outputs, states in and out, one row ---------------------------------------


def _outputs(model: Any, *names: str) -> Any:
    """Its outputs, in this order."""
    del model.graph.output[:]
    for name in names:
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        model.graph.output.append(info)
    return model


def _several(path: Path) -> Case:
    """Outputs that have nothing of the LSTM: of the input alone, of constants alone."""
    b = Builder(70)
    mean = b.node("ReduceMean", b.node("Mul", "x", b.weight(D)))
    constant = b.node("Tanh", b.weight(2, 3))
    y = b.node("MatMul", _rows(b), b.weight(H, 3))
    model = _outputs(b.model(y), mean, y, constant)
    return _case("several outputs", model, path, y)


def _by_steps(model: Any, y: str, states: dict[str, tuple[int, str]]) -> list[Pair]:
    """ONNX Runtime's outputs for one timestep after the other. The states, by the input:
    how many layers there are, and the output that is the next one."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    pairs = []
    for timesteps in LENGTHS:
        random = np.random.RandomState(timesteps)
        x = random.uniform(-1.5, 1.5, (timesteps, D)).astype(np.float32)
        held = {
            name: np.zeros((count, 1, H), np.float32)
            for name, (count, _) in states.items()
        }
        rows = []
        for t in range(timesteps):
            wanted = [y, *(output for _, output in states.values())]
            row, *new = session.run(wanted, {"x": x[t : t + 1, None], **held})
            held = dict(zip(states, new, strict=True))
            rows.append(np.asarray(row, np.float32).reshape(1, -1))
        pairs.append(Pair(x, np.concatenate(rows)))
    return pairs


def _kept_states(path: Path, stacked: bool) -> Case:
    """A model of one block of a stream: states are inputs and outputs. In front of the
    answer are those of both layers, joined, where there are two."""
    b = Builder(71 + stacked)
    count = 1 + stacked
    if not stacked:
        y = b.lstm("x", D, "", "h0", "c0")
        next_h, next_c = f"{y}_1", f"{y}_2"
    else:
        parts = []
        for state in ("h0", "c0"):
            first = b.node("Split", state, outputs=2, axis=0, num_outputs=2)
            parts.append((first, f"{first}_1"))
        (h1, h2), (c1, c2) = parts
        lower = b.lstm("x", D, "", h1, c1)
        y = b.lstm(_squeezed(b, lower), H, "", h2, c2)
        next_h = b.node("Concat", f"{lower}_1", f"{y}_1", axis=0)
        next_c = b.node("Concat", f"{lower}_2", f"{y}_2", axis=0)
    answer = b.node("MatMul", _squeezed(b, y), b.weight(H, 3))
    shape = [count, 1, H]
    model = _outputs(b.model(answer, h0=shape, c0=shape), next_h, next_c, answer)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(model, path)
    states = {"h0": (count, next_h), "c0": (count, next_c)}
    pairs = _by_steps(model, answer, states)
    name = f"ONNX states of {count} layers in and out"
    return Case(name, path, pairs, (), True, by="onnxruntime")


def _one_row(path: Path, kind: str) -> Case:
    """The last or first row, its number as -1, 0 or, of a fixed length, length - 1."""
    b = Builder(75)
    length = 12 if "fixed" in kind else 0
    index = {"last": -1, "first": 0, "fixed": length - 1}[kind.split()[0]]
    rows = _rows(b)
    if "elements" in kind:
        indices = b.constant(np.full((1, 1, H), index))
        y = _squeezed(b, b.node("GatherElements", rows, indices, axis=0), 0)
    elif "slice" in kind:
        ends = b.constant(np.array([index + 1]))
        start, axis = b.constant(np.array([index])), b.constant(np.array([0]))
        y = _squeezed(b, b.node("Slice", rows, start, ends, axis), 0)
    else:
        y = b.node("Gather", rows, b.constant(np.array(index)), axis=0)
    model = b.model(b.node("Gemm", y, b.weight(H, 3), b.weight(3)))
    if length:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = length
    lengths = (length,) if length else LENGTHS
    return _case(f"{kind} row, final", model, path, "", lengths)


ROWS = ("last elements", "first elements", "fixed elements", "fixed", "fixed slice")


def _embedding_case(path: Path, kind: int) -> Case:
    """Whole numbers, rows of a table."""
    b = Builder(50 + kind)
    table = b.weight(VOCABULARY, D)
    ids = b.node("Cast", "ids", to=TensorProto.INT64)
    rows = b.node("Transpose", b.node("Gather", table, ids), perm=[1, 0, 2])
    y = b.node("MatMul", _squeezed(b, b.lstm(rows, D)), b.weight(H, 3))
    model = b.model(y)
    del model.graph.input[:]
    shape = ["batch", "time"]
    model.graph.input.append(helper.make_tensor_value_info("ids", kind, shape))
    onnx.save(model, path)
    pairs = []
    for timesteps in LENGTHS:
        x = np.random.RandomState(timesteps).randint(0, VOCABULARY, (timesteps, 1))
        feeds = {"ids": x.T.astype(helper.tensor_dtype_to_np_dtype(kind))}
        found = output_of(model, y, feeds)
        pairs.append(Pair(x.astype(np.int32), found.reshape(timesteps, 3)))
    return Case(f"ONNX embedding of type {kind}", path, pairs, by="onnxruntime")


def _external_case(path: Path) -> Case:
    """As torch.onnx.export writes it by default: weights in a file beside it."""
    model = _bidirectional(Builder(3))
    built = _case("external", model, path)
    onnx.save(
        onnx.load(path),
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{path.name}.data",
        size_threshold=0,
    )
    return Case("ONNX weights beside it", path, built.pairs, by="onnxruntime")


VOCABULARY = 13


def cases(directory: Path) -> list[Case]:
    directory.mkdir()
    return [
        *(
            _case(name, build(Builder(seed)), directory / f"onnx{seed}.onnx")
            for seed, (name, build) in enumerate(MODELS.items())
        ),
        _embedding_case(directory / "ids32.onnx", TensorProto.INT32),
        _embedding_case(directory / "ids64.onnx", TensorProto.INT64),
        _external_case(directory / "beside.onnx"),
        _several(directory / "several.onnx"),
        _kept_states(directory / "states1.onnx", False),
        _kept_states(directory / "states2.onnx", True),
        *(
            _one_row(directory / f"row{number}.onnx", kind)
            for number, kind in enumerate(ROWS)
        ),
    ]


# ---- A model of others: silero-vad -----------------------------------------------------


def silero() -> Path:
    """The directory of the package's models. Importing it would need torch."""
    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "data"


SEQUENCE = ("silero_vad_16k_sequence.onnx", "/recurrent/LSTM")
BRANCH = ("silero_vad.onnx", "If_0_then_branch__Inline_0__/decoder/rnn/LSTM")
FRAMES = 40


def _voice() -> Array:
    """Frames of a sound with a pitch that rises and falls, and noise, at 16 kHz."""
    t = np.arange(FRAMES * 512 + 64) / 16000.0
    pitch = 120.0 + 40.0 * np.sin(9.0 * t)
    phase = 2.0 * np.pi * np.cumsum(pitch) / 16000.0
    sound = sum(np.sin(k * phase) / k for k in range(1, 12)) * (np.sin(5.0 * t) > 0)
    sound = 0.1 * sound + np.random.RandomState(5).normal(0.0, 0.003, t.size)
    starts = range(0, FRAMES * 512, 512)
    return np.array([sound[k : k + 576] for k in starts], np.float32)


def silero_cases() -> list[Case]:
    """Its recurrent part, on what the rest of it makes of a sound.

    One file has the LSTM in a branch, one in a model that takes all frames at once; the
    weights are the same.
    """
    model = onnx.load(silero() / SEQUENCE[0])
    lstm = next(node for node in model.graph.node if node.name == SEQUENCE[1])
    for name in (lstm.input[0], lstm.output[0]):
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        model.graph.output.append(info)
    state = np.zeros((1, 1, 128), np.float32)
    feeds = {"input": _voice(), "h": state, "c": state}
    x, y = (output_of(model, n, feeds) for n in (lstm.input[0], lstm.output[0]))
    pair = Pair(x.reshape(FRAMES, 128), y.reshape(FRAMES, 128))
    return [
        Case(
            f"silero-vad {file}",
            silero() / file,
            [pair],
            ("--node", name),
            True,
            by="onnxruntime",
        )
        for file, name in (SEQUENCE, BRANCH)
    ]
