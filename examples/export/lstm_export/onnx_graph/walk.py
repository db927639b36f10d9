"""A graph from its inputs to the output that is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.limits import MEMORY
from lstm_export.onnx_graph.lstm import LstmNode, lstm_node, run_lstm
from lstm_export.onnx_graph.nodes import run_node
from lstm_export.onnx_graph.values import (
    FEATURES,
    Data,
    Known,
    Unknown,
    Value,
    Zeros,
    attributes,
    label,
)

# What is computed at once where all inputs are stored: no arithmetic, but a sum.
FOLDED = {
    "Add",
    "Cast",
    "Concat",
    "Constant",
    "Expand",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
}
COPIES = 32  # bytes for a number that is computed, with those on the way
# What makes zeros of zeros.
KEEPS_ZEROS = FOLDED - {"Constant"}


@dataclass
class Walk:
    """The tensors of a graph, and of those around it, found when they are asked for."""

    graph: Any
    zero_state: bool = False
    imports: tuple[Any, ...] = ()  # the operators' versions
    values: dict[str, Value] = field(default_factory=dict)
    makers: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.makers = dict(self.makers)
        self.weights = dict(self.weights)
        for tensor in self.graph.initializer:
            self.weights[tensor.name] = tensor
        if self.graph.sparse_initializer:
            raise Refusal("the file has sparse weights; export it with dense ones")
        for node in self.graph.node:
            for name in node.output:
                self.makers[name] = node

    def inside(self, graph: Any) -> Walk:
        """A subgraph, which sees what is around it."""
        values = dict(self.values)
        return Walk(
            graph, self.zero_state, self.imports, values, self.makers, self.weights
        )

    def value(self, name: str) -> Value | None:
        """What is known of a tensor. None for an input that is left out."""
        if not name:
            return None
        pending = [name]
        opened: set[str] = set()  # whose inputs are pending
        while pending:
            wanted = pending[-1]
            if wanted in self.values:
                pending.pop()
            elif wanted in self.weights:
                self.used.add(wanted)
                self.values[wanted] = Known(_stored(self.weights[wanted]))
            else:
                node = self.makers.get(wanted)
                if node is None:
                    raise Refusal(f"the tensor '{wanted}' is not in the file")
                missing = [n for n in node.input if n and n not in self.values]
                if missing and wanted in opened:
                    raise Refusal(f"{label(node)}: depends on itself; export it again")
                opened.add(wanted)
                pending += missing
                if not missing:
                    self._run(node)
        return self.values[name]

    def _run(self, node: Any) -> None:
        inputs = [self.values[name] if name else None for name in node.input]
        results: list[Value]
        if node.op_type == "LSTM" and any(isinstance(v, Data) for v in inputs[:1]):
            results = list(run_lstm(node, inputs, self.zero_state))
        elif node.op_type == "Shape":
            results = [Unknown("a shape")]
        elif any(isinstance(value, Data) for value in inputs):
            results = run_node(node, inputs)
            if node.op_type in ("Dropout", "BatchNormalization", "LayerNormalization"):
                results = [*results, *[Unknown("of training")] * 4]
        else:
            results = self._constants(node, inputs)
        if len(results) < len(node.output):
            raise Refusal(
                f"{label(node)}: has {len(node.output)} outputs where {len(results)} can "
                "be; export the model again"
            )
        for name, result in zip(node.output, results, strict=False):
            self.values[name] = result

    def _constants(self, node: Any, inputs: list[Value | None]) -> list[Value]:
        count = len(node.output)
        if node.op_type == "ConstantOfShape" and not np.any(_fill(node)):
            return [Zeros()]
        first = inputs[0] if inputs else None
        are_known = all(value is None or isinstance(value, Known) for value in inputs)
        if node.op_type in FOLDED and are_known:
            return _folded(node, inputs, self.imports)
        is_zero = isinstance(first, Zeros) or (
            isinstance(first, Known)
            and first.array.dtype.kind == "f"
            and not np.any(first.array)
        )
        if node.op_type in ("Add", "Concat"):
            is_zero = all(isinstance(value, Zeros) for value in inputs)
        if node.op_type in KEEPS_ZEROS and is_zero:
            return [Zeros()] * count
        unknown = next((v for v in inputs if isinstance(v, Unknown)), None)
        if node.op_type in KEEPS_ZEROS and unknown is not None:
            return [unknown] * count  # a part of an input is one
        return [Unknown(f"of {label(node)}")] * count

    def subgraphs(self) -> Iterator[Walk]:
        for node in self.graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    yield self.inside(attribute.g)

    def lstm_nodes(self) -> Iterator[tuple[Walk, Any]]:
        """Those of this graph and all below it."""
        for node in self.graph.node:
            if node.op_type == "LSTM":
                yield self, node
        for inner in self.subgraphs():
            yield from inner.lstm_nodes()

    def lstm_alone(self, node: Any) -> LstmNode:
        """An LSTM node without what comes before it."""
        weights = [
            self.value(n) if k in (1, 2, 3) else None for k, n in enumerate(node.input)
        ]
        return lstm_node(node, weights)


def _stored(tensor: Any) -> Any:
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise Refusal(
            f"the tensor '{tensor.name}' is kept in another file; save the model in one "
            "file"
        )
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise Refusal(
            f"the tensor '{tensor.name}' is damaged ({error}); export the model again"
        ) from error


def _fill(node: Any) -> Any:
    value = attributes(node).get("value")
    return np.zeros(1) if value is None else _stored(value)


def _size(node: Any, arrays: list[Any]) -> int:
    """How many numbers a node makes, or more."""
    shapes = [array.shape for array in arrays]
    if node.op_type == "Expand" and len(arrays) > 1:
        shapes = [arrays[0].shape, tuple(max(int(n), 1) for n in arrays[1].ravel())]
    if node.op_type in ("Expand", "Add"):
        with suppress(ValueError):  # of shapes that do not fit, which the node says
            return math.prod(np.broadcast_shapes(*shapes))
    if node.op_type == "Gather" and len(arrays) > 1:
        rows = arrays[0].shape[attributes(node).get("axis", 0)] or 1
        return int(arrays[0].size // rows) * int(arrays[1].size)
    return sum(int(array.size) for array in arrays)


def _folded(
    node: Any, inputs: list[Value | None], imports: tuple[Any, ...]
) -> list[Value]:
    """What a node makes of stored numbers, in the file's version of the operators."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    if node.op_type == "Constant":
        values = attributes(node)
        if "value" in values:
            return [Known(_stored(values["value"]))]
    feeds: Mapping[str, Any] = {
        name: value.array
        for name, value in zip(node.input, inputs, strict=True)
        if isinstance(value, Known)
    }
    MEMORY.check(
        f"{label(node)}: what it makes", COPIES * _size(node, list(feeds.values()))
    )
    try:
        infos = [helper.make_tensor_value_info(name, 0, None) for name in feeds]
        outs = [helper.make_tensor_value_info(n, 0, None) for n in node.output if n]
        graph = helper.make_graph([node], "one", infos, outs)
        model = helper.make_model(graph, opset_imports=imports) if imports else node
        results = ReferenceEvaluator(model).run(None, dict(feeds))
    except Exception as error:  # whatever numpy says of operands that do not fit
        raise Refusal(f"{label(node)}: cannot be computed ({error})") from error
    return [Known(np.asarray(result)) for result in results]


