"""JSON files, read with refusals."""

from __future__ import annotations

import json
from typing import Any

from lstm_export.errors import Refusal


def json_of(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{what} is not JSON ({error}); save the model again") from error
    if not isinstance(found, dict):
        raise Refusal(f"{what} describes no model; save the model again")
    return found
