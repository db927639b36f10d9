"""Golden vectors for include/lstm_int8.h, from its NUMERICS section.

    python tests/golden/generate_int8.py --write tests/golden/int8.txt
    python tests/golden/generate_int8.py --check tests/golden/int8.txt

Integers are Python's own, which have no limits: every value that has to fit in 32 bits
is checked. The conversion of float layers is done with numpy's float32. Nothing is shared
with the C code.

The file is text. Its first line names this tool and its versions. A case is one line

    case seed=1 kind=float input_dim=3 units=4 timesteps=5 ... crc=1c291ca3

then `h` and `c`, the final states, and `y`, the CRC-32 of all outputs as int16, or for a
Dense layer `logits`. Inputs and weights are not stored. Both sides draw them from `seed`
with splitmix64, in this order: the weights (kernel, recurrent kernel, bias), x, h, c.
Kinds: `float` converts a float layer (crc is the CRC-32 of the converted arrays); `raw`
draws the converted arrays themselves, over all of their range; `edge` draws only the
largest and smallest values; `dense` converts a float Dense layer.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SEED = 2031
F32 = np.float32
Floats = np.ndarray[Any, np.dtype[np.float32]]

# round() to nearest; no value is a tie
TABLE = [math.floor(math.tanh(n / 32) * 32768 + 0.5) for n in range(193)]
LIMIT = 1 << 30


@dataclass
class Case:
    seed: int
    kind: str
    input_dim: int
    units: int
    timesteps: int = 1
    bits: int = 12
    use_bias: int = 1
    sequences: int = 0
    backwards: int = 0
    shift: int = 0  # of raw and edge cases
    scale: float = 0.5  # weights are drawn from [-scale, scale)
    x_scale: float = 4.0
    crc: int = 0
    h: list[int] = field(default_factory=list)
    c: list[int] = field(default_factory=list)
    y: int = 0
    logits: list[int] = field(default_factory=list)


class Random:
    """splitmix64, and what tests/test_int8.c draws from it."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def bits(self) -> int:
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        return (self.bits() >> 32) % limit

    def floats(self, count: int, scale: float) -> Floats:
        """Multiples of scale * 2^-23 in [-scale, scale)."""
        values = [(self.bits() >> 40) / 8388608.0 - 1.0 for _ in range(count)]
        return (np.array(values) * scale).astype(F32)

    def pick(self, edge: bool, low: int, high: int) -> int:
        if edge:
            return high if self.below(2) else low
        return low + self.below(high - low + 1)


@dataclass
class Layer:
    """The converted layer; weights[row][column], columns in Keras' order i f g o."""

    case: Case
    weights: list[list[int]]
    row_scales: list[int]
    multipliers: list[int]
    bias: list[int]
    shift: int

    def packed(self) -> bytes:
        """All arrays as they are in memory on a little-endian machine."""
        units = self.case.units
        rows = len(self.weights)
        out = bytearray()
        for unit in range(units):
            for block in range(0, rows, 8):
                for gate in range(4):
                    for row in range(block, block + 8):
                        value = (
                            self.weights[row][gate * units + unit] if row < rows else 0
                        )
                        out += value.to_bytes(1, "little", signed=True)
        order = [gate * units + unit for unit in range(units) for gate in range(4)]
        for scale in self.row_scales:
            out += scale.to_bytes(2, "little")
        for column in order:
            out += self.multipliers[column].to_bytes(2, "little")
        for column in order:
            out += self.bias[column].to_bytes(4, "little", signed=True)
        return bytes(out)


# ---- the arithmetic ----


def fits(value: int) -> int:
    assert -(2**31) <= value < 2**31, value
    return value


def rounded(value: int, bits: int) -> int:
    return (value + (1 << (bits - 1))) >> bits


def tanh(z: int) -> int:
    a = min(abs(z), 49151)
    n, r = a >> 8, a & 255
    value = TABLE[n] + ((TABLE[n + 1] - TABLE[n]) * r >> 8)
    return -value if z < 0 else value


def sigmoid(z: int) -> int:
    return 16384 + (tanh(z) >> 1)


def scaled(total: int, multiplier: int, bias: int, shift: int) -> int:
    return fits(fits((fits(total) * multiplier) >> 16) + bias) >> shift


def step(
    layer: Layer, x: list[int], h: list[int], c: list[int]
) -> tuple[list[int], list[int]]:
    units = layer.case.units
    v = [rounded(a * s, 15) for a, s in zip(x + h, layer.row_scales, strict=True)]
    z = [
        scaled(
            sum(a * row[column] for a, row in zip(v, layer.weights, strict=True)),
            layer.multipliers[column],
            layer.bias[column],
            layer.shift,
        )
        for column in range(4 * units)
    ]
    new_h, new_c = [], []
    for u in range(units):
        i, f = sigmoid(z[u]), sigmoid(z[units + u])
        g, o = tanh(z[2 * units + u]), sigmoid(z[3 * units + u])
        kept = max(-LIMIT, min(LIMIT - 1, fits(rounded(c[u] * f, 15))))
        new_c.append(fits(kept + rounded(i * g, 14)))
        new_h.append(min(rounded(o * tanh(new_c[u] >> 3), 15), 32767))
    return new_h, new_c


