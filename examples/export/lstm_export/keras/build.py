"""A model from its configuration and weights, and Keras' own output for it."""

from __future__ import annotations

import importlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lstm_export.errors import NotRun, Refusal, as_written_by
from lstm_export.keras.chain import Config, entries_of, input_shape_of, label
from lstm_export.keras.layers import END, Reader
from lstm_export.keras.masks import mark_masked, version_of
from lstm_export.keras.options import WHOLE
from lstm_export.keras.weights import Weights
from lstm_export.model import (
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
from lstm_export.own_layers import Conv, Embedding


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
    by_entry = {id(entry): reader.layers(entry) for entry in in_file_order}
    layers = [layer for entry in chain for layer in by_entry[id(entry)]]
    weights.check_all_used()
    if not layers:
        raise Refusal("the model has no layers; there is nothing to export")
    mark_masked(layers, reader.configs, version)
    layers = [layer for layer in layers if layer.kind != END]

    embedding = next((each for each in layers if isinstance(each, Embedding)), None)
    shape = input_shape_of(opened.config, chain) or _shape_by_weights(layers)
    _check_first(layers, embedding, chain)
    if embedding is not None:
        shape = (*shape[:1], 1)
    shape, layers = _from_vector(shape, layers)
    if len(shape) != 2 or not shape[1]:
        raise Refusal(
            f"the model's input has the shape {(None, *shape)}; sequences of vectors, "
            "Input((timesteps, features)), are needed"
        )
    known = version or " ".join(f"{number}.x" for number in generation)
    source = Source(file, f"keras {known}" if known else "an unknown Keras")
    timesteps = None if shape[0] is None else int(shape[0])
    vocabulary = None if embedding is None else int(embedding.table.shape[0])
    notes = _notes(layers, version)
    model = Model(name, (), int(shape[1]), timesteps, source, notes, vocabulary)
    for layer in layers:
        if isinstance(layer, Unchanged) and layer.shape is not None:
            stages = model.stages()
            before = stages[-1].out_shape if stages else shape
            layer = _resolved(layer, before)
        model = replace(model, layers=(*model.layers, layer))
    return model


def _check_first(
    layers: list[Layer], embedding: Embedding | None, chain: list[Config]
) -> None:
    """Whole numbers go into an Embedding, and nothing else does."""
    if embedding is None:
        for entry in chain[:1]:
            dtype = entry["config"].get("dtype", "float32")
            if entry.get("class_name") == "InputLayer" and dtype in WHOLE:
                raise Refusal(
                    f"{label(entry)}: dtype='{dtype}' rounds what is put in; build the "
                    "model with a float32 Input"
                )
        return
    before = [each for each in layers if not isinstance(each, Unchanged)]
    if before[0] is not embedding:
        raise Refusal(
            f"{embedding}: not the first layer; export a model that begins with it"
        )


def _from_vector(shape: Shape, layers: list[Layer]) -> tuple[Shape, list[Layer]]:
    """An input that a Reshape makes a sequence of is that sequence."""
    first = layers[0]
    if len(shape) != 1 or shape[0] is None or not isinstance(first, Unchanged):
        return shape, layers
    if first.shape is None or len(first.shape) != 2:
        return shape, layers
    first = _resolved(first, shape)
    assert first.shape is not None
    if math.prod(size or 0 for size in first.shape) != shape[0]:
        return shape, layers
    return first.shape, [first, *layers[1:]]


def _shape_by_weights(layers: list[Layer]) -> Shape:
    """Keras 2 may leave the shape of the input out."""
    for layer in layers:
        if isinstance(layer, Conv):
            return (None, int(layer.kernel.shape[1]))
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


@contextmanager
def named_as(path: Path, suffix: str) -> Iterator[Path]:
    """A file under a name with the ending that Keras goes by."""
    if path.name.endswith(suffix):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lstm_export") as place:
        copy = Path(place) / f"model{suffix}"
        shutil.copyfile(path, copy)
        yield copy


def load_model(path: Path, suffix: str) -> Callable[[ModuleType], Any]:
    def load(keras: ModuleType) -> Any:
        with named_as(path, suffix) as file:
            return keras.models.load_model(file, compile=False)

    return load


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
    given = x if model.vocabulary is None else x[:, 0].astype(np.int32)
    if len(loaded.input_shape) == 2 and model.vocabulary is None:
        given = x.ravel()
    outputs = loaded(np.repeat(given[None], batch, 0), training=False)
    if isinstance(outputs, Mapping | list | tuple):  # of one, by its name or not
        (outputs,) = outputs.values() if isinstance(outputs, Mapping) else outputs
    y = np.asarray(keras.ops.convert_to_numpy(outputs))[0]
    made_with = f"keras {keras.__version__} ({keras.backend.backend()} backend)"
    return y.reshape(-1, y.shape[-1]), made_with
