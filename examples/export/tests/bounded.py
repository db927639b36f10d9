"""Reading a file ends in the time that --max-seconds gives it, whatever kind it is of."""

from __future__ import annotations

import json
import shutil
import time
import unittest.mock
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import torch_models
from harness import Score, export
from keras_models import L, sequential
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from lstm_export import limits
from lstm_export.keras import h5_tree

MOST = 1  # second
LATE = 8.0  # seconds after which a refusal of that is not in time
LATE_WITH_TORCH = 25.0
GROUPS, ATTRIBUTES = 150, 400
DENSE = {"type": "dense", "activation": "", "weights": [[[1.0]], [0.0]]}


def _attributes(file: Any) -> None:
    """HDF5 reads attributes one at a time."""
    for k in range(GROUPS):
        group = file.create_group(f"more{k}", track_order=True)
        for j in range(ATTRIBUTES):
            group.attrs.create(f"a{j}", j)


def _hdf5(path: Path) -> None:
    """The weights of a model, with more in it, made once for all three kinds of file."""
    held = path.parent / "held.weights.h5"
    model = sequential(L.LSTM(3))
    if not held.exists():
        model.save_weights(held)
        with h5py.File(held, "r+") as file:
            _attributes(file)
    if path.suffix != ".keras":
        shutil.copy(held, path)
        return
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config = {name: archive.read(name) for name in ("config.json", "metadata.json")}
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(held, "model.weights.h5")
        for name, data in config.items():
            archive.writestr(name, data)


def _rtneural(path: Path) -> None:
    layers = ",".join([json.dumps(DENSE)] * 150_000)
    path.write_text(f'{{"in_shape": [null, null, 1], "layers": [{layers}]}}')


def _guitarml(path: Path) -> None:
    """Numbers of any tensor, in its text."""
    settings = {"unit_type": "LSTM", "hidden_size": 1, "input_size": 1, "skip": 0}
    row = ",".join(["0.125"] * 1000)
    rows = ",".join([f"[{row}]"] * 10_000)
    state = f'"rec.weight_ih_l0": [{rows}]'
    path.write_text(
        f'{{"model_data": {json.dumps(settings)}, "state_dict": {{{state}}}}}'
    )


def _nam(path: Path) -> None:
    config = {"input_size": 1, "hidden_size": 1, "num_layers": 1}
    weights = ",".join(["0.1"] * 15_000_000)
    head = f'"architecture": "LSTM", "config": {json.dumps(config)}'
    path.write_text(f'{{{head}, "weights": [{weights}]}}')


def _pickle(path: Path) -> None:
    """A dictionary that is put by, again and again."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}" + b"q\x00" * 15_000_000 + b".")
        archive.writestr("m/version", b"3\n")


def _safetensors(path: Path) -> None:
    one = np.zeros((1, 1), np.float32)
    save_file({f"part{k}.weight": one for k in range(60_000)}, path)


def _onnx(path: Path) -> None:
    info = helper.make_tensor_value_info
    shape = ["time", "batch", 3]
    inputs = [info("n0", TensorProto.FLOAT, shape)]
    count = 120_000
    outputs = [info(f"n{count}", TensorProto.FLOAT, shape)]
    graph = helper.make_graph([], "long", inputs, outputs)
    for k in range(count):
        node = graph.node.add()
        node.op_type = "Dropout"
        node.input.append(f"n{k}")
        node.output.append(f"n{k + 1}")
    onnx.save(helper.make_model(graph), path)


KINDS: dict[str, Callable[[Path], None]] = {
    "slow.keras": _hdf5,
    "slow.h5": _hdf5,
    "slow.weights.h5": _hdf5,
    "slow.json": _rtneural,
    "slow_guitarml.json": _guitarml,
    "slow.aidax": _rtneural,
    "slow.nam": _nam,
    "slow.safetensors": _safetensors,
    "slow.onnx": _onnx,
}
TORCH = ("slow.pt", "slow.ckpt")


def _words(path: Path, make: Callable[[Path], None]) -> list[str]:
    make(path)
    return [str(path), "-o", f"{path}.h", "--max-seconds", str(MOST)]


def _check(path: Path, status: int, err: str, score: Score) -> None:
    out = Path(f"{path}.h")
    good = status == 2 and err.count("\n") == 1 and f"in {MOST} seconds" in err
    good = good and "--max-seconds" in err and not out.exists()
    score.refused += score.check(good, f"{path.name}: {status} {err[:200]}")


def each_kind(directory: Path, python: str, score: Score) -> None:
    place = directory / "bounded"
    place.mkdir()
    for name, make in KINDS.items():
        words = _words(place / name, make)
        begin = time.monotonic()
        status, _, err = export(words)
        seconds = time.monotonic() - begin
        _check(place / name, status, err, score)
        score.check(seconds < LATE, f"{name}: read for {seconds:.1f} s")
    # Where torch is, which takes seconds to be imported; unbounded, both take a minute.
    lines = [_words(place / name, _pickle) for name in TORCH]
    begin = time.monotonic()
    results = torch_models.export(python, lines, place)
    seconds = time.monotonic() - begin
    for name, (status, err) in zip(TORCH, results, strict=True):
        _check(place / name, status, err, score)
    score.check(seconds < LATE_WITH_TORCH, f"{TORCH}: read for {seconds:.1f} s")


def layers(directory: Path, score: Score) -> None:
    """So many layers that the C code could not be made in any time."""
    count = limits.MOST_LAYERS
    config = {"input_size": 1, "hidden_size": 1, "num_layers": count}
    data = {"architecture": "LSTM", "config": config, "weights": [0.1] * (14 * count + 2)}
    path = directory / "layers.nam"
    path.write_text(json.dumps(data))
    status, _, err = export([path, "-o", directory / "layers.h", "--max-seconds", "60"])
    good = status == 2 and err.count("\n") == 1 and f"{count + 1:,} layers" in err
    score.refused += score.check(good, f"{count} layers: {status} {err}")


def hung(directory: Path, score: Score) -> None:
    """A library that neither ends nor lets itself be interrupted."""
    path = directory / "hung.keras"
    sequential(L.LSTM(3)).save(path)
    words = [path, "-o", directory / "hung.h", "--max-seconds", str(MOST)]
    endless = "import signal\nwhile True: signal.pause()"
    with unittest.mock.patch.object(h5_tree, "CHILD", endless):
        begin = time.monotonic()
        status, _, err = export(words)
    good = status == 2 and f"in {MOST} seconds" in err
    score.check(good, f"a child that hangs: {status} {err}")
    score.check(time.monotonic() - begin < LATE, "a child that hangs: not in time")


def sound(directory: Path, score: Score) -> None:
    """A file that is read in time, and what is done afterwards, is not interrupted."""
    path = directory / "sound.keras"
    sequential(L.LSTM(3)).save(path)
    status, _, err = export([path, "-o", directory / "sound.h", "--max-seconds", "9"])
    score.check(status == 0, f"--max-seconds 9: {err}")
    with limits.TIME.within("nothing"):
        limits.TIME.end = time.monotonic() + 0.1
    time.sleep(0.5)


def test_bounded(directory: Path, python: str, score: Score) -> None:
    each_kind(directory, python, score)
    layers(directory, score)
    hung(directory, score)
    sound(directory, score)
