"""The one exception that a user is meant to see."""

from __future__ import annotations

import importlib
from types import ModuleType


class Refusal(Exception):  # noqa: N818 - nothing went wrong in the tool
    """The model is not exported; the text is one sentence on why and what to do."""


def require(module: str, package: str, what: str) -> ModuleType:
    """Import a module, or say which package `what` needs."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Refusal(
            f"{what} needs the Python package {package}; install it with "
            f"`pip install {package}`"
        ) from error
