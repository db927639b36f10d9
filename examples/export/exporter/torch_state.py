"""A PyTorch state_dict of nn.LSTM and nn.Linear modules, whatever file it is in.

A state_dict has the weights and the names of the modules, and not how they are put
together. Where the sizes leave one order of the modules, that is it; else the command
line has to say.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.errors import NotRun, Refusal
from exporter.formats import Options, float32
from exporter.model import (
    ACTIVATIONS,
    Activation,
    Array,
    Bidirectional,
    Cell,
    Dense,
    Layer,
    Lstm,
    Model,
    Row,
    Source,
    with_early_rows,
)

OPTIONS = frozenset({"take", "order", "activations"})  # of the command line, used here
MOST_MODULES = 6  # whose orders are tried
_LSTM_NAME = re.compile(r"(weight|bias)_(ih|hh|hr)(?:_l(\d+)(_reverse)?)?")

# A table of embeddings is a matrix, as is the weight of an nn.Linear without a bias.
_EMBEDDING_NAME = re.compile(r"(^|[._])(embs?|embed|embeddings?|wte)\d*$", re.IGNORECASE)


@dataclass
class Module:
    """The arrays of one nn.LSTM or nn.Linear, by the names they have in it."""

    name: str
    arrays: dict[str, Array] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"module '{self.name}' ({'nn.LSTM' if self.is_lstm else 'nn.Linear'})"

    @property
    def is_lstm(self) -> bool:
        return any(_LSTM_NAME.fullmatch(name) for name in self.arrays)

    @property
    def inputs(self) -> int:
        first = "weight_ih_l0" if self.is_lstm else "weight"
        return int(self.arrays[first].shape[1])

    @property
    def outputs(self) -> int:
        if not self.is_lstm:
            return int(self.arrays["weight"].shape[0])
        directions = 2 if "weight_ih_l0_reverse" in self.arrays else 1
        return directions * int(self.arrays["weight_hh_l0"].shape[1])


def modules_of(state: Mapping[str, npt.ArrayLike]) -> list[Module]:
    """The modules in a state_dict, in its order."""
    found: dict[str, Module] = {}
    for path, value in state.items():
        prefix, _, variable = str(path).rpartition(".")
        match = _LSTM_NAME.fullmatch(variable)
        if match is None and variable not in ("weight", "bias"):
            raise Refusal(
                f"the tensor '{path}' belongs to no nn.LSTM or nn.Linear; export a "
                "state_dict of these alone"
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
    arrays = module.arrays
    if not module.is_lstm:
        weight = arrays.get("weight")
        if weight is None or weight.ndim != 2:
            shape = None if weight is None else weight.shape
            raise Refusal(
                f"module '{module.name}': its weight has the shape {shape}, which is not "
                "that of an nn.Linear; export a model of nn.LSTM and nn.Linear alone"
            )
        if "bias" not in arrays and _EMBEDDING_NAME.search(module.name):
            raise Refusal(
                f"module '{module.name}': by its name an nn.Embedding, which is not "
                "supported; export the modules after it (or rename it, if it is an "
                "nn.Linear)"
            )
        return
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


# ---- Order -----------------------------------------------------------------------------


def _fits(modules: tuple[Module, ...]) -> bool:
    return all(a.outputs == b.inputs for a, b in itertools.pairwise(modules))


def ordered(modules: list[Module], options: Options, keeps_order: bool) -> list[Module]:
    """The modules in the order in which they run."""
    names = [module.name for module in modules]
    if options.order:
        if sorted(options.order) != sorted(names):
            raise Refusal(
                f"--order names {', '.join(options.order)} but the file has the modules "
                f"{', '.join(names)}; name each of them once"
            )
        return [modules[names.index(name)] for name in options.order]
    if keeps_order and _fits(tuple(modules)):
        return modules
    fitting = []
    if len(modules) <= MOST_MODULES:
        fitting = [p for p in itertools.permutations(modules) if _fits(p)]
    if len(fitting) == 1:
        return list(fitting[0])
    many = "more than one order" if fitting else "no order that is tried"
    raise Refusal(
        f"the sizes of the modules {', '.join(names)} fit together in {many}; add "
        "--order with their names in the order they run"
    )


# ---- Layers ----------------------------------------------------------------------------


def _cell(module: Module, layer: int, suffix: str) -> Cell:
    end = f"_l{layer}{suffix}"
    arrays = module.arrays
    for name in (f"weight_ih{end}", f"weight_hh{end}"):
        if name not in arrays or arrays[name].ndim != 2:
            raise Refusal(f"{module}: there is no matrix {name}; save it again")
    biases = [arrays.get(f"bias_{part}{end}") for part in ("ih", "hh")]
    given = [bias for bias in biases if bias is not None]
    if len(given) == 1:
        raise Refusal(f"{module}: has one bias of two at {end[1:]}; save it again")
    if len(given) == 2 and given[0].shape != given[1].shape:
        raise Refusal(f"{module}: its biases at {end[1:]} differ in shape; save it again")
    return Cell(
        np.ascontiguousarray(arrays[f"weight_ih{end}"].T),
        np.ascontiguousarray(arrays[f"weight_hh{end}"].T),
        given[0] + given[1] if given else None,
    )


def _lstm_layers(module: Module, take: str) -> list[Layer]:
    ends = {name.split("_", 2)[2] for name in module.arrays}
    count = 1 + max(int(end[1:].split("_")[0]) for end in ends)
    both = any(end.endswith("_reverse") for end in ends)
    layers: list[Layer] = []
    for k in range(count):
        name = f"{module.name}.{k}" if count > 1 else module.name
        sequences = take != "final" or k < count - 1
        forward = _cell(module, k, "")
        if both:
            backward = _cell(module, k, "_reverse")
            layers.append(
                Bidirectional(
                    name,
                    "nn.LSTM, bidirectional",
                    forward,
                    backward,
                    return_sequences=sequences,
                )
            )
        else:
            layers.append(Lstm(name, "nn.LSTM", forward, return_sequences=sequences))
    known = {f"l{k}{end}" for k in range(count) for end in ("", "_reverse")[: 1 + both]}
    for end in sorted(ends - known):
        raise Refusal(f"{module}: layer {end} has no counterpart; save it again")
    if take == "last":
        layers.append(Row(f"{module.name}[:, -1]", "last row"))
    return layers


def _activation(name: str, after: str) -> Activation:
    if name not in ACTIVATIONS:
        raise Refusal(
            f"--activations: '{name}' after module '{after}' is not known; use one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    return Activation(f"{after}.{name}", name, name)


def model_of(modules: list[Module], options: Options, source: Source, name: str) -> Model:
    layers: list[Layer] = []
    last = max((k for k, module in enumerate(modules) if module.is_lstm), default=-1)
    for k, module in enumerate(modules):
        if module.is_lstm:
            layers += _lstm_layers(module, options.take if k == last else "sequence")
        else:
            kernel = np.ascontiguousarray(module.arrays["weight"].T)
            bias = module.arrays.get("bias")
            layers.append(Dense(module.name, "nn.Linear", kernel, bias))
        if module.name in options.activations:
            layers.append(_activation(options.activations[module.name], module.name))
    names = [module.name for module in modules]
    for given in options.activations:
        if given not in names:
            raise Refusal(
                f"--activations names '{given}' but the file has the modules "
                f"{', '.join(names)}; use one of them"
            )
    taken = {
        "sequence": "all rows of the LSTM's output",
        "last": "the last row of the LSTM's output",
        "final": "the final h of each direction",
    }[options.take]
    note = (
        f"Modules in the order {', '.join(names)}; what follows the LSTM takes {taken}; "
        "the file does not say this, nor which activations there are besides these."
    )
    return Model(name, with_early_rows(layers), modules[0].inputs, None, source, (note,))


# ---- PyTorch's own output --------------------------------------------------------------

_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda f, y: y,
    "tanh": lambda f, y: y.tanh(),
    "sigmoid": lambda f, y: y.sigmoid(),
    "relu": lambda f, y: f.relu(y),
    "relu6": lambda f, y: f.relu6(y),
    "leaky_relu": lambda f, y: f.leaky_relu(y, 0.2),
    "elu": lambda f, y: f.elu(y),
    "selu": lambda f, y: f.selu(y),
    "gelu": lambda f, y: f.gelu(y),
    "silu": lambda f, y: f.silu(y),
    "hard_sigmoid": lambda f, y: f.hardsigmoid(y),
    "hard_silu": lambda f, y: f.hardswish(y),
    "softplus": lambda f, y: f.softplus(y),
    "softsign": lambda f, y: f.softsign(y),
    "exponential": lambda f, y: y.exp(),
    "mish": lambda f, y: f.mish(y),
    "softmax": lambda f, y: f.softmax(y, -1),
    "log_softmax": lambda f, y: f.log_softmax(y, -1),
}


def _torch() -> ModuleType:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise NotRun("is not installed") from error


def _torch_module(torch: ModuleType, module: Module) -> Any:
    arrays = module.arrays
    state = {name: torch.tensor(array.tolist()) for name, array in arrays.items()}
    if not module.is_lstm:
        made = torch.nn.Linear(module.inputs, module.outputs, "bias" in arrays)
    else:
        layers = 1 + max(int(re.findall(r"_l(\d+)", name)[0]) for name in arrays)
        made = torch.nn.LSTM(
            module.inputs,
            int(arrays["weight_hh_l0"].shape[1]),
            layers,
            bias="bias_ih_l0" in arrays,
            batch_first=True,
            bidirectional="weight_ih_l0_reverse" in arrays,
        )
    made.load_state_dict(state)
    return made


def _taken(torch: ModuleType, take: str, output: Any, h: Any, directions: int) -> Any:
    if take == "last":
        return output[:, -1]
    return torch.cat(list(h[-directions:]), -1) if take == "final" else output


def output_of(modules: list[Module], options: Options, x: Array) -> tuple[Array, str]:
    torch = _torch()
    last = max(k for k, module in enumerate(modules) if module.is_lstm)
    with torch.no_grad():
        y = torch.tensor(x[None].tolist())
        for k, module in enumerate(modules):
            made = _torch_module(torch, module)
            if module.is_lstm:
                directions = 1 + made.bidirectional
                y, (h, _) = made(y)
                take = options.take if k == last else "sequence"
                y = _taken(torch, take, y, h, directions)
            else:
                y = made(y)
            activation = options.activations.get(module.name, "linear")
            if activation not in _FUNCTIONS:
                raise NotRun(f"has no {activation}")
            y = _FUNCTIONS[activation](torch.nn.functional, y)
    found = np.array(y[0].tolist(), np.float32)
    return found.reshape(-1, found.shape[-1]), f"torch {torch.__version__}"


@dataclass(frozen=True)
class TorchFile:
    """What the two formats of PyTorch have in common."""

    state: Callable[[Any], Mapping[str, npt.ArrayLike]]
    keeps_order: bool
    made_by: str = "PyTorch"

    def _modules(self, path: Any, options: Options) -> list[Module]:
        return ordered(modules_of(self.state(path)), options, self.keeps_order)

    def read(self, path: Any, options: Options) -> Model:
        modules = self._modules(path, options)
        source = Source(path.name, self.made_by)
        return model_of(modules, options, source, path.name.split(".")[0])

    def run(
        self, path: Any, options: Options, model: Model, x: Array
    ) -> tuple[Array, str]:
        del model
        return output_of(self._modules(path, options), options, x)
