"""Keras' weights alone, .weights.h5, with what model.to_json() gives in --config."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from exporter.errors import Refusal
from exporter.formats import Format, Options
from exporter.json_text import json_of
from exporter.keras.build import Opened, model_of, output_of
from exporter.keras.h5_tree import read_tree
from exporter.keras.weights import NewWeights, OldWeights, Weights, text_of
from exporter.model import Array, Model


def _config(path: Path, options: Options) -> str:
    if options.config is None:
        raise Refusal(
            f"{path.name}: holds weights alone; write model.to_json() to a file and "
            "add --config FILE"
        )
    try:
        return options.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            f"{options.config.name}: cannot be read ({error}); give the file that "
            "model.to_json() was written to"
        ) from error


def read(path: Path, options: Options) -> Model:
    text = _config(path, options)
    assert options.config is not None
    config = json_of(text, options.config.name)
    tree = read_tree(path, path.name)
    said = tree.attributes[""]
    version = text_of(said.get("keras_version", config.get("keras_version", "")))
    is_old = "layer_names" in said or "layer_names0" in said
    weights: Callable[[], Weights] = partial(NewWeights, tree, path.name)
    if is_old:
        weights = partial(OldWeights, tree)
    return model_of(Opened(config, weights, version), path.name)


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    text = _config(path, options)

    def load(keras: ModuleType) -> Any:
        loaded = keras.models.model_from_json(text)
        loaded.load_weights(path)
        return loaded

    return output_of(load, json_of(text, "the configuration"), model, x)


FORMAT = Format("keras", (".weights.h5",), read, run, frozenset({"config"}))
