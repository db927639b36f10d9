"""A compiler says where a status is not looked at, and where lstm.h is too old."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from harness import ROOT, WARNINGS, Score, export
from keras_models import L, sequential

INCLUDE = ROOT / "include"
C, CPP = ["-std=c99"], ["-x", "c++"]
# As a compiler that has all of C23 says.
C23 = ["-U__STDC_VERSION__", "-D__STDC_VERSION__=202311L"]
COMPILERS = {
    "C99": ["gcc", *C],
    "C23": ["gcc", "-std=c2x", "-Wno-builtin-macro-redefined", *C23],
    "C++11": ["g++", *CPP, "-std=c++11"],
    "C++17": ["g++", *CPP, "-std=c++17"],
    "clang, C99": ["clang", *C],
    "clang, C++17": ["clang", *CPP, "-std=c++17"],
}
# Calls of all functions that return a status, by the options of the export.
CALLS = {
    "": """\
    looked_predict(x, 1, y, work);
    looked_block(x, 1, work, y, work);
    looked_step(x, work, y, work);
""",
    "--binary": """\
    looked_load_file("", y);
    looked_load_bytes(x, 0, y);
    looked_predict(x, x, 1, y, work);
    looked_block(x, x, 1, work, y, work);
    looked_step(x, x, work, y, work);
""",
    "--int8": """\
    looked_predict(memory, x, 1, y);
    looked_predict_int16(memory, NULL, 1, y);
    looked_step(memory, x, y);
    looked_step_int16(memory, NULL, y);
    looked_logits(memory, NULL);
""",
}
# The examples' programs that call what the exporter writes; `make firmware` has sketches.
PROGRAMS = (
    "05_speakers.c",
    "08_amplifier.c",
    "firmware/recogniser.c",
    "web/web.c",
)


def _source(calls: str, memory: bool) -> str:
    more = ", looked_memory *memory" if memory else ""
    head = f"const float *x, float *y, float *work{more}"
    return (
        f'#include "looked.h"\nvoid use({head});\nvoid use({head})\n{{\n'
        f"    (void)work;\n{calls}}}\n"
    )


def _says(command: list[str], source: Path, *places: Path) -> str:
    """What a compiler has to say; no word if all is well."""
    line = [*command, *WARNINGS, "-Wno-error"]
    line += [f"-I{place}" for place in (source.parent, *places, INCLUDE)]
    line += ["-DLSTM_NO_SIMD", "-S", "-o", "-", str(source)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return "".join(
        line
        for line in done.stderr.splitlines(keepends=True)
        if not line.startswith("<command-line>")  # that macros of C23's are set
    )


def ignored(directory: Path, score: Score) -> None:
    """Each call whose status is not looked at has a warning; looked at, none."""
    model = directory / "looked.keras"
    sequential(L.LSTM(4, return_sequences=True), L.LSTM(3), L.Dense(2)).save(model)
    for option, calls in CALLS.items():
        place = directory / f"looked{option}"
        place.mkdir()
        options = [option] if option else []
        status, _, err = export([model, "-o", place / "looked.h", *options])
        score.check(status == 0, f"{option}: {err}")
        memory = option == "--int8"
        bad, good = place / "ignored.c", place / "seen.c"
        bad.write_text(_source(calls, memory), encoding="ascii")
        right = "LOOKED_LOAD_OK" if "load" in calls else "LSTM_OK"
        seen = re.sub(r"    (.*);", r"    if (\1 != LSTM_OK) { return; }", calls)
        seen = re.sub(r"(load_.*)LSTM_OK", rf"\1{right}", seen)
        good.write_text(_source(seen, memory), encoding="ascii")
        names = re.findall(r"looked_\w+", calls)
        for kind, compiler in COMPILERS.items():
            said = _says(compiler, bad)
            lines = [line for line in said.splitlines() if "warning:" in line]
            number = len(names)
            what = f"{kind} {option}, {number} statuses ignored: {said}"
            fits = len(lines) == number and all(re.search("ignoring", e) for e in lines)
            by_name = all(name in said for name in names)
            score.check(fits and by_name, what)
            said = _says(compiler, good)
            score.check(not said, f"{kind} {option}, statuses looked at: {said}")


def examples(directory: Path, score: Score) -> None:
    """The programs that come with the library look at each status."""
    place = directory / "examples"
    place.mkdir()
    home = ROOT / "examples"
    recorded = ["speakers/vowels_test.txt", "amplifier/riff.wav"]
    with (place / "data.h").open("wb") as data:
        command = ["sh", "web/data.sh", *recorded]
        subprocess.run(command, cwd=home, stdout=data, check=True)
    for name in PROGRAMS:
        path = home / name
        said = _says(["gcc", *C], path, place, home, home / "speakers")
        wrong = "unused-result" in said or "error:" in said
        score.check(not wrong, f"{name}: {said}")


def versions(directory: Path, score: Score) -> None:
    """A header takes lstm.h of its version and newer ones."""
    text = (INCLUDE / "lstm.h").read_text(encoding="utf-8")
    for option in CALLS:
        for number, (major, minor, is_new) in enumerate(
            ((0, 1, False), (0, 0, False), (0, 2, True), (0, 10, True), (1, 0, True))
        ):
            place = directory / f"lstm{option}{number}"
            place.mkdir()
            changed = re.sub(r"(_MAJOR) \d+", rf"\1 {major}", text)
            changed = re.sub(r"(_MINOR) \d+", rf"\1 {minor}", changed)
            (place / "lstm.h").write_text(changed, encoding="utf-8")
            shutil.copy(INCLUDE / "lstm_int8.h", place)
            source = place / "one.c"
            header = directory / f"looked{option}" / "looked.h"
            source.write_text(f'#include "{header}"\n', encoding="utf-8")
            said = _says(["gcc", *C], source)
            good = not said if is_new else "lstm.h 0.2 or newer" in said
            score.check(good, f"{option} with lstm.h {major}.{minor}: {said}")
    nothing = directory / "lstm0" / "without"
    nothing.mkdir()
    changed = re.sub(r"#define LSTM_VERSION_\w+ \d+\n", "", text)
    (nothing / "lstm.h").write_text(changed, encoding="utf-8")
    source = nothing / "one.c"
    header = directory / "looked" / "looked.h"
    source.write_text(f'#include "{header}"\n', encoding="utf-8")
    said = _says(["gcc", *C], source)
    score.check("lstm.h 0.2 or newer" in said, f"lstm.h without a version: {said}")


def test_statuses(directory: Path, score: Score) -> None:
    ignored(directory, score)
    examples(directory, score)
    versions(directory, score)
