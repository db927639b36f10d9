"""Fuzz the exporter's readers: python examples/export/tests/fuzz_readers.py [EXAMPLES]

Hypothesis cuts, changes and inserts pieces of a sound file of each kind, and puts other
values into the JSON of those that have some; the command has to refuse each in one line
with nothing written, or to write a header. Derandomised: the same files each time;
EXAMPLES (60) is how many of each kind. Ends with "N passed, N failed".
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import others  # noqa: E402
import refusals  # noqa: E402
from hypothesis import HealthCheck, given, settings, strategies  # noqa: E402

BYTES = strategies.binary(max_size=8)
EDIT = strategies.tuples(strategies.floats(0.0, 1.0), strategies.integers(0, 16), BYTES)


def edited(source: Path, edits: list[tuple[float, int, bytes]]) -> bytes:
    """At a place of the file, so many bytes give way to these."""
    data = source.read_bytes()
    for where, dropped, put in edits:
        at = int(where * len(data))
        data = data[:at] + put + data[at + dropped :]
    return data


# ---- Other values in JSON --------------------------------------------------------------

VALUES = (
    None, True, 0, 1, -1, 10**30, 1.5, "", "LSTM", "relu", [], [1], [None, 0], {},
    {"class_name": "LSTM", "config": {}}, {"class_name": "function", "config": "relu"},
    ["lstm", 0, 0],
)  # fmt: skip
CHANGE = strategies.tuples(strategies.floats(0.0, 1.0), strategies.sampled_from(VALUES))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All dictionaries and lists in a value, with each of their keys."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def changed(text: bytes, changes: list[tuple[float, Any]]) -> bytes:
    value = json.loads(text)
    for where, new in changes:
        found = list(places(value))
        if found:
            holder, key = found[int(where * (len(found) - 1))]
            holder[key] = json.loads(json.dumps(new))
    return json.dumps(value).encode()


def changed_file(source: Path, changes: list[tuple[float, Any]]) -> bytes:
    if source.suffix in (".json", ".nam"):
        return changed(source.read_bytes(), changes)
    target = source.with_name("changed.keras")
    edit = {refusals.C: lambda data: changed(data, changes)}
    return refusals.edited(source, target, edit).read_bytes()


# ---- Trying them -----------------------------------------------------------------------


def fuzz(
    source: Path,
    options: list[str | Path],
    directory: Path,
    examples: int,
    edits_of: Any,
    damage: Callable[[Path, Any], bytes],
) -> str:
    """What was wrong first, or nothing."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.lists(edits_of, min_size=1, max_size=4))
    def takes_all(edits: Any) -> None:
        data = damage(source, edits)
        status, wrong = others.exported_damage(source, options, data, directory)
        assert not wrong, f"{source.name}, {edits}: {status} {wrong}"

    try:
        takes_all()
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
            kinds = [("bytes", EDIT, edited)]
            if source.suffix in (".keras", ".json", ".nam"):
                kinds.append(("values", CHANGE, changed_file))
            for kind, edits, damage in kinds:
                wrong = fuzz(source, options, directory, examples, edits, damage)
                passed, failed = passed + (not wrong), failed + bool(wrong)
                suffix = source.name.removeprefix("sound")
                said = wrong or f"{examples} files with other {kind} taken"
                print(f"{suffix:16} {said}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
