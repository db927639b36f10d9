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
        ["--take", "last", "--activations", "fc1=relu,fc2=softmax"],
    ),
    "linear before": (
        [("linear", D, 7), ("lstm", 7, 6, {}), ("lstm", 6, 4, {}), ("linear", 4, 2)],
        [
            "--order",
            "fc0,lstm1,lstm2,fc3",
            "--take",
            "final",
            "--activations",
            "fc0=tanh",
        ],
    ),
    "same sizes": (
        [("linear", D, D), ("lstm", D, D, {}), ("linear", D, D)],
        ["--order", "fc0,lstm1,fc2", "--take", "last"],
    ),
    "embedding": (
        [("embedding", 17, D), ("lstm", D, 6, {}), ("linear", 6, 3)],
        ["--order", "embedding0,lstm1,fc2", "--take", "last"],
    ),
    "embedding rows": (
        [
            ("embedding", 17, D),
            ("lstm", D, 6, {"bidirectional": True}),
            ("linear", 12, 3),
        ],
        ["--order", "embedding0,lstm1,fc2"],
    ),
    "batch norm": (
        [("norm", D, D), ("lstm", D, 6, {}), ("norm", 6, 6), ("linear", 6, 3)],
        ["--order", "norm0,lstm1,norm2,fc3", "--take", "last"],
    ),
    "batch norm rows": (
        [("lstm", D, 6, {}), ("norm", 6, 6), ("linear", 6, 3)],
        ["--order", "lstm0,norm1,fc2", "--activations", "norm1=relu"],
    ),
    "layer norm": (
        [
            ("layernorm", D, D),
            ("lstm", D, 6, {}),
            ("layernorm", 6, 6),
            ("linear", 6, 3),
        ],
        ["--order", "layernorm0,lstm1,layernorm2,fc3"],
    ),
}
NAMES = {"linear": "fc"}


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
        elif isinstance(module, torch.nn.BatchNorm1d) and y.dim() == 3:
            y = module(y.transpose(1, 2)).transpose(1, 2)
        else:
            y = module(y)
        name = next((v for n, v in after.items() if n.endswith(str(k))), "")
        if name:
            y = (
                functional.softmax(y, -1)
                if name == "softmax"
                else getattr(torch, name)(y)
            )
    return y


def _module(torch: Any, description: Any) -> Any:
    kind, inputs, outputs, *rest = description
    if kind == "embedding":
        return torch.nn.Embedding(inputs, outputs)
    if kind == "layernorm":
        made = torch.nn.LayerNorm(inputs)
    elif kind == "norm":
        made = torch.nn.BatchNorm1d(inputs).eval()
        torch.nn.init.uniform_(made.running_mean, -0.6, 0.6)
        torch.nn.init.uniform_(made.running_var, 0.3, 1.6)
    elif kind == "linear":
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


