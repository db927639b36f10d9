"""What else there is to promise: the same bytes each time, Keras' summary, large models,
damaged files, and that the comparisons of these tests can fail."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import keras_models
import names
import numpy as np
import onnx
import onnx_models
import refusals
from harness import TOOL, Case, Pair, Score, export
from keras_models import D, L, keras, sequential
from safetensors.numpy import save_file

LARGE_UNITS, LARGE_INPUTS = 1536, 96  # 10 million parameters
MOST_SECONDS = 60.0
CUTS, FLIPS = 25, 40  # of each kind of file


def _model() -> Any:
    model = sequential(
        L.Masking(),
        L.Bidirectional(L.LSTM(6, return_sequences=True, name="first")),
        L.LSTM(5, name="second"),
        L.Dense(3, activation="softmax"),
    )
    keras_models.randomise(model, 5)
    return model


def same_bytes(directory: Path, score: Score) -> None:
    path = directory / "same.keras"
    _model().save(path)
    texts = []
    for name in ("one", "two"):
        header = directory / f"{name}.h"
        export([path, "-o", header, "--name", "same"])
        texts.append(header.read_bytes())
    score.check(texts[0] == texts[1], "a second export has other bytes")
    for by in ("framework", "reference"):
        header = directory / f"{by}.h"
        status, _, err = export([path, "-o", header, "--golden", by, "--name", "same"])
        text = header.read_text() if header.exists() else ""
        said = "by keras " if by == "framework" else "by the float64 reference"
        score.check(status == 0 and said in text, f"--golden {by}: {err}")


def summary(directory: Path, score: Score) -> None:
    """--summary has the numbers of Keras' own, and writes no file."""
    model = sequential(L.LSTM(32), L.Dense(2), timesteps=10, dim=64)
    model.layers[1].trainable = False
    path = directory / "summary.keras"
    model.save(path)
    place = directory / "nothing"
    place.mkdir()
    status, out, err = export([path, "-o", place / "out.h", "--summary"])
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    theirs = "\n".join(lines)
    totals = [line.strip() for line in theirs.splitlines() if "params:" in line]
    for text in (*totals, "12,416", "66", "(None, 32)", "(None, 2)"):
        score.check(text in out, f"--summary has no '{text}': {out}{err}")
    score.check(len(totals) == 3 and status == 0, f"--summary: {theirs}")
    score.check(not list(place.iterdir()), "--summary wrote a file")


def without_packages(directory: Path, score: Score) -> None:
    """A .keras takes h5py and numpy alone; what else is missing is named."""
    kinds = {path.name.removeprefix("sound"): path for path, _ in _samples(directory)}
    packages = ("keras", "tensorflow", "onnx", "onnxruntime", "safetensors", "torch")
    for suffix, missing in (
        (".keras", ""),
        (".h5", ""),
        (".onnx", "onnx"),
        (".safetensors", "safetensors"),
    ):
        header = directory / f"alone{suffix[1:]}.h"
        with unittest.mock.patch.dict(sys.modules, dict.fromkeys(packages)):
            status, _, err = export([kinds[suffix], "-o", header])
        if missing:
            good = status == 2 and f"pip install {missing}`" in err
        else:
            text = " ".join(header.read_text().replace("\n *", "").split())
            good = status == 0 and "by the float64 reference" in text
            good = good and "as keras is not installed" in text
        score.check(good, f"{suffix} without other packages: {status} {err}")
    with unittest.mock.patch.dict(sys.modules, {"h5py": None}):
        status, _, err = export([kinds[".keras"], "-o", directory / "no.h"])
    score.check(status == 2 and "pip install h5py" in err, f"without h5py: {err}")


def large(directory: Path, score: Score) -> None:
    random = np.random.RandomState(1)
    rows = 4 * LARGE_UNITS
    state = {
        "rec.weight_ih_l0": random.uniform(-0.02, 0.02, (rows, LARGE_INPUTS)),
        "rec.weight_hh_l0": random.uniform(-0.02, 0.02, (rows, LARGE_UNITS)),
        "rec.bias_ih_l0": random.uniform(-0.1, 0.1, rows),
        "rec.bias_hh_l0": random.uniform(-0.1, 0.1, rows),
    }
    path, header = directory / "large.safetensors", directory / "large.h"
    save_file({name: array.astype(np.float32) for name, array in state.items()}, path)
    start = time.monotonic()
    status, out, err = export([path, "-o", header])
    seconds = time.monotonic() - start
    print(f"{out.strip()}, {seconds:.0f} s")
    score.check(status == 0 and seconds < MOST_SECONDS, f"large model: {seconds} s {err}")
    score.check("weights written" in err, "large model: no progress was shown")
    header.unlink()


