"""Golden cases: what one is, how its inputs are drawn, and how the files are written.

A golden file is text. Its first line gives the number of cases, the tools with their
versions, and the seed. A case is

    case feature=mask batch=2 timesteps=5 input_dim=3 number=7 seed=20260007 ...
    lstm units=8 activation=relu ...    a line for each set of weights, in calling order
    crc 1c291ca3                        CRC-32 of all inputs and weights
    y <base64>                          expected outputs: little-endian float32
    h <base64>                          final states of all recurrent layers in a row
    c <base64>
    mask 01101                          what Masking found, where there is such a layer

An option that has its default value is left out. A Bidirectional layer is a `forward`
line and a `backward` line. Inputs and weights are not stored: both sides draw them from
`seed` with splitmix64 (check_random_float in tests/check.h), each an exact multiple of
2^-23 times a power of two. They are drawn in this order: the weights of every line
(kernel, recurrent kernel, bias; two biases for torch; W, R, B for onnx), x, then h and
c of every recurrent line. `rows` replaces whole steps of x, one letter a step; see
patch_rows().
"""

from __future__ import annotations

import argparse
import base64
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

ACTIVATIONS = (
    "linear",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "hard_silu",
    "softplus",
    "softsign",
    "exponential",
    "mish",
    "softmax",
    "log_softmax",
)

CHECK_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Layer:
    """One set of weights: an LSTM, half a Bidirectional, a Dense, or a Masking layer.

    The *_scale fields are base-2 logarithms of the range the weights are drawn from.
    """

    kind: str  # lstm, forward, backward, dense, masking
    units: int = 0
    activation: str = "default"
    recurrent: str = "default"
    use_bias: bool = True
    sequences: bool = False
    backwards: bool = False
    zero_output: bool = False
    masked: bool = False  # this layer is given the mask
    merge: str = "concat"  # on the backward line
    layout: str = "keras"  # whose weight layout: keras, torch, onnx
    over: str = "batch"  # dense: batch, rows (rank 3) or time (TimeDistributed)
    value: float = 0.0  # masking: mask_value
    kernel_scale: int = 0
    recurrent_scale: int = 0
    bias_scale: int = -1

    @property
    def is_recurrent(self) -> bool:
        return self.kind in ("lstm", "forward", "backward")


@dataclass(frozen=True)
class Case:
    feature: str
    batch: int
    timesteps: int
    input_dim: int
    layers: tuple[Layer, ...]
    number: int = 0
    seed: int = 0
    x_scale: int = 0
    state: bool = False  # h and c start at random values, not at zero
    h_scale: int = 0
    c_scale: int = 0
    split: int = 0  # two calls, the first with so many steps
    mask: str = ""
    rows: str = ""
    source: str = "layers"  # layers, sequential (a whole model), reference (float64)


@dataclass
class Inputs:
    weights: list[list[Array]]
    x: Array
    states: list[tuple[Array, Array]]
    mask: Array | None
    crc: int


@dataclass
class Outputs:
    y: Array  # empty where Masking is all there is: then the mask says everything
    h: list[Array] = field(default_factory=list)
    c: list[Array] = field(default_factory=list)
    mask: Array | None = None

    def lines(self) -> dict[str, Array]:
        named = {"y": self.y.ravel()} if self.y.size else {}
        if self.h:
            named["h"] = np.concatenate([h.ravel() for h in self.h])
            named["c"] = np.concatenate([c.ravel() for c in self.c])
        return named


class Stream:
    """splitmix64, and floats in [-2^scale, 2^scale), as check_random_float draws."""

    GOLDEN = 0x9E3779B97F4A7C15

    def __init__(self, seed: int) -> None:
        self.state = seed
        self.crc = 0

    def integers(self, count: int) -> Array:
        with np.errstate(over="ignore"):
            steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(self.GOLDEN)
            z = np.uint64(self.state) + steps
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        self.state = (self.state + count * self.GOLDEN) % 2**64
        return z ^ (z >> np.uint64(31))

    def raw_floats(self, shape: tuple[int, ...], scale: int) -> Array:
        bits = (self.integers(int(np.prod(shape))) >> np.uint64(40)).astype(np.float64)
        return np.ldexp(bits / 8388608.0 - 1.0, scale).astype(np.float32).reshape(shape)

    def add(self, values: Array) -> None:
        self.crc = zlib.crc32(values.astype("<f4").tobytes(), self.crc)

    def floats(self, shape: tuple[int, ...], scale: int) -> Array:
        values = self.raw_floats(shape, scale)
        self.add(values)
        return values


Shapes = list[tuple[tuple[int, ...], int]]


