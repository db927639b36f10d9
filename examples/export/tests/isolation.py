"""Reading a model runs no Python file that lies beside it or in the current directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unittest.mock
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import others
import torch_models
from harness import TOOL, Score, export

from lstm_export.keras import h5_tree

# Whatever the exporter imports, and more: what of it is run, says so in a file.
STUBS = (
    "__future__", "_bootlocale", "argparse", "collections", "contextlib", "copy",
    "dataclasses", "enum", "functools", "h5py", "hashlib", "importlib", "io", "itertools",
    "json", "keras", "logging", "math", "numpy", "onnx", "onnxruntime", "os", "pathlib",
    "pickle", "pkgutil", "posixpath", "random", "re", "safetensors", "signal", "site",
    "sitecustomize", "stat", "struct", "subprocess", "tarfile", "tempfile", "tensorflow",
    "textwrap", "torch", "types", "typing", "usercustomize", "warnings", "zipfile",
    "zlib",
)  # fmt: skip
STUB = "open({place!r}, 'a').write(__name__ + '\\n')\nraise SystemExit(0)\n"
# How Python is started, and with what in its environment.
STARTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "python": ([], {}),
    "python -P": (["-P"], {}),
    "python -I": (["-I"], {}),
    "PYTHONSAFEPATH=1": ([], {"PYTHONSAFEPATH": "1"}),
}


RTNEURAL = {
    "in_shape": [None, None, 1],
    "layers": [
        {"type": "lstm", "weights": [[[0.5] * 8], [[0.25] * 8] * 2, [0.125] * 8]},
        {"type": "dense", "activation": "", "weights": [[[1.0], [-1.0]], [0.5]]},
    ],
}
# Of which a framework runs the model too.
FRAMEWORKS = ("sound.keras", "sound.onnx", "sound.aidax")


@dataclass(frozen=True)
class Run:
    """A command that exports a model."""

    python: str
    path: Path
    options: list[str]
    start: str = "python"
    golden: str = "reference"
    beside_tool: bool = False


def _files(directory: Path, python: str) -> Iterator[Run]:
    """A model of each format and the Python that can read it."""
    for path, options in others._samples(directory):
        words = [str(each) for each in options]
        if path.suffix in (".json", ".nam"):
            yield Run(python, path, words, golden="framework")
            continue
        by = "framework" if path.name in FRAMEWORKS else "reference"
        yield Run(sys.executable, path, words, golden=by)
    for name in ("sound_rtneural.json", "sound.aidax"):
        path = directory / name
        path.write_text(json.dumps(RTNEURAL), encoding="ascii")
        by = "framework" if path.name in FRAMEWORKS else "reference"
        yield Run(sys.executable, path, [], golden=by)
    if not (directory / "torch").exists():
        torch_models.made(python, directory / "torch")
    cases = list((directory / "torch").glob("*.case"))
    for suffix in (".pt", ".ckpt"):
        path = min(
            each.with_suffix(suffix)
            for each in cases
            if each.with_suffix(suffix).exists()
        )
        case = json.loads(path.with_suffix(".case").read_text(encoding="ascii"))
        yield Run(python, path, case["options"], golden="framework")


def _runs(directory: Path, python: str) -> Iterator[Run]:
    for run in _files(directory, python):
        yield run
        yield replace(run, golden="reference", beside_tool=True)
        if run.path.name in ("sound.h5", "sound.keras"):
            for start in [each for each in STARTS if each != run.start]:
                yield replace(run, golden="reference", start=start)


def _says(run: Run, place: Path, tool: Path) -> str:
    """What is wrong with an export in this directory."""
    before, more = STARTS[run.start]
    command = [run.python, "-B", *before, str(tool), run.path.name, *run.options]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [*command, "--golden", run.golden, "--name", "out"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env=kept | more,
    )
    return done.stderr if done.returncode or not (place / "out.h").exists() else ""


def _stubs(place: Path, ran: Path) -> None:
    for name in STUBS:
        (place / f"{name}.py").write_text(STUB.format(place=str(ran)), encoding="ascii")


def stubs_beside(directory: Path, python: str, score: Score) -> None:
    """Beside the model, which is in the current directory, and beside the tool."""
    ran = directory / "ran.txt"
    copied = directory / "tool"
    shutil.copytree(TOOL.parent / "lstm_export", copied / "lstm_export")
    shutil.copy(TOOL, copied)
    _stubs(copied, ran)
    for run in _runs(directory, python):
        place = directory / "beside"
        place.mkdir()
        shutil.copy(run.path, place)
        _stubs(place, ran)
        said = _says(run, place, copied / TOOL.name if run.beside_tool else TOOL)
        what = f"{run.start}, {run.path.name}, beside the tool: {run.beside_tool}"
        score.check(not said, f"{what}: {said}")
        found = ran.read_text(encoding="ascii").split() if ran.exists() else []
        score.check(not found, f"{what}: runs {found}")
        ran.unlink(missing_ok=True)
        shutil.rmtree(place)


def stubs_run(directory: Path, score: Score) -> None:
    """The stubs do say that they are run, where they are."""
    ran = directory / "does_run.txt"
    place = directory / "does_run"
    place.mkdir()
    _stubs(place, ran)
    code = [sys.executable, "-B", "-c", "import h5py"]
    subprocess.run(code, cwd=place, check=False, capture_output=True)
    score.check(
        ran.exists() and "h5py" in ran.read_text(), "a stub that is run is silent"
    )


def child_that_fails(directory: Path, score: Score) -> None:
    """A child that cannot be run has not read the file."""
    path = next(p for p, _ in others._samples(directory) if p.suffix == ".h5")
    for name, code, word in (
        ("raises", "import none_such", "none_such"),
        ("leaves", "raise SystemExit(7)", "7"),
    ):
        with unittest.mock.patch.object(h5_tree, "CHILD", code):
            status, _, err = export([path, "-o", directory / "child.h"])
        good = status == 2 and err.count("\n") == 1 and word in err
        good = good and not (directory / "child.h").exists()
        score.check(good, f"a child that {name}: {status} {err}")


def test_isolation(directory: Path, python: str, score: Score) -> None:
    stubs_run(directory, score)
    child_that_fails(directory, score)
    stubs_beside(directory, python, score)