def write_nam(torch: Any, directory: Path, layers: int) -> None:
    """A model of Neural Amp Modeler: an nn.LSTM with a state to begin with, an nn.Linear;
    for each layer the input's and the state's weights of a gate side by side, the sum of
    the biases, h and c; then the head."""
    torch.manual_seed(layers)
    lstm = _module(torch, ("lstm", 1, 6, {"num_layers": layers}))
    head = _module(torch, ("linear", 6, 1))
    h, c = (torch.rand(layers, 1, 6) - 0.5 for _ in range(2))
    numbers = []
    for k in range(layers):
        ih, hh, b, d = (
            getattr(lstm, f"{name}_l{k}").detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        for part in (torch.cat([ih, hh], 1), b + d, h[k], c[k]):
            numbers += part.flatten().tolist()
    numbers += head.weight.flatten().tolist() + head.bias.tolist()
    config = {"input_size": 1, "hidden_size": 6, "num_layers": layers}
    found = {"version": "0.5.4", "architecture": "LSTM", "config": config}
    text = json.dumps({**found, "weights": numbers, "sample_rate": 48000})
    (directory / f"amp{layers}.nam").write_text(text, encoding="ascii")
    pairs = []
    with torch.no_grad():
        for timesteps in LENGTHS:
            x = torch.rand(1, timesteps, 1) * 2 - 1
            pairs.append([x[0].tolist(), head(lstm(x, (h, c))[0])[0].tolist()])
    text = json.dumps(pairs)
    (directory / f"amp{layers}.pairs").write_text(text, encoding="ascii")


# How a state_dict is kept, and what becomes of its numbers.
WRAPPED: dict[str, Any] = {
    "in a checkpoint": lambda value: value,
    "of DataParallel": lambda value: value,
    "compiled, of Lightning": lambda value: value,
    "of float16": lambda value: value.half(),
    "of bfloat16": lambda value: value.bfloat16(),
}


def _suffix(how: str) -> str:
    return "ckpt" if "Lightning" in how else "pt"


def _held(how: str, state: dict[str, Any]) -> dict[str, Any]:
    if "checkpoint" in how:
        return {"epoch": 3, "model_state_dict": state}
    if "DataParallel" in how:
        return {f"module.{name}": value for name, value in state.items()}
    if "Lightning" in how:
        inner = {f"module._orig_mod.{name}": value for name, value in state.items()}
        return {"epoch": 3, "global_step": 9, "state_dict": inner}
    return state


def _input(torch: Any, described: list[Any], timesteps: int) -> Any:
    if described[0][0] == "embedding":
        return torch.randint(0, described[0][1], (1, timesteps))
    return torch.rand(1, timesteps, D) * 3 - 1.5


def _write_case(
    torch: Any,
    stem: Path,
    name: str,
    described: list[Any],
    modules: list[Any],
    options: list[str],
    state: dict[str, Any],
) -> None:
    """What PyTorch makes of some sequences."""
    pairs = []
    with torch.no_grad():
        for timesteps in LENGTHS:
            x = _input(torch, described, timesteps)
            y = _run(torch, modules, options, x)[0]
            pairs.append([x[0].tolist(), y.reshape(-1, y.shape[-1]).tolist()])
    arrays = {key: value.tolist() for key, value in state.items()}
    found = {"name": name, "options": options, "state": arrays, "pairs": pairs}
    Path(f"{stem}.case").write_text(json.dumps(found), encoding="ascii")


def write(directory: Path) -> None:
    import torch

    for number, (name, (described, options)) in enumerate(STATES.items()):
        torch.manual_seed(number)
        modules = [_module(torch, description) for description in described]
        state = {
            f"{NAMES.get(kind, kind)}{k}.{key}": value
            for k, (module, (kind, *_)) in enumerate(zip(modules, described, strict=True))
            for key, value in module.state_dict().items()
        }
        stem = directory / f"torch{number}"
        torch.save(state, f"{stem}.pt")
        _write_case(torch, stem, name, described, modules, options, state)
        if "final" not in options and "layer norm" not in name:
            x = _input(torch, described, 7)
            torch.onnx.export(
                _whole(torch, modules, options),
                x,
                f"{stem}.onnx",
                input_names=["x"],
                output_names=["y"],
                dynamic_axes={"x": {0: "batch", 1: "time"}},
                opset_version=14,
            )
        if name == "lstm last":
            for wrapped, (how, change) in enumerate(WRAPPED.items()):
                stem = directory / f"wrapped{wrapped}"
                changed = {k: change(v).float() for k, v in state.items()}
                for module, prefix in zip(modules, ("lstm0.", "fc1."), strict=True):
                    inner = {
                        k[len(prefix) :]: v
                        for k, v in changed.items()
                        if k.startswith(prefix)
                    }
                    module.load_state_dict(inner)
                held = {k: change(v) for k, v in state.items()}
                torch.save(_held(how, held), f"{stem}.{_suffix(how)}")
                _write_case(
                    torch, stem, f"lstm {how}", described, modules, options, changed
                )
    for layers in (1, 2):
        write_nam(torch, directory, layers)
    torch.save({"epoch": 3, "weights": state}, directory / "checkpoint.pt")
    torch.save({"encoder": state, "decoder": state}, directory / "several.pt")
    scripted = torch.jit.script(torch.nn.LSTM(3, 4))
    torch.jit.save(scripted, directory / "scripted.pt")
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
        kinds = (path.with_suffix(each) for each in (".pt", ".ckpt"))
        case["file"] = next(each for each in kinds if each.exists())
        case["pairs"] = [
            (
                np.array(x, np.int32)[:, None]
                if case["name"].startswith("embedding")
                else np.array(x, np.float32),
                np.array(y, np.float32),
            )
            for x, y in case["pairs"]
        ]
        case["state"] = {
            name: np.array(
                values, np.int64 if name.endswith("num_batches_tracked") else np.float32
            )
            for name, values in case["state"].items()
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
