"""The weights in Keras' HDF5 files, in their two layouts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from lstm_export.errors import Refusal
from lstm_export.formats import float32
from lstm_export.keras.h5_tree import Tree
from lstm_export.keras.options import DROPPED, READ_OPTIONS
from lstm_export.model import Array


class Weights(Protocol):
    """Where the arrays of a layer come from."""

    # The version of Keras whose layout it is, where only one has it.
    generation: ClassVar[tuple[int, ...]]

    def arrays(
        self, name: str, class_name: str, names: Sequence[str] = ()
    ) -> dict[str, Array]:
        """By path: "kernel", or "forward/kernel" in a Bidirectional. `names` are those of
        other layers' weights, in their order."""

    def inside(self, name: str, class_name: str) -> Weights:
        """Those of the layers of a model in the model."""

    def check_all_used(self) -> None:
        """Refuse a file with arrays that no layer took."""


def text_of(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _refuse_unused(path: str) -> None:
    raise Refusal(
        f"the weights '{path}' belong to no layer of the model; save the model again"
    )


class NewWeights:
    """The layout of Keras 3: groups are numbered by class, in the order of layers."""

    generation: ClassVar[tuple[int, ...]] = (3,)
    _PARTS: ClassVar[dict[str, dict[str, str]]] = {
        "LSTM": {"": "cell/vars"},
        "Dense": {"": "vars"},
        "RNN": {"": "cell/vars"},
        "TimeDistributed": {"": "layer/vars"},
        "Bidirectional": {
            "forward/": "forward_layer/cell/vars",
            "backward/": "backward_layer/cell/vars",
        },
    }

    def __init__(
        self,
        tree: Tree,
        file: str,
        prefix: str = "layers",
        used: set[str] | None = None,
    ) -> None:
        if "layers" not in tree.attributes:
            tree = of_windows(tree)
        if prefix not in tree.attributes:
            raise Refusal(
                f"{file}: its weights are not laid out as Keras 3 does; load and save it "
                "with Keras 3"
            )
        self._tree = tree
        self._file = file
        self._prefix = prefix
        self._counts: Counter[str] = Counter()
        self._used: set[str] = set() if used is None else used

    def _group(self, class_name: str) -> str:
        base = _snake(class_name)
        number = self._counts[base]
        self._counts[base] += 1
        return f"{self._prefix}/{base}_{number}" if number else f"{self._prefix}/{base}"

    def inside(self, name: str, class_name: str) -> NewWeights:
        del name
        group = f"{self._group(class_name)}/layers"
        return NewWeights(self._tree, self._file, group, self._used)

    def arrays(
        self, name: str, class_name: str, names: Sequence[str] = ()
    ) -> dict[str, Array]:
        group = self._group(class_name)
        if class_name in DROPPED or class_name not in READ_OPTIONS:
            return {}
        self._check_name(group, name)
        if class_name in ("LSTM", "RNN", "Bidirectional"):
            names = ("kernel", "recurrent_kernel", "bias")
        elif not names:
            names = ("kernel", "bias")
        found: dict[str, Array] = {}
        for prefix, part in self._PARTS.get(class_name, {"": "vars"}).items():
            for index, variable in enumerate(names):
                path = f"{group}/{part}/{index}"
                if path in self._tree.arrays:
                    self._used.add(path)
                    if variable == "count":  # how many numbers a mean is that of
                        continue
                    what = f"layer '{name}': its {prefix.replace('/', ' ')}{variable}"
                    found[prefix + variable] = float32(self._tree.arrays[path], what)
        return found

    def _check_name(self, group: str, name: str) -> None:
        """Newer versions of Keras say whose weights they are."""
        stored = self._tree.attributes.get(f"{group}/vars", {}).get("name")
        if isinstance(stored, bytes | str) and text_of(stored) != name:
            raise Refusal(
                f"layer '{name}': the weights in {group} are those of "
                f"'{text_of(stored)}'; save the model again with one version of Keras"
            )

    def check_all_used(self) -> None:
        for path in self._tree.arrays:
            # Layers that are random in training keep the state of a generator.
            if path not in self._used and "seed_generator" not in path:
                _refuse_unused(path)


def of_windows(tree: Tree) -> Tree:
    """The layout of Keras 3 of one that Keras 2.13 to 2.15 write: under Windows they have
    backslashes in the names of groups, and in places another name for the layers."""
    found = Tree()

    def name(path: str) -> str:
        path = path.replace("\\", "/")
        inner = path.removeprefix("_layer_checkpoint_dependencies/")
        if inner == path:
            return path
        return inner if inner.startswith("layers/") else f"layers/{inner}"

    for path, array in tree.arrays.items():
        found.arrays[name(path)] = array
    for path, attributes in tree.attributes.items():
        found.attributes[name(path)] = attributes
    if any(path.startswith("layers/") for path in found.attributes):
        found.attributes["layers"] = {}
    return found


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class OldWeights:
    """The layout of Keras 2: a group for each layer, which lists its weights."""

    generation: ClassVar[tuple[int, ...]] = ()  # Keras 3 writes it too

    def __init__(
        self, tree: Tree, within: str = "", used: set[str] | None = None
    ) -> None:
        self._tree = tree
        self._within = within  # the model in the model whose layers these are of
        self._used: set[str] = set() if used is None else used

    def inside(self, name: str, class_name: str) -> OldWeights:
        del class_name
        return OldWeights(self._tree, self._within or name, self._used)

    def arrays(
        self, name: str, class_name: str, names: Sequence[str] = ()
    ) -> dict[str, Array]:
        del names
        found: dict[str, Array] = {}
        group = self._within or name
        for path in names_of(self._tree.attributes.get(group, {}), "weight_names"):
            whole = f"{group}/{path}"
            if self._within and name not in path.split("/")[:-1]:
                continue
            variable = path.rsplit("/", 1)[-1].split(":")[0]
            if variable in ("seed_generator_state", "count"):
                self._used.add(whole)
                continue
            if class_name == "Bidirectional":
                half = "backward/" if f"forward/{variable}" in found else "forward/"
                variable = half + variable
            what = f"layer '{name}': its {variable.replace('/', ' ')}"
            if variable in found or whole not in self._tree.arrays:
                raise Refusal(f"{what} is not in the file once; save the model again")
            self._used.add(whole)
            found[variable] = float32(self._tree.arrays[whole], what)
        return found

    def check_all_used(self) -> None:
        for path in self._tree.arrays:
            if path not in self._used:
                _refuse_unused(path)


def names_of(attributes: Mapping[str, Any], key: str) -> list[str]:
    """A list that Keras splits over key0, key1, ... where it is long."""
    if key in attributes:
        return [text_of(name) for name in attributes[key]]
    names: list[str] = []
    part = 0
    while f"{key}{part}" in attributes:
        names += [text_of(name) for name in attributes[f"{key}{part}"]]
        part += 1
    return names
