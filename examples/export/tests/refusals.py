"""What has to be refused: exit status 2, one sentence that names what is wrong and what
to do, and nothing written."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tarfile
import unittest.mock
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import onnx_models
import torch_models
from harness import Score, export
from keras_models import D, L, keras, sequential
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from lstm_export.keras import h5_tree


@dataclass(frozen=True)
class Refused:
    name: str
    arguments: list[str | Path]
    words: tuple[str, ...]  # that the sentence has to have


def check(refused: Refused, directory: Path, score: Score) -> None:
    """Run the command as a user would, into a directory of its own."""
    place = directory / "refused"
    place.mkdir()
    arguments = list(refused.arguments)
    if "-o" not in arguments:
        arguments += ["-o", place / "out.h"]
    if "--name" not in arguments:
        arguments += ["--name", "out"]
    status, out, err = export(arguments)
    left = [path.name for path in place.iterdir()]
    sentence = err.strip()
    faults = []
    if status != 2:
        faults.append(f"exit status {status}")
    if out or left:
        faults.append(f"wrote {left or out}")
    if not sentence.startswith("lstm_export.py: ") or "\n" in sentence:
        faults.append("not one line")
    if "Traceback" in err or "please report" in err:
        faults.append("an internal error")
    faults += [f"no word of '{word}'" for word in refused.words if word not in sentence]
    what = f"refusal of {refused.name}: {', '.join(faults)}: {sentence}"
    score.refused += score.check(not faults, what)
    shutil.rmtree(place)


# ---- Keras models ----------------------------------------------------------------------


def _two_inputs() -> Any:
    a, b = keras.Input((None, D)), keras.Input((None, D))
    return keras.Model([a, b], L.LSTM(3)(L.Concatenate()([a, b])))


def _with_states() -> Any:
    x = keras.Input((None, D))
    return keras.Model(x, L.LSTM(3, return_state=True, name="both")(x))


def _state_alone() -> Any:
    x = keras.Input((None, D))
    return keras.Model(x, L.LSTM(3, return_state=True, name="both")(x)[2])


def _initial_state() -> Any:
    x = keras.Input((None, D))
    _, h, c = L.LSTM(3, return_state=True)(x)
    return keras.Model(x, L.LSTM(3, name="decoder")(x, initial_state=[h, c]))


def _shared() -> Any:
    x = keras.Input((None, D))
    lstm = L.LSTM(D, return_sequences=True, name="twice")
    return keras.Model(x, lstm(lstm(x)))


def _skip() -> Any:
    x = keras.Input((None, D))
    return keras.Model(x, L.Add()([x, L.LSTM(D, return_sequences=True)(x)]))


def _two_halves() -> Any:
    x = keras.Input((None, D))
    return keras.Model(x, L.Bidirectional(L.LSTM(3), merge_mode=None, name="halves")(x))


def _half_precision() -> Any:
    return sequential(L.LSTM(3, dtype="mixed_float16", name="half"))


def _two_outputs() -> Any:
    x = keras.Input((None, D))
    h = L.LSTM(3)(x)
    return keras.Model(x, [L.Dense(2)(h), L.Dense(3)(h)])


def _integers() -> Any:
    x = keras.Input((None, D), dtype="int32", name="counts")
    return keras.Model(x, L.LSTM(3)(x))


def _late_embedding() -> Any:
    return keras.Sequential(
        [
            keras.Input((None, 1)),
            L.ReLU(),
            L.Embedding(5, 3, name="late"),
            L.Reshape((1, 3)),
        ]
    )


def _sliced() -> Any:
    x = keras.Input((9, D))
    return keras.Model(x, L.LSTM(3, return_sequences=True)(x)[:, 2:4])


def _quantized() -> Any:
    model = sequential(L.LSTM(4), L.Dense(8, name="packed"))
    model.quantize("int8")
    return model


@keras.saving.register_keras_serializable("tests")
class OwnModel(keras.Model):
    """A model that is code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = L.LSTM(3)

    def call(self, x: Any) -> Any:
        return self.inner(x)


def _own_model() -> Any:
    model = OwnModel()
    model(np.zeros((1, 2, D), np.float32))
    return model


@keras.saving.register_keras_serializable("tests")
def swish(x: Any) -> Any:
    """A function that has the name of one of Keras'."""
    return x * keras.ops.sigmoid(1.5 * x)


def _curve(x: Any) -> Any:
    return x * 2


def _functions() -> Iterator[tuple[str, Callable[[], Any], tuple[str, ...]]]:
    """Activations that are no names, in each place where there may be one."""
    for of, function, words in (
        ("a lambda", lambda x: x * 2, ("a lambda",)),
        ("a function", _curve, ("your own", "'_curve'")),
        ("a registered function", swish, ("your own", "swish'")),
        ("a layer", L.PReLU(), ("a PReLU layer",)),
    ):
        for place, build in (
            ("activation", lambda f: sequential(L.LSTM(3, activation=f, name="odd"))),
            (
                "recurrent_activation",
                lambda f: sequential(L.LSTM(3, recurrent_activation=f, name="odd")),
            ),
            (
                "activation",
                lambda f: sequential(L.LSTM(3), L.Dense(2, activation=f, name="odd")),
            ),
            (
                "activation",
                lambda f: sequential(L.LSTM(3), L.Activation(f, name="odd")),
            ),
        ):
            make = lambda build=build, function=function: build(function)  # noqa: E731
            yield f"{of} as {place}", make, ("'odd'", place, "use one of", *words)


@keras.saving.register_keras_serializable("tests")
class OwnDense(L.Dense):
    """A layer that Keras does not have."""


