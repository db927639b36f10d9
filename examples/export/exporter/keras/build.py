"""A model from its configuration and weights, and Keras' own output for it."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from exporter.errors import NotRun, Refusal, as_written_by
from exporter.keras.chain import entries_of, input_shape_of
from exporter.keras.layers import Reader
from exporter.keras.masks import mark_masked, version_of
from exporter.keras.weights import Weights
from exporter.model import (
    Array,
    Bidirectional,
    Layer,
    Lstm,
    Masking,
    Model,
    Shape,
    Source,
    Unchanged,
)


@dataclass(frozen=True)
class Opened:
    """What a file of Keras holds."""

    config: dict[str, Any]
    weights: Callable[[], Weights]  # asked for once the configuration is one to export
    version: str


def model_of(opened: Opened, file: str) -> Model:
    with as_written_by("Keras", f"{file}: its configuration"):
        return _model_of(opened, file)


def _model_of(opened: Opened, file: str) -> Model:
    name, chain, in_file_order = entries_of(opened.config)
    version, weights = opened.version, opened.weights()
    generation = version_of(version)[:1] or weights.generation
    reader = Reader(weights, generation)
    by_entry = {id(entry): reader.layer(entry) for entry in in_file_order}
    layers = [layer for entry in chain if (layer := by_entry[id(entry)]) is not None]
    weights.check_all_used()
    if not layers:
        raise Refusal("the model has no layers; there is nothing to export")
    configs = {str(entry["config"].get("name")): entry["config"] for entry in chain}
    mark_masked(layers, configs, version)

    shape = input_shape_of(opened.config, chain) or _shape_by_weights(layers)
    if len(shape) != 2 or not shape[1]:
        raise Refusal(
            f"the model's input has the shape {(None, *shape)}; sequences of vectors, "
            "Input((timesteps, features)), are needed"
        )
    known = version or " ".join(f"{number}.x" for number in generation)
    source = Source(file, f"keras {known}" if known else "an unknown Keras")
    timesteps = None if shape[0] is None else int(shape[0])
    notes = _notes(layers, version)
    model = Model(name, (), int(shape[1]), timesteps, source, notes)
    for layer in layers:
        if isinstance(layer, Unchanged) and layer.shape is not None:
            stages = model.stages()
            before = stages[-1].out_shape if stages else shape
            layer = _resolved(layer, before)
        model = replace(model, layers=(*model.layers, layer))
    return model


def _shape_by_weights(layers: list[Layer]) -> Shape:
    """Keras 2 may leave the shape of the input out."""
    for layer in layers:
        for _, array in layer.named():
            return (None, int(array.shape[0]))
    raise Refusal("the model has no weights; there is nothing to export")


def _resolved(layer: Unchanged, shape: Shape) -> Unchanged:
    """Fill in the -1 of a Flatten or Reshape."""
    target = layer.shape
    if target is None or -1 not in target:
        return layer
    if None in shape:
        # Without a fixed number of timesteps only what keeps the rows is a no-op.
        if len(target) == len(shape) and target[1:] == shape[1:]:
            return replace(layer, shape=shape)
        raise Refusal(
            f"{layer}: its output depends on the number of timesteps; build the model "
            "with Input((timesteps, features))"
        )
    size = math.prod(part or 0 for part in shape)
    rest = math.prod(part or 0 for part in target if part != -1)
    filled = size // rest if rest else 0
    return replace(layer, shape=tuple(filled if p == -1 else p for p in target))


def _notes(layers: list[Layer], version: str) -> tuple[str, ...]:
    recurrent = [layer for layer in layers if isinstance(layer, Lstm | Bidirectional)]
    notes = []
    if any(isinstance(layer, Masking) for layer in layers):
        masked = [layer.name for layer in recurrent if layer.masked]
        notes.append(
            f"The mask reaches {' and '.join(masked) or 'no layer'}, as in Keras "
            f"{version or '(version unknown)'}."
        )
    stateful = [layer.name for layer in recurrent if layer.stateful]
    if stateful:
        notes.append(
            f"Stateful in Keras: {' and '.join(stateful)}. Here predict begins at zero; "
            "step goes on from the state it is given."
        )
    return tuple(notes)


# ---- Keras' own output -----------------------------------------------------------------


def keras_of(made_by: str) -> ModuleType:
    """Keras, if it is installed and of the generation that made the model."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise NotRun("is not installed") from error
    generation = version_of(keras.__version__)[0]
    if not made_by.startswith(f"keras {generation}."):
        raise NotRun(f"{keras.__version__} is not of the generation that saved this file")
    return keras


def has_code(config: Any) -> bool:
    """Whether a configuration has a function's code in it, which Keras might run."""
    if isinstance(config, Mapping):
        kind = config.get("class_name")
        return kind in ("Lambda", "__lambda__") or any(map(has_code, config.values()))
    return isinstance(config, list | tuple) and any(map(has_code, config))


def output_of(
    load: Callable[[ModuleType], Any], config: Any, model: Model, x: Array
) -> tuple[Array, str]:
    """What Keras says for a sequence."""
    keras = keras_of(model.source.made_by)
    if has_code(config):
        raise NotRun("would run code that is in the file")
    loaded = load(keras)
    for layer in loaded.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    batch = loaded.input_shape[0] or 1
    outputs = loaded(np.repeat(x[None], batch, 0), training=False)
    if isinstance(outputs, Mapping | list | tuple):  # of one, by its name or not
        (outputs,) = outputs.values() if isinstance(outputs, Mapping) else outputs
    y = np.asarray(keras.ops.convert_to_numpy(outputs))[0]
    made_with = f"keras {keras.__version__} ({keras.backend.backend()} backend)"
    return y.reshape(-1, y.shape[-1]), made_with
