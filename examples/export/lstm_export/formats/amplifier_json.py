"""Guitar amplifiers, .json and .aidax: GuitarML's state_dict as lists, or RTNeural's
layers, which AIDA-X has too. The content tells which it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_export import guitarml, rtneural
from lstm_export.errors import Refusal
from lstm_export.formats import Format, Options
from lstm_export.json_text import json_in
from lstm_export.model import Array, Model


def _found(path: Path) -> Mapping[str, Any]:
    return json_in(path)


def _is_rtneural(path: Path, found: Mapping[str, Any]) -> bool:
    if "layers" in found and "in_shape" in found:
        return True
    if "model_data" in found or "state_dict" in found:
        return False
    if "class_name" in found and "config" in found:
        raise Refusal(
            f"{path.name}: is what model.to_json() gives, a configuration without "
            "weights; give the file of the weights and this with --config"
        )
    if found.get("architecture") is not None:
        raise Refusal(f"{path.name}: is a .nam model; rename it to end in .nam")
    raise Refusal(
        f"{path.name}: has neither GuitarML's model_data and state_dict nor RTNeural's "
        "in_shape and layers; export the model as one of these, or give its weights"
    )


def read(path: Path, options: Options) -> Model:
    found = _found(path)
    if _is_rtneural(path, found):
        return rtneural.read(path, found)
    return guitarml.read(path, found, options)


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    found = _found(path)
    if _is_rtneural(path, found):
        return rtneural.run(found, model, x)
    return guitarml.run(path, found, options, x)


def framework_of(path: Path) -> str:
    return "keras" if _is_rtneural(path, _found(path)) else "torch"


FORMAT = Format("torch", (".json", ".aidax"), read, run, framework_of=framework_of)
