"""The modules in a PyTorch state_dict: which there are, by the names and shapes of their
tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.formats import float32
from lstm_export.model import Array

LSTM_NAME = re.compile(r"(weight|bias)_(ih|hh|hr)(?:_l(\d+)(_reverse)?)?")
# A table of embeddings is a matrix, as is the weight of an nn.Linear without a bias.
_EMBEDDING_NAME = re.compile(
    r"(^|[._])(embs?|embed|embeddings?|wte|tokens?|vocab)\d*$|embed", re.IGNORECASE
)
# What wrappers put in front of all names.
_WRAPPERS = ("module.", "_orig_mod.")
_STATISTICS = ("running_mean", "running_var")
COUNTER = "num_batches_tracked"  # plays no part in inference


@dataclass
class Module:
    """The arrays of one module, by the names that they have in it."""

    name: str
    arrays: dict[str, Array] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"module '{self.name}' ({self.kind})"

    @property
    def is_lstm(self) -> bool:
        return any(LSTM_NAME.fullmatch(name) for name in self.arrays)

    @property
    def is_embedding(self) -> bool:
        weight = self.arrays.get("weight")
        is_table = weight is not None and weight.ndim == 2 and "bias" not in self.arrays
        return is_table and _EMBEDDING_NAME.search(self.name) is not None

    @property
    def kind(self) -> str:
        if self.is_lstm:
            return "nn.LSTM"
        if any(name in self.arrays for name in _STATISTICS):
            return "nn.BatchNorm1d"
        if self.is_embedding:
            return "nn.Embedding"
        weight = self.arrays.get("weight")
        return "nn.LayerNorm" if weight is not None and weight.ndim == 1 else "nn.Linear"

    @property
    def inputs(self) -> int:
        """The features that it takes; of an nn.Embedding, one number."""
        if self.kind == "nn.Embedding":
            return 1
        first = "weight_ih_l0" if self.is_lstm else "weight"
        if self.kind == "nn.BatchNorm1d":
            first = "running_mean"
        return int(self.arrays[first].shape[-1])

    @property
    def outputs(self) -> int:
        if self.kind == "nn.Embedding":
            return int(self.arrays["weight"].shape[1])
        if self.kind in ("nn.BatchNorm1d", "nn.LayerNorm"):
            return self.inputs
        if not self.is_lstm:
            return int(self.arrays["weight"].shape[0])
        directions = 2 if "weight_ih_l0_reverse" in self.arrays else 1
        return directions * int(self.arrays["weight_hh_l0"].shape[1])


def _unwrapped(state: Mapping[str, npt.ArrayLike]) -> dict[str, npt.ArrayLike]:
    found = {str(name): value for name, value in state.items()}
    while True:
        wrapper = next(
            (each for each in _WRAPPERS if all(n.startswith(each) for n in found)), None
        )
        if wrapper is None or not found:
            return found
        found = {name[len(wrapper) :]: value for name, value in found.items()}


def modules_of(state: Mapping[str, npt.ArrayLike]) -> list[Module]:
    """The modules in a state_dict, in its order."""
    found: dict[str, Module] = {}
    for path, value in _unwrapped(state).items():
        prefix, _, variable = path.rpartition(".")
        if variable == COUNTER:
            continue
        match = LSTM_NAME.fullmatch(variable)
        if match is None and variable not in ("weight", "bias", *_STATISTICS):
            raise Refusal(
                f"the tensor '{path}' belongs to no nn.LSTM, nn.Linear, nn.BatchNorm1d, "
                "nn.LayerNorm or nn.Embedding; export a state_dict of these alone"
            )
        if match is not None and match[3] is None:
            variable += "_l0"  # nn.LSTMCell
        name = prefix or ("lstm" if match else "linear")
        module = found.setdefault(name, Module(name))
        module.arrays[variable] = float32(value, f"the tensor '{path}'")
    if not found:
        raise Refusal("the file has no tensors; save model.state_dict()")
    for module in found.values():
        _check_module(module)
    return list(found.values())


def _check_module(module: Module) -> None:
    if module.is_lstm:
        _check_lstm(module)
    elif module.kind == "nn.BatchNorm1d":
        _check_vectors(module, _STATISTICS)
    elif module.kind == "nn.LayerNorm":
        if "bias" not in module.arrays:
            raise Refusal(
                f"module '{module.name}': its weight is a vector and it has no bias, as "
                "an nn.PReLU; export a model without it"
            )
        _check_vectors(module, ("weight",))
    else:
        _check_matrix(module)


def _check_vectors(module: Module, needed: tuple[str, ...]) -> None:
    sizes = {array.shape for array in module.arrays.values()}
    missing = [name for name in needed if name not in module.arrays]
    if missing or len(sizes) != 1 or len(next(iter(sizes))) != 1:
        shapes = ", ".join(f"{n} {a.shape}" for n, a in module.arrays.items())
        raise Refusal(
            f"{module}: its tensors are {shapes}, not vectors of one size; save it again"
        )


def _check_matrix(module: Module) -> None:
    weight = module.arrays.get("weight")
    if weight is None or weight.ndim != 2:
        shape = None if weight is None else weight.shape
        kind = "that of an nn.Conv1d, whose stride and padding the file does not say"
        if weight is None or weight.ndim != 3:
            kind = "not that of an nn.Linear"
        raise Refusal(
            f"module '{module.name}': its weight has the shape {shape}, {kind}; export "
            "the model as ONNX, or without it"
        )


def _check_lstm(module: Module) -> None:
    arrays = module.arrays
    for name in arrays:
        if name.startswith(("weight_hr", "bias_hr")):
            raise Refusal(
                f"{module}: {name} is a projection (proj_size), which lstm.h has not; "
                "train it with proj_size=0"
            )
    for needed in ("weight_ih_l0", "weight_hh_l0"):
        if needed not in arrays or arrays[needed].ndim != 2:
            raise Refusal(
                f"{module}: there is no matrix {needed}; save model.state_dict() again"
            )
    rows, units = arrays["weight_hh_l0"].shape
    if units == 0 or rows != 4 * units:
        kind = {3: "an nn.GRU", 1: "an nn.RNN"}.get(rows // max(units, 1), "no nn.LSTM")
        raise Refusal(
            f"module '{module.name}': weight_hh_l0 has the shape {(rows, units)}, that "
            f"of {kind}; train an nn.LSTM"
        )


# ---- Half precision --------------------------------------------------------------------


def widened(name: str, kind: str, data: bytes, shape: tuple[int, ...]) -> npt.ArrayLike:
    """A tensor of a type whose numbers are all float32's too: float16 and bfloat16."""
    if kind == "bfloat16":
        words = np.frombuffer(data, "<u2").astype("<u4") << 16
        return words.view("<f4").astype(np.float32).reshape(shape)
    types = {"float32": "<f4", "float16": "<f2", "int64": "<i8"}
    if kind not in types:
        raise Refusal(
            f"the tensor '{name}' is stored as {kind}; save the model with float32 "
            "weights"
        )
    found = np.frombuffer(data, types[kind]).reshape(shape)
    return found if kind == "int64" else found.astype(np.float32)