def weight_shapes(layer: Layer, input_dim: int) -> Shapes:
    """Shapes and scales of a layer's arrays, in the order they are drawn."""
    units, kernel, recurrent = layer.units, layer.kernel_scale, layer.recurrent_scale
    shapes: Shapes = []
    biases: Shapes = [((4 * units,), layer.bias_scale)]
    if layer.kind == "dense":
        shapes = [((input_dim, units), kernel)]
        biases = [((units,), layer.bias_scale)]
    elif layer.is_recurrent and layer.layout == "keras":
        shapes = [((input_dim, 4 * units), kernel), ((units, 4 * units), recurrent)]
    elif layer.is_recurrent:
        shapes = [((4 * units, input_dim), kernel), ((4 * units, units), recurrent)]
        if layer.layout == "torch":
            biases = biases * 2
        else:
            biases = [((8 * units,), layer.bias_scale)]
    return shapes + (biases if shapes and layer.use_bias else [])


def input_dims(case: Case) -> list[int]:
    """Features that go into each line of the case."""
    dims: list[int] = []
    width = case.input_dim
    forward_units = 0
    for layer in case.layers:
        dims.append(width)
        if layer.kind == "forward":
            forward_units = layer.units
        elif layer.kind == "backward":
            width = layer.units + (forward_units if layer.merge == "concat" else 0)
        elif layer.kind != "masking":
            width = layer.units
    return dims


def mask_value(case: Case) -> float:
    values = [layer.value for layer in case.layers if layer.kind == "masking"]
    return values[0] if values else 0.0


def patch_rows(x: Array, rows: str, value: float) -> None:
    """Overwrite steps of x: `m` mask value, `z` its negative, `n` NaN, `.` nothing.

    `p` is the mask value but for feature number step % input_dim, which stays; in
    `q` that one is NaN.
    """
    flat = x.reshape(-1, x.shape[-1])
    for step, letter in enumerate(rows):
        odd_one = step % x.shape[-1]
        kept = flat[step, odd_one].copy()
        if letter != ".":
            flat[step] = {"z": -value, "n": np.nan}.get(letter, value)
        if letter in "pq":
            flat[step, odd_one] = kept if letter == "p" else np.nan


def draw(case: Case) -> Inputs:
    stream = Stream(case.seed)
    weights = [
        [stream.floats(shape, scale) for shape, scale in weight_shapes(layer, dim)]
        for layer, dim in zip(case.layers, input_dims(case))
    ]
    x = stream.raw_floats((case.batch, case.timesteps, case.input_dim), case.x_scale)
    patch_rows(x, case.rows, mask_value(case))
    stream.add(x)
    states = []
    for layer in case.layers:
        if layer.is_recurrent:
            shape = (case.batch, layer.units)
            zeros = np.zeros(shape, np.float32)
            h = stream.floats(shape, case.h_scale) if case.state else zeros
            c = stream.floats(shape, case.c_scale) if case.state else zeros
            states.append((h, c))
    mask = None
    if case.mask:
        bits = np.frombuffer(case.mask.encode(), np.uint8) - ord("0")
        mask = bits.astype(bool).reshape(case.batch, case.timesteps)
    return Inputs(weights, x, states, mask, stream.crc)


def fan_scale(fan_in: int, gain: int = 0) -> int:
    """Base-2 logarithm of the range that gives a sum of fan_in products variance 1."""
    return round(float(np.log2(np.sqrt(3 / fan_in)))) + gain


def option_text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def options(item: Case | Layer, skipped: str = "") -> str:
    words = []
    for f in fields(item):
        value = getattr(item, f.name)
        if f.name not in ("kind", "layers", skipped) and value != f.default:
            words.append(f"{f.name}={option_text(value)}")
    return " ".join(words)


def header_lines(case: Case, inputs: Inputs) -> list[str]:
    lines = [f"case {options(case)}"]
    lines += [f"{layer.kind} {options(layer)}".rstrip() for layer in case.layers]
    return [*lines, f"crc {inputs.crc:08x}"]


def result_lines(outputs: Outputs) -> list[str]:
    lines = [
        f"{name} {base64.b64encode(values.astype('<f4').tobytes()).decode()}"
        for name, values in outputs.lines().items()
    ]
    if outputs.mask is not None:
        lines.append("mask " + "".join("01"[int(bit)] for bit in outputs.mask.ravel()))
    return lines


def numbered(cases: list[Case], seed: int) -> list[Case]:
    """The cases with their numbers and seeds filled in."""
    return [
        Case(**{**vars(case), "number": n, "seed": seed * 10000 + n})
        for n, case in enumerate(cases, 1)
    ]


Run = Callable[[Case, Inputs], Outputs]


