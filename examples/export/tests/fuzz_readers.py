"""Fuzz the exporter's readers: python examples/export/tests/fuzz_readers.py [EXAMPLES]

Hypothesis cuts, changes and inserts pieces of a sound file of each kind; the command has
to refuse each in one line with nothing written, or to write a header. Derandomised: the
same files each time; EXAMPLES (60) is how many of each kind. Ends with "N passed, N
failed".
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import others  # noqa: E402
from hypothesis import HealthCheck, given, settings, strategies  # noqa: E402

BYTES = strategies.binary(max_size=8)
EDIT = strategies.tuples(strategies.floats(0.0, 1.0), strategies.integers(0, 16), BYTES)


def edited(sound: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """At a place of the file, so many bytes give way to these."""
    data = sound
    for where, dropped, put in edits:
        at = int(where * len(data))
        data = data[:at] + put + data[at + dropped :]
    return data


def fuzz(source: Path, options: list[str | Path], directory: Path, examples: int) -> str:
    """What was wrong first, or nothing."""
    sound = source.read_bytes()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.lists(EDIT, min_size=1, max_size=4))
    def takes_any_bytes(edits: list[tuple[float, int, bytes]]) -> None:
        status, wrong = others.exported_damage(
            source, options, edited(sound, edits), directory
        )
        assert not wrong, f"{source.name}, {edits}: {status} {wrong}"

    try:
        takes_any_bytes()
    except AssertionError as error:
        return str(error)
    return ""


def main() -> int:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for source, options in others._samples(directory):
            wrong = fuzz(source, options, directory, examples)
            passed, failed = passed + (not wrong), failed + bool(wrong)
            suffix = source.name.removeprefix("sound")
            print(f"{suffix:16} {wrong or f'{examples} damaged files taken'}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
