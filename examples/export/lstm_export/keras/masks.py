"""Which layers a mask reaches.

In every version of Keras up to the one below, an LSTM that returns sequences,
Bidirectional and all layers that work row by row pass the mask on as it is, even where
go_backwards has turned the rows round. Reshape and Flatten drop it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from lstm_export.errors import Refusal
from lstm_export.keras.chain import Config
from lstm_export.keras.layers import END, NESTED
from lstm_export.model import Bidirectional, Layer, Lstm, Masking, Unchanged
from lstm_export.own_layers import Embedding

# Layers that a mask does not pass, or that use it themselves.
STOPS = {
    "AveragePooling1D",
    "Conv1D",
    "GetItem",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "MaxPooling1D",
    "Normalization",
    "RepeatVector",
    "Rescaling",
    "SlicingOpLambda",
    "last row",
    "first row",
    *NESTED,
    END,
}
LAST_KNOWN_VERSION = (3, 15, 1)


def version_of(text: str) -> tuple[int, ...]:
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def mark_masked(layers: list[Layer], configs: Mapping[str, Config], version: str) -> None:
    """Set `masked` in the layers that the mask reaches."""
    mask = False
    passed_by = ""  # the layer that has passed it on, if any has
    used = False
    for k, layer in enumerate(layers):
        if isinstance(layer, Masking):
            if any(not isinstance(before, Unchanged) for before in layers[:k]):
                raise Refusal(
                    f"{layer}: not the first layer; mask the model's input instead"
                )
            mask = True
        elif isinstance(layer, Embedding) and layer.mask_zero:
            mask = True
        elif mask and layer.kind in STOPS:
            raise Refusal(
                f"{layer}: a mask that reaches it ends there in some versions of Keras; "
                "build the model without it, or without the mask"
            )
        elif mask and isinstance(layer, Lstm | Bidirectional):
            _check_known(layer, passed_by, version)
            _check_not_unrolled(layer, configs[layer.name])
            layers[k] = replace(layer, masked=True)
            used = True
            mask = layer.return_sequences
            passed_by = passed_by or str(layer)
        elif mask and layer.kind in ("Flatten", "Reshape"):
            _check_dropped(layer, used, version)
            mask = False
        elif mask and layer.kind == "Softmax":
            raise Refusal(
                f"{layer}: treats masks in a way of its own; use Activation('softmax')"
            )
        elif mask and layer.kind == "TimeDistributed":
            passed_by = passed_by or str(layer)


def _check_known(layer: Layer, passed_by: str, version: str) -> None:
    known = version_of(version)
    if not passed_by or () < known <= LAST_KNOWN_VERSION:
        return
    last = ".".join(map(str, LAST_KNOWN_VERSION))
    raise Refusal(
        f"{layer}: whether Keras {version or 'of an unknown version'} passes the mask on "
        f"to it through {passed_by} is not known here; save the model with Keras {last} "
        "or earlier"
    )


def _check_not_unrolled(layer: Layer, config: Config) -> None:
    halves = [config.get(key) for key in ("layer", "backward_layer")]
    inner = [half.get("config", {}) for half in halves if isinstance(half, Mapping)]
    if any(each.get("unroll") for each in (config, *inner)):
        raise Refusal(
            f"{layer}: unroll=True treats masks in a way of its own; build it with "
            "unroll=False"
        )


def _check_dropped(layer: Layer, used: bool, version: str) -> None:
    if not used:
        raise Refusal(
            f"{layer}: drops the mask before any LSTM has used it; remove it or the "
            "Masking layer"
        )
    if version_of(version)[:1] == (2,):
        raise Refusal(
            f"{layer}: Keras {version} cannot pass a mask through it; remove it"
        )