def plain_config(directory: Path, score: Score) -> None:
    """Weights with what to_json() gives, which has no version: Keras itself runs it."""
    model = sequential(
        L.LSTM(4, recurrent_activation="hard_sigmoid"), L.Dense(2, name="dense")
    )
    weights, config = directory / "plain.weights.h5", directory / "plain.json"
    model.save_weights(weights)
    config.write_text(model.to_json(), encoding="utf-8")
    arguments = [weights, "--config", config, "-o", directory / "plain.h"]
    status, out, err = export(arguments)
    score.check(status == 0 and "tested by keras 3" in out, f"to_json(): {out}{err}")


def left_out(directory: Path, score: Score) -> None:
    """The tensors that an output does without are named."""
    builder = onnx_models.Builder(1)
    kept = builder.lstm("x", D)
    extra = builder.lstm("x", D, bias=False)
    model = builder.model(onnx_models._squeezed(builder, kept))
    output = onnx.helper.make_tensor_value_info(extra, onnx.TensorProto.FLOAT, None)
    model.graph.output.append(output)
    path, header = directory / "left_out.onnx", directory / "left_out.h"
    onnx.save(model, path)
    for option in (["--tensor", model.graph.output[0].name], ["--node", kept]):
        _, out, err = export([path, "-o", header, *option])
        said = "play no part in it: w3, w4" in header.read_text()
        score.check(said and "w3, w4" in out, f"{option}: {out}{err}")


def old_python(directory: Path, score: Score) -> None:
    """A Python that cannot read the tool is told from one that can."""
    code = (
        "import sys, runpy; sys.version_info = (3, 9, 2); "
        f"runpy.run_path({str(TOOL)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    good = done.returncode == 2 and done.stderr.count("\n") == 1
    score.check(good and "3.10" in done.stderr, f"Python 3.9: {done}")


def no_chunk(directory: Path, score: Score) -> None:
    """Chunks of no timesteps, which would never end, do not compile."""
    path, header = directory / "chunk.keras", directory / "chunk.h"
    sequential(L.LSTM(4, return_sequences=True), L.LSTM(3)).save(path)
    export([path, "-o", header, "--golden", "reference"])
    for count in (1, 0):
        said = names.compiler_says(
            '#include "chunk.h"\n', directory, ["-w", f"-DCHUNK_CHUNK={count}"]
        )
        score.check(bool(said) == (count == 0), f"chunks of {count}: {said}")


NO_STEP: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "Bidirectional": (
        lambda: [L.Bidirectional(L.LSTM(3), name="odd")],
        "layer 'odd' (Bidirectional) also runs from the end",
    ),
    "go_backwards": (
        lambda: [L.LSTM(3, go_backwards=True, name="odd")],
        "layer 'odd' (LSTM) runs from the end",
    ),
    "Flatten": (
        lambda: [L.LSTM(3, return_sequences=True), L.Flatten(name="odd")],
        "layer 'odd' (Flatten) takes all timesteps at once",
    ),
    "Reshape": (
        lambda: [L.Reshape((D, 4), name="odd"), L.LSTM(3)],
        "layer 'odd' (Reshape) takes all timesteps at once",
    ),
    "": (lambda: [L.LSTM(3)], ""),
}


def no_step(directory: Path, score: Score) -> None:
    """The header and the command say why there is no step()."""
    for number, (name, (layers, why)) in enumerate(NO_STEP.items()):
        path, header = directory / f"no_step{number}.keras", directory / "no_step.h"
        sequential(*layers(), timesteps=4).save(path)
        _, out, _ = export([path, "-o", header, "--golden", "reference"])
        text = " ".join(header.read_text().replace("\n *", "").split())
        said = f"There is no no_step_step() for single timesteps: {why}."
        good = (said in text) == (why in out) == bool(why) if why else said not in text
        score.check(good, f"{name} has no step(): {out}")
        score.check(
            (" lstm_status no_step_step(" in text) != bool(why), f"{name}: a step()"
        )