KERAS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "GRU": (lambda: sequential(L.GRU(3, name="gate")), ("'gate'", "GRU")),
    "SimpleRNN": (lambda: sequential(L.SimpleRNN(3)), ("SimpleRNN",)),
    "Bidirectional GRU": (
        lambda: sequential(L.Bidirectional(L.GRU(3), name="both")),
        ("'both'", "GRU"),
    ),
    "groups": (
        lambda: sequential(L.Conv1D(6, 2, groups=3, name="apart"), L.LSTM(3), dim=6),
        ("'apart'", "groups=3"),
    ),
    "BatchNormalization of timesteps": (
        lambda: sequential(
            L.BatchNormalization(axis=1, name="odd"), L.LSTM(3), timesteps=D
        ),
        ("'odd'", "axis"),
    ),
    "LayerNormalization of two axes": (
        lambda: sequential(
            L.LayerNormalization(axis=[1, 2], name="odd"), L.LSTM(3), timesteps=4
        ),
        ("'odd'", "axis"),
    ),
    "PReLU of timesteps": (
        lambda: sequential(
            L.LSTM(3, return_sequences=True), L.PReLU(name="odd"), timesteps=4
        ),
        ("'odd'", "shared_axes"),
    ),
    "a mask before a convolution": (
        lambda: sequential(L.Masking(), L.Conv1D(3, 2, name="odd"), L.LSTM(3)),
        ("'odd'", "mask"),
    ),
    "a mask before a mean": (
        lambda: sequential(
            L.Masking(),
            L.LSTM(3, return_sequences=True),
            L.GlobalAveragePooling1D(name="odd"),
        ),
        ("'odd'", "mask"),
    ),
    "a mask before a model in the model": (
        lambda: sequential(L.Masking(), keras.Sequential([L.LSTM(3)], name="odd")),
        ("'odd'", "mask"),
    ),
    "an RNN of another cell": (
        lambda: sequential(L.RNN(L.GRUCell(3), name="odd")),
        ("'odd'", "GRUCell"),
    ),
    "Embedding after a layer": (_late_embedding, ("'late'", "first layer")),
    "a slice": (_sliced, ("[:, -1]",)),
    "UnitNormalization": (
        lambda: sequential(L.LSTM(3), L.UnitNormalization()),
        ("UnitNormalization", "Flatten", "Reshape", "LeakyReLU"),
    ),
    "no LSTM": (lambda: sequential(L.Dense(3)), ("no LSTM",)),
    "a curve of one's own in an LSTM": (
        lambda: sequential(L.LSTM(3, activation=L.LeakyReLU(0.3), name="leak")),
        ("'leak'", "0.3", "use one of"),
    ),
    "Softmax": (
        lambda: sequential(L.LSTM(3, return_sequences=True), L.Softmax(axis=1)),
        ("Softmax", "axis"),
    ),
    "activation": (
        lambda: sequential(L.LSTM(3, activation="hard_tanh", name="odd")),
        ("'odd'", "activation='hard_tanh'"),
    ),
    "recurrent activation": (
        lambda: sequential(L.LSTM(3, recurrent_activation="log_sigmoid", name="odd")),
        ("'odd'", "recurrent_activation='log_sigmoid'"),
    ),
    "half precision": (_half_precision, ("'half'", "float16")),
    "two inputs": (_two_inputs, ("input",)),
    "states as outputs": (_with_states, ("output", "3 tensors")),
    "the state c": (_state_alone, ("'both'", "a state")),
    "initial state": (_initial_state, ("'decoder'", "initial_state")),
    "shared layer": (_shared, ("'twice'", "once")),
    "skip connection": (_skip, ("Add",)),
    "two halves": (_two_halves, ("halves", "tensors")),
    "integers as input": (_integers, ("'counts'", "int32")),
    "quantized": (_quantized, ("'packed'", "int8", "float32")),
    "own model": (_own_model, ("OwnModel", "keras.Sequential")),
    "two outputs": (_two_outputs, ("output", "2 tensors")),
    "own class": (lambda: sequential(L.LSTM(3), OwnDense(2)), ("OwnDense", "your own")),
    "flatten of any length": (
        lambda: sequential(L.LSTM(3, return_sequences=True), L.Flatten(name="flat")),
        ("'flat'", "timesteps"),
    ),
    "mask not first": (
        lambda: sequential(L.Dense(4), L.Masking(name="late"), L.LSTM(3)),
        ("'late'", "first"),
    ),
    "mask dropped": (
        lambda: sequential(
            L.Masking(), L.Reshape((9, D), name="same"), L.LSTM(3), timesteps=9
        ),
        ("'same'", "mask"),
    ),
    "mask unrolled": (
        lambda: sequential(L.Masking(), L.LSTM(3, unroll=True, name="all"), timesteps=9),
        ("'all'", "unroll"),
    ),
}


def _keras_models(directory: Path) -> Iterator[Refused]:
    listed = [(name, build, words) for name, (build, words) in KERAS.items()]
    for number, (name, build, words) in enumerate([*listed, *_functions()]):
        for suffix in (".keras", ".h5"):
            path = directory / f"refused{number}{suffix}"
            build().save(path)
            yield Refused(f"Keras {name} as {suffix}", [path], words)


# ---- Keras files -----------------------------------------------------------------------


