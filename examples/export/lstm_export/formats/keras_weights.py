"""Keras' weights alone, .weights.h5, with what model.to_json() gives in --config; without
it as a stack of layers that their names and shapes show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from lstm_export.errors import NotRun, Refusal
from lstm_export.formats import Format, Options
from lstm_export.json_text import check_text, json_of
from lstm_export.keras.build import Opened, model_of, output_of
from lstm_export.keras.guessed import config_of
from lstm_export.keras.h5_tree import Tree, read_tree
from lstm_export.keras.weights import NewWeights, OldWeights, Weights, of_windows, text_of
from lstm_export.model import Array, Model


def _config(path: Path) -> str:
    try:
        check_text(path)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            f"{path.name}: cannot be read ({error}); give the file that model.to_json() "
            "was written to"
        ) from error


def _check_options(path: Path, options: Options) -> None:
    if options.take is not None or options.order or options.activations:
        raise Refusal(
            f"{path.name}: with --config the configuration says what --take, --order and "
            "--activations are about; leave them out"
        )


def read(path: Path, options: Options, tree: Tree | None = None) -> Model:
    """A model of weights, of which `tree` is the part of a file that has them."""
    if options.config is None:
        return _guessed(path, options, tree or read_tree(path, path.name))
    _check_options(path, options)
    config = json_of(_config(options.config), options.config.name)
    return model_of(_opened(config, tree or read_tree(path, path.name), path), path.name)


def _opened(config: dict[str, Any], tree: Tree, path: Path) -> Opened:
    said = tree.attributes[""]
    version = text_of(said.get("keras_version", config.get("keras_version", "")))
    is_old = "layer_names" in said or "layer_names0" in said
    weights: Callable[[], Weights] = partial(NewWeights, tree, path.name)
    if is_old:
        weights = partial(OldWeights, tree)
    return Opened(config, weights, version)


def _guessed(path: Path, options: Options, tree: Tree) -> Model:
    if "layers" not in tree.attributes:
        tree = of_windows(tree)
    config, note = config_of(tree, options, path.name)
    model = model_of(_opened(config, tree, path), path.name)
    return replace(model, notes=(*model.notes, note))


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    if options.config is None:
        raise NotRun("has no configuration to run these weights in")
    text = _config(options.config)

    def load(keras: ModuleType) -> Any:
        loaded = keras.models.model_from_json(text)
        loaded.load_weights(path)
        return loaded

    return output_of(load, json_of(text, "the configuration"), model, x)


OPTIONS = frozenset({"config", "take", "order", "activations"})
FORMAT = Format("keras", (".weights.h5",), read, run, OPTIONS)