def through_load(directory: Path, score: Score) -> None:
    """Every weight is read by LSTM_LOAD: with all of them negated, and a LSTM_LOAD that
    negates, a model gives what it gave."""
    path, header = directory / "load.keras", directory / "load.h"
    model = keras.Sequential(
        [
            keras.Input((None,)),
            L.Embedding(9, 4),
            L.Conv1D(3, 2),
            L.BatchNormalization(),
            L.LSTM(4, return_sequences=True),
            L.LayerNormalization(),
            L.PReLU(shared_axes=[1]),
            L.LSTM(2),
        ]
    )
    random = np.random.RandomState(8)
    for variable in model.weights:
        variable.assign(random.uniform(0.2, 0.9, variable.shape))
    model.save(path)
    export([path, "-o", header, "--golden", "reference"])
    text = header.read_text(encoding="ascii")

    def negated(found: re.Match[str]) -> str:
        return found[1] + re.sub(r"(?<![\w.+-])-?\d", _turned, found[2])

    changed = re.sub(r"(_weights\[\d+\] = \{)(.*?\};)", negated, text, flags=re.DOTALL)
    header.write_text(changed, encoding="ascii")
    source = directory / "load.c"
    ran = {}
    for name, define in (("*", ""), ("-*", "#define LSTM_LOAD(p) (-*(p))\n")):
        main = "int main(void) { return load_selftest() <= 2e-6f ? 0 : 1; }\n"
        source.write_text(f'{define}#include "load.h"\n{main}', encoding="ascii")
        line = ["gcc", "-std=c99", "-DLSTM_NO_SIMD", f"-I{harness.ROOT / 'include'}"]
        program = directory / "load"
        subprocess.run([*line, str(source), "-o", str(program), "-lm"], check=True)
        ran[name] = subprocess.run([str(program)], check=False).returncode
    score.check(ran == {"*": 1, "-*": 0}, f"weights not read by LSTM_LOAD: {ran}")


def _turned(found: re.Match[str]) -> str:
    text = found[0]
    return text[1:] if text.startswith("-") else f"-{text}"


# ---- Names in the file -----------------------------------------------------------------

HOSTILE = ("*/ int x;", "\\\n#error", "??/", '"; //', "/* nested", "\x1b[2J", "\u202eabc")


def hostile_names(directory: Path, score: Score) -> None:
    """Layers and models whose names would break the C, were they copied into it."""
    source = directory / "named.keras"
    model = sequential(L.LSTM(6, name="first"), L.Dense(2, name="dense"))
    keras_models.randomise(model, 7)
    model.save(source)
    x = keras_models.inputs(5, D, (), 0.0)
    y = keras.ops.convert_to_numpy(model(x[None]))
    cases = []
    for number, name in enumerate(HOSTILE):
        path = directory / f"hostile{number}.keras"
        quoted = json.dumps(name)

        def change(data: bytes, quoted: str = quoted) -> bytes:
            data = data.replace(b'"first"', quoted.encode())
            return data.replace(b'"sequential', quoted[:-1].encode())

        def rename(file: Any, name: str = name) -> None:
            file["layers/lstm/vars"].attrs["name"] = name

        changes = {refusals.C: change, refusals.W: refusals._weights(rename)}
        refusals.edited(source, path, changes)
        options = ("--golden", "reference")
        cases.append(Case(f"a layer called {name!r}", path, [Pair(x, y)], options))
    harness.test_models(cases, directory, score)


# ---- Damaged files ---------------------------------------------------------------------


def _samples(directory: Path) -> list[tuple[Path, list[str | Path]]]:
    """A file of each kind and the options to export it with."""
    model = _model()
    found: list[tuple[Path, list[str | Path]]] = []
    for suffix in (".keras", ".h5", ".weights.h5"):
        path = directory / f"sound{suffix}"
        found.append((path, list(keras_models.save(model, path))))
    random = np.random.RandomState(2)
    shapes = {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4)}
    state = {n: random.uniform(-1, 1, s).astype(np.float32) for n, s in shapes.items()}
    path = directory / "sound.safetensors"
    save_file({f"rec.{name}": array for name, array in state.items()}, path)
    found.append((path, []))
    path = directory / "sound.onnx"
    onnx.save(onnx_models.MODELS["bidirectional"](onnx_models.Builder(3)), path)
    found.append((path, []))
    text = refusals._state()
    data = {
        "model_data": {"unit_type": "LSTM", "skip": 1},
        "state_dict": {name: array.tolist() for name, array in text.items()},
    }
    path = directory / "sound.json"
    path.write_text(json.dumps(data))
    found.append((path, []))
    weights = random.uniform(-1, 1, 39).tolist()
    path = directory / "sound.nam"
    path.write_text(json.dumps({**refusals._NAM, "weights": weights}))
    found.append((path, []))
    own = keras.Sequential(
        [
            keras.Input((None,)),
            L.Embedding(9, 4),
            L.Conv1D(3, 2, activation=L.ReLU(max_value=2.0)),
            L.MaxPooling1D(2),
            keras.Sequential([L.LSTM(4, name="inner")]),
            L.BatchNormalization(),
            L.LayerNormalization(),
            L.RepeatVector(3),
            L.LSTM(2),
        ]
    )
    path = directory / "sound_own.keras"
    own.save(path)
    found.append((path, []))
    return found


