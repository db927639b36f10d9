"""--int8: headers are compiled as C99 and C++11 and run. The integers have to be those of
lstm_export/int8.py, which is written from the arithmetic in lstm_int8.h; the outputs near
those of the float model."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from harness import ROOT, SANITIZED, WARNINGS, Score, export

from lstm_export import int8, reference
from lstm_export.errors import Refusal
from lstm_export.int8_header import header_lines
from lstm_export.model import (
    Activation,
    Bidirectional,
    Cell,
    Dense,
    Layer,
    Lstm,
    Masking,
    Model,
    Source,
    Unchanged,
)

RANDOM = np.random.RandomState(11)
SPEAKERS = ROOT / "examples/speakers"


def _cell(inputs: int, units: int, bias: bool = True) -> Cell:
    scale = 1.5 / np.sqrt(inputs + units)
    return Cell(
        (RANDOM.uniform(-scale, scale, (inputs, 4 * units))).astype(np.float32),
        (RANDOM.uniform(-scale, scale, (units, 4 * units))).astype(np.float32),
        RANDOM.uniform(-0.5, 0.5, 4 * units).astype(np.float32) if bias else None,
    )


def _dense(inputs: int, units: int, activation: str = "linear") -> Dense:
    kernel = RANDOM.uniform(-0.5, 0.5, (inputs, units)).astype(np.float32)
    bias = RANDOM.uniform(-0.5, 0.5, units).astype(np.float32)
    return Dense("out", "Dense", kernel, bias, activation)


def _model(name: str, *layers: Layer) -> Model:
    first = layers[0]
    cells = [first.cell] if isinstance(first, Lstm) else []
    if isinstance(first, Bidirectional):
        cells = [first.forward]
    inputs = cells[0].input_dim if cells else 3
    return Model(name, layers, inputs, None, Source("made.py", "a test"))


def _lstm(inputs: int, units: int, sequences: bool = False, bias: bool = True) -> Lstm:
    return Lstm("lstm", "LSTM", _cell(inputs, units, bias), sequences)


def models() -> list[Model]:
    both = Bidirectional("bi", "Bidirectional", _cell(5, 6), _cell(5, 4))
    return [
        _model("last", _lstm(3, 4), _dense(4, 2)),
        _model("odd", _lstm(1, 9, bias=False), Unchanged("drop", "Dropout")),
        _model("rows", _lstm(13, 11, True), _dense(11, 3, "relu")),
        _model("plain", _lstm(7, 8, True)),
        _model("deep", _lstm(6, 10, True), _lstm(10, 7), _dense(7, 5, "softmax")),
        _model("both", both, _dense(10, 4, "sigmoid")),
        _model("half", both),
    ]


@dataclass(frozen=True)
class Made:
    model: Model
    converted: int8.Int8
    header: Path
    x: int8.Doubles


def made(model: Model, directory: Path, refine: bool) -> Made:
    x = RANDOM.uniform(-2, 2, (12, model.input_dim))
    data = [RANDOM.uniform(-2, 2, (20, model.input_dim)) for _ in range(3)]
    bits = int8.fraction_bits(2.0)
    converted = int8.convert(model, bits, data if refine else [])
    name = model.name + ("_refined" if refine else "")
    path = directory / f"{name}.h"
    lines = header_lines(converted, name, int8.from_float(x[:7], bits), [("x", 0.0)])
    path.write_text("\n".join(lines) + "\n")
    return Made(model, converted, path, x)


def program(every: list[Made]) -> Iterator[str]:
    """Prints all outputs; exits with 1 where two ways to them differ."""
    yield "#include <stdio.h>"
    yield "#include <string.h>"
    for one in every:
        yield f'#include "{one.header.name}"'
    yield "int main(void)"
    yield "{"
    yield "    int wrong = 0;"
    for one in every:
        name, inputs = one.header.stem, one.model.input_dim
        rows = len(one.x) if one.converted.sequences else 1
        dim = reference.run(one.model, one.x).shape[1]
        numbers = ", ".join(f"{v:.9g}" for v in one.x.ravel())
        yield "    {"
        yield f"        static {name}_memory memory;"
        yield f"        static const double x[] = {{{numbers}}};"
        yield f"        float in[{one.x.size}], y[{rows * dim}], z[{rows * dim}];"
        yield f"        int16_t q[{one.x.size}];"
        yield f"        size_t k, t, n = {rows * dim};"
        yield f"        for (k = 0; k < {one.x.size}; k++) {{ in[k] = (float)x[k]; }}"
        yield f"        lstm_int8_from_float(in, {one.x.size}, {one.converted.bits}, q);"
        yield f"        wrong += {name}_selftest(&memory) != 0;"
        yield (
            f"        wrong += {name}_predict(&memory, in, {len(one.x)}, y) != LSTM_OK;"
        )
        yield (
            f"        wrong += {name}_predict_int16(&memory, q, {len(one.x)}, z) "
            "!= LSTM_OK;"
        )
        yield "        wrong += memcmp(y, z, sizeof y) != 0;"
        yield f"        wrong += {name}_predict(NULL, in, 1, y) != LSTM_ERR_NULL;"
        yield f"        wrong += {name}_predict(&memory, NULL, 1, y) != LSTM_ERR_NULL;"
        yield f"        wrong += {name}_predict(NULL, NULL, 0, NULL) != LSTM_OK;"
        if len(one.converted.layers[0]) == 1:
            at = f"t * {dim}" if rows > 1 else "0"
            yield f"        {name}_reset(&memory);"
            yield f"        for (t = 0; t < {len(one.x)}; t++) {{"
            yield (
                f"            wrong += {name}_step(&memory, in + t * {inputs}, z + {at}) "
                "!= LSTM_OK;"
            )
            yield "        }"
            yield "        wrong += memcmp(y, z, sizeof y) != 0;"
            yield f"        wrong += {name}_step(&memory, NULL, y) != LSTM_ERR_NULL;"
            yield f"        wrong += {name}_step_int16(NULL, q, y) != LSTM_ERR_NULL;"
        else:
            yield "        (void)t;"
        yield '        for (k = 0; k < n; k++) { printf("%.9g\\n", (double)y[k]); }'
        yield "    }"
    yield "    return wrong != 0;"
    yield "}"


def run_headers(every: list[Made], directory: Path, score: Score) -> None:
    source = directory / "int8.c"
    source.write_text("\n".join(program(every)) + "\n")
    include = ["-I", str(ROOT / "include"), str(source), "-lm", "-o"]
    for language, command in (
        ("C99", ["gcc", "-std=c99", *SANITIZED]),
        ("C99 with vectors", ["gcc", "-std=c99", "-O2"]),
        ("C++11", ["g++", "-std=c++11", "-x", "c++", "-O1"]),
    ):
        target = directory / "int8"
        built = subprocess.run([*command, *WARNINGS, *include, str(target)], check=False)
        if not score.check(built.returncode == 0, f"int8 headers as {language}"):
            continue
        done = subprocess.run([str(target)], capture_output=True, text=True, check=False)
        score.check(done.returncode == 0, f"int8 headers run as {language}")
        found = np.array(done.stdout.split(), float)
        for one in every:
            wanted = int8.outputs(one.converted, one.x.astype(np.float32)).ravel()
            got, found = found[: wanted.size], found[wanted.size :]
            same = got.size == wanted.size and np.abs(got - wanted).max() <= 2e-6
            score.check(bool(same), f"int8 outputs of {one.header.stem} as {language}")


def check_accuracy(every: list[Made], score: Score) -> None:
    for one in every:
        error = int8.largest_error(one.converted, [one.x])
        score.check(error <= 0.03, f"int8 {one.header.stem} is off by {error:.2g}")


def refused(model: Model) -> str:
    try:
        int8.convert(model, 12, [])
    except Refusal as refusal:
        return str(refusal)
    return ""


def check_refusals(score: Score) -> None:
    plain = _lstm(3, 4)
    sequence = replace(plain, return_sequences=True)
    relu = replace(plain, cell=replace(plain.cell, activation="relu"))
    large = replace(plain, cell=replace(plain.cell, kernel=plain.cell.kernel * 1000))
    both = Bidirectional("bi", "Bidirectional", _cell(3, 2), _cell(3, 2))
    for words, model in (
        ("activations", _model("m", relu)),
        ("masks", _model("m", replace(plain, masked=True))),
        ("go_backwards", _model("m", replace(plain, go_backwards=True))),
        ("Masking", _model("m", Masking("mask", "Masking", 0.0), plain)),
        ("merge_mode", _model("m", replace(both, merge="sum"))),
        ("return_sequences", _model("m", replace(both, return_sequences=True))),
        ("log_softmax", _model("m", plain, _dense(4, 2, "log_softmax"))),
        ("after the Dense", _model("m", plain, _dense(4, 2), _dense(2, 2))),
        ("Activation", _model("m", sequence, Activation("a", "Activation", "relu"))),
        ("too large", _model("m", large)),
        ("Dense", _model("m", _dense(3, 3), plain)),
    ):
        text = refused(model)
        score.refused += score.check(words in text, f"--int8 refuses {words}: {text}")


def check_command(directory: Path, score: Score) -> None:
    model, out = SPEAKERS / "speaker_streaming.keras", directory / "command.h"
    data = directory / "x.npy"
    np.save(data, RANDOM.uniform(-2, 2, (4, 15, 12)))
    status, said, err = export([model, "--int8", "--calibrate", data, "-o", out])
    score.check(status == 0 and "8-bit weights" in said, f"--int8 --calibrate: {err}")
    text = out.read_text()
    score.check("on the calibration data" in text, "--calibrate: the error is written")
    score.check("INPUT_FRACTION_BITS 14" in text, "--calibrate: the range is that of x")
    status, said, err = export([model, "--int8", "--input-range", "3", "-o", out])
    score.check("INPUT_FRACTION_BITS 13" in out.read_text(), "--input-range 3")
    np.save(data, np.zeros((4, 15, 11)))
    text_file = directory / "text.npy"
    text_file.write_text("1 2 3\n")
    for words, options in (
        ("shape", ["--int8", "--calibrate", data]),
        (".npy", ["--int8", "--calibrate", text_file]),
        ("input-range", ["--int8", "--input-range", "0"]),
        ("--int8", ["--calibrate", data]),
        ("--golden", ["--int8", "--golden", "reference"]),
    ):
        other = directory / "refused_int8.h"
        status, said, err = export([model, *options, "-o", other])
        good = status == 2 and words in err and not other.exists() and not said
        score.refused += score.check(good, f"refusal of {options}: {err}")


def test_int8(directory: Path, score: Score) -> None:
    place = directory / "int8"
    place.mkdir()
    every = [made(model, place, refine) for model in models() for refine in (False, True)]
    run_headers(every, place, score)
    check_accuracy(every, score)
    check_refusals(score)
    check_command(place, score)