def edited(
    source: Path, target: Path, changes: dict[str, Callable[[bytes], bytes]]
) -> Path:
    """A copy of a .keras file with members changed; b"" removes one."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = changes.get(name, lambda data: data)(old.read(name))
            if data:
                new.writestr(name, data)
    return target


def _weights(change: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as file:
            change(file)
        return buffer.getvalue()

    return apply


def _config(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old.encode(), new.encode())


KERNEL = "layers/lstm/cell/vars/0"


def _set(value: float) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file[KERNEL][2, 3] = value

    return change


def _replace(array: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[KERNEL]
        file[KERNEL] = array

    return change


def _rename(file: Any) -> None:
    file["layers/lstm/vars"].attrs["name"] = "another"


def _external(file: Any) -> None:
    del file[KERNEL]
    file.create_dataset(
        KERNEL, (D, 24), "<f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)]
    )


def _link(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("elsewhere.h5", "/kernel")


def _nothing_stored(file: Any) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (D, 1 << 26), "<f4")


W, C = "model.weights.h5", "config.json"
FILES: dict[str, tuple[dict[str, Callable[[bytes], bytes]], tuple[str, ...]]] = {
    "NaN": ({W: _weights(_set(float("nan")))}, ("'first'", "kernel", "nan", "[2][3]")),
    "infinity": ({W: _weights(_set(float("inf")))}, ("'first'", "kernel", "inf")),
    "no config": ({C: lambda data: b""}, ("config.json",)),
    "no weights": ({W: lambda data: b""}, ("model.weights.h5",)),
    "no metadata": ({"metadata.json": lambda data: b""}, ("metadata.json",)),
    "config is no JSON": ({C: lambda data: data[:-9]}, ("config.json", "JSON")),
    "config is a list": ({C: lambda data: b"[1]"}, ("config.json",)),
    "config is deep": ({C: lambda data: b"[" * 100000}, ("config.json",)),
    "weights are no HDF5": ({W: lambda data: b"weights"}, ("HDF5",)),
    "weights are cut": ({W: lambda data: data[:9000]}, ("HDF5",)),
    "a kernel gone": (
        {W: _weights(lambda f: f.__delitem__(KERNEL))},
        ("'first'", "kernel"),
    ),
    "another shape": (
        {W: _weights(_replace(np.zeros((D + 1, 24), np.float32)))},
        ("'first'", "6"),
    ),
    "one axis": (
        {W: _weights(_replace(np.zeros(120, np.float32)))},
        ("'first'", "(120,)"),
    ),
    "a double": ({W: _weights(_replace(np.zeros((D, 24))))}, ("'first'", "float64")),
    "a name": ({W: _weights(_rename)}, ("'first'", "'another'")),
    "kept elsewhere": (
        {W: _weights(_external)},
        ("layers/lstm/cell/vars/0", "another file"),
    ),
    "a large array without numbers": (
        {W: _weights(_nothing_stored)},
        ("layers/lstm/cell/vars/0", "not in the file"),
    ),
    "a link": ({W: _weights(_link)}, ("'first'", "kernel")),
    "weights of no layer": (
        {W: _weights(lambda f: f.__setitem__("layers/more/vars/0", np.ones(3, "f4")))},
        ("layers/more/vars/0",),
    ),
    "other units": ({C: _config('"units": 6', '"units": 7')}, ("'first'", "units=7")),
    "a list as units": ({C: _config('"units": 6', '"units": [6]')}, ("'first'", "[6]")),
    "a text as configuration": (
        {C: _config('{"name": "float32"}', '"float32"')},
        ("configuration", "Keras writes"),
    ),
    "another use_bias": (
        {C: _config('"use_bias": true', '"use_bias": false')},
        ("'first'", "bias"),
    ),
    "an unknown option": (
        {C: _config('"unroll": false', '"peephole": true')},
        ("'first'", "peephole"),
    ),
    "a future mask": (
        {
            "metadata.json": _config(f'"{keras.__version__}"', '"3.99.0"'),
            C: _config('"registered_name": null', '"registered_name": null'),
        },
        ("3.99.0", "mask"),
    ),
}


def _keras_files(directory: Path) -> Iterator[Refused]:
    plain, masked = directory / "plain.keras", directory / "masked.keras"
    sequential(L.LSTM(6, name="first"), L.Dense(2)).save(plain)
    layers = [L.Masking(), L.LSTM(6, name="first", return_sequences=True), L.LSTM(3)]
    sequential(*layers).save(masked)
    for number, (name, (changes, words)) in enumerate(FILES.items()):
        source = masked if "mask" in name else plain
        path = edited(source, directory / f"edited{number}.keras", changes)
        yield Refused(f"a .keras file with {name}", [path], words)
    for name, data in (("empty", b""), ("text", b"a model, honestly\n" * 99)):
        for suffix in (".keras", ".h5", ".weights.h5", ".safetensors", ".onnx", ".json"):
            path = directory / f"{name}{suffix}"
            path.write_bytes(data)
            more = ["--config", path] if suffix == ".weights.h5" else []
            yield Refused(f"{name} as {suffix}", [path, *more], (name,))


# ---- Options ---------------------------------------------------------------------------

NAMES = (
    'quo"te', "a b", "*/", "ä", "int", "class", "1x", "", "_x", "a__b", "lstm", "LSTM_x",
    "x" * 64, "x\n#define y", "\N{SNOWMAN}", "a-b", "main()", "%s", "\0",
)  # fmt: skip


def _without_end(weights: Path, directory: Path) -> Iterator[Refused]:
    """A text whose length makes the HDF5 library go round in a circle."""
    path, config = directory / "endless.weights.h5", directory / "endless.json"
    shutil.copy(weights, path)
    with h5py.File(path, "r+") as file:
        file.attrs["text"] = "some text"
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL") + 24
    data[at : at + 8] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(data)
    config.write_text("{}")
    limit = ["--max-seconds", "2"]
    words = ("endless.weights.h5", "in 2 seconds")
    arguments = [path, "--config", config, *limit]
    yield Refused("an HDF5 file without end", arguments, words)
    model = directory / "endless.keras"
    sequential(L.LSTM(3)).save(model)
    with zipfile.ZipFile(model) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held["model.weights.h5"] = bytes(data)
    with zipfile.ZipFile(model, "w") as archive:
        for name, part in held.items():
            archive.writestr(name, part)
    words = ("endless.keras", "in 2 seconds")
    yield Refused("a .keras file without end", [model, *limit], words)


def _without_config(directory: Path) -> Iterator[Refused]:
    """Weights that do not show which model they are of."""
    whole = sequential(L.LSTM(6), L.Dense(2))
    for number, (name, model, options, words) in enumerate(
        (
            ("a GRU", sequential(L.GRU(6)), [], ("a GRU",)),
            ("no LSTM", sequential(L.Dense(6)), [], ("no LSTM",)),
            ("a convolution", sequential(L.Conv1D(6, 2), L.LSTM(3)), [], ("--config",)),
            (
                "a flatten",
                sequential(
                    L.LSTM(3, return_sequences=True), L.Flatten(), L.Dense(2), timesteps=4
                ),
                [],
                ("no order", "--config"),
            ),
            (
                "two orders",
                sequential(L.Dense(D), L.LSTM(D, return_sequences=True), L.Dense(D)),
                ["--order", "dense"],
                ("--order", "once"),
            ),
            ("an order", whole, ["--order", "lstm"], ("--order", "once")),
            ("an activation", whole, ["--activations", "fc=relu"], ("'fc'", "Dense")),
            (
                "the last row of both",
                sequential(L.Bidirectional(L.LSTM(6))),
                ["--take", "last"],
                ("--take last", "final"),
            ),
        )
    ):
        for suffix in (".weights.h5", ".h5"):
            path = directory / f"guessed{number}{suffix}"
            if suffix == ".h5":
                model.save(path)
                with h5py.File(path, "r+") as file:
                    del file.attrs["model_config"]
                if "flatten" in name:
                    words = ("takes 12 inputs",)
            else:
                model.save_weights(path)
            yield Refused(f"weights of {name} as {suffix}", [path, *options], words)


def _options(directory: Path) -> Iterator[Refused]:
    plain = directory / "plain.keras"
    for name in NAMES:
        yield Refused(f"--name {name!r}", [plain, "--name", name], ("--name",))
    yield Refused("no file", [directory / "none.keras"], ("none.keras", "no such file"))
    yield Refused("a directory", [directory], ("a directory",))
    other = directory / "model.tflite"
    other.write_bytes(b"TFL3")
    yield Refused("another format", [other], ("model.tflite", ".keras"))
    nowhere = directory / "nowhere" / "out.h"
    yield Refused("no directory", [plain, "-o", nowhere], ("out.h", "directory"))
    yield Refused("output is a directory", [plain, "-o", directory], ("directory",))
    copy = directory / "copy.keras"
    shutil.copy(plain, copy)
    yield Refused("output is the model", [copy, "-o", copy], ("itself",))
    weights = directory / "alone.weights.h5"
    model = sequential(L.LSTM(6, name="first"), L.Dense(2))
    model.save_weights(weights)
    yield from _without_config(directory)
    yield from _without_end(weights, directory)
    none = directory / "none.json"
    yield Refused("no config", [weights, "--config", none], ("none.json",))
    config = directory / "other.json"
    config.write_text(sequential(L.LSTM(7, name="first"), L.Dense(2)).to_json())
    yield Refused("another config", [weights, "--config", config], ("units=7",))
    unknown = directory / "unknown.h5"
    sequential(L.LSTM(3, recurrent_activation="hard_sigmoid", name="gated")).save(unknown)
    with h5py.File(unknown, "r+") as file:
        for holder in (file, file["model_weights"]):
            holder.attrs.pop("keras_version", None)
    words = ("'gated'", "recurrent_activation='hard_sigmoid'", "Keras 2")
    yield Refused("a hard_sigmoid of either Keras", [unknown], words)


# An option and its value, and the formats it is for.
ONE_FORMAT: tuple[tuple[list[str], tuple[str, ...]], ...] = (
    (["--config", "config.json"], (".weights.h5", ".h5")),
    (["--take", "sequence"], (".pt", ".safetensors", ".weights.h5", ".h5")),
    (["--order", "rec"], (".pt", ".safetensors", ".weights.h5", ".h5")),
    (["--activations", "rec=relu"], (".pt", ".safetensors", ".weights.h5", ".h5")),
    (["--tensor", "y"], (".onnx",)),
    (["--node", "lstm"], (".onnx",)),
    (["--zero-state"], (".onnx",)),
)


def _too_large(directory: Path) -> Iterator[Refused]:
    """Files that declare more than they hold, or more than is read."""
    plain = directory / "plain.keras"
    bomb = directory / "bomb.keras"
    zeros = b"0" * (80 << 20)
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in (C, "metadata.json", W):
            new.writestr(name, zeros if name == C else b"{}")
    yield Refused("a zip bomb", [bomb], ("config.json", "83,886,080"))
    deep = directory / "deep.keras"
    change = _weights(lambda file: file.create_group("/".join(["g"] * 3000)))
    yield Refused("deep groups", [edited(plain, deep, {W: change})], ("64 groups",))
    words = ("--max-memory", "MB")
    path = directory / "much.keras"
    sequential(L.LSTM(300), L.Dense(2)).save(path)
    yield Refused("--max-memory 1", [path, "--max-memory", "1"], words)
    yield Refused("--max-memory 0", [path, "--max-memory", "0"], ("--max-memory",))
    for name, build in (("Expand", _expanded), ("Add", _outer_sum)):
        path = directory / f"large_{name}.onnx"
        onnx.save(build(onnx_models.Builder(1)), path)
        yield Refused(f"ONNX {name} of 10^8 numbers", [path], (name, *words))


def _large(b: Any, made: str) -> Any:
    bias = b.node("Slice", made, *(b.constant(np.array([k])) for k in (0, 1, 0)))
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Add", y, bias))


def _expanded(b: Any) -> Any:
    shape = b.constant(np.array([10**4, 10**4]))
    return _large(b, b.node("Expand", b.weight(1, 1), shape))


def _outer_sum(b: Any) -> Any:
    return _large(b, b.node("Add", b.weight(10**4, 1), b.weight(1, 10**4)))


def _options_of_others(directory: Path) -> Iterator[Refused]:
    """Options that play no part are not passed over."""
    suffixes = {suffix for _, known in ONE_FORMAT for suffix in known}
    for suffix in sorted({*suffixes, ".keras", ".json", ".nam"}):
        path = directory / f"given{suffix}"
        path.write_bytes(b"a model, honestly")
        for option, known in ONE_FORMAT:
            if suffix not in known:
                words = (option[0], path.name, *known)
                yield Refused(f"{option[0]} of {suffix}", [path, *option], words)
    path = directory / "sound.onnx"
    onnx.save(_onnx_lstm()(onnx_models.Builder(1)), path)
    for options, words in (
        (["--node", "lstm0", "--tensor", "y"], ("--tensor", "--node")),
        (["--node", "lstm0", "--zero-state"], ("--zero-state", "--node")),
        (["--zero-state"], ("--zero-state", "no states")),
    ):
        yield Refused(f"ONNX {' '.join(options)}", [path, *options], words)
    for options, words in (
        (["--take", "all"], ("--take", "'all'")),
        (["--activations", "a=relu,a=tanh"], ("--activations", "twice")),
        (["--activations", "relu"], ("--activations", "MODULE=ACTIVATION")),
        (["--sumary"], ("--sumary",)),
    ):
        yield Refused(f"options {' '.join(options)}", [path, *options], words)


# ---- PyTorch and amplifiers ------------------------------------------------------------


def _state(**changes: Any) -> dict[str, Any]:
    random = np.random.RandomState(3)
    shapes = {
        "rec.weight_ih_l0": (16, 3),
        "rec.weight_hh_l0": (16, 4),
        "rec.bias_ih_l0": (16,),
        "rec.bias_hh_l0": (16,),
        "lin.weight": (1, 4),
        "lin.bias": (1,),
    }
    state = {n: random.uniform(-1, 1, s).astype(np.float32) for n, s in shapes.items()}
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


def _nan() -> Any:
    array = np.ones((16, 3), np.float32)
    array[1, 2] = np.nan
    return array


F = np.float32
STATES: dict[str, tuple[dict[str, Any], list[str], tuple[str, ...]]] = {
    "GRU": ({"rec__weight_hh_l0": np.ones((12, 4), F)}, [], ("'rec'", "nn.GRU")),
    "RNN": ({"rec__weight_hh_l0": np.ones((4, 4), F)}, [], ("'rec'", "nn.RNN")),
    "projection": ({"rec__weight_hr_l0": np.ones((2, 4), F)}, [], ("proj_size",)),
    "one bias": ({"rec__bias_hh_l0": None}, [], ("'rec'", "one bias")),
    "no recurrent weights": ({"rec__weight_hh_l0": None}, [], ("weight_hh_l0",)),
    "other sizes": ({"rec__weight_ih_l0": np.ones((12, 3), F)}, [], ("'rec'", "(3, 12)")),
    "layer missing": ({"rec__weight_ih_l2": np.ones((16, 4), F)}, [], ("'rec'", "l1")),
    "half a direction": (
        {"rec__weight_ih_l0_reverse": np.ones((16, 3), F)},
        ["--order", "rec,lin"],
        ("'rec'", "weight_hh_l0_reverse"),
    ),
    "convolution": ({"conv__weight": np.ones((2, 3, 4), F)}, [], ("'conv'", "nn.Conv1d")),
    "embedding": (
        {"tokens_emb__weight": np.ones((9, 3), F)},
        [],
        ("nn.Embedding", "--order tokens_emb,rec,lin --take last"),
    ),
    "a late embedding": (
        {"tokens_emb__weight": np.ones((9, 3), F)},
        ["--order", "rec,tokens_emb,lin"],
        ("tokens_emb", "first"),
    ),
    "half of the statistics": (
        {"bn__running_mean": np.ones(3, F)},
        [],
        ("'bn'", "nn.BatchNorm1d"),
    ),
    "batch norm": (
        {"bn__running_mean": np.ones(4, F), "bn__running_var": np.ones(4, F)},
        [],
        ("bn (nn.BatchNorm1d, 4 to 4)", "--order rec,bn,lin"),
    ),
    "no variance": (
        {"bn__running_mean": np.ones(4, F), "bn__running_var": -np.ones(4, F)},
        ["--order", "rec,bn,lin"],
        ("variance",),
    ),
    "prelu": ({"act__weight": np.ones(1, F)}, [], ("'act'", "nn.PReLU")),
    "attention": (
        {"attn__weight": np.ones((4, 4), F), "attn__bias": np.ones(4, F)},
        [],
        ("attn (nn.Linear, 4 to 4)", "--order rec,attn,lin --take last"),
    ),
    "a gap": (
        {
            "lin__weight": None,
            "lin__bias": None,
            "head__0__weight": np.ones((5, 4), F),
            "head__2__weight": np.ones((1, 5), F),
        },
        [],
        ("'head.0'", "--activations head.0=relu"),
    ),
    "double": ({"lin__bias": np.ones(1)}, [], ("lin.bias", "float64")),
    "NaN": ({"rec__weight_ih_l0": _nan()}, [], ("rec", "kernel", "nan")),
    "orders": (
        {"a__weight": np.ones((3, 3), F), "b__weight": np.ones((3, 3), F)},
        [],
        ("--order", "a, b"),
    ),
    "no order": ({"a__weight": np.ones((9, 8), F)}, [], ("no order", "a (nn.Linear")),
    "wrong order": ({}, ["--order", "rec,fc"], ("--order", "lin, rec")),
    "an order that does not fit": ({}, ["--order", "lin,rec"], ("rec", "3")),
    "an activation": ({}, ["--activations", "lin=swosh"], ("swosh", "'lin'")),
    "an activation of none": ({}, ["--activations", "fc=relu"], ("'fc'",)),
}


def _torch(directory: Path) -> Iterator[Refused]:
    for number, (name, (changes, options, words)) in enumerate(STATES.items()):
        path = directory / f"state{number}.safetensors"
        save_file(_state(**changes), path)
        yield Refused(f"PyTorch {name}", [path, *options], words)
    yield Refused(".pt without torch", [directory / "torch" / "gru.pt"], ("pip install",))


def torch_refusals(python: str, directory: Path, score: Score) -> None:
    """Those that take the Python that has torch."""
    files = directory / "torch"
    expected = {
        "gru.pt": ("nn.GRU",),
        "projected.pt": ("proj_size",),
        "double.pt": ("float64",),
        "conv.pt": ("nn.Conv1d",),
        "sparse.pt": ("weight_hh_l0", "sparse"),
        "meta.pt": ("weight_hh_l0", "meta"),
        "pickled.pt": ("Python objects", "torch.load('pickled.pt'", "model.state_dict()"),
        "scripted.pt": ("TorchScript", "torch.jit.load('scripted.pt')"),
        "checkpoint.pt": ("weights", "save the one"),
        "several.pt": ("encoder, decoder", "save the one"),
        "cut.pt": ("state_dict",),
        "text.pt": ("state_dict",),
        "tar.pt": ("a tar file", "state_dict"),
    }
    with tarfile.open(files / "tar.pt", "w") as archive:
        archive.add(files / "torch0.pt", "storages")
    (files / "cut.pt").write_bytes((files / "torch0.pt").read_bytes()[:700])
    (files / "text.pt").write_bytes(b"a model, honestly")
    out = files / "refused.h"
    lines = [[str(files / name), "-o", str(out)] for name in expected]
    results = torch_models.export(python, lines, directory)
    for (name, words), (status, err) in zip(expected.items(), results, strict=True):
        good = status == 2 and err.count("\n") == 1 and "report" not in err
        good = good and all(word in err for word in words) and not out.exists()
        score.refused += score.check(good, f"refusal of {name}: {status}: {err}")


def _amplifiers(directory: Path) -> Iterator[Refused]:
    for number, (name, settings, words) in enumerate(
        (
            ("GRU", {"unit_type": "GRU"}, ("GRU",)),
            ("two skips", {"skip": 2}, ("skip",)),
            ("other size", {"hidden_size": 40}, ("hidden_size", "40")),
        )
    ):
        path = directory / f"amplifier_refused{number}.json"
        state = {key: value.tolist() for key, value in _state().items()}
        data: dict[str, Any] = {"model_data": settings, "state_dict": state}
        path.write_text(json.dumps(data))
        yield Refused(f"Proteus {name}", [path], words)
    config = directory / "to_json.json"
    config.write_text(sequential(L.LSTM(3)).to_json())
    yield Refused("to_json() alone", [config], ("--config", "weights"))
    for number, (name, data, words) in enumerate(_OTHER_JSON):
        path = directory / f"other{number}{'.nam' if 'NAM' in name else '.json'}"
        path.write_text(json.dumps(data))
        yield Refused(name, [path], words)


def _rtneural(*layers: Any, **more: Any) -> dict[str, Any]:
    return {"in_shape": [None, None, 1], "layers": list(layers), **more}


_DENSE = {"type": "dense", "activation": "", "weights": [[[1.0]], [0.0]]}
_NAM = {"architecture": "LSTM", "config": {"hidden_size": 2, "num_layers": 1}}
_OTHER_JSON: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("JSON of nothing known", {"layers": []}, ("GuitarML", "RTNeural")),
    ("RTNeural gru", _rtneural({"type": "gru"}), ("layer 0 (gru)", "lstm")),
    ("RTNeural without an lstm", _rtneural(_DENSE), ("no LSTM",)),
    ("RTNeural text", _rtneural({**_DENSE, "weights": ["a"]}), ("dense", "numbers")),
    (
        "RTNeural shape",
        _rtneural({**_DENSE, "shape": [None, None, 3]}),
        ("ends in 3", "1 units"),
    ),
    (
        "RTNeural activation",
        _rtneural({**_DENSE, "activation": "swosh"}),
        ("'swosh'", "use one of"),
    ),
    ("RTNeural skip", _rtneural(_DENSE, in_skip=2), ("in_skip",)),
    ("RTNeural gain", _rtneural(_DENSE, in_gain="loud"), ("in_gain", "'loud'")),
    ("a .nam as .json", {**_NAM, "weights": []}, (".nam",)),
    ("NAM WaveNet", {"architecture": "WaveNet", "config": {}}, ("WaveNet", "LSTM")),
    ("NAM too few", {**_NAM, "weights": [0.0] * 9}, ("(9,)", "(39,)")),
    ("NAM no sizes", {"architecture": "LSTM", "config": {}}, ("hidden_size",)),
    ("NAM text", {**_NAM, "weights": ["a"]}, ("no numbers",)),
)


# ---- ONNX ------------------------------------------------------------------------------


def _onnx_lstm(**options: Any) -> Callable[[Any], Any]:
    def build(b: Any) -> Any:
        return b.model(onnx_models._squeezed(b, b.lstm("x", D, **options)))

    return build


def _gru(b: Any) -> Any:
    w, r = b.weight(1, 18, D), b.weight(1, 18, 6)
    return b.model(b.node("GRU", "x", w, r, outputs=2, hidden_size=6))


def _peepholes(b: Any) -> Any:
    return b.model(b.lstm("x", D, "", "", "", b.weight(1, 18)))


def _lengths(b: Any) -> Any:
    return b.model(b.lstm("x", D, b.constant(np.array([3], np.int32))))


def _started(b: Any) -> Any:
    state = b.weight(2, 1, 6)
    return b.model(b.lstm("x", D, "", state, direction="bidirectional"))


def _half_alone(b: Any) -> Any:
    y = b.lstm("x", D, direction="bidirectional")
    y = b.node("Gather", y, b.constant(np.array(1)), axis=1)
    return b.model(b.node("MatMul", y, b.weight(6, 2)))


def _halves_turned(b: Any) -> Any:
    h = b.lstm("x", D, direction="bidirectional") + "_1"
    parts = [b.node("Gather", h, b.constant(np.array(k)), axis=0) for k in (1, 0)]
    return b.model(b.node("Concat", *parts, axis=1))


def _erf_alone(b: Any) -> Any:
    return b.model(b.node("Erf", onnx_models._squeezed(b, b.lstm("x", D))))


def _audio(b: Any) -> Any:
    model = b.model(b.lstm("x", D))
    del model.graph.input[0].type.tensor_type.shape.dim[1:]
    return model


def _of_timesteps(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Mul", y, b.weight(7, 1, 6)))


def _loop(b: Any) -> Any:
    """A loop that takes the output of an LSTM from the graph around it."""
    y = onnx_models._squeezed(b, b.lstm("x", D))
    info = helper.make_tensor_value_info
    inner = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["goes_on"]),
            helper.make_node("Tanh", [y], ["row"]),
        ],
        "body",
        [info("i", 7, []), info("going", 9, [])],
        [info("goes_on", 9, []), info("row", 1, None)],
    )
    count, going = b.constant(np.array(3)), b.constant(np.array(True))
    return b.model(b.node("Loop", count, going, body=inner))


def _branches(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Add", y, b.node("Tanh", y)))


def _scaled(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Gemm", y, b.weight(6, 3), alpha=0.5))


def _middle(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Gather", y, b.constant(np.array(3)), axis=0))


def _elements(index: int, *shape: int) -> Callable[[Any], Any]:
    def build(b: Any) -> Any:
        y = onnx_models._squeezed(b, b.lstm("x", D))
        return b.model(b.node("GatherElements", y, b.constant(np.full(shape, index))))

    return build


def _states_alone(b: Any) -> Any:
    """States come in and go out, and there is nothing else."""
    y = b.lstm("x", D, "", "h0", "c0")
    states = {"h0": [1, "batch", 6], "c0": [1, "batch", 6]}
    return onnx_models._outputs(b.model(y, **states), f"{y}_1", f"{y}_2")


def _state_lost(b: Any) -> Any:
    """One of two states does not come out again."""
    y = b.lstm("x", D, "", "h0", "c0")
    states = {"h0": [1, "batch", 6], "c0": [1, "batch", 6]}
    return onnx_models._outputs(b.model(y, **states), y, f"{y}_1")


def _mean(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("ReduceMean", y, b.constant(np.array([0]))))


def _diamonds(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    for _ in range(8):
        y = b.node("Mul", y, y)
    return b.model(y)


def _output_too_many(b: Any) -> Any:
    shape = b.constant(np.array([1, 1, onnx_models.H]))
    zeros = b.node("ConstantOfShape", shape, outputs=2)
    y = b.lstm("x", D, "", f"{zeros}_1", zeros)
    return b.model(onnx_models._squeezed(b, y))


def _without_features(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    y = b.node("MatMul", y, b.weight(onnx_models.H, 1))
    return b.model(onnx_models._squeezed(b, y, -1))


def _turned(b: Any) -> Any:
    y = onnx_models._squeezed(b, b.lstm("x", D))
    return b.model(b.node("Transpose", y, perm=[2, 0, 1]))


def _unused(b: Any) -> Any:
    b.weight(3, 3)
    return _onnx_lstm()(b)


def _shape(b: Any) -> Any:
    y = b.node("LSTM", "x", b.weight(1, 24, D), b.weight(1, 20, 6), outputs=3)
    return b.model(y)


def _cell(b: Any) -> Any:
    return b.model(b.lstm("x", D) + "_2")


def _half(b: Any) -> Any:
    w = b.constant(np.ones((1, 24, D), np.float16))
    return b.model(b.node("LSTM", "x", w, b.weight(1, 24, 6), outputs=3))


def _flattened(*shape: int) -> Callable[[Any], Any]:
    def build(b: Any) -> Any:
        y = b.node("Transpose", b.lstm("x", D), perm=[1, 2, 0, 3])
        y = b.node("Reshape", y, b.constant(np.array([1, -1, 6])))
        return b.model(b.node("Reshape", y, b.constant(np.array(shape))))

    return build


def _softmax(opset: int, **options: Any) -> Callable[[Any], Any]:
    """Over another axis than the features."""

    def build(b: Any) -> Any:
        y = b.node("Transpose", b.lstm("x", D), perm=[1, 2, 0, 3])
        y = b.node("Reshape", y, b.constant(np.array([1, -1, 6])))
        return b.model(b.node("Softmax", y, **options), opset=opset)

    return build


def _one_step(b: Any) -> Any:
    """The input has no axis of timesteps, as in a model of one frame."""
    x = b.node("Reshape", "x", b.constant(np.array([-1, D])))
    return b.model(b.lstm(b.node("Unsqueeze", x, b.constant(np.array([0]))), D))


def _inputs(b: Any) -> Any:
    return onnx_models._zero_state(b)


ONNX: dict[str, tuple[Callable[[Any], Any], list[str], tuple[str, ...]]] = {
    "GRU": (_gru, [], ("GRU",)),
    "GatherElements of a middle row": (_elements(3, 1, 1, 6), [], ("last or first row",)),
    "GatherElements of a part": (_elements(-1, 1, 1, 4), [], ("1, 1, features",)),
    "GatherElements of rows": (_elements(-1, 2, 1, 6), [], ("1, 1, features",)),
    "states alone": (_states_alone, [], ("lstm0_1, lstm0_2", "--tensor")),
    "a state lost": (_state_lost, [], ("--tensor",)),
    "peepholes": (_peepholes, [], ("lstm0", "P (peepholes)")),
    "sequence_lens": (_lengths, [], ("lstm0", "sequence_lens")),
    "clip": (_onnx_lstm(clip=3.0), [], ("lstm0", "clip")),
    "input_forget": (_onnx_lstm(input_forget=1), [], ("lstm0", "input_forget")),
    "initial states": (_started, [], ("lstm0", "initial_h", "(2, 1, 6)")),
    "a half alone": (_half_alone, [], ("one of two directions",)),
    "halves the wrong way round": (_halves_turned, [], ("Concat", "joins 2")),
    "an erf alone": (_erf_alone, [], ("Erf", "gelu")),
    "audio": (_audio, [], ("raw audio", "--node")),
    "a loop": (_loop, [], ("Loop", "as a layer")),
    "arithmetic of timesteps": (_of_timesteps, [], ("Mul", "(7, 1, 6)")),
    "state as input": (_inputs, [], ("initial_h", "--zero-state")),
    "activations g and h": (
        _onnx_lstm(activations=["Sigmoid", "Tanh", "Relu"]),
        [],
        ("lstm0", "tanh", "relu"),
    ),
    "an activation": (
        _onnx_lstm(activations=["Sigmoid", "ScaledTanh", "ScaledTanh"]),
        [],
        ("lstm0", "ScaledTanh"),
    ),
    "a slope": (
        _onnx_lstm(
            activations=["HardSigmoid", "Tanh", "Tanh"],
            activation_alpha=[0.25],
            activation_beta=[0.5],
        ),
        [],
        ("lstm0", "0.25"),
    ),
    "branches": (_branches, [], ("Add", "2 outputs")),
    "alpha": (_scaled, [], ("Gemm", "alpha")),
    "a row in the middle": (_middle, [], ("Gather", "last or first")),
    "diamonds": (_diamonds, [], ("'mul2'", "2 outputs")),
    "an output too many": (_output_too_many, [], ("'constantofshape0'", "2 outputs")),
    "a number as direction": (_onnx_lstm(direction=1), [], ("graph", "ONNX writes")),
    "no axis of features": (_without_features, [], ("Squeeze", "axis of features")),
    "a mean": (_mean, [], ("ReduceMean",)),
    "features before timesteps": (_turned, [], ("axes",)),
    "weights of nothing": (_unused, [], ("plays no part", "w0")),
    "a shape": (_shape, [], ("lstm0", "R", "(1, 20, 6)")),
    "the state c": (_cell, [], ("the state c of an LSTM", "--tensor")),
    "half precision": (_half, [], ("lstm0", "float16")),
    "one timestep": (_one_step, [], ("lstm", "one timestep")),
    "a flatten": (_flattened(0, -1), [], ("Reshape", "timesteps")),
    "a flatten of six": (_flattened(1, -1), [], ("Reshape", "timesteps")),
    "other rows": (_flattened(-1, 3), [], ("Reshape", "timesteps")),
    "softmax of timesteps": (_softmax(20, axis=1), [], ("Softmax", "axis")),
    "old softmax of timesteps": (_softmax(12), [], ("Softmax", "axis")),
    "no such output": (_onnx_lstm(), ["--tensor", "z"], ("--tensor", "'z'")),
    "no such node": (_onnx_lstm(), ["--node", "z"], ("--node", "'lstm0'")),
}


def _external_data(directory: Path, name: str, location: str, size: int = -1) -> Path:
    """A model whose weights are said to be at this place, of which so many are there."""
    model = _onnx_lstm()(onnx_models.Builder(1))
    place = directory / f"external_{name}"
    place.mkdir()
    path = place / "external.onnx"
    onnx.save(
        model,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="weights.bin",
        size_threshold=0,
    )
    held = onnx.load(path, load_external_data=False)
    for tensor in held.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(held.SerializeToString())
    weights = place / "weights.bin"
    if size >= 0:
        weights.write_bytes(weights.read_bytes()[:size])
    shutil.copy(weights, directory / "weights.bin")
    return path


def _external(directory: Path) -> Iterator[Refused]:
    """Nothing but a whole file beside the model is read."""
    for name, location, size, words in (
        ("above", "../weights.bin", -1, ("'../weights.bin'", "not beside")),
        ("absolute", str(directory / "weights.bin"), -1, ("not beside",)),
        ("of Windows", "..\\weights.bin", -1, ("not beside",)),
        ("nowhere", "none.bin", -1, ("'none.bin'", "copy that file")),
        ("cut", "weights.bin", 100, ("'weights.bin'", "100 bytes")),
    ):
        path = _external_data(directory, name, location, size)
        yield Refused(f"ONNX weights {name}", [path], words)


def _several_outputs(directory: Path) -> Path:
    model = _onnx_lstm()(onnx_models.Builder(1))
    model.graph.output.append(helper.make_tensor_value_info("lstm0_1", 1, None))
    path = directory / "several.onnx"
    onnx.save(model, path)
    return path


def _cycle(directory: Path) -> Path:
    model = _onnx_lstm()(onnx_models.Builder(1))
    model.graph.node.append(helper.make_node("Tanh", ["p"], ["q"], name="p"))
    model.graph.node.append(helper.make_node("Tanh", ["q"], ["p"], name="q"))
    del model.graph.output[:]
    info = helper.make_tensor_value_info("q", TensorProto.FLOAT, None)
    model.graph.output.append(info)
    path = directory / "cycle.onnx"
    onnx.save(model, path)
    return path


def _onnx(directory: Path) -> Iterator[Refused]:
    for number, (name, (build, options, words)) in enumerate(ONNX.items()):
        path = directory / f"refused{number}.onnx"
        onnx.save(build(onnx_models.Builder(number)), path)
        yield Refused(f"ONNX {name}", [path, *options], words)
    yield from _external(directory)
    yield Refused("ONNX outputs", [_several_outputs(directory)], ("--tensor", "lstm0_1"))
    yield Refused("ONNX cycle", [_cycle(directory)], ("itself",))
    whole = onnx_models.silero() / "silero_vad_16k_sequence.onnx"
    options = ["--tensor", "speech_probs", "--zero-state"]
    yield Refused("the whole of silero-vad", [whole, *options], ("'/stft/padding/Pad'",))
    branch = onnx_models.silero() / "silero_vad.onnx"
    yield Refused("silero-vad's branches", [branch], ("input",))


def test_refusals(directory: Path, python: str, score: Score) -> None:
    for refusals, is_tried in (
        (_keras_models, False),
        (_keras_files, True),
        (_options, True),
        (_options_of_others, True),
        (_too_large, True),
        (_torch, True),
        (_amplifiers, True),
        (_onnx, True),
    ):
        # What Keras has just written needs no trial, which takes a process of its own.
        untried = unittest.mock.patch.object(h5_tree, "try_first")
        with contextlib.nullcontext() if is_tried else untried:
            for refused in refusals(directory):
                check(refused, directory, score)
    torch_refusals(python, directory, score)
