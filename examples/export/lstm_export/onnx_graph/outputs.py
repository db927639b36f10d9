"""Which output of a graph is that of its LSTM, where there are several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Nodes that move numbers and do not compute.
MOVES = (
    "Cast",
    "Concat",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
H, C = 1, 2  # the outputs of an LSTM node that are its states
INITIAL = (5, 6)  # the inputs that are


class Graph:
    """What comes before a tensor. Nothing is computed."""

    def __init__(self, graph: Any) -> None:
        self._makers = {name: node for node in graph.node for name in node.output}
        self.inputs = [each.name for each in graph.input]
        self.outputs = [each.name for each in graph.output]

    def before(self, name: str, through: tuple[str, ...] = ()) -> Iterator[str]:
        """The tensors that it is made of, and itself; through such nodes, or all."""
        pending, found = [name], {name}
        while pending:
            wanted = pending.pop()
            yield wanted
            node = self._makers.get(wanted)
            if node is None or (through and node.op_type not in through):
                continue
            more = [n for n in node.input if n and n not in found]
            found.update(more)
            pending += more

    def maker(self, name: str) -> Any:
        return self._makers.get(name)

    def has_lstm(self, name: str) -> bool:
        nodes = (self._makers.get(each) for each in self.before(name))
        return any(node is not None and node.op_type == "LSTM" for node in nodes)

    def states_in(self, name: str) -> set[str] | None:
        """The states of LSTM nodes that an output is, or a part of which it is; None if
        there is something else in it."""
        found = set()
        for each in self.before(name, MOVES):
            node = self._makers.get(each)
            if node is not None and node.op_type == "LSTM":
                if list(node.output).index(each) not in (H, C):
                    return None
                found.add(each)
            elif node is not None and node.op_type not in (*MOVES, "Constant"):
                return None
        return found or None

    def states_kept(self) -> bool:
        """Whether the states of each LSTM that are inputs come out again."""
        given: set[str] = set()
        for node in {id(node): node for node in self._makers.values()}.values():
            if node.op_type != "LSTM":
                continue
            for position, output in zip(INITIAL, (H, C), strict=True):
                if len(node.input) <= position or not node.input[position]:
                    continue
                if any(n in self.inputs for n in self.before(node.input[position])):
                    kept = node.output[output] if len(node.output) > output else ""
                    given.add(kept)
        out: set[str] = set()
        for name in self.outputs:
            out |= self.states_in(name) or set()
        return bool(given) and given <= out

    def answers(self) -> list[str]:
        """The outputs that an LSTM is in, without those that are its states if these are
        inputs too."""
        keeps = self.states_kept()
        found = [name for name in self.outputs if self.has_lstm(name)]
        return [name for name in found if not (keeps and self.states_in(name))]
