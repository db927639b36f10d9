"""The weights in Keras' HDF5 files, in their two layouts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from exporter.errors import Refusal
from exporter.formats import float32
from exporter.keras.h5_tree import Tree
from exporter.keras.options import DROPPED, READ_OPTIONS
from exporter.model import Array


class Weights(Protocol):
    """Where the arrays of a layer come from."""

    # The version of Keras whose layout it is, where only one has it.
    generation: ClassVar[tuple[int, ...]]

    def arrays(self, name: str, class_name: str) -> dict[str, Array]:
        """By path: "kernel", or "forward/kernel" in a Bidirectional."""

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
        "TimeDistributed": {"": "layer/vars"},
        "Bidirectional": {
            "forward/": "forward_layer/cell/vars",
            "backward/": "backward_layer/cell/vars",
        },
    }

    def __init__(self, tree: Tree, file: str) -> None:
        if "layers" not in tree.attributes:
            raise Refusal(
                f"{file}: its weights are not laid out as Keras 3 does; load and save it "
                "with Keras 3"
            )
        self._tree = tree
        self._counts: Counter[str] = Counter()
        self._used: set[str] = set()

    def arrays(self, name: str, class_name: str) -> dict[str, Array]:
        base = _snake(class_name)
        number = self._counts[base]
        self._counts[base] += 1
        if class_name in DROPPED or class_name not in READ_OPTIONS:
            return {}
        group = f"layers/{base}_{number}" if number else f"layers/{base}"
        self._check_name(group, name)
        names = ["kernel", "bias"]
        if class_name in ("LSTM", "Bidirectional"):
            names.insert(1, "recurrent_kernel")
        found: dict[str, Array] = {}
        for prefix, part in self._PARTS.get(class_name, {}).items():
            for index, variable in enumerate(names):
                path = f"{group}/{part}/{index}"
                if path in self._tree.arrays:
                    self._used.add(path)
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


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class OldWeights:
    """The layout of Keras 2: a group for each layer, which lists its weights."""

    generation: ClassVar[tuple[int, ...]] = ()  # Keras 3 writes it too

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._used: set[str] = set()

    def arrays(self, name: str, class_name: str) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for path in _names(self._tree.attributes.get(name, {}), "weight_names"):
            whole = f"{name}/{path}"
            variable = path.rsplit("/", 1)[-1].split(":")[0]
            if variable == "seed_generator_state":
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


def _names(attributes: Mapping[str, Any], key: str) -> list[str]:
    """A list that Keras splits over key0, key1, ... where it is long."""
    if key in attributes:
        return [text_of(name) for name in attributes[key]]
    names: list[str] = []
    part = 0
    while f"{key}{part}" in attributes:
        names += [text_of(name) for name in attributes[f"{key}{part}"]]
        part += 1
    return names
