"""Exports models, compiles the headers, runs them and compares the outputs.

A few headers at a time make one program. It is built twice: as C99 with the sanitizers
of GCC, every array just as long as the header says it must be, and as C++11.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import os
import re
import struct
import subprocess
import unittest.mock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_export.command import main
from lstm_export.keras import h5_tree

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "examples/export/lstm_export.py"
TOLERANCE = 2e-6  # and as much of the value
TOGETHER = 32  # headers in one program
WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wdouble-promotion",
    "-Wundef",
    "-Wcast-align",
    "-Werror",
]
SANITIZED = [
    "-O1",
    "-DLSTM_NO_SIMD",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """A sequence and what the framework makes of it."""

    x: Array  # [timesteps][input_dim]
    y: Array


@dataclass(frozen=True)
class Case:
    name: str
    file: Path
    pairs: list[Pair]
    options: tuple[str, ...] = ()
    can_stream: bool | None = None  # what is known about it
    defines: tuple[str, ...] = ()  # options of the header
    header: Path | None = None  # what it was exported to, where that is done
    by: str = ""  # whose numbers the self-test has to have


@dataclass
class Score:
    passed: int = 0
    failed: int = 0
    worst: float = 0.0
    worst_of: str = ""
    refused: int = 0
    # How many models, and the worst error, by the ending of the file and by layer.
    tables: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)

    def check(self, good: bool, what: str) -> bool:
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}", flush=True)
        return good

    def add_error(self, error: float, case: str) -> None:
        if not error <= self.worst:
            self.worst, self.worst_of = error, case

    def add_model(self, file: Path, header: str, errors: Sequence[float]) -> None:
        """Count a model, by what its header says it has."""
        kinds = set(re.findall(r"^ \*   \| \S.*? \((.+?)\) +\| \(", header, re.MULTILINE))
        suffix = ".weights.h5" if file.name.endswith(".weights.h5") else file.suffix
        for table, keys in (("format", {suffix}), ("layer", kinds)):
            for key in keys:
                counts = self.tables.setdefault(table, {})
                models, worst = counts.get(key, (0, 0.0))
                counts[key] = (models + 1, max(worst, *errors))

    def lines(self) -> Iterator[str]:
        for table, counts in self.tables.items():
            yield f"{table:36} models  worst error"
            for key, (models, worst) in sorted(counts.items()):
                yield f"  {key:34} {models:6}  {worst:.2e}"


def export(arguments: Sequence[str | Path]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return status, out.getvalue(), err.getvalue()


def silence() -> contextlib.redirect_stdout[io.StringIO]:
    """For failures that are expected."""
    return contextlib.redirect_stdout(io.StringIO())


def distance(y: Array, wanted: Array) -> float:
    """The largest difference, of the tolerance at that value; a NaN is infinite."""
    if y.shape != wanted.shape:
        return float("inf")
    gap = np.abs(y.astype(np.float64) - wanted) / (1.0 + np.abs(wanted))
    worst = float(np.max(gap, initial=0.0))
    return worst if worst == worst else float("inf")


# ---- The program -----------------------------------------------------------------------

HEAD = """\
/* Reads lines of 'model timesteps' and the numbers of x from standard input, and writes
 * predict's output, step's and the self-test's to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""

MODEL = """
static void run_{name}(FILE *in, FILE *out, size_t timesteps)
{{
    const size_t count = {upper}_OUTPUT_LEN(timesteps);
    {kind} *x = ({kind} *)malloc(timesteps * {upper}_INPUT_DIM * sizeof({kind}));
    float *y = (float *)malloc(count * sizeof(float));
    float *work = (float *)malloc({upper}_WORK_LEN(timesteps) * sizeof(float));
{load}    float worst = {name}_selftest({all});
    if (fread(x, sizeof({kind}), timesteps * {upper}_INPUT_DIM, in) !=
        timesteps * {upper}_INPUT_DIM) {{
        exit(3);
    }}
    if ({name}_predict({weights}NULL, timesteps, y, work) != LSTM_ERR_NULL ||
        {name}_predict({weights}x, timesteps, NULL, work) != LSTM_ERR_NULL ||
        {name}_predict({weights}x, timesteps, y, NULL) != LSTM_ERR_NULL ||
        {name}_predict({weights}NULL, 0, NULL, NULL) != LSTM_OK) {{
        exit(4);
    }}
{refused}    if ({name}_predict({weights}x, timesteps, y, work) != LSTM_OK) {{
        exit(5);
    }}
    fwrite(y, sizeof(float), count, out);
{stream}    fwrite(&worst, sizeof(float), 1, out);
{unload}    free(work);
    free(y);
    free(x);
}}
"""

# The weights of --binary, of which there have to be as many as the header says.
LOAD = """\
    float *weights = (float *)malloc({upper}_WEIGHTS_LEN * sizeof(float));
    const {name}_load_status loaded = {name}_load_file("{file}", weights);
    if (loaded != {upper}_LOAD_OK ||
        {name}_predict(NULL, x, timesteps, y, work) != LSTM_ERR_NULL) {{
        exit(11);
    }}
"""

# Numbers that no row of the table has: nothing is written.
REFUSED = """\
    {{
        const int32_t kept = x[timesteps - 1], other[2] = {{-1, {vocabulary}}};
        size_t k;
        for (k = 0; k < 2; k++) {{
            y[0] = 7.0f;
            x[timesteps - 1] = other[k];
            if ({name}_predict({weights}x, timesteps, y, work) != LSTM_ERR_SHAPE ||
                y[0] != 7.0f) {{
                exit(9);
            }}
        }}
        x[timesteps - 1] = kept;
    }}
"""

STREAM = """\
    {{
        float *state = (float *)malloc({upper}_STATE_LEN * sizeof(float));
        float *scratch = (float *)malloc({upper}_SCRATCH_LEN * sizeof(float));
        size_t t, size = 1;
        memset(y, -1, count * sizeof(float));
        {name}_reset(state);
        for (t = 0; t < timesteps; t++) {{
            if ({name}_step({weights}x + t * {upper}_INPUT_DIM, state, {y},
                            scratch) != LSTM_OK) {{
                exit(6);
            }}
        }}
        if ({name}_step({weights}NULL, state, y, scratch) != LSTM_ERR_NULL ||
            {name}_step({weights}x, NULL, y, scratch) != LSTM_ERR_NULL ||
            {name}_step({weights}x, state, y, NULL) != LSTM_ERR_NULL ||
            {name}_block({weights}NULL, 2, state, y, scratch) != LSTM_ERR_NULL ||
            {name}_block({weights}x, 2, NULL, y, scratch) != LSTM_ERR_NULL ||
            {name}_block({weights}x, 2, state, y, NULL) != LSTM_ERR_NULL ||
            {name}_block({weights}NULL, 0, NULL, NULL, NULL) != LSTM_OK) {{
            exit(7);
        }}
        fwrite(y, sizeof(float), count, out);
        memset(y, -1, count * sizeof(float));
        {name}_reset(state);
        for (t = 0; t < timesteps; t += size, size = size * 2 + 1) {{
            size = size < timesteps - t ? size : timesteps - t;
            if ({name}_block({weights}x + t * {upper}_INPUT_DIM, size, state, {block},
                             scratch) != LSTM_OK) {{
                exit(10);
            }}
        }}
        fwrite(y, sizeof(float), count, out);
        free(scratch);
        free(state);
    }}
"""

MAIN = """
int main(void)
{{
    unsigned int model, timesteps;
    while (fread(&model, sizeof model, 1, stdin) == 1 &&
           fread(&timesteps, sizeof timesteps, 1, stdin) == 1) {{
        switch (model) {{
{cases}        default: return 8;
        }}
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Built:
    """A case whose header has been written."""

    case: Case
    header: Path
    text: str

    @property
    def name(self) -> str:
        return self.header.stem

    @property
    def streams(self) -> bool:
        return f" lstm_status {self.name}_step(" in self.text

    @property
    def has_rows(self) -> bool:
        macro = (
            rf"{self.name.upper()}_OUTPUT_LEN\(timesteps\)[\s\\]+\(\(size_t\)\(timesteps"
        )
        return re.search(macro, self.text) is not None

    def number(self, macro: str) -> int | None:
        found = re.search(rf"#define {self.name.upper()}_{macro} (\d+)", self.text)
        return int(found[1]) if found else None

    def code(self) -> str:
        upper = self.name.upper()
        y = block = f"y + t * {upper}_OUTPUT_DIM"
        if not self.has_rows:
            y = "t + 1 == timesteps ? y : NULL"
            block = "t + size == timesteps ? y : NULL"
        vocabulary = self.number("VOCABULARY")
        is_binary = f" {self.name}_load_file(" in self.text
        names = {
            "name": self.name,
            "weights": "weights, " if is_binary else "",
            "all": "weights" if is_binary else "",
            "file": self.header.with_suffix(".bin"),
            "unload": "    free(weights);\n" if is_binary else "",
            "upper": upper,
            "y": y,
            "block": block,
            "kind": "float" if vocabulary is None else "int32_t",
            "vocabulary": vocabulary,
        }
        stream = STREAM.format(**names) if self.streams else ""
        refused = REFUSED.format(**names) if vocabulary is not None else ""
        load = LOAD.format(**names) if is_binary else ""
        return MODEL.format(stream=stream, refused=refused, load=load, **names)


def program(group: list[Built]) -> str:
    parts = [HEAD]
    for built in group:
        for define in built.case.defines:
            parts.append(f"#define {built.name.upper()}_{define}\n")
        parts.append(f'#include "{built.header.name}"\n')
    parts += [built.code() for built in group]
    cases = "".join(
        f"        case {k}: run_{built.name}(stdin, stdout, timesteps); break;\n"
        for k, built in enumerate(group)
    )
    return "".join(parts) + MAIN.format(cases=cases)


def requests(group: list[Built]) -> bytes:
    parts = []
    for k, built in enumerate(group):
        for pair in built.case.pairs:
            parts.append(struct.pack("=II", k, len(pair.x)) + pair.x.tobytes())
    return b"".join(parts)


def compiled(group: list[Built], directory: Path, stem: str) -> list[tuple[str, Path]]:
    """The programs that the compilers of C and C++ make; raises where one refuses."""
    source = directory / f"{stem}.c"
    source.write_text(program(group), encoding="ascii")
    shared = [*WARNINGS, f"-I{ROOT / 'include'}", f"-I{directory}"]
    c = ["gcc", "-std=c99", "-Wstrict-prototypes", *SANITIZED, *shared]
    cpp = ["g++", "-x", "c++", "-std=c++11", "-O2", *shared]
    found = []
    for language, command in (("C99", c), ("C++11", cpp)):
        target = directory / f"{stem}_{language[:3].strip('9')}"
        subprocess.run([*command, str(source), "-o", str(target)], check=True)
        found.append((language, target))
    for command in (["clang", "-std=c99"], ["clang", "-x", "c++", "-std=c++11"]):
        check = [*command, *shared, "-fsyntax-only", str(source)]
        subprocess.run(check, check=True)
    return found


# ---- The comparison --------------------------------------------------------------------


def compare(built: Built, outputs: Iterator[Array], language: str, score: Score) -> None:
    case = built.case
    errors = [0.0]
    for pair in case.pairs:
        wanted = pair.y.ravel()
        what = f"{case.name} ({language}, {len(pair.x)} timesteps)"
        y = next(outputs)
        error = distance(y, wanted)
        score.add_error(error, case.name)
        errors.append(error)
        score.check(error <= TOLERANCE, f"{what}: predict is off by {error:.2e}")
        for way in ("step", "block") if built.streams else ():
            same = next(outputs).tobytes() == y.tobytes()
            score.check(same, f"{what}: {way} gives other bits than predict")
        worst = next(outputs)[0]
        score.check(bool(worst <= TOLERANCE), f"{what}: the self-test says {worst:.2e}")
    if language == "C99":
        score.add_model(case.file, built.text, errors)


def split_outputs(group: list[Built], data: bytes) -> Iterator[Array]:
    numbers = np.frombuffer(data, np.float32)
    at = 0
    for built in group:
        for pair in built.case.pairs:
            sizes = [pair.y.size] * (3 if built.streams else 1) + [1]
            for size in sizes:
                yield numbers[at : at + size]
                at += size
    yield numbers[at:]


def run_group(group: list[Built], directory: Path, stem: str) -> list[tuple[str, bytes]]:
    data = requests(group)
    found = []
    for language, path in compiled(group, directory, stem):
        run = subprocess.run([str(path)], input=data, stdout=subprocess.PIPE, check=True)
        found.append((language, run.stdout))
    return found


def export_all(cases: list[Case], directory: Path, score: Score) -> list[Built]:
    built = []
    for number, case in enumerate(cases):
        words = re.sub(r"[^a-z0-9]+", "_", case.name.lower())[:50].strip("_")
        header = directory / f"m{number}_{words}.h"
        arguments = [case.file, "-o", header, "--name", header.stem, *case.options]
        if case.header is not None:
            text = case.header.read_text(encoding="ascii")
            built.append(Built(case, case.header, text))
            continue
        # What Keras has just written needs no trial, which takes a process of its own.
        with unittest.mock.patch.object(h5_tree, "try_first"):
            status, out, err = export(arguments)
        if not score.check(status == 0, f"{case.name}: not exported: {out}{err}".strip()):
            continue
        score.check("cannot run" not in out, f"{case.name}: {out}")
        score.check(f"tested by {case.by}" in out, f"{case.name}: no {case.by}: {out}")
        found = Built(case, header, header.read_text(encoding="ascii"))
        if case.can_stream is not None:
            what = f"{case.name}: can stream: {found.streams}"
            score.check(found.streams == case.can_stream, what)
        built.append(found)
    return built


def test_models(cases: list[Case], directory: Path, score: Score) -> None:
    built = export_all(cases, directory, score)
    groups = [built[k : k + TOGETHER] for k in range(0, len(built), TOGETHER)]
    workers = min(2, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        runs = [
            pool.submit(
                run_group, group, directory, f"group_{cases[0].file.parent.name}_{k}"
            )
            for k, group in enumerate(groups)
        ]
        for group, run in zip(groups, runs, strict=True):
            names = ", ".join(each.case.name for each in group)
            try:
                results = run.result()
            except subprocess.CalledProcessError as error:
                score.check(False, f"{names}: {error}")
                continue
            for language, data in results:
                outputs = split_outputs(group, data)
                for each in group:
                    compare(each, outputs, language, score)
                score.check(
                    next(outputs).size == 0, f"{names}: more output than expected"
                )
