"""An HDF5 file, read at once into dictionaries: what is damaged is found here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.errors import Refusal, require

MOST_NUMBERS = 1 << 30  # in one array
MOST_PACKED = 1032  # bytes that deflate makes one of
SMALL = 1 << 20
# What training leaves in a file besides the weights of the model.
OF_TRAINING = ("optimizer/", "optimizer_weights/", "metrics/", "compile_metrics/")
# What h5py raises, depending on where a file is damaged.
ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)


@dataclass
class Tree:
    """Arrays and attributes by the path of what has them; the root is ""."""

    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def below(self, group: str) -> Tree:
        """A part of the tree as a tree."""
        start = f"{group}/"
        found = Tree()
        for path, array in self.arrays.items():
            if path.startswith(start):
                found.arrays[path[len(start) :]] = array
        for path, attributes in self.attributes.items():
            if path == group or path.startswith(start):
                found.attributes[path[len(start) :]] = attributes
        return found


def _array(dataset: Any, path: str) -> npt.NDArray[Any]:
    if dataset.external or dataset.is_virtual:
        raise Refusal(f"the array '{path}' is kept in another file; save the model again")
    if dataset.size is None or dataset.size > MOST_NUMBERS:
        raise Refusal(
            f"the array '{path}' has the shape {dataset.shape}, more than a file for "
            "lstm.h can hold; save the model again"
        )
    stored = int(dataset.id.get_storage_size())
    if dataset.nbytes > SMALL and dataset.nbytes > MOST_PACKED * stored:
        raise Refusal(
            f"the array '{path}' of the shape {dataset.shape} is not in the file; save "
            "the model again"
        )
    return np.asarray(dataset[()])


def read_tree(file: Any, name: str) -> Tree:
    """All there is in the file itself; what only a link leads to is not."""
    h5py = require("h5py", "h5py", "reading Keras files")
    tree = Tree()

    def visit(path: str, item: Any) -> None:
        if path.startswith(OF_TRAINING):
            return
        tree.attributes[path] = dict(item.attrs.items())
        if isinstance(item, h5py.Dataset):
            tree.arrays[path] = _array(item, path)

    try:
        with h5py.File(file, "r") as opened:
            visit("", opened)
            opened.visititems(visit)
    except ERRORS as error:
        reason = str(error).split(",")[0].strip("'\"")
        raise Refusal(
            f"{name}: not a whole HDF5 file ({reason}); copy or save it again"
        ) from error
    return tree