# ---- the conversion, in float32 ----


def nearest(value: F32) -> int:
    half = F32(0.5)
    return -int(half - value) if value < 0 else int(value + half)


def shift_of(factor: F32, bias: F32) -> int:
    for shift in range(15, 0, -1):
        power = F32(1 << shift)
        if factor * F32(65536) * power < F32(65534.5) and bias * power <= 1 << 30:
            return shift
    return 0


def finish(factor: F32, bias: F32, shift: int) -> tuple[int, int]:
    power = F32(1 << shift)
    half = 1 << (shift - 1) if shift else 0
    return nearest(factor * F32(65536) * power), nearest(bias * power) + half


def quantize(
    case: Case, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Layer:
    """Row scales, rounded up; then a scale and rounded weights for each column."""
    x_unit = F32(1 << (15 - case.bits))
    weights = np.concatenate([kernel * x_unit, recurrent_kernel])
    sizes = np.abs(weights).max(1)
    largest = sizes.max()
    row_scales = [
        math.ceil(size / largest * F32(32767)) if size > 0 else 0 for size in sizes
    ]
    columns, factors = [], []
    for column in range(4 * case.units):
        values = [
            w / F32(scale) if scale else F32(0)
            for w, scale in zip(weights[:, column], row_scales, strict=True)
        ]
        scale = max(abs(value) for value in values) / F32(127)
        while True:
            q = [nearest(value / scale) if scale > 0 else 0 for value in values]
            q = [max(-127, min(127, value)) for value in q]
            if sum(abs(a) * s for a, s in zip(q, row_scales, strict=True)) <= 1 << 30:
                break
            scale = scale * F32(1.0625)
        columns.append(q)
        gate = column // case.units
        factors.append(scale * F32(8192 if gate == 2 else 4096))
    biggest = np.abs(bias).max() if case.use_bias else F32(0)
    shift = shift_of(max(factors), biggest * F32(8192))
    ends = [
        finish(
            factor,
            (bias[column] if case.use_bias else F32(0))
            * F32(8192 if column // case.units == 2 else 4096),
            shift,
        )
        for column, factor in enumerate(factors)
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Layer(
        case, rows, row_scales, [m for m, _ in ends], [b for _, b in ends], shift
    )


# ---- the cases ----


def from_float(values: Floats, bits: int) -> list[int]:
    return [
        max(-32768, min(32767, nearest(value * F32(1 << bits)))) for value in values
    ]


def draw_float(case: Case, random: Random) -> tuple[Layer, list[int]]:
    units, columns = case.units, 4 * case.units
    kernel = random.floats(case.input_dim * columns, case.scale)
    recurrent = random.floats(units * columns, case.scale)
    bias = random.floats(columns if case.use_bias else 0, case.scale)
    layer = quantize(
        case, kernel.reshape(-1, columns), recurrent.reshape(-1, columns), bias
    )
    case.crc = zlib.crc32(layer.packed())
    x = random.floats(case.timesteps * case.input_dim, case.x_scale)
    return layer, from_float(x, case.bits)


def draw_raw(case: Case, random: Random) -> tuple[Layer, list[int]]:
    edge = case.kind == "edge"
    rows, columns = case.input_dim + case.units, 4 * case.units
    weights = [
        [random.pick(edge, -127, 127) for _ in range(columns)] for _ in range(rows)
    ]
    row_scales = [random.pick(edge, 0, 32767) for _ in range(rows)]
    multipliers = [random.pick(edge, 0, 65535) for _ in range(columns)]
    bias = [random.pick(edge, -(1 << 23), 1 << 23) for _ in range(columns)]
    layer = Layer(case, weights, row_scales, multipliers, bias, case.shift)
    case.crc = zlib.crc32(layer.packed())
    x = [
        random.pick(edge, -32768, 32767) for _ in range(case.timesteps * case.input_dim)
    ]
    return layer, x


def run(case: Case) -> None:
    random = Random(case.seed)
    if case.kind == "dense":
        run_dense(case, random)
        return
    draw = draw_float if case.kind == "float" else draw_raw
    layer, x = draw(case, random)
    edge = case.kind == "edge"
    h = [random.pick(edge, -32768, 32767) for _ in range(case.units)]
    c = [random.pick(edge, -(2**31), 2**31 - 1) for _ in range(case.units)]
    if case.kind == "float":
        c = [value >> 14 for value in c]
    y = b""
    order = range(case.timesteps)
    for t in reversed(order) if case.backwards else order:
        h, c = step(layer, x[t * case.input_dim : (t + 1) * case.input_dim], h, c)
        row = b"".join(value.to_bytes(2, "little", signed=True) for value in h)
        y = y + row if case.sequences else row
    case.h, case.c, case.y = h, c, zlib.crc32(y)


def run_dense(case: Case, random: Random) -> None:
    kernel = random.floats(case.input_dim * case.units, case.scale)
    bias = random.floats(case.units if case.use_bias else 0, case.scale)
    x = [
        random.pick(False, -32768, 32767) for _ in range(case.timesteps * case.input_dim)
    ]
    columns = kernel.reshape(case.input_dim, case.units).T
    unit = F32(2 << (15 - case.bits))
    scales = []
    for column in columns:
        total = F32(0)
        for value in column:
            total = total + abs(value)
        most = total / (F32(32768) - F32(0.5) * F32(case.input_dim))
        scales.append(max(most, np.abs(column).max() / F32(127)))
    shift = shift_of(
        max(scales) * unit, (np.abs(bias).max() if case.use_bias else F32(0)) * F32(65536)
    )
    packed, ends, logits = bytearray(), [], []
    for u, column in enumerate(columns):
        q = [nearest(value / scales[u]) if scales[u] > 0 else 0 for value in column]
        packed += b"".join(value.to_bytes(1, "little", signed=True) for value in q)
        b = bias[u] if case.use_bias else F32(0)
        ends.append(finish(scales[u] * unit, b * F32(65536), shift))
        for t in range(case.timesteps):
            row = x[t * case.input_dim : (t + 1) * case.input_dim]
            total = sum(a * w for a, w in zip(row, q, strict=True))
            logits.append((t, u, scaled(total, *ends[u], shift)))
    for multiplier, _ in ends:
        packed += multiplier.to_bytes(2, "little")
    for _, b in ends:
        packed += b.to_bytes(4, "little", signed=True)
    case.crc = zlib.crc32(bytes(packed))
    case.logits = [value for _, _, value in sorted(logits)]


def cases() -> Iterator[Case]:
    seed = SEED * 1000
    shapes = [(1, 1), (1, 2), (2, 1), (3, 4), (5, 10), (7, 1), (1, 7), (8, 8)]
    shapes += [(4, 4), (13, 11), (12, 20), (16, 3), (3, 16), (31, 9), (64, 32), (2, 33)]
    for input_dim, units in shapes:
        for flags in range(4):
            seed += 1
            yield Case(
                seed,
                "float",
                input_dim,
                units,
                timesteps=3 + seed % 5,
                bits=(12, 15, 8, 0)[flags],
                use_bias=int(flags != 1),
                sequences=flags & 1,
                backwards=flags >> 1,
                # what 8 and 0 fraction bits leave room for: x in hundreds, small weights
                scale=(0.75, 2.0, 1.0, 2.0**-9)[flags],
                x_scale=(8.5, 1.0, 140.0, 33000.0)[flags],
            )
    for kind in ("raw", "edge"):
        for input_dim, units in shapes:
            for shift in (0, 1 + seed % 14, 15):
                seed += 1
                yield Case(
                    seed, kind, input_dim, units, timesteps=4, sequences=1, shift=shift
                )
    # sums of many: the column scale has to grow
    yield Case(seed + 1, "float", 700, 2, timesteps=2, bits=15)
    for input_dim, units in [(1, 1), (10, 2), (48, 9), (64, 9), (33, 5), (3, 40)]:
        for use_bias in (0, 1):
            seed += 2
            yield Case(
                seed,
                "dense",
                input_dim,
                units,
                timesteps=3,
                bits=(15, 11)[use_bias],
                use_bias=use_bias,
                scale=(1.0, 2.0)[use_bias],
            )
    yield Case(seed + 2, "dense", 3000, 2, timesteps=2, bits=15)


def text() -> str:
    lines = [
        f"# Made by tests/golden/generate_int8.py with numpy {np.__version__}; "
        f"seed {SEED}; {len(list(cases()))} cases"
    ]
    for case in cases():
        run(case)
        lines.append(
            f"case seed={case.seed} kind={case.kind} input_dim={case.input_dim} "
            f"units={case.units} timesteps={case.timesteps} bits={case.bits} "
            f"use_bias={case.use_bias} sequences={case.sequences} "
            f"backwards={case.backwards} shift={case.shift} scale={case.scale!r} "
            f"x_scale={case.x_scale!r} crc={case.crc:08x}"
        )
        if case.kind == "dense":
            lines.append("logits " + " ".join(map(str, case.logits)))
        else:
            lines.append("h " + " ".join(map(str, case.h)))
            lines.append("c " + " ".join(map(str, case.c)))
            lines.append(f"y {case.y:08x}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", type=Path)
    group.add_argument("--check", type=Path)
    options = parser.parse_args()
    made = text()
    if options.write:
        options.write.write_text(made)
        return 0
    # the versions of the first line may differ
    same = made.split("\n")[1:] == options.check.read_text().split("\n")[1:]
    if not same:
        print(f"{options.check}: generate_int8.py makes other numbers")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
