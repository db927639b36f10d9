"""The formats: every module here with a FORMAT is one.

A format reads a file into a model.Model and, where its framework is installed, runs the
model with it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.model import Array, Model


@dataclass(frozen=True)
class Options:
    """What the command line says about what a file does not."""

    config: Path | None = None  # Keras: the model's JSON beside .weights.h5
    # Weights alone, of torch or Keras: what of the LSTM's output is taken, "sequence",
    # "last" or "final"; the modules in the order they are run; what follows each.
    take: str | None = None
    order: tuple[str, ...] = ()
    activations: Mapping[str, str] = field(default_factory=dict)
    tensor: str | None = None  # ONNX: the output wanted
    node: str | None = None  # ONNX: export this LSTM node alone
    zero_state: bool = False  # ONNX: states that are inputs begin at zero


@dataclass(frozen=True)
class Format:
    framework: str  # the package that runs its models
    suffixes: tuple[str, ...]
    read: Callable[[Path, Options], Model]
    # The framework's own output for x, and its name and version; NotRun where it is not
    # installed or does not do what the one that made the file did.
    run: Callable[[Path, Options, Model, Array], tuple[Array, str]]
    options: frozenset[str] = frozenset()  # the fields of Options that it reads
    # The package for this file, where it is not one for all.
    framework_of: Callable[[Path], str] | None = None


def all_formats() -> list[Format]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [module.FORMAT for module in modules]


ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
# Whose files may be either, whatever the name says; and what is looked for instead.
KERAS_NAMES = (".keras", ".h5", ".hdf5")


def _looks_like(path: Path) -> str:
    """The ending that the first bytes of a file of Keras ask for, if another."""
    with path.open("rb") as file:
        first = file.read(len(HDF5))
    if first.startswith(ZIP) and not path.name.lower().endswith(".keras"):
        return ".keras"
    return ".h5" if first == HDF5 and path.name.lower().endswith(".keras") else ""


def format_of(path: Path) -> Format:
    formats = all_formats()
    name = path.name.lower()
    if name.endswith(KERAS_NAMES):
        name += _looks_like(path)
    fitting = [
        (len(suffix), form)
        for form in formats
        for suffix in form.suffixes
        if name.endswith(suffix)
    ]
    if not fitting:
        known = ", ".join(suffix for form in formats for suffix in form.suffixes)
        raise Refusal(f"{path.name}: its name ends in none of {known}; rename the file")
    return max(fitting, key=lambda pair: pair[0])[1]


def float32(array: npt.ArrayLike, what: str) -> Array:
    """The same numbers as a float32 array, or a refusal."""
    values = np.asarray(array)
    if values.dtype != np.float32:
        raise Refusal(
            f"{what} is stored as {values.dtype}; save the model with float32 weights"
        )
    return np.array(values, np.float32, order="C")
