"""Turns the configuration of a layer and its weights into a layer of model.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exporter.errors import Refusal
from exporter.keras.chain import Config, get, label
from exporter.keras.options import ALIASES, DROPPED, READ_OPTIONS, TRAINING_OPTIONS
from exporter.keras.weights import Weights
from exporter.model import (
    ACTIVATIONS,
    MERGES,
    Activation,
    Array,
    Bidirectional,
    Cell,
    Dense,
    Layer,
    Lstm,
    Masking,
    Unchanged,
)

KERAS_ACTIVATIONS = ", ".join(a for a in ACTIVATIONS if a != "hard_sigmoid_keras2")


@dataclass
class Reader:
    """Turns configurations into layers."""

    weights: Weights
    generation: tuple[int, ...]  # of Keras; empty where it is not known

    def layer(self, entry: Config) -> Layer | None:
        """The layer, or None for an InputLayer."""
        what = label(entry)
        kind = str(entry.get("class_name"))
        config = get(entry, "config", what)
        module = entry.get("module") or "keras"
        if kind == "InputLayer":
            _check_input_dtype(what, config)
            return None
        is_keras = module.startswith(("keras", "tensorflow.keras", "tf_keras"))
        registered = entry.get("registered_name") or kind
        if not is_keras or ">" in kind or registered not in (kind, f"keras>{kind}"):
            raise Refusal(f"{what}: a class of your own; export Keras' own layers only")
        self._check_dtype(what, config)
        name = str(config.get("name", kind.lower()))
        readers: dict[str, Callable[[str, str, Config], Layer]] = {
            "LSTM": self._lstm,
            "Bidirectional": self._bidirectional,
            "Dense": self._dense,
            "TimeDistributed": self._time_distributed,
            "Masking": self._masking,
            "Flatten": self._flatten,
            "Reshape": self._reshape,
        }
        if kind in DROPPED:
            self.weights.arrays(name, kind)
            layer: Layer = Unchanged(name, kind)
        elif kind in readers:
            self._check_options(what, kind, config)
            layer = readers[kind](name, what, config)
        elif kind in READ_OPTIONS:
            self.weights.arrays(name, kind)
            layer = Activation(name, kind, self._layer_activation(what, kind, config))
        elif kind in ("Sequential", "Functional", "Model"):
            raise Refusal(
                f"{what}: a model in the model; build the model of its layers themselves"
            )
        else:
            raise Refusal(
                f"{what}: {kind} is not supported; use LSTM, Bidirectional, Dense, "
                "TimeDistributed(Dense), Masking, Activation and Dropout"
            )
        return replace(layer, trainable=bool(config.get("trainable", True)))

    def _check_dtype(self, what: str, config: Config) -> None:
        dtype = config.get("dtype", "float32")
        if isinstance(dtype, Mapping):
            policy = dtype.get("config", {})
            dtype = policy.get("name") or f"{dtype.get('class_name')} of {policy}"
        if dtype not in ("float32", None):
            raise Refusal(f"{what}: dtype='{dtype}'; build the model with float32")

    def _check_options(self, what: str, kind: str, config: Config) -> None:
        for key, value in config.items():
            is_known = key in READ_OPTIONS[kind] or key in TRAINING_OPTIONS
            if not is_known and value not in (None, False):
                raise Refusal(
                    f"{what}: the option {key}={value!r} is not known here; build the "
                    "layer without it"
                )

    def _activation(self, what: str, option: str, value: Any) -> str:
        if value is None:
            return "linear"
        if isinstance(value, Mapping):
            kind, inner = str(value.get("class_name")), value.get("config")
            if kind in READ_OPTIONS and isinstance(inner, Mapping):
                return self._layer_activation(f"{what}: {option}", kind, inner)
            raise Refusal(
                f"{what}: {option} is {_own_function(value)}, which cannot be read from "
                f"the file; use one of {KERAS_ACTIVATIONS}, by its name"
            )
        name = ALIASES.get(str(value), str(value))
        if name == "hard_sigmoid" and not self.generation:
            raise Refusal(
                f"{what}: {option}='{name}' is another function in Keras 2 than in Keras "
                "3, and the file does not say which saved it; load and save it again"
            )
        if name == "hard_sigmoid" and self.generation == (2,):
            return "hard_sigmoid_keras2"
        if name not in ACTIVATIONS or name == "hard_sigmoid_keras2":
            raise Refusal(
                f"{what}: {option}='{value}' is not supported; use one of "
                f"{KERAS_ACTIVATIONS}"
            )
        return name

    def _layer_activation(self, what: str, kind: str, config: Config) -> str:
        """The activation that a layer such as ReLU is."""
        self._check_options(what, kind, config)
        if kind == "Activation":
            return self._activation(what, "activation", config.get("activation"))
        if kind == "ReLU":
            top = config.get("max_value")
            slope = config.get("negative_slope") or 0.0
            name = {None: "relu", 6.0: "relu6"}.get(top)
            if name and not slope and not config.get("threshold"):
                return name
            if top is None and slope == 0.2 and not config.get("threshold"):
                return "leaky_relu"
        elif kind == "LeakyReLU":
            slope = config.get("negative_slope", config.get("alpha", 0.3))
            if np.float32(slope) == np.float32(0.2):
                return "leaky_relu"
        elif kind == "ELU":
            if config.get("alpha", 1.0) == 1.0:
                return "elu"
        elif kind == "Softmax" and config.get("axis", -1) in (-1, [-1]):
            return "softmax"
        chosen = {
            key: value
            for key, value in config.items()
            if key in READ_OPTIONS.get(kind, ()) and value is not None
        }
        raise Refusal(
            f"{what}: {kind} with {chosen} has no counterpart in lstm.h; use "
            "ReLU(), ReLU(6), LeakyReLU(0.2), ELU(1.0) or Softmax()"
        )

    def _cell(self, what: str, config: Config, arrays: dict[str, Array]) -> Cell:
        wanted = ["kernel", "recurrent_kernel"]
        if config.get("use_bias", True):
            wanted.append("bias")
        _check_arrays(what, wanted, arrays)
        units = get(config, "units", what)
        if arrays["recurrent_kernel"].shape[0] != units:
            raise Refusal(
                f"{what}: units={units} but its recurrent_kernel has the shape "
                f"{arrays['recurrent_kernel'].shape}; save the model again"
            )
        return Cell(
            arrays["kernel"],
            arrays["recurrent_kernel"],
            arrays.get("bias"),
            self._activation(what, "activation", config.get("activation", "tanh")),
            self._activation(
                what,
                "recurrent_activation",
                config.get("recurrent_activation", "sigmoid"),
            ),
        )

    def _lstm(self, name: str, what: str, config: Config) -> Lstm:
        arrays = self.weights.arrays(name, "LSTM")
        return Lstm(
            name,
            "LSTM",
            self._cell(what, config, arrays),
            return_sequences=bool(config.get("return_sequences")),
            go_backwards=bool(config.get("go_backwards")),
            zero_output_for_mask=bool(config.get("zero_output_for_mask")),
            stateful=bool(config.get("stateful")),
        )

    def _bidirectional(self, name: str, what: str, config: Config) -> Bidirectional:
        merge = config.get("merge_mode", "concat")
        if merge not in MERGES:
            raise Refusal(
                f"{what}: merge_mode={merge} gives no single output; use one of "
                f"{', '.join(MERGES)}"
            )
        halves = []
        for key in ("layer", "backward_layer"):
            half = config.get(key) or config.get("layer") or {}
            if half.get("class_name") != "LSTM":
                raise Refusal(f"{what}: it wraps {half.get('class_name')}; wrap an LSTM")
            inner = get(half, "config", what)
            self._check_dtype(what, inner)
            self._check_options(f"{what}: its LSTM", "LSTM", inner)
            halves.append(inner)
        sequences = {bool(half.get("return_sequences")) for half in halves}
        directions = [bool(half.get("go_backwards")) for half in halves]
        if len(sequences) != 1 or (
            config.get("backward_layer") and directions[0] == directions[1]
        ):
            raise Refusal(
                f"{what}: its halves differ in return_sequences or agree in "
                "go_backwards; build it from one LSTM layer"
            )
        arrays = self.weights.arrays(name, "Bidirectional")
        both = []
        for half, inner in zip(("forward", "backward"), halves, strict=True):
            prefix = f"{half}/"
            own = {
                key[len(prefix) :]: array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            both.append(self._cell(f"{what}: its {half} half", inner, own))
        return Bidirectional(
            name,
            "Bidirectional",
            both[0],
            both[1],
            merge=merge,
            return_sequences=sequences.pop(),
            go_backwards=directions[0],
            stateful=any(half.get("stateful") for half in halves),
        )

    def _dense_from(
        self, name: str, kind: str, what: str, config: Config, arrays: dict[str, Array]
    ) -> Dense:
        wanted = ["kernel"] + (["bias"] if config.get("use_bias", True) else [])
        _check_arrays(what, wanted, arrays)
        if arrays["kernel"].shape[-1] != get(config, "units", what):
            raise Refusal(
                f"{what}: units={config['units']} but its kernel has the shape "
                f"{arrays['kernel'].shape}; save the model again"
            )
        activation = self._activation(what, "activation", config.get("activation"))
        return Dense(name, kind, arrays["kernel"], arrays.get("bias"), activation)

    def _dense(self, name: str, what: str, config: Config) -> Dense:
        arrays = self.weights.arrays(name, "Dense")
        return self._dense_from(name, "Dense", what, config, arrays)

    def _time_distributed(self, name: str, what: str, config: Config) -> Layer:
        inner = get(config, "layer", what)
        kind = str(inner.get("class_name"))
        settings = get(inner, "config", what)
        if kind not in ("Dense", "Activation") and kind not in DROPPED:
            raise Refusal(f"{what}: it wraps {kind}; wrap a Dense layer")
        arrays = self.weights.arrays(name, "TimeDistributed")
        if kind in DROPPED:
            return Unchanged(name, "TimeDistributed")
        self._check_dtype(what, settings)
        self._check_options(f"{what}: its {kind}", kind, settings)
        if kind == "Activation":
            value = settings.get("activation")
            activation = self._activation(what, "activation", value)
            return Activation(name, "TimeDistributed", activation)
        return self._dense_from(name, "TimeDistributed", what, settings, arrays)

    def _masking(self, name: str, what: str, config: Config) -> Masking:
        self.weights.arrays(name, "Masking")
        value = config.get("mask_value", 0.0)
        if not isinstance(value, int | float) or not np.isfinite(np.float32(value)):
            raise Refusal(f"{what}: mask_value={value!r}; use a finite number")
        return Masking(name, "Masking", float(value))

    def _flatten(self, name: str, what: str, config: Config) -> Unchanged:
        self.weights.arrays(name, "Flatten")
        if config.get("data_format", "channels_last") == "channels_first":
            raise Refusal(f"{what}: data_format='channels_first'; use channels_last")
        return Unchanged(name, "Flatten", (-1,))

    def _reshape(self, name: str, what: str, config: Config) -> Unchanged:
        self.weights.arrays(name, "Reshape")
        return Unchanged(name, "Reshape", tuple(get(config, "target_shape", what)))


def _check_input_dtype(what: str, config: Config) -> None:
    """Keras takes an input as this type: of float64 nothing is lost, of others it is."""
    dtype = config.get("dtype", "float32")
    if dtype not in ("float32", "float64", None):
        raise Refusal(
            f"{what}: dtype='{dtype}' rounds what is put in; build the model with a "
            "float32 Input"
        )


def _own_function(value: Mapping[str, Any]) -> str:
    """What a file says in place of an activation's name."""
    kind, inner = value.get("class_name"), value.get("config")
    if kind == "function" and isinstance(inner, str):
        return f"a function of your own, '{inner}'"
    return "a lambda" if kind in (None, "__lambda__", "function") else f"a {kind} layer"


def _check_arrays(what: str, wanted: list[str], arrays: dict[str, Array]) -> None:
    for name in wanted:
        if name not in arrays:
            raise Refusal(f"{what}: the file has no {name} of it; save the model again")
    for name in arrays:
        if name not in wanted:
            raise Refusal(
                f"{what}: the file has a {name} that the layer does not use; save the "
                "model again"
            )
