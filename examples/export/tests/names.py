"""Headers of any names go into one file, with each other and with the C library, or the
compiler says which do not."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import ROOT, WARNINGS, Score, export
from keras_models import L, sequential

# What standard macros begin with, and other words of C that are no keywords.
WORDS = (
    "arg", "dbl", "e", "eof", "errno", "exit", "fe", "flt", "fp", "hosts", "int8",
    "int_fast8", "intmax", "intptr", "lc", "ldbl", "main", "math", "mb_len", "name",
    "null", "open", "path", "pri", "ptrdiff", "rand", "schar", "scn", "shrt", "sig",
    "sig_atomic", "size", "stdin", "stdint", "str", "time", "tmp", "uint8",
    "uint_least16", "wchar", "wint", "x",
)  # fmt: skip
LIBRARY = (
    "assert", "complex", "ctype", "errno", "fcntl", "fenv", "float", "inttypes", "iso646",
    "limits", "locale", "math", "poll", "setjmp", "signal", "stdarg", "stdbool", "stddef",
    "stdint", "stdio", "stdlib", "string", "sys/stat", "sys/types", "tgmath", "time",
    "unistd", "wchar", "wctype",
)  # fmt: skip
NOT_CPP = ("complex", "tgmath")  # which C++ has of its own kind
# A model's name and those of its LSTM layers: each could be read as parts of another.
ALIKE = (
    ("seed", ("lstm", "lstm_lstm", "lstm_run", "lstm1", "lstm_1", "h", "input")),
    ("seed_lstm", ("lstm", "layer", "weights", "check", "units", "unit_count")),
    ("seed_lstm_lstm", ("lstm",)),
    ("seed_lstm_run", ("step",)),
    ("seed_lstm_layer", ("lstm", "lstm_count")),
    ("seed_h", ("lstm",)),
    ("seed_input", ("dim", "h")),
    ("seed_input_dim", ("lstm",)),
    ("seed_units", ("h", "lstm")),
    ("seed_lstm_unit", ("count",)),
    ("seed_weights", ("lstm",)),
    ("seed_larger", ("lstm",)),
)


def compiler_says(text: str, directory: Path, defines: Sequence[str] = ()) -> str:
    """What the compilers of C and C++ have against a file, nothing if all is well."""
    source = directory / "names.c"
    source.write_text(text, encoding="ascii")
    shared = [*WARNINGS, f"-I{ROOT / 'include'}", *defines]
    commands = (
        ["gcc", "-std=gnu99"],
        ["g++", "-x", "c++", "-std=gnu++11"],
        ["clang", "-std=gnu99"],
        ["clang", "-x", "c++", "-std=gnu++11"],
    )
    for command in commands:
        line = [*command, *shared, f"-I{directory}", "-fsyntax-only", str(source)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{' '.join(command)}: {done.stderr.strip()[:300]}"
    return ""


def _stacked(names: Sequence[str], path: Path) -> Path:
    """A model of these LSTM layers."""
    layers = [
        L.LSTM(3 + k, name=name, return_sequences=True) for k, name in enumerate(names)
    ]
    sequential(*layers, L.Dense(2, name="dense")).save(path)
    return path


def _exported(model: Path, name: str, directory: Path, file: str = "") -> str:
    """The line that includes what a model becomes."""
    header = directory / f"{file or 'of_' + name}.h"
    status, _, err = export(
        [model, "-o", header, "--name", name, "--golden", "reference"]
    )
    return f'#include "{header.name}"\n' if status == 0 else f"#error {err}"


def _library(cpp: bool) -> str:
    names = [name for name in LIBRARY if not (cpp and name in NOT_CPP)]
    return "".join(f"#include <{name}.h>\n" for name in names)


def beside_the_library(directory: Path, score: Score) -> None:
    model = directory / "both.keras"
    both = L.Bidirectional(L.LSTM(3, return_sequences=True), name="both")
    sequential(both, L.LSTM(7, name="one"), L.Dense(2, name="dense")).save(model)
    lines = "".join(_exported(model, word, directory) for word in WORDS)
    parts = [
        f"#ifdef __cplusplus\n{_library(True)}#else\n{_library(False)}#endif\n",
        lines,
    ]
    for first, second in (parts, parts[::-1]):
        said = compiler_says(first + second, directory)
        score.check(not said, f"names beside the library's: {said}")


def beside_each_other(directory: Path, score: Score) -> None:
    lines = []
    for number, (name, layers) in enumerate(ALIKE):
        model = _stacked(layers, directory / f"alike{number}.keras")
        lines.append(_exported(model, name, directory))
    for order in (lines, lines[::-1]):
        said = compiler_says("".join(order), directory)
        score.check(not said, f"names that are alike: {said}")
    for pair in itertools.permutations(lines, 2):
        score.check(not (said := _preprocessor_says("".join(pair), directory)), said)


def _preprocessor_says(text: str, directory: Path) -> str:
    source = directory / "pair.c"
    source.write_text(text, encoding="ascii")
    line = ["gcc", "-std=c99", "-Werror", f"-I{ROOT / 'include'}", "-fsyntax-only"]
    done = subprocess.run(
        [*line, str(source)], capture_output=True, text=True, check=False
    )
    return done.stderr.strip()[:300]


def one_name(directory: Path, score: Score) -> None:
    """The compiler says that two models have one name."""
    one = _stacked(("a",), directory / "one.keras")
    other = _stacked(("b",), directory / "other.keras")
    first = _exported(one, "twin", directory)
    upper = _exported(one, "Twin", directory)
    second = _exported(other, "twin", directory, "second")
    for what, text in (
        ("in upper case", first + upper),
        ("of another model", first + second),
        ("of a header of one's own", "#define TWIN_H\n" + first),
    ):
        said = compiler_says(text, directory)
        score.check("another --name" in said, f"a name {what} is taken: {said}")
    said = compiler_says(first + first, directory)
    score.check(not said, f"a header included twice: {said}")


def test_names(directory: Path, score: Score) -> None:
    beside_the_library(directory, score)
    beside_each_other(directory, score)
    one_name(directory, score)
