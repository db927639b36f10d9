"""A PyTorch state_dict, whatever file it is in.

A state_dict has the weights and the names of the modules, and not how they are put
together. Where the sizes leave one order of the modules, that is it; else the command
line has to say.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_export.errors import NotRun, Refusal
from lstm_export.formats import Options
from lstm_export.model import (
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
from lstm_export.own_layers import Affine, Embedding, LayerNorm, normalising
from lstm_export.torch_modules import Module, modules_of

OPTIONS = frozenset({"take", "order", "activations"})  # of the command line, used here
MOST_MODULES = 6  # whose orders are tried
EPSILON = 1e-5  # what PyTorch's normalizations add to a variance unless told otherwise

# Names that say what a module is, so that nobody has to be asked: rec, fc1, head.2.
_LSTMS = re.compile(
    r"(^|\.)(\w*lstm\w*|rnn\d*|rec|recurrent|encoder|\d+)$", re.IGNORECASE
)
_LINEARS = re.compile(
    r"(^|\.)(fc\d*|fc_?\w*|lin|linear\w*|dense\w*|out|output\w*|head|classifier|decoder|"
    r"regressor|proj\w*|hidden2\w+|\w*_fc|\w*_linear|\w*_head|layer\d*|\d+)(\.\d+)?$",
    re.IGNORECASE,
)


# ---- Order -----------------------------------------------------------------------------


def _fits(modules: tuple[Module, ...]) -> bool:
    if any(module.is_embedding for module in modules[1:]):
        return False
    return all(a.outputs == b.inputs for a, b in itertools.pairwise(modules))


def ordered(
    modules: list[Module], options: Options, keeps_order: bool, file: str
) -> list[Module]:
    """The modules in the order in which they run."""
    names = [module.name for module in modules]
    if options.order:
        if sorted(options.order) != sorted(names):
            raise Refusal(
                f"--order names {', '.join(options.order)} but the file has the modules "
                f"{', '.join(names)}; name each of them once"
            )
        return [modules[names.index(name)] for name in options.order]
    fitting = []
    if keeps_order and _fits(tuple(modules)):
        fitting = [tuple(modules)]
    elif len(modules) <= MOST_MODULES:
        fitting = [p for p in itertools.permutations(modules) if _fits(p)]
    if not fitting:
        is_all = len(modules) <= MOST_MODULES
        say = "" if is_all else " that is tried; name it in --order"
        raise Refusal(
            f"the modules {_listed(modules)} fit together in no order{say}; export a "
            "model that is one chain of these"
        )
    if len(fitting) > 1:
        raise Refusal(
            f"the sizes of the modules {', '.join(names)} fit together in more than one "
            f"order; say which: {_command(file, fitting[0], {})}"
        )
    found = list(fitting[0])
    if not _is_plain(found):
        raise Refusal(
            f"the file does not say how {_listed(found)} are put together; say so if it "
            f"is this: {_command(file, found, _gaps(found))}"
        )
    return found


def _is_plain(modules: list[Module]) -> bool:
    """Whether their names say that they are an LSTM, or some, before Linears."""
    kinds = [module.kind for module in modules]
    count = kinds.count("nn.LSTM")
    if kinds != ["nn.LSTM"] * count + ["nn.Linear"] * (len(kinds) - count):
        return False
    if count == len(kinds) == 1:
        return True
    return all(
        (_LSTMS if module.is_lstm else _LINEARS).search(module.name) for module in modules
    )


def _listed(modules: list[Module]) -> str:
    return ", ".join(
        f"{module.name} ({module.kind}, {module.inputs} to {module.outputs})"
        for module in modules
    )


def _gaps(modules: list[Module]) -> dict[str, str]:
    """After which modules others without weights come: head.0, head.2."""
    found = {}
    for first, second in itertools.pairwise(modules):
        (a, _, i), (b, _, j) = (m.name.rpartition(".") for m in (first, second))
        if a == b and i.isdigit() and j.isdigit() and int(j) > int(i) + 1:
            found[first.name] = "relu"
    return found


def _command(file: str, modules: Sequence[Module], gaps: Mapping[str, str]) -> str:
    """A command line to copy."""
    names = ",".join(module.name for module in modules)
    line = f"lstm_export.py {file} --order {names} --take last"
    if gaps:
        line += " --activations " + ",".join(f"{k}={v}" for k, v in gaps.items())
    return line


def check_gaps(modules: list[Module], options: Options, file: str) -> None:
    """Ask for what a gap in the numbers of modules shows to be there."""
    for name in _gaps(modules):
        if name not in options.activations:
            gaps = {name: "relu", **options.activations}
            raise Refusal(
                f"the numbers of the modules leave one out after '{name}', as an "
                "activation has no weights; say which, or linear if it is a Dropout: "
                f"{_command(file, modules, gaps)}"
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


def _own_layer(module: Module) -> Layer:
    arrays, kind = module.arrays, module.kind
    gamma, beta = arrays.get("weight"), arrays.get("bias")
    if kind == "nn.Embedding":
        return Embedding(module.name, kind, arrays["weight"])
    if kind == "nn.LayerNorm":
        return LayerNorm(module.name, kind, gamma, beta, EPSILON)
    mean, variance = arrays["running_mean"], arrays["running_var"]
    found = normalising(mean, variance, gamma, beta, EPSILON)
    return Affine(module.name, kind, *found, tuple(arrays.items()))


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
            layers += _lstm_layers(
                module, (options.take or "sequence") if k == last else "sequence"
            )
        elif module.kind != "nn.Linear":
            layers.append(_own_layer(module))
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
    }[options.take or "sequence"]
    found = [layer for layer in layers if isinstance(layer, Embedding)]
    if found and layers[0] is not found[0]:
        raise Refusal(f"{found[0]}: not the first module; name it first in --order")
    vocabulary = int(found[0].table.shape[0]) if found else None
    epsilon = ""
    if any(isinstance(layer, LayerNorm | Affine) for layer in layers):
        epsilon = f"; normalizations have PyTorch's eps of {EPSILON:g}"
    note = (
        f"Modules in the order {', '.join(names)}; what follows the LSTM takes {taken}; "
        f"the file does not say this, nor which activations there are besides "
        f"these{epsilon}."
    )
    inputs = modules[0].inputs
    layers = list(with_early_rows(layers))
    return Model(name, tuple(layers), inputs, None, source, (note,), vocabulary)


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
    if module.kind == "nn.Embedding":
        made = torch.nn.Embedding(*arrays["weight"].shape)
    elif module.kind == "nn.LayerNorm":
        made = torch.nn.LayerNorm(module.inputs)
    elif module.kind == "nn.BatchNorm1d":
        made = torch.nn.BatchNorm1d(module.inputs, affine="weight" in arrays).eval()
        state["num_batches_tracked"] = torch.tensor(0)
    elif not module.is_lstm:
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
                take = (options.take or "sequence") if k == last else "sequence"
                y = _taken(torch, take, y, h, directions)
            elif module.kind == "nn.Embedding":
                y = made(y[..., 0].long())
            elif module.kind == "nn.BatchNorm1d" and y.dim() == 3:
                y = made(y.transpose(1, 2)).transpose(1, 2)
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
        found = modules_of(self.state(path))
        modules = ordered(found, options, self.keeps_order, path.name)
        check_gaps(modules, options, path.name)
        return modules

    def read(self, path: Any, options: Options) -> Model:
        modules = self._modules(path, options)
        source = Source(path.name, self.made_by)
        return model_of(modules, options, source, path.name.split(".")[0])

    def run(
        self, path: Any, options: Options, model: Model, x: Array
    ) -> tuple[Array, str]:
        del model
        return output_of(self._modules(path, options), options, x)
