"""The layers of a model's configuration, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from lstm_export.errors import Refusal
from lstm_export.limits import MOST_LAYERS
from lstm_export.model import Shape

Config: TypeAlias = Mapping[str, Any]


def get(config: Config, key: str, what: str) -> Any:
    if key not in config:
        raise Refusal(f"{what}: its configuration has no '{key}'; save the model again")
    return config[key]


def label(entry: Config) -> str:
    config = entry.get("config", {})
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else "")
    return f"layer '{name}' ({entry.get('class_name')})"


def _tensors(value: Any) -> Iterator[tuple[str, int, int]]:
    """The tensors among a call's arguments, as (layer, node, output)."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            layer, node, index = value["config"]["keras_history"]
            yield str(layer), int(node), int(index)
        else:
            for part in value.values():
                yield from _tensors(part)
    elif isinstance(value, list | tuple):
        old = (
            len(value) in (3, 4)
            and isinstance(value[0], str)
            and all(isinstance(part, int) for part in value[1:3])
        )
        if old:
            yield value[0], value[1], value[2]
            yield from _tensors(value[3:])
        else:
            for part in value:
                yield from _tensors(part)


def _only(tensors: list[tuple[str, int, int]], what: str) -> str:
    """The one tensor there is, and that it is the first output of its layer."""
    if len(tensors) != 1:
        names = ", ".join(dict.fromkeys(f"'{name}'" for name, _, _ in tensors))
        raise Refusal(
            f"{what} has {len(tensors)} tensors ({names}) where one is needed; export a "
            "model that is one chain of layers without states as inputs or outputs"
        )
    name, node, index = tensors[0]
    if node != 0:
        raise Refusal(
            f"{what} uses layer '{name}' a second time; export a model that uses each "
            "layer once"
        )
    if index != 0:
        raise Refusal(
            f"{what} takes output {index} of layer '{name}', a state; export a model "
            "that uses its first output"
        )
    return name


def _check_arguments(node: Any, what: str) -> None:
    """Refuse a call with more than a tensor, such as an initial_state or a mask."""
    if not isinstance(node, Mapping):
        return
    others = list(node.get("args", ()))[1:]
    options = dict(node.get("kwargs", {}))
    options.pop("training", None)
    given = [name for name, value in options.items() if value is not None]
    if given or any(value is not None for value in others):
        raise Refusal(
            f"{what}: is called with {', '.join(given) or 'further arguments'}; export a "
            "model that calls it on its input alone"
        )


def _functional_chain(config: Config, layers: list[Config]) -> list[Config]:
    entries = {str(get(entry["config"], "name", label(entry))): entry for entry in layers}
    inputs = list(_tensors(get(config, "input_layers", "the model")))
    outputs = list(_tensors(get(config, "output_layers", "the model")))
    first = _only(inputs, "the model's input")
    name = _only(outputs, "the model's output")
    chain: list[Config] = []
    while True:
        if name not in entries or len(chain) > len(entries):
            raise Refusal(f"layer '{name}': not in the model; save the model again")
        entry = entries[name]
        chain.insert(0, entry)
        if name == first:
            break
        nodes = entry.get("inbound_nodes", [])
        if len(nodes) != 1:
            raise Refusal(
                f"{label(entry)}: called {len(nodes)} times; export a model that uses "
                "each layer once"
            )
        if entry.get("class_name") != "GetItem":
            _check_arguments(nodes[0], label(entry))
        name = _only(list(_tensors(nodes[0])), f"{label(entry)}: its input")
    for other, entry in entries.items():
        if entry not in chain:
            raise Refusal(
                f"{label(entry)}: not between input and output; export a model that is "
                f"one chain of layers without '{other}'"
            )
    return chain


def _layers_of(config: Any) -> list[Config]:
    layers = config.get("layers") if isinstance(config, Mapping) else config
    if not isinstance(layers, list) or not layers:
        raise Refusal("the model has no layers; there is nothing to export")
    if len(layers) > MOST_LAYERS:
        raise Refusal(f"the model has {len(layers):,} layers, more than are read here")
    for entry in layers:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), dict):
            raise Refusal("a layer has no configuration; save the model again")
    return layers


def entries_of(config: Config) -> tuple[str, list[Config], list[Config]]:
    """The model's name, its layers along the chain, and in the order of the file.

    The order of the file is the one that the groups of weights are numbered in.
    """
    kind = config.get("class_name")
    inner = config.get("config")
    if kind == "Sequential":
        layers = _layers_of(inner)
        name = inner.get("name", "") if isinstance(inner, Mapping) else "sequential"
        return str(name), layers, layers
    if kind in ("Functional", "Model") and isinstance(inner, dict):
        layers = _layers_of(inner)
        return str(inner.get("name", "")), _functional_chain(inner, layers), layers
    raise Refusal(
        f"the model is a {kind}; build it as keras.Sequential or as a chain of layers "
        "with keras.Model(inputs, outputs)"
    )


def input_shape_of(config: Config, entries: list[Config]) -> Shape | None:
    for entry in entries[:1]:
        inner = entry.get("config", {})
        for key in ("batch_shape", "batch_input_shape"):
            if inner.get(key):
                return tuple(inner[key][1:])
    inner = config.get("config")
    for holder in (inner if isinstance(inner, dict) else {}, config):
        build = holder.get("build_input_shape") or (holder.get("build_config") or {}).get(
            "input_shape"
        )
        if build:
            return tuple(build[1:])
    return None