def blocks(path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The cases of a file: option lines and crc, and the expected lines by name."""
    head: list[str] = []
    data: dict[str, str] = {}
    for line in path.read_text().splitlines()[1:]:
        if line.startswith("case ") and head:
            yield head, data
            head, data = [], {}
        name, _, rest = line.partition(" ")
        if name in ("y", "h", "c", "mask"):
            data[name] = rest
        else:
            head.append(line)
    if head:
        yield head, data


def excess(got: Array, want: Array) -> float:
    """Largest difference, as a multiple of 1 + |want|. NaN counts as infinite."""
    if got.shape != want.shape:
        return float("inf")
    if got.size == 0:
        return 0.0
    wide = want.astype(np.float64)
    error = float(np.max(np.abs(got.astype(np.float64) - wide) / (1 + np.abs(wide))))
    return float("inf") if np.isnan(error) else error


def disagreement(outputs: Outputs, data: dict[str, str]) -> float:
    named = outputs.lines()
    if set(named) != set(data) - {"mask"}:
        return float("inf")
    if "".join(result_lines(outputs)[len(named) :]) != "".join(
        f"mask {data[name]}" for name in data if name == "mask"
    ):
        return float("inf")
    try:
        stored = {n: np.frombuffer(base64.b64decode(data[n]), "<f4") for n in named}
    except ValueError:  # not base64, or not a whole number of floats
        return float("inf")
    return max((excess(named[name], stored[name]) for name in named), default=0.0)


def worst_excess(got: Outputs, want: Outputs) -> float:
    """How far an implementation is from another one. A whole model gives no states."""
    masks = [out.mask for out in (got, want) if out.mask is not None]
    if len(masks) == 1 or (masks and not np.array_equal(masks[0], masks[1])):
        return float("inf")
    wanted = want.lines()
    return max(
        (excess(v, wanted[name]) for name, v in got.lines().items()), default=0.0
    )


def write_file(
    path: Path, first_line: str, cases: list[Case], run: Run, oracle: Run
) -> None:
    """Write the cases, each so well conditioned that the tool is near float64."""
    lines = [first_line]
    for case in cases:
        inputs = draw(case)
        outputs = run(case, inputs)
        error = worst_excess(outputs, oracle(case, inputs))
        if not error <= CHECK_TOLERANCE:
            sys.exit(f"case {case.number} ({case.feature}) is {error:.3g} from float64")
        lines += header_lines(case, inputs) + result_lines(outputs)
    path.write_text("\n".join(lines) + "\n")
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


def check_file(path: Path, first_line: str, cases: list[Case], run: Run) -> int:
    """Regenerate everything and compare with the file; the exit status."""
    stored = list(blocks(path))
    found_first = path.read_text().partition("\n")[0]
    if found_first != first_line:
        print(f"note: the file says  {found_first}\n      this is        {first_line}")
    tally: dict[str, list[float]] = {}
    for case, (head, data) in zip(cases, stored):
        inputs = draw(case)
        error = float("inf")
        if header_lines(case, inputs) == head:
            error = disagreement(run(case, inputs), data)
        if not error <= CHECK_TOLERANCE:
            print(f"case {case.number} ({case.feature}) differs by {error:.3g}")
        tally.setdefault(case.feature, []).append(error)
    good = 0
    for feature, errors in tally.items():
        agree = sum(error <= CHECK_TOLERANCE for error in errors)
        good += agree
        print(
            f"{feature:24} {agree:4} of {len(errors):4} agree, worst {max(errors):.2e}"
        )
    print(f"{path}: {good} of {len(cases)} cases agree, {len(stored)} in the file")
    return int(not good == len(cases) == len(stored))


def compare(cases: list[Case], run: Run, oracle: Run) -> int:
    """Print, per feature, how far `run` is from a second implementation of the same."""
    worst: dict[str, tuple[float, int]] = {}
    for case in cases:
        inputs = draw(case)
        error = worst_excess(run(case, inputs), oracle(case, inputs))
        worst[case.feature] = max(
            worst.get(case.feature, (0.0, 0)), (error, case.number)
        )
    print("worst |tool - float64| / (1 + |float64|), and in which case")
    for feature, (error, number) in worst.items():
        print(f"{feature:24} {error:.2e} {number:4}")
    return int(not max(error for error, _ in worst.values()) <= CHECK_TOLERANCE)


def main(what: str, tools: str, cases: list[Case], run: Run, oracle: Run) -> int:
    parser = argparse.ArgumentParser(description=what)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=Path, metavar="FILE", help="write the cases")
    action.add_argument(
        "--check", type=Path, metavar="FILE", help="recompute and compare"
    )
    action.add_argument(
        "--reference",
        action="store_true",
        help="compare the tool with float64 arithmetic",
    )
    arguments = parser.parse_args()
    first_line = f"# {len(cases)} cases from {tools}"
    if arguments.write:
        write_file(arguments.write, first_line, cases, run, oracle)
        return 0
    if arguments.check:
        return check_file(arguments.check, first_line, cases, run)
    return compare(cases, run, oracle)


if __name__ == "__main__":
    sys.exit("run generate_keras.py, generate_torch.py or generate_onnx.py")
