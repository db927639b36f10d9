"""A configuration for weights that have none: a stack of layers, by the names and shapes
of their arrays. What these do not say is assumed, and said to be."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_export.errors import Refusal
from lstm_export.formats import Options
from lstm_export.keras.h5_tree import Tree
from lstm_export.keras.weights import names_of, text_of

MOST_LAYERS = 7  # whose orders are tried
RECURRENT = ("LSTM", "Bidirectional")


@dataclass(frozen=True)
class Found:
    """A layer that has weights."""

    name: str
    kind: str
    inputs: int
    outputs: int
    config: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {self.inputs} to {self.outputs})"


def config_of(tree: Tree, options: Options, file: str) -> tuple[dict[str, Any], str]:
    """The configuration, and the note that says what was assumed."""
    is_old = bool(names_of(tree.attributes.get("", {}), "layer_names"))
    found = _old(tree, file) if is_old else _new(tree, file)
    layers = _ordered(found, options, is_old, file)
    return {
        "class_name": "Sequential",
        "config": {
            "name": re.sub(r"\W", "_", file.split(".")[0]),
            "layers": [_input(layers[0]), *_entries(layers, options, file)],
        },
    }, _note(layers, options)


def _input(first: Found) -> dict[str, Any]:
    shape = [None, None] if first.kind == "Embedding" else [None, None, first.inputs]
    return {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "x"}}


def _take(options: Options) -> str:
    return options.take or "final"


def _entries(layers: list[Found], options: Options, file: str) -> list[dict[str, Any]]:
    last = max((k for k, each in enumerate(layers) if each.kind in RECURRENT), default=-1)
    entries = []
    for name in options.activations:
        if not any(each.name == name and each.kind not in RECURRENT for each in layers):
            raise Refusal(
                f"--activations names '{name}', but {file} has the layers "
                f"{', '.join(map(str, layers))}; name a Dense layer"
            )
    for k, each in enumerate(layers):
        config = dict(each.config)
        rows = k != last or _take(options) == "sequence"
        if each.kind == "Bidirectional":
            if k == last and _take(options) == "last":
                raise Refusal(
                    f"--take last: {each} gives its final h in Keras; use final or "
                    "sequence"
                )
            for half in ("layer", "backward_layer"):
                inner = {**config[half]["config"], "return_sequences": rows}
                config[half] = {**config[half], "config": inner}
        elif each.kind == "LSTM":
            config["return_sequences"] = rows
        elif each.name in options.activations:
            held = config["layer"]["config"] if "layer" in config else config
            held["activation"] = options.activations[each.name]
        entries.append({"class_name": each.kind, "config": {**config, "name": each.name}})
    return entries


def _note(layers: list[Found], options: Options) -> str:
    chain = " -> ".join(f"{each.name} ({each.kind})" for each in layers)
    rows = "all rows" if _take(options) == "sequence" else "the last row"
    return (
        f"Read off the names and shapes of the weights: {chain}. Assumed: tanh and "
        f"sigmoid in each LSTM, {rows} of the last, no activation but "
        "those of --activations, and no layer without weights that does anything. "
        "--take, --order and --activations say otherwise; --config with what "
        "model.to_json() gives says all."
    )


# ---- Which layers there are ------------------------------------------------------------


def _cell(what: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an LSTM with such arrays."""
    shapes = [arrays[name].shape for name in ("kernel", "recurrent_kernel")]
    (units, four), kernel = shapes[1], shapes[0]
    if len(kernel) != 2 or four != 4 * units or kernel[1] != four:
        kind = "a GRU" if four == 3 * units else "no LSTM"
        raise Refusal(
            f"{what}: its kernels have the shapes {kernel} and {(units, four)}, those of "
            f"{kind}; lstm.h runs LSTMs"
        )
    return {"units": units, "use_bias": "bias" in arrays}


def _found(name: str, kind: str, arrays: Mapping[str, Any], file: str) -> Found:
    """One layer by its arrays, whose names are as in a layer of model.py."""
    what = f"{file}: layer '{name}'"
    shown = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
    try:
        if "forward/kernel" in arrays:
            halves = []
            for half in ("forward/", "backward/"):
                own = {k[len(half) :]: a for k, a in arrays.items() if k.startswith(half)}
                inner = {"name": half[:-1], **_cell(what, own)}
                inner["go_backwards"] = half == "backward/"
                halves.append({"class_name": "LSTM", "config": inner})
            units = [half["config"]["units"] for half in halves]  # type: ignore[index]
            inputs = int(arrays["forward/kernel"].shape[0])
            config = {"layer": halves[0], "backward_layer": halves[1]}
            return Found(name, "Bidirectional", inputs, sum(units), config)
        if "recurrent_kernel" in arrays:
            cell = _cell(what, arrays)
            return Found(
                name, "LSTM", int(arrays["kernel"].shape[0]), cell["units"], cell
            )
        if "embeddings" in arrays:
            rows, columns = arrays["embeddings"].shape
            sizes = {"input_dim": rows, "output_dim": columns}
            return Found(name, "Embedding", 1, columns, sizes)
        if set(arrays) in ({"kernel"}, {"kernel", "bias"}):
            inputs, units = arrays["kernel"].shape
            dense: dict[str, Any] = {"units": units, "use_bias": "bias" in arrays}
            if kind == "TimeDistributed":
                dense = {"layer": {"class_name": "Dense", "config": dense}}
            return Found(name, kind, inputs, units, dense)
    except (KeyError, ValueError):
        pass
    raise Refusal(
        f"{what}: its arrays ({shown}) are not those of an LSTM, Bidirectional, Dense or "
        "Embedding; write model.to_json() to a file and add --config FILE"
    )


