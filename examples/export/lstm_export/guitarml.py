"""Guitar amplifiers as Proteus and others of GuitarML load them.

A state_dict as lists, of an nn.LSTM 'rec' and an nn.Linear 'lin', whose output is added
to the first `skip` columns of the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_export.errors import Refusal
from lstm_export.formats import Options
from lstm_export.model import AddInput, Array, Model, Source
from lstm_export.torch_modules import Module, modules_of
from lstm_export.torch_state import model_of, output_of


def _read(path: Path, found: Mapping[str, Any]) -> tuple[list[Module], Mapping[str, Any]]:
    settings, state = found.get("model_data"), found.get("state_dict")
    if not isinstance(settings, dict) or not isinstance(state, dict):
        raise Refusal(
            f"{path.name}: has no model_data and state_dict; export it as JSON for "
            "Proteus"
        )
    unit = settings.get("unit_type", "LSTM")
    if unit != "LSTM":
        raise Refusal(f"{path.name}: unit_type is '{unit}'; train it with LSTM")
    arrays = {}
    for name, value in state.items():
        try:
            arrays[name] = np.array(value, np.float64).astype(np.float32)
        except (TypeError, ValueError) as error:
            raise Refusal(
                f"the tensor '{name}' is not an array of numbers; export the model again"
            ) from error
    modules = sorted(modules_of(arrays), key=lambda module: not module.is_lstm)
    names = [module.name for module in modules]
    if names != ["rec", "lin"]:
        raise Refusal(
            f"{path.name}: has the modules {', '.join(names)} where 'rec' and 'lin' are "
            "expected; export the model as JSON for Proteus"
        )
    _check_settings(path, modules, settings)
    return modules, settings


def _check_settings(
    path: Path, modules: list[Module], settings: Mapping[str, Any]
) -> None:
    rec, lin = modules
    units = int(rec.arrays["weight_hh_l0"].shape[1])
    layers = sum(name.startswith("weight_ih") for name in rec.arrays)
    for name, value in (
        ("input_size", rec.inputs),
        ("hidden_size", units),
        ("output_size", lin.outputs),
        ("num_layers", layers),
    ):
        if settings.get(name, value) != value:
            raise Refusal(
                f"{path.name}: {name} is {settings[name]} but its tensors say {value}; "
                "export the model again"
            )
    skip = settings.get("skip", 0)
    if skip not in (0, 1, lin.outputs) or (skip and skip != lin.outputs):
        raise Refusal(
            f"{path.name}: skip is {skip} with {lin.outputs} outputs; train it with "
            "skip=0 or as many as there are outputs"
        )


def read(path: Path, found: Mapping[str, Any], options: Options) -> Model:
    modules, settings = _read(path, found)
    source = Source(path.name, f"{settings.get('model', 'an unknown model')} of GuitarML")
    model = model_of(modules, options, source, path.name.split(".")[0])
    skip = int(settings.get("skip", 0))
    if skip:
        added = AddInput("skip", "plus the input", skip)
        model = replace(model, layers=(*model.layers, added))
    return model


def run(
    path: Path, found: Mapping[str, Any], options: Options, x: Array
) -> tuple[Array, str]:
    modules, settings = _read(path, found)
    y, by = output_of(modules, options, x)
    skip = int(settings.get("skip", 0))
    return (y + x[:, :skip] if skip else y), by
