"""Keras 2's format, .h5: the configuration is an attribute, groups hold the weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lstm_export.errors import Refusal
from lstm_export.formats import Format, Options, keras_weights
from lstm_export.json_text import json_of
from lstm_export.keras.build import Opened, load_model, model_of, output_of
from lstm_export.keras.h5_tree import read_tree
from lstm_export.keras.weights import OldWeights, text_of
from lstm_export.model import Array, Model


def read(path: Path, options: Options) -> Model:
    if options.config is not None:
        return keras_weights.read(path, options)
    tree = read_tree(path, path.name)
    said = tree.attributes[""]
    if "model_config" not in said:  # of save_weights(), or with its model taken out
        inner = (
            tree.below("model_weights") if "model_weights" in tree.attributes else tree
        )
        return keras_weights.read(path, options, inner)
    if "model_weights" not in tree.attributes:
        raise Refusal(f"{path.name}: holds no weights; save it with model.save()")
    if options.take is not None or options.order or options.activations:
        raise Refusal(
            f"{path.name}: holds its model, which says what --take, --order and "
            "--activations are about; leave them out"
        )
    config = json_of(text_of(said["model_config"]), f"{path.name}: model_config")
    group = tree.below("model_weights")
    version = said.get("keras_version", group.attributes[""].get("keras_version", ""))
    weights = partial(OldWeights, group)
    return model_of(Opened(config, weights, text_of(version)), path.name)


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    if options.config is not None:
        return keras_weights.run(path, options, model, x)
    held = read_tree(path, path.name, is_tried=True).attributes[""].get("model_config")
    if held is None:
        return keras_weights.run(path, options, model, x)
    said = text_of(held)

    return output_of(load_model(path, ".h5"), json_of(said, "model_config"), model, x)


FORMAT = Format("keras", (".h5", ".hdf5"), read, run, keras_weights.OPTIONS)