_PLACES = {
    "cell/vars": ("", ("kernel", "recurrent_kernel", "bias")),
    "forward_layer/cell/vars": ("forward/", ("kernel", "recurrent_kernel", "bias")),
    "backward_layer/cell/vars": ("backward/", ("kernel", "recurrent_kernel", "bias")),
    "vars": ("", ("kernel", "bias")),
    "layer/vars": ("", ("kernel", "bias")),
}


def _new(tree: Tree, file: str) -> list[Found]:
    """In the layout of Keras 3, whose groups are called after classes."""
    groups: dict[str, dict[str, Any]] = {}
    for path, array in tree.arrays.items():
        parts = path.split("/")
        if "seed_generator" in path:
            continue
        place = "/".join(parts[2:-1])
        if parts[0] != "layers" or place not in _PLACES or not parts[-1].isdigit():
            raise Refusal(
                f"{file}: the array '{path}' is not where Keras 3 has one of an LSTM, "
                "Bidirectional, Dense or Embedding; write model.to_json() to a file and "
                "add --config FILE"
            )
        prefix, names = _PLACES[place]
        if parts[1].startswith("embedding"):
            names = ("embeddings",)
        number = int(parts[-1])
        name = f"{prefix}{names[number]}" if number < len(names) else path
        groups.setdefault(parts[1], {})[name] = array
    found = []
    for group in sorted(groups, key=_number):
        said = tree.attributes.get(f"layers/{group}/vars", {}).get("name")
        name = group if said is None else text_of(said)
        kind = "TimeDistributed" if group.startswith("time_distributed") else "Dense"
        found.append(_found(name, kind, groups[group], file))
    return found


def _number(group: str) -> tuple[str, int]:
    base, _, number = group.rpartition("_")
    return (base, int(number)) if number.isdigit() else (group, 0)


def _old(tree: Tree, file: str) -> list[Found]:
    """In the layout of Keras 2, whose layers are listed in their order."""
    found = []
    for name in names_of(tree.attributes[""], "layer_names"):
        arrays: dict[str, Any] = {}
        for path in names_of(tree.attributes.get(name, {}), "weight_names"):
            variable = path.rsplit("/", 1)[-1].split(":")[0]
            whole = f"{name}/{path}"
            if variable == "seed_generator_state" or whole not in tree.arrays:
                continue
            if "forward" in path or "backward" in path:
                half = "backward/" if f"forward/{variable}" in arrays else "forward/"
                variable = half + variable
            arrays[variable] = tree.arrays[whole]
        if arrays:
            found.append(_found(name, "Dense", arrays, file))
    return found


# ---- Their order -----------------------------------------------------------------------


def _fits(layers: tuple[Found, ...]) -> bool:
    if any(each.kind == "Embedding" for each in layers[1:]):
        return False
    pairs = itertools.pairwise(layers)
    return all(a.outputs == b.inputs for a, b in pairs)


def _keeps_numbers(layers: tuple[Found, ...], found: list[Found]) -> bool:
    """Those of one class are numbered in their order."""
    for kind in {each.kind for each in found}:
        before = [each for each in found if each.kind == kind]
        if [each for each in layers if each.kind == kind] != before:
            return False
    return True


def _ordered(
    found: list[Found], options: Options, is_old: bool, file: str
) -> list[Found]:
    names = [each.name for each in found]
    if not any(each.kind in RECURRENT for each in found):
        raise Refusal(f"{file}: has the weights of no LSTM; there is nothing to export")
    if options.order:
        if sorted(options.order) != sorted(names):
            raise Refusal(
                f"--order names {', '.join(options.order)} but {file} has the layers "
                f"{', '.join(names)}; name each of them once"
            )
        return [found[names.index(name)] for name in options.order]
    if is_old:
        return found
    fitting = []
    if len(found) <= MOST_LAYERS:
        orders = itertools.permutations(found)
        fitting = [p for p in orders if _fits(p) and _keeps_numbers(p, found)]
    if len(fitting) > 1:  # what is usual: the LSTMs before the Dense layers
        usual = [p for p in fitting if _is_usual(p)]
        fitting = usual or fitting
    if len(fitting) == 1:
        return list(fitting[0])
    if fitting:
        line = f"lstm_export.py {file} --order {','.join(e.name for e in fitting[0])}"
        raise Refusal(
            f"{file}: the sizes of its layers fit together in more than one order; say "
            f"which: {line}"
        )
    raise Refusal(
        f"{file}: its layers {', '.join(map(str, found))} fit together in no order; a "
        "layer without weights is between them: write model.to_json() to a file and add "
        "--config FILE"
    )


def _is_usual(layers: tuple[Found, ...]) -> bool:
    kinds = [each.kind in RECURRENT for each in layers if each.kind != "Embedding"]
    return kinds == sorted(kinds, reverse=True)
