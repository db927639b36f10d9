"""Test the exporter: python examples/export/tests/run.py [GROUP...]

Builds models with the real Keras, PyTorch and ONNX, exports them, compiles the headers as
C99 and C++11, runs them and compares their outputs with the framework's own. Then broken
files and options: each has to be refused in one sentence, with nothing written. Ends with
"N passed, N failed". Without groups, all are run.

TORCH_PYTHON (default /usr/bin/python3, with Debian's python3-torch) makes PyTorch's
models.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True

from harness import Case, Score, test_models  # noqa: E402

TORCH_PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")


def keras_cases(directory: Path, score: Score) -> list[Case]:
    import keras_models

    del score
    return keras_models.cases(directory / "keras")


def keras_own_cases(directory: Path, score: Score) -> list[Case]:
    import keras_own_models

    del score
    return keras_own_models.cases(directory / "keras_own")


def torch_cases(directory: Path, score: Score) -> list[Case]:
    import torch_cases as cases
    import torch_models

    models = torch_models.made(TORCH_PYTHON, directory / "torch")
    return [
        *cases.state_dicts(models, TORCH_PYTHON, directory, score),
        *cases.safetensors(models),
        *cases.onnx(models),
        *cases.proteus(models, directory / "torch"),
        *cases.nam(directory, TORCH_PYTHON, score),
    ]


def rtneural_cases(directory: Path, score: Score) -> list[Case]:
    import rtneural_models

    del score
    return rtneural_models.cases(directory / "rtneural")


def onnx_cases(directory: Path, score: Score) -> list[Case]:
    import onnx_models

    del score
    return [
        *onnx_models.cases(directory / "onnx"),
        *onnx_models.silero_cases(),
    ]


def keras2_cases(directory: Path, score: Score) -> list[Case]:
    import keras2_models

    del score
    return keras2_models.cases(directory / "keras2")


def test_refusals(directory: Path, score: Score) -> None:
    import refusals
    import torch_models

    if not (directory / "torch").exists():
        torch_models.made(TORCH_PYTHON, directory / "torch")
    refusals.test_refusals(directory, TORCH_PYTHON, score)


def test_isolation(directory: Path, score: Score) -> None:
    import isolation

    isolation.test_isolation(directory, TORCH_PYTHON, score)


def test_bounded(directory: Path, score: Score) -> None:
    import bounded

    bounded.test_bounded(directory, TORCH_PYTHON, score)


def test_outputs(directory: Path, score: Score) -> None:
    import outputs

    outputs.test_outputs(directory, score)


def test_names(directory: Path, score: Score) -> None:
    import names

    names.test_names(directory, score)


def test_others(directory: Path, score: Score) -> None:
    import others

    others.test_others(directory, score)


def binary_cases(directory: Path, score: Score) -> list[Case]:
    import binary

    found = binary.cases(directory / "binary")
    binary.test_binary(directory, score)
    return found


def test_statuses(directory: Path, score: Score) -> None:
    import statuses

    statuses.test_statuses(directory, score)


def test_int8(directory: Path, score: Score) -> None:
    import int8_models

    int8_models.test_int8(directory, score)


def test_style(directory: Path, score: Score) -> None:
    """ruff and mypy have nothing to say."""
    tool = str(HERE.parent)
    # The command has the package's name, which mypy takes for one module twice.
    script = directory / "command_line.py"
    shutil.copy(HERE.parent / "lstm_export.py", script)
    for command in (
        ["ruff", "check", "--no-cache", "--quiet", tool],
        ["ruff", "format", "--no-cache", "--quiet", "--check", tool],
        ["mypy", f"--cache-dir={directory}", "--no-error-summary", str(script)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tool,
            env=os.environ | {"MYPYPATH": tool},
            check=False,
        )
        score.check(done.returncode == 0, " ".join(command[:2]))


MODELS: dict[str, Callable[[Path, Score], list[Case]]] = {
    "keras": keras_cases,
    "keras_own": keras_own_cases,
    "torch": torch_cases,
    "rtneural": rtneural_cases,
    "onnx": onnx_cases,
    "keras2": keras2_cases,
    "binary": binary_cases,
}
OTHERS: dict[str, Callable[[Path, Score], None]] = {
    "refusals": test_refusals,
    "isolation": test_isolation,
    "bounded": test_bounded,
    "outputs": test_outputs,
    "names": test_names,
    "statuses": test_statuses,
    "others": test_others,
    "int8": test_int8,
    "style": test_style,
}


def main() -> int:
    logging.disable(logging.WARNING)  # Keras' advice to users
    warnings.simplefilter("ignore")
    start = time.monotonic()
    score = Score()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for group in sys.argv[1:] or [*MODELS, *OTHERS]:
            before = time.monotonic()
            what = "done"
            if group in MODELS:
                cases = MODELS[group](directory, score)
                test_models(cases, directory, score)
                what = f"{len(cases)} models"
            else:
                OTHERS[group](directory, score)
            print(f"{group}: {what}, {time.monotonic() - before:.0f} s", flush=True)
    seconds = time.monotonic() - start
    print(*score.lines(), sep="\n")
    print(f"refused: {score.refused} files and options")
    print(f"worst error {score.worst:.2e}, {score.worst_of}; {seconds:.0f} s")
    print(f"{score.passed} passed, {score.failed} failed")
    return 1 if score.failed else 0


if __name__ == "__main__":
    sys.exit(main())
