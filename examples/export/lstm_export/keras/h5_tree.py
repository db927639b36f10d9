"""An HDF5 file, read at once into dictionaries: what is damaged is found here."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lstm_export
from lstm_export.errors import Refusal
from lstm_export.limits import MEMORY, MOST_DEPTH, MOST_OBJECTS, TIME
from lstm_export.packages import require

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


def _check_sizes(tree: Tree, path: str, name: str, size: int) -> None:
    if path.count("/") > MOST_DEPTH or len(tree.attributes) > MOST_OBJECTS:
        raise Refusal(
            f"{name}: has more than {MOST_DEPTH} groups in each other or more than "
            f"{MOST_OBJECTS:,} of them; save the model again"
        )
    MEMORY.check(f"{name}: what is in it", size)


# The package is found where it lies, all else where this process finds it: neither beside
# the file nor in the current directory.
CHILD = """
import sys
place, file, member, *sys_path = sys.argv[1:]
sys.path[:] = [place]
import lstm_export
sys.path[:] = sys_path
from lstm_export.keras.h5_tree import try_alone
sys.exit(try_alone(file, member))
"""
READ, REFUSED = 0, 3  # what the child says of the file


def try_alone(file: str, member: str) -> int:
    """What the child does, with a file or with one in a zip file."""
    try:
        if member:
            with zipfile.ZipFile(file) as archive:
                _tree(io.BytesIO(archive.read(member)), "")
        else:
            _tree(Path(file), "")
    except Refusal:  # with words that are this process's own to say
        return REFUSED
    return READ


def try_first(file: Path, name: str, member: str = "") -> None:
    """Read the file in a process of its own: with some damage the HDF5 library neither
    comes to an end nor can be interrupted, or crashes."""
    place = Path(lstm_export.__file__).resolve().parents[1]
    path = [each for each in sys.path if Path(each).is_absolute()]
    command = [sys.executable, "-I", "-B", "-c", CHILD, str(place), str(file.resolve())]
    left = TIME.left()
    try:
        child = subprocess.run(
            [*command, member, *path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=None if left == float("inf") else left,
        )
    except subprocess.TimeoutExpired as error:
        raise TIME.up(name) from error
    if child.returncode < 0:
        raise Refusal(
            f"{name}: not a whole HDF5 file (the HDF5 library crashes); copy or save it "
            "again"
        )
    if child.returncode not in (READ, REFUSED):
        said = child.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:120]
        raise Refusal(
            f"{name}: the Python that is to try it fails ({said or child.returncode}); "
            f"see what {Path(sys.executable).name} -I -c 'import h5py' says"
        )


def read_tree(
    file: Path, name: str, member: tuple[str, bytes] = ("", b""), is_tried: bool = False
) -> Tree:
    """All there is in the file itself, or in a member of a zip file, by its name and with
    its bytes; what only a link leads to is not. It is tried first."""
    require("h5py", "h5py", "reading Keras files")
    inside, data = member
    if not is_tried:
        try_first(file, name, inside)
    return _tree(io.BytesIO(data) if inside else file, name)


def _tree(file: Any, name: str) -> Tree:
    h5py = require("h5py", "h5py", "reading Keras files")
    tree = Tree()
    size = 0

    def visit(path: str, item: Any) -> None:
        nonlocal size
        size += item.nbytes if isinstance(item, h5py.Dataset) else 0
        _check_sizes(tree, path, name, size)
        if path.replace("\\", "/").startswith(OF_TRAINING):
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
