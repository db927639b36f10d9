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
        kind = model["name"].rpartition(" ")[2]
        if kind in ("float16", "bfloat16"):
            path = path.with_stem(f"{path.stem}_{kind}")
            path.write_bytes(_halves(model["state"], kind))
            name = f"PyTorch's {kind} as .safetensors"
            found.append(Case(name, path, _pairs(model), tuple(model["options"])))
    return found


def _halves(state: dict[str, Any], kind: str) -> bytes:
    """The same numbers, which are some of that type, in it."""
    head: dict[str, Any] = {}
    parts = b""
    for name, array in state.items():
        data = array.astype("<f2").tobytes()
        if kind == "bfloat16":
            data = (array.view("<u4") >> 16).astype("<u2").tobytes()
        head[name] = {
            "dtype": {"float16": "F16", "bfloat16": "BF16"}[kind],
            "shape": list(array.shape),
            "data_offsets": [len(parts), len(parts) + len(data)],
        }
        parts += data
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + parts


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
        names = {"lstm0": "rec", "fc1": "lin"}
        state = {
            f"{names[key.split('.')[0]]}.{key.split('.')[1]}": value.tolist()
            for key, value in model["state"].items()
        }
        path = directory / f"amplifier{skip}.json"
        path.write_text(json.dumps({"model_data": settings, "state_dict": state}))
        pairs = [Pair(x, y + x[:, :skip] if skip else y) for x, y in model["pairs"]]
        found.append(Case(f"Proteus with skip {skip}", path, pairs, can_stream=True))
    return found


def nam(directory: Path, python: str, score: Score) -> list[Case]:
    """Neural Amp Modeler's, exported by the Python that has torch."""
    files = sorted((directory / "torch").glob("*.nam"))
    headers = [directory / f"nam{number}.h" for number in range(len(files))]
    lines = [
        [str(file), "-o", str(header)]
        for file, header in zip(files, headers, strict=True)
    ]
    results = torch_models.export(python, lines, directory)
    found = []
    for file, header, (status, err) in zip(files, headers, results, strict=True):
        pairs = json.loads(file.with_suffix(".pairs").read_text(encoding="ascii"))
        case = Case(
            f"Neural Amp Modeler {file.name}",
            file,
            [Pair(np.array(x, np.float32), np.array(y, np.float32)) for x, y in pairs],
            header=header,
        )
        if score.check(status == 0, f"{case.name}: {err}"):
            text = header.read_text(encoding="ascii")
            score.check("selftest by torch " in text, f"{case.name}: not by torch")
            score.check("48000 samples a second" in text, f"{case.name}: no rate")
            found.append(case)
    return found
