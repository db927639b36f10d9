"""Turns the configuration of a layer and its weights into a layer of model.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.keras.chain import Config, entries_of, get, label
from lstm_export.keras.curves import CURVES, KERAS_ACTIVATIONS, curve
from lstm_export.keras.curves import layers as curve_layers
from lstm_export.keras.options import DROPPED, READ_OPTIONS, TRAINING_OPTIONS, WHOLE
from lstm_export.keras.own import MAKERS, row_of, variables
from lstm_export.keras.weights import Weights
from lstm_export.model import (
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

SUPPORTED = (
    "use LSTM, Bidirectional, Dense, TimeDistributed(Dense), Embedding, Conv1D, pooling, "
    "RepeatVector, normalization, Masking, Flatten, Reshape, Dropout, Activation, ReLU, "
    "LeakyReLU, PReLU, ELU and Softmax"
)
NESTED = ("Sequential", "Functional", "Model")
END = "the end of a model in the model"  # the kind of a mark that masks.py looks for


@dataclass
class Reader:
    """Turns configurations into layers."""

    weights: Weights
    generation: tuple[int, ...]  # of Keras; empty where it is not known
    configs: dict[str, Config] = field(default_factory=dict)  # of the layers, by name

    def layers(self, entry: Config) -> tuple[Layer, ...]:
        """The layers that one is here; none for an InputLayer."""
        what = label(entry)
        kind = str(entry.get("class_name"))
        config = get(entry, "config", what)
        module = entry.get("module") or "keras"
        if kind == "InputLayer":
            _check_input_dtype(what, config)
            return ()
        is_keras = module.startswith(("keras", "tensorflow.keras", "tf_keras"))
        registered = entry.get("registered_name") or kind
        if not is_keras or ">" in kind or registered not in (kind, f"keras>{kind}"):
            raise Refusal(f"{what}: a class of your own; export Keras' own layers only")
        name = str(config.get("name", kind.lower()))
        self.configs[name] = config
        if kind in NESTED:
            return self._nested(name, kind, entry)
        if kind in ("GetItem", "SlicingOpLambda"):
            self.weights.arrays(name, kind)
            return (row_of(name, what, slice_of(entry)),)
        self._check_dtype(what, config)
        found = self._layers(name, what, kind, config)
        trainable = bool(config.get("trainable", True))
        return tuple(replace(layer, trainable=trainable) for layer in found)

    def _layers(
        self, name: str, what: str, kind: str, config: Config
    ) -> tuple[Layer, ...]:
        readers: dict[str, Callable[[str, str, Config], tuple[Layer, ...]]] = {
            "LSTM": self._lstm,
            "RNN": self._rnn,
            "Bidirectional": self._bidirectional,
            "Dense": self._dense,
            "TimeDistributed": self._time_distributed,
            "Masking": self._masking,
            "Flatten": self._flatten,
            "Reshape": self._reshape,
        }
        if kind in DROPPED:
            self.weights.arrays(name, kind)
            return (Unchanged(name, kind),)
        if kind in readers:
            self._check_options(what, kind, config)
            return readers[kind](name, what, config)
        if kind in CURVES:
            self.weights.arrays(name, kind)
            self._check_options(what, kind, config)
            return curve_layers(name, what, kind, config, self.generation)
        if kind in MAKERS:
            self._check_options(what, kind, config)
            arrays = self.weights.arrays(name, kind, variables(kind, config))
            layer = MAKERS[kind](name, what, config, arrays)
            return (layer, *self._curve(name, what, config.get("activation")))
        raise Refusal(f"{what}: {kind} is not supported; {SUPPORTED}")

    def _nested(self, name: str, kind: str, entry: Config) -> tuple[Layer, ...]:
        """A model in the model: its layers, between two marks."""
        _, chain, in_file_order = entries_of(entry)
        inner = Reader(self.weights.inside(name, kind), self.generation, self.configs)
        found = {id(each): inner.layers(each) for each in in_file_order}
        inside = [layer for each in chain for layer in found[id(each)]]
        return (Unchanged(name, kind), *inside, Unchanged(name, END))

    def _curve(self, name: str, what: str, value: Any) -> tuple[Layer, ...]:
        return curve(f"{name}_activation", what, "activation", value, self.generation)

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
        """One that lstm.h has, for where no other can be."""
        found = curve("", what, option, value, self.generation)
        if not found:
            return "linear"
        if len(found) > 1 or not isinstance(found[0], Activation):
            raise Refusal(
                f"{what}: {option}={_shown(value)} is none that lstm.h has within an "
                f"LSTM; use one of {KERAS_ACTIVATIONS}"
            )
        return found[0].activation

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

    def _lstm(self, name: str, what: str, config: Config) -> tuple[Lstm]:
        arrays = self.weights.arrays(name, "LSTM")
        return (self._recurrent(name, what, "LSTM", config, config, arrays),)

    def _rnn(self, name: str, what: str, config: Config) -> tuple[Lstm]:
        cell = get(config, "cell", what)
        if not isinstance(cell, Mapping) or cell.get("class_name") != "LSTMCell":
            kind = cell.get("class_name") if isinstance(cell, Mapping) else cell
            raise Refusal(f"{what}: its cell is {kind}; use an LSTMCell")
        inner = get(cell, "config", what)
        self._check_dtype(what, inner)
        self._check_options(f"{what}: its cell", "LSTM", inner)
        arrays = self.weights.arrays(name, "RNN")
        return (self._recurrent(name, what, "RNN", config, inner, arrays),)

    def _recurrent(
        self,
        name: str,
        what: str,
        kind: str,
        config: Config,
        cell: Config,
        arrays: dict[str, Array],
    ) -> Lstm:
        return Lstm(
            name,
            kind,
            self._cell(what, cell, arrays),
            return_sequences=bool(config.get("return_sequences")),
            go_backwards=bool(config.get("go_backwards")),
            zero_output_for_mask=bool(config.get("zero_output_for_mask")),
            stateful=bool(config.get("stateful")),
        )

    def _bidirectional(
        self, name: str, what: str, config: Config
    ) -> tuple[Bidirectional]:
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
        found = Bidirectional(
            name,
            "Bidirectional",
            both[0],
            both[1],
            merge=merge,
            return_sequences=sequences.pop(),
            go_backwards=directions[0],
            stateful=any(half.get("stateful") for half in halves),
        )
        return (found,)

    def _dense_from(
        self, name: str, kind: str, what: str, config: Config, arrays: dict[str, Array]
    ) -> tuple[Layer, ...]:
        wanted = ["kernel"] + (["bias"] if config.get("use_bias", True) else [])
        _check_arrays(what, wanted, arrays)
        if arrays["kernel"].shape[-1] != get(config, "units", what):
            raise Refusal(
                f"{what}: units={config['units']} but its kernel has the shape "
                f"{arrays['kernel'].shape}; save the model again"
            )
        after = self._curve(name, what, config.get("activation"))
        activation = "linear"
        if len(after) == 1 and isinstance(after[0], Activation):
            activation, after = after[0].activation, ()
        dense = Dense(name, kind, arrays["kernel"], arrays.get("bias"), activation)
        return (dense, *after)

    def _dense(self, name: str, what: str, config: Config) -> tuple[Layer, ...]:
        arrays = self.weights.arrays(name, "Dense")
        return self._dense_from(name, "Dense", what, config, arrays)

    def _time_distributed(
        self, name: str, what: str, config: Config
    ) -> tuple[Layer, ...]:
        inner = get(config, "layer", what)
        kind = str(inner.get("class_name"))
        settings = get(inner, "config", what)
        if kind != "Dense" and kind not in CURVES and kind not in DROPPED:
            raise Refusal(f"{what}: it wraps {kind}; wrap a Dense layer")
        arrays = self.weights.arrays(name, "TimeDistributed")
        if kind in DROPPED:
            return (Unchanged(name, "TimeDistributed"),)
        self._check_dtype(what, settings)
        self._check_options(f"{what}: its {kind}", kind, settings)
        if kind == "Dense":
            return self._dense_from(name, "TimeDistributed", what, settings, arrays)
        found = curve_layers(name, what, kind, settings, self.generation)
        return tuple(replace(layer, kind="TimeDistributed") for layer in found)

    def _masking(self, name: str, what: str, config: Config) -> tuple[Masking]:
        self.weights.arrays(name, "Masking")
        value = config.get("mask_value", 0.0)
        if not isinstance(value, int | float) or not np.isfinite(np.float32(value)):
            raise Refusal(f"{what}: mask_value={value!r}; use a finite number")
        return (Masking(name, "Masking", float(value)),)

    def _flatten(self, name: str, what: str, config: Config) -> tuple[Unchanged]:
        self.weights.arrays(name, "Flatten")
        if config.get("data_format", "channels_last") == "channels_first":
            raise Refusal(f"{what}: data_format='channels_first'; use channels_last")
        return (Unchanged(name, "Flatten", (-1,)),)

    def _reshape(self, name: str, what: str, config: Config) -> tuple[Unchanged]:
        self.weights.arrays(name, "Reshape")
        return (Unchanged(name, "Reshape", tuple(get(config, "target_shape", what))),)


def slice_of(entry: Config) -> Any:
    """What is between the brackets of h[:, -1]."""
    (node,) = entry.get("inbound_nodes", ())
    if isinstance(node, Mapping):  # Keras 3
        given = list(node.get("args", ()))[1:] + list(node.get("kwargs", {}).values())
        return given[0] if len(given) == 1 else None
    last = node[0][-1] if node and isinstance(node[0], list) else None
    return last.get("slice_spec") if isinstance(last, Mapping) else None


def _shown(value: Any) -> str:
    """An activation in a sentence."""
    if not isinstance(value, Mapping):
        return repr(value)
    inner = {
        key: each
        for key, each in value.get("config", {}).items()
        if key in READ_OPTIONS.get(str(value.get("class_name")), ())
    }
    return f"{value.get('class_name')} with {inner}"


def _check_input_dtype(what: str, config: Config) -> None:
    """Keras takes an input as this type: of float64 nothing is lost, of others it is. An
    Embedding takes whole numbers, which build.py sees to."""
    dtype = config.get("dtype", "float32")
    if dtype not in ("float32", "float64", None, *WHOLE):
        raise Refusal(
            f"{what}: dtype='{dtype}' rounds what is put in; build the model with a "
            "float32 Input"
        )


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
