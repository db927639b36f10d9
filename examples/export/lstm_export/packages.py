"""The packages that are needed for some files alone."""

from __future__ import annotations

import importlib
from types import ModuleType

from lstm_export.errors import Refusal
from lstm_export.limits import TIME


def require(module: str, package: str, what: str) -> ModuleType:
    """Import a module, or say which package `what` needs. The time that this takes is no
    file's."""
    try:
        with TIME.stopped():
            return importlib.import_module(module)
    except ImportError as error:
        raise Refusal(
            f"{what} needs the Python package {package}; install it with "
            f"`pip install {package}`"
        ) from error