def exported_damage(
    source: Path, options: list[str | Path], data: bytes, directory: Path
) -> tuple[int, str]:
    """The exit status for these bytes in place of a sound file's, and what is wrong with
    how the command took them: one line and nothing written, or a header."""
    place = directory / "damaged"
    place.mkdir()
    path = place / f"broken{source.name.removeprefix('sound')}"
    path.write_bytes(data)
    line = [path, "-o", place / "out.h", "--golden", "reference", *options]
    status, _, err = export(line)
    left = sorted(each.name for each in place.iterdir() if each != path)
    shutil.rmtree(place)
    good = status in (0, 2) and left == (["out.h"] if status == 0 else [])
    good = good and (status == 0 or err.count("\n") == 1)
    good = good and "report this" not in err
    return status, "" if good else f"{status} {left} {err}"


def damaged(directory: Path, score: Score) -> None:
    """Cut and changed files are refused in one line, or are still sound."""
    random = np.random.RandomState(11)
    refused = 0
    for source, options in _samples(directory):
        sound = source.read_bytes()
        broken = [sound[: int(at)] for at in random.randint(0, len(sound), CUTS)]
        for _ in range(FLIPS):
            data = bytearray(sound)
            for at in random.randint(0, len(data), random.randint(1, 4)):
                data[at] ^= 1 << random.randint(8)
            broken.append(bytes(data))
        for number, data in enumerate(broken):
            status, wrong = exported_damage(source, options, data, directory)
            score.check(not wrong, f"damage {number} to {source.name}: {wrong}")
            refused += status == 2
    print(f"damaged files: {refused} refused, the others still sound")


# ---- The tests themselves --------------------------------------------------------------


def noticed(directory: Path, score: Score) -> None:
    """A header with anything wrong in it does not pass."""
    model = _model()
    path, header = directory / "broken.keras", directory / "broken.h"
    found = keras_models.case("mask noticed", model, path, 3)
    export([path, "-o", header])
    sound = header.read_text()
    changes = {
        "a weight": (r"(_bidirectional\w*_weights\[\d+\] = \{\n +)", r"\1 0.1f + "),
        "a half": (r"(_bidirectional\w*_weights) \+ 288", r"\1"),
        "an activation": ("LSTM_TANH", "LSTM_SOFTSIGN"),
        "the last activation": ("LSTM_SOFTMAX", "LSTM_LINEAR"),
        "the direction": ("LSTM_SIGMOID, 1, 0, 0", "LSTM_SIGMOID, 1, 1, 0"),
        "the mask": (" mask, 1,", " NULL, 1,"),
        "a state": (r"state\[k\] = 0.0f", "state[k] = 1.0f"),
    }
    for name, (old, new) in changes.items():
        text = re.sub(old, new, sound)
        header.write_text(text)
        own = Score()
        built = harness.Built(found, header, text)
        group = directory / "noticed"
        group.mkdir()
        shutil.copy(header, group / header.name)
        for language, data in harness.run_group([built], group, "noticed"):
            outputs = harness.split_outputs([built], data)
            with harness.silence():
                harness.compare(built, outputs, language, own)
        score.check(
            text != sound and own.failed > 0, f"{name} being wrong is not noticed"
        )
        shutil.rmtree(group)
    nan = np.array([np.nan], np.float32)
    score.check(not harness.distance(nan, nan) <= 1.0, "a NaN passes")


def test_others(directory: Path, score: Score) -> None:
    same_bytes(directory, score)
    summary(directory, score)
    without_packages(directory, score)
    plain_config(directory, score)
    left_out(directory, score)
    old_python(directory, score)
    no_chunk(directory, score)
    no_step(directory, score)
    through_load(directory, score)
    large(directory, score)
    hostile_names(directory, score)
    damaged(directory, score)
    noticed(directory, score)
