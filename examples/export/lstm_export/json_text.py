"""JSON files, read with refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lstm_export.errors import Refusal
from lstm_export.limits import MEMORY

GROWS = 10  # how much larger than its text what it describes may be in memory


def check_text(path: Path) -> None:
    MEMORY.check(f"{path.name}: what is in it", GROWS * path.stat().st_size)


def json_in(path: Path) -> dict[str, Any]:
    """What is in a file of JSON."""
    check_text(path)
    return json_of(path.read_bytes(), path.name)


def json_of(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{what} is not JSON ({error}); save the model again") from error
    if not isinstance(found, dict):
        raise Refusal(f"{what} describes no model; save the model again")
    return found
