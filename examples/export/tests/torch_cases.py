"""PyTorch's models as .safetensors, GuitarML's JSON and torch's own ONNX files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch_models
from harness import Case, Pair, Score
from safetensors.numpy import save_file


def _pairs(model: dict[str, Any]) -> list[Pair]:
    return [Pair(x, y) for x, y in model["pairs"]]


def safetensors(models: list[dict[str, Any]]) -> list[Case]:
    found = []
    for model in models:
        path = model["file"].with_suffix(".safetensors")
        save_file({k: np.ascontiguousarray(v) for k, v in model["state"].items()}, path)
        name = f"PyTorch {model['name']} as .safetensors"
        found.append(Case(name, path, _pairs(model), tuple(model["options"])))
    return found


def state_dicts(
    models: list[dict[str, Any]], python: str, directory: Path, score: Score
) -> list[Case]:
    """As .pt, exported by the Python that has torch."""
    headers = [directory / f"pt{number}.h" for number in range(len(models))]
    lines = [
        [str(model["file"]), "-o", str(header), *model["options"]]
        for model, header in zip(models, headers, strict=True)
    ]
    results = torch_models.export(python, lines, directory)
    found = []
    for model, header, (status, err) in zip(models, headers, results, strict=True):
        name = f"PyTorch {model['name']} as .pt"
        if score.check(status == 0, f"{name}: {err}"):
            by_torch = "selftest by torch " in header.read_text(encoding="ascii")
            score.check(by_torch, f"{name}: its self-test is not PyTorch's")
            found.append(Case(name, model["file"], _pairs(model), header=header))
    return found


def onnx(models: list[dict[str, Any]]) -> list[Case]:
    found = []
    for model in models:
        path = model["file"].with_suffix(".onnx")
        if path.exists():
            found.append(Case(f"ONNX of PyTorch's {model['name']}", path, _pairs(model)))
    return found


def proteus(models: list[dict[str, Any]], directory: Path) -> list[Case]:
    """One with the input added to the output, and one without."""
    found = []
    model = next(m for m in models if m["name"] == "lstm linear rows")
    for skip in (0, 3):
        settings = {
            "model": "SimpleRNN",
            "input_size": 5,
            "skip": skip,
            "output_size": 3,
            "unit_type": "LSTM",
            "num_layers": 1,
            "hidden_size": 6,
            "bias_fl": True,
        }
        names = {"m0": "rec", "m1": "lin"}
        state = {
            f"{names[key.split('.')[0]]}.{key.split('.')[1]}": value.tolist()
            for key, value in model["state"].items()
        }
        path = directory / f"amplifier{skip}.json"
        path.write_text(json.dumps({"model_data": settings, "state_dict": state}))
        pairs = [Pair(x, y + x[:, :skip] if skip else y) for x, y in model["pairs"]]
        found.append(Case(f"Proteus with skip {skip}", path, pairs, can_stream=True))
    return found
