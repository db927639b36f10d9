"""Neural Amp Modeler, .nam: JSON with all weights in one list."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_export.errors import NotRun, Refusal
from lstm_export.formats import Format, Options
from lstm_export.json_text import json_in
from lstm_export.model import Array, Cell, Dense, Layer, Lstm, Model, Source, State


def _size(path: Path, config: Mapping[str, Any], key: str) -> int:
    value = config.get(key, 1 if key == "input_size" else None)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 16:
        raise Refusal(f"{path.name}: its {key} is {value!r}; export the model again")
    return value


def _read(path: Path) -> tuple[Mapping[str, Any], tuple[int, int, int], Array]:
    """The file, its input_size, hidden_size and num_layers, and its weights."""
    found = json_in(path)
    kind = found.get("architecture")
    if kind != "LSTM":
        raise Refusal(
            f"{path.name}: its architecture is {kind}, not LSTM, all that lstm.h runs; "
            "train one with the architecture LSTM"
        )
    config = found.get("config")
    if not isinstance(config, Mapping):
        raise Refusal(f"{path.name}: has no config; export the model again")
    inputs, units, layers = (
        _size(path, config, key) for key in ("input_size", "hidden_size", "num_layers")
    )
    try:
        weights = np.array(found.get("weights"), np.float64).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise Refusal(f"{path.name}: its weights are no numbers; export it") from error
    need = sum(_counts(inputs if k == 0 else units, units) for k in range(layers))
    need += units + 1
    if weights.shape != (need,):
        raise Refusal(
            f"{path.name}: has weights of the shape {weights.shape} where ({need},) is "
            "needed for its config; export the model again"
        )
    return found, (inputs, units, layers), weights


def _counts(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units) + 4 * units + 2 * units


def read(path: Path, options: Options) -> Model:
    del options
    found, (inputs, units, count), weights = _read(path)
    layers: list[Layer] = []
    at = 0

    def take(*shape: int) -> Array:
        nonlocal at
        size = int(np.prod(shape))
        at += size
        return np.array(weights[at - size : at].reshape(shape))

    for k in range(count):
        columns = inputs if k == 0 else units
        both = take(4 * units, columns + units)
        bias, h, c = take(4 * units), take(units), take(units)
        kernel, recurrent = (
            np.ascontiguousarray(a.T) for a in np.split(both, [columns], 1)
        )
        start = State(h, c) if np.any(h) or np.any(c) else None
        cell = Cell(kernel, recurrent, bias)
        layers.append(Lstm(f"lstm_{k}", "LSTM", cell, return_sequences=True, start=start))
    layers.append(Dense("head", "Linear", take(units, 1), take(1)))
    notes = ["The states begin as they are in the file."]
    rate = found.get("sample_rate")
    if rate is not None:
        notes.append(f"Made for {rate} samples a second.")
    source = Source(path.name, f"Neural Amp Modeler {found.get('version', '')}".strip())
    name = path.name.split(".")[0]
    return Model(name, tuple(layers), inputs, None, source, tuple(notes))


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    """PyTorch's output, which these are trained with."""
    del options, path
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise NotRun("is not installed") from error
    with torch.no_grad():
        y = torch.tensor(x[None].tolist())
        for layer in model.layers:
            arrays = [torch.tensor(array.T.tolist()) for _, array in layer.named()]
            if isinstance(layer, Lstm):
                units = layer.cell.units
                made = torch.nn.LSTM(layer.cell.input_dim, units, batch_first=True)
                names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")
                state = dict(zip(names, arrays, strict=True))
                state["bias_hh_l0"] = torch.zeros(4 * units)
                made.load_state_dict(state)
                zeros = np.zeros(units, np.float32)
                begin = layer.start or State(zeros, zeros)
                h, c = (torch.tensor([[part.tolist()]]) for part in (begin.h, begin.c))
                y, _ = made(y, (h, c))
            else:
                y = torch.nn.functional.linear(y, *arrays)
    found = np.array(y[0].tolist(), np.float32)
    return found, f"torch {torch.__version__}"


FORMAT = Format("torch", (".nam",), read, run)
