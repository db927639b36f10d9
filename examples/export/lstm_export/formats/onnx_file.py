"""ONNX: a graph of LSTM, MatMul, Gemm, Add and activations."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_export.errors import NotRun, Refusal, as_written_by
from lstm_export.formats import Format, Options
from lstm_export.model import Array, Model, Source, with_early_rows
from lstm_export.onnx_graph.external import take_in
from lstm_export.onnx_graph.outputs import Graph
from lstm_export.onnx_graph.values import FEATURES, Data, Unknown
from lstm_export.onnx_graph.walk import WHOLE, Walk, graph_inputs, shape_of, start
from lstm_export.own_layers import Embedding
from lstm_export.packages import require

MOST_NAMES = 20  # in a note


def _load(path: Path) -> Any:
    onnx = require("onnx", "onnx", "reading an .onnx file")
    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as error:  # of protobuf, whose exceptions differ by version
        reason = str(error).split("\n")[0][:120]
        raise Refusal(
            f"{path.name}: not a whole ONNX file ({reason}); copy or export it again"
        ) from error
    take_in(proto, path)
    return proto


def _opset(proto: Any) -> int:
    versions = {each.domain: int(each.version) for each in proto.opset_import}
    return versions.get("", versions.get("ai.onnx", 0))


def _source(proto: Any, path: Path) -> Source:
    by = f"{proto.producer_name} {proto.producer_version}".strip()
    by = by or "an unknown exporter"
    return Source(path.name, f"{by} as ONNX, opset {_opset(proto)}")


def _check_options(graph: Any, options: Options) -> None:
    if options.node is not None and (options.tensor is not None or options.zero_state):
        raise Refusal(
            "--tensor and --zero-state play no part beside --node, which exports one "
            "LSTM alone; leave them out"
        )
    if options.zero_state and len(graph_inputs(graph)) < 2:
        raise Refusal("--zero-state: the graph has no states as inputs; leave it out")


def _wanted(graph: Any, options: Options) -> str:
    names = [output.name for output in graph.output]
    if options.tensor is not None:
        if options.tensor not in names:
            raise Refusal(
                f"--tensor names '{options.tensor}' but the outputs are "
                f"{', '.join(names)}; use one of them"
            )
        return options.tensor
    if len(names) > 1:
        answers = Graph(graph).answers()
        if len(answers) == 1:
            return answers[0]
        if options.zero_state:
            return str(names[0])  # the others are the states that step() keeps
    if len(names) != 1:
        raise Refusal(
            f"the graph has the outputs {', '.join(names)}; add --tensor with the one "
            "wanted"
        )
    return str(names[0])


def _keeps_states(graph: Any, options: Options) -> bool:
    """Whether states that are inputs are zeros to begin with, and kept by step()."""
    return options.zero_state or Graph(graph).states_kept()


def _chosen(graph: Any, name: str) -> tuple[Walk, Any]:
    found = list(Walk(graph).lstm_nodes())
    fitting = [(walk, node) for walk, node in found if node.name == name]
    if len(fitting) != 1:
        names = ", ".join(f"'{node.name}'" for _, node in found) or "none"
        raise Refusal(
            f"--node '{name}' names {len(fitting)} LSTM nodes; the graph has {names}"
        )
    return fitting[0]


def _node_model(graph: Any, name: str, source: Source) -> Model:
    walk, found = _chosen(graph, name)
    node = walk.lstm_alone(found)
    note = f"The LSTM node '{node.name}' alone, all rows of its output, states from zero."
    layers = (node.layer(sequences=True),)
    notes = (note, *_left_out(graph, walk.used))
    return Model(node.name, layers, node.cells[0].input_dim, None, source, notes)


def read(path: Path, options: Options) -> Model:
    proto = _load(path)
    with as_written_by("ONNX", f"{path.name}: its graph"):
        return _model(proto, path, options)


def _model(proto: Any, path: Path, options: Options) -> Model:
    graph, source = proto.graph, _source(proto, path)
    if not graph.node:
        raise Refusal(f"{path.name}: holds no graph; copy or export it again")
    _check_options(graph, options)
    if options.node is not None:
        return _node_model(graph, options.node, source)
    walk, first = _start(proto, options)
    name = _wanted(graph, options)
    output = walk.value(name)
    if not isinstance(output, Data):
        raise Refusal(_why_not(walk, name, first.name, output))
    if output.part is not None:
        raise Refusal(f"the output '{name}' is one of two directions alone; take both")
    _check_output(name, output)
    _check_used(graph, walk, options, name)
    dims = shape_of(first)
    time = next((k for k in range(len(dims)) if f"x{k}" == _time_axis(output, walk)), 0)
    layers = with_early_rows(output.layers)
    table = layers[0] if layers and isinstance(layers[0], Embedding) else None
    return Model(
        graph.name or path.stem,
        layers,
        1 if table is not None else int(dims[-1] or 0),
        dims[time],
        source,
        (*_notes(graph, options, name), *_left_out(graph, walk.used)),
        None if table is None else int(table.table.shape[0]),
    )


def _start(proto: Any, options: Options) -> tuple[Walk, Any]:
    imports = tuple(proto.opset_import)
    zero_state = _keeps_states(proto.graph, options)
    return start(proto.graph, zero_state, _opset(proto), imports)


def _why_not(walk: Walk, name: str, first: str, output: Any) -> str:
    """Why an output is none of layers."""
    why = output.why if isinstance(output, Unknown) else ""
    if "(Loop)" in why or "(Scan)" in why:
        return (
            f"the output '{name}' is {why}, a loop over timesteps; export the LSTM as a "
            "layer, not as a loop"
        )
    if why == "the state c":
        return (
            f"the output '{name}' is the state c of an LSTM; take another with --tensor"
        )
    return f"the output '{name}' does not depend on the input '{first}'"


def _time_axis(output: Data, walk: Walk) -> str:
    """The name of the axis of timesteps, also where a row was taken of it."""
    if output.time.startswith("x"):
        return output.time
    times = [v.time for v in walk.values.values() if isinstance(v, Data)]
    return next((time for time in times if time.startswith("x")), "")


def _check_output(name: str, output: Data) -> None:
    order = [axis for axis in output.shape if axis != output.time]
    rest = output.shape[1:] if output.shape[:1] == (output.time,) else output.shape
    if list(rest) != order or rest[-1:] != (FEATURES,):
        raise Refusal(
            f"the output '{name}' has the axes {output.axes}, not timesteps before "
            "features; export a model that keeps them in this order"
        )


def _check_used(graph: Any, walk: Walk, options: Options, name: str) -> None:
    """Weights that nothing takes would be left out: say so. Those of an output that has
    nothing of the LSTM may be."""
    if options.tensor is not None:
        return
    parts = Graph(graph)
    others = [each for each in parts.outputs if each != name]
    aside = {each for other in others for each in parts.before(other)}
    for tensor in graph.initializer:
        if tensor.name not in walk.used and tensor.name not in aside:
            raise Refusal(
                f"the tensor '{tensor.name}' plays no part in the output; add --tensor "
                "with the output wanted"
            )


def _notes(graph: Any, options: Options, name: str) -> tuple[str, ...]:
    notes = [f"Computes the output '{name}' for one sequence (batch 1)."]
    states = [each.name for each in graph_inputs(graph)[1:]]
    if states and _keeps_states(graph, options):
        notes.append(f"The inputs {', '.join(states)} are zeros to begin with.")
    others = [each.name for each in graph.output if each.name != name]
    if others:
        notes.append(f"The outputs {', '.join(others)} are left out.")
    return tuple(notes)


def _left_out(graph: Any, used: set[str]) -> tuple[str, ...]:
    """Names the weights that --tensor or --node leaves out."""
    names = [tensor.name for tensor in graph.initializer if tensor.name not in used]
    if not names:
        return ()
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (f"These tensors of the file play no part in it: {shown}{more}.",)


# ---- ONNX Runtime's output -------------------------------------------------------------


def _session(proto: Any) -> tuple[Any, str]:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise NotRun("is not installed") from error
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session, f"onnxruntime {runtime.__version__}"


def _alone(proto: Any, options: Options) -> Any:
    """A model of one LSTM node."""
    onnx = require("onnx", "onnx", "reading an .onnx file")
    walk, node = _chosen(proto.graph, str(options.node))
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:]
    copy.input.extend(
        ["X", "W", "R", "B" if len(node.input) > 3 and node.input[3] else ""]
    )
    del copy.output[:]
    copy.output.append("Y")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = []
    for name, tensor in zip(copy.input[1:], node.input[1:4], strict=False):
        value = walk.value(tensor)
        if value is not None:
            weights.append(onnx.numpy_helper.from_array(np.array(value.array), name))  # type: ignore[union-attr]
    graph = make.make_graph(
        [copy],
        "node",
        [make.make_tensor_value_info("X", kind, None)],
        [make.make_tensor_value_info("Y", kind, None)],
        weights,
    )
    return make.make_model(
        graph, opset_imports=proto.opset_import, ir_version=proto.ir_version
    )


def _feeds(proto: Any, x: Array, options: Options) -> dict[str, npt.NDArray[Any]]:
    first, *others = graph_inputs(proto.graph)
    dims = shape_of(first)
    if options.node is not None:
        walk, node = _chosen(proto.graph, options.node)
        return {"X": x[None] if walk.lstm_alone(node).layout else x[:, None]}
    walk, _ = _start(proto, options)
    output = walk.value(_wanted(proto.graph, options))
    assert isinstance(output, Data)
    shaped: npt.NDArray[Any] = x
    if first.type.tensor_type.elem_type in WHOLE:
        shaped = x[:, 0].astype("i4" if first.type.tensor_type.elem_type == 6 else "i8")
    if len(dims) == shaped.ndim + 1:
        batch = 1 if _time_axis(output, walk) == "x0" else 0
        if dims[batch] not in (None, 1):
            raise NotRun(f"runs it for {dims[batch]} sequences together")
        shaped = np.expand_dims(shaped, batch)
    feeds = {first.name: shaped}
    for other in others:
        shape = [dim or 1 for dim in shape_of(other)]
        feeds[other.name] = np.zeros(shape, np.float32)
    return feeds


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    proto = _load(path)
    feeds = _feeds(proto, x, options)
    session, by = _session(_alone(proto, options) if options.node is not None else proto)
    name = "Y" if options.node is not None else _wanted(proto.graph, options)
    y = np.asarray(session.run([name], feeds)[0], np.float32)
    return y.reshape(-1, model.stages()[-1].out_dim), by


FORMAT = Format(
    "onnxruntime", (".onnx",), read, run, frozenset({"tensor", "node", "zero_state"})
)