def graph_inputs(graph: Any) -> list[Any]:
    """The inputs that are not weights, which old files list too."""
    weights = {tensor.name for tensor in graph.initializer}
    return [each for each in graph.input if each.name not in weights]


def shape_of(value: Any) -> list[int | None]:
    dims = value.type.tensor_type.shape.dim
    return [int(dim.dim_value) or None for dim in dims]


WHOLE, FLOAT = (6, 7), 1  # ONNX' numbers for int32, int64 and float32


def start(
    graph: Any, zero_state: bool, opset: int, imports: tuple[Any, ...] = ()
) -> tuple[Walk, Any]:
    """A walk from the model's input: the one that is a sequence."""
    inputs = graph_inputs(graph)
    if not inputs:
        raise Refusal("the graph has no input; export the model again")
    walk = Walk(graph, zero_state, imports)
    first = inputs[0]
    for other in inputs[1:]:
        walk.values[other.name] = Unknown("input")
    dims = shape_of(first)
    kind = first.type.tensor_type.elem_type
    if kind in WHOLE and len(dims) in (1, 2):
        axes = tuple(f"x{k}" for k in range(len(dims)))
        walk.values[first.name] = Data(
            (), axes, 0, opset=opset, is_whole=True, sizes=_fixed(dims)
        )
        return walk, first
    if kind != FLOAT:
        name = _type_name(kind)
        raise Refusal(
            f"the input '{first.name}' is of {name} and {len(dims)} axes; an LSTM takes "
            "sequences of float32 vectors, or of int32 or int64 numbers for an embedding"
        )
    if len(dims) not in (2, 3) or dims[-1] is None:
        raise Refusal(
            f"the input '{first.name}' has the shape {dims}, not timesteps, batch and a "
            "fixed number of features: raw audio or the like, which the graph makes "
            "features of; export the part from the LSTM on, or the LSTM alone with --node"
        )
    axes = tuple(f"x{k}" for k in range(len(dims) - 1))
    walk.values[first.name] = Data(
        (), (*axes, FEATURES), int(dims[-1] or 0), opset=opset, sizes=_fixed(dims)
    )
    return walk, first


def _fixed(dims: list[int | None]) -> tuple[tuple[str, int], ...]:
    return tuple((f"x{k}", size) for k, size in enumerate(dims) if size is not None)


def _type_name(kind: int) -> str:
    from onnx import TensorProto

    return str(TensorProto.DataType.Name(kind)).lower()
