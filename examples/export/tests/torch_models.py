"""Models that PyTorch builds: written by the Python that has it, read by this one.

    python torch_models.py DIRECTORY

writes state_dicts as .pt, .onnx files, and what PyTorch makes of some sequences. Debian's
python3-torch is enough. With `export` and a file of command lines instead of DIRECTORY it
runs the exporter, which reads a .pt with torch alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

D = 5
LENGTHS = (1, 21)
# name -> modules (kind, inputs, outputs, options of nn.LSTM), options of the export
STATES: dict[str, tuple[list[Any], list[str]]] = {
    "lstm": ([("lstm", D, 6, {})], []),
    "lstm no bias": ([("lstm", D, 6, {"bias": False})], []),
    "lstm three layers": ([("lstm", D, 6, {"num_layers": 3})], []),
    "lstm last": (
        [("lstm", D, 6, {"num_layers": 2}), ("linear", 6, 3)],
        ["--take", "last"],
    ),
    "lstm final": ([("lstm", D, 6, {}), ("linear", 6, 3)], ["--take", "final"]),
    "lstm linear rows": ([("lstm", D, 6, {}), ("linear", 6, 3)], []),
    "bidirectional": ([("lstm", D, 6, {"bidirectional": True})], []),
    "bidirectional two layers": (
        [("lstm", D, 6, {"bidirectional": True, "num_layers": 2}), ("linear", 12, 3)],
        [],
    ),
    "bidirectional last": (
        [("lstm", D, 6, {"bidirectional": True}), ("linear", 12, 3)],
        ["--take", "last"],
    ),
    "bidirectional final": (
        [("lstm", D, 6, {"bidirectional": True, "bias": False}), ("linear", 12, 3)],
        ["--take", "final"],
    ),
    "activations": (
        [("lstm", D, 6, {}), ("linear", 6, 7), ("linear", 7, 3)],
        ["--take", "last", "--activations", "m1=relu,m2=softmax"],
    ),
    "linear before": (
        [("linear", D, 7), ("lstm", 7, 6, {}), ("lstm", 6, 4, {}), ("linear", 4, 2)],
        ["--take", "final", "--activations", "m0=tanh"],
    ),
    "same sizes": (
        [("linear", D, D), ("lstm", D, D, {}), ("linear", D, D)],
        ["--order", "m0,m1,m2", "--take", "last"],
    ),
}


def _option(options: list[str], name: str, otherwise: str) -> str:
    return options[options.index(name) + 1] if name in options else otherwise


def _run(torch: Any, modules: list[Any], options: list[str], x: Any) -> Any:
    functional = torch.nn.functional
    take = _option(options, "--take", "sequence")
    pairs = _option(options, "--activations", "").split(",")
    after = dict(pair.split("=") for pair in pairs if pair)
    last = max(k for k, m in enumerate(modules) if isinstance(m, torch.nn.LSTM))
    y = x
    for k, module in enumerate(modules):
        if isinstance(module, torch.nn.LSTM):
            y, (h, _) = module(y)
            if k == last and take == "last":
                y = y[:, -1]
            elif k == last and take == "final":
                y = torch.cat(list(h[-2:] if module.bidirectional else h[-1:]), -1)
        else:
            y = module(y)
        name = after.get(f"m{k}")
        if name:
            y = (
                functional.softmax(y, -1)
                if name == "softmax"
                else getattr(torch, name)(y)
            )
    return y


def _module(torch: Any, description: Any) -> Any:
    kind, inputs, outputs, *rest = description
    if kind == "linear":
        made = torch.nn.Linear(inputs, outputs)
    else:
        made = torch.nn.LSTM(inputs, outputs, batch_first=True, **rest[0])
    for parameter in made.parameters():
        torch.nn.init.uniform_(parameter, -0.6, 0.6)
    return made


def _whole(torch: Any, modules: list[Any], options: list[str]) -> Any:
    """The modules as one, for an ONNX export."""

    class Whole(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            for k, module in enumerate(modules):
                setattr(self, f"m{k}", module)

        def forward(self, x: Any) -> Any:
            return _run(torch, modules, options, x)

    return Whole().eval()


def write(directory: Path) -> None:
    import torch

    for number, (name, (described, options)) in enumerate(STATES.items()):
        torch.manual_seed(number)
        modules = [_module(torch, description) for description in described]
        state = {
            f"m{k}.{key}": value
            for k, module in enumerate(modules)
            for key, value in module.state_dict().items()
        }
        stem = directory / f"torch{number}"
        torch.save(state, f"{stem}.pt")
        arrays = {key: value.tolist() for key, value in state.items()}
        pairs = []
        with torch.no_grad():
            for timesteps in LENGTHS:
                x = torch.rand(1, timesteps, D) * 3 - 1.5
                y = _run(torch, modules, options, x)[0]
                pairs.append([x[0].tolist(), y.reshape(-1, y.shape[-1]).tolist()])
        found = {"name": name, "options": options, "state": arrays, "pairs": pairs}
        Path(f"{stem}.case").write_text(json.dumps(found), encoding="ascii")
        if "final" not in options:  # PyTorch writes that as a Split
            torch.onnx.export(
                _whole(torch, modules, options),
                torch.rand(1, 7, D),
                f"{stem}.onnx",
                input_names=["x"],
                output_names=["y"],
                dynamic_axes={"x": {0: "batch", 1: "time"}},
                opset_version=14,
            )
    torch.save({"epoch": 3, "state_dict": state}, directory / "checkpoint.pt")
    for name in ("sparse", "meta"):
        state = torch.nn.LSTM(3, 4).state_dict()
        weight = state["weight_hh_l0"]
        state["weight_hh_l0"] = (
            weight.to_sparse() if name == "sparse" else weight.to(name)
        )
        torch.save(state, directory / f"{name}.pt")
    torch.save(torch.nn.LSTM(3, 4), directory / "pickled.pt")
    torch.save(torch.nn.GRU(3, 4).state_dict(), directory / "gru.pt")
    torch.save(torch.nn.LSTM(3, 4, proj_size=2).state_dict(), directory / "projected.pt")
    torch.save(torch.nn.LSTM(3, 4).double().state_dict(), directory / "double.pt")
    torch.save(torch.nn.Conv1d(3, 4, 2).state_dict(), directory / "conv.pt")


def made(python: str, directory: Path) -> list[dict[str, Any]]:
    """The models, by the Python that has torch; with arrays for x and y."""
    directory.mkdir()
    command = [python, "-B", "-W", "ignore", __file__, str(directory)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = []
    for path in sorted(directory.glob("*.case")):
        case = json.loads(path.read_text(encoding="ascii"))
        case["file"] = path.with_suffix(".pt")
        case["pairs"] = [
            tuple(np.array(part, np.float32) for part in pair) for pair in case["pairs"]
        ]
        case["state"] = {
            name: np.array(values, np.float32) for name, values in case["state"].items()
        }
        found.append(case)
    return found


def export(python: str, lines: list[list[str]], directory: Path) -> list[tuple[int, str]]:
    """Exit status and standard error of the exporter, run where torch is."""
    request, answer = directory / "lines.json", directory / "results.json"
    request.write_text(json.dumps(lines), encoding="utf-8")
    command = [
        python,
        "-B",
        "-W",
        "ignore",
        __file__,
        "export",
        str(request),
        str(answer),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [tuple(result) for result in json.loads(answer.read_text(encoding="utf-8"))]


def _export_here(request: Path, answer: Path) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import harness

    lines = json.loads(request.read_text(encoding="utf-8"))
    results = [harness.export(line) for line in lines]
    found = [(status, err) for status, _, err in results]
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "export":
        _export_here(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        write(Path(sys.argv[1]))
