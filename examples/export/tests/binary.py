"""--binary: models run with weights from a file, and files of other bytes are refused."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
import keras_models
import keras_own_models
from harness import ROOT, WARNINGS, Case, Score, export
from keras_models import L, sequential

S390X = ("s390x-linux-gnu-gcc", "qemu-s390x")  # a big-endian CPU


def _models() -> dict[str, Callable[[], Any]]:
    """One of each way that a function has its layers, and of each kind of numbers."""

    def lstm(units: int, **options: Any) -> Any:
        return L.LSTM(units, return_sequences=True, **options)

    return {
        "a stream": lambda: sequential(lstm(6, use_bias=False), L.LSTM(5), L.Dense(3)),
        "a masked stream": lambda: sequential(L.Masking(), lstm(4), L.Dense(2)),
        "a whole sequence": lambda: sequential(
            L.Conv1D(4, 3, padding="same"),
            L.Bidirectional(lstm(5)),
            L.LayerNormalization(),
            L.PReLU(shared_axes=[1]),
            lstm(3, go_backwards=True),
            L.Activation("softmax"),
            L.Activation("tanh"),
        ),
        "embedding": lambda: keras_own_models._embedding(
            L.LSTM(6), L.BatchNormalization()
        ),
    }


def cases(directory: Path) -> list[Case]:
    directory.mkdir()
    found = []
    for seed, (name, build) in enumerate(_models().items()):
        path = directory / f"binary{seed}.keras"
        made = keras_own_models.case(name, build(), path, seed)
        found.append(
            replace(
                made, name=f"{made.name}, binary", options=(*made.options, "--binary")
            )
        )
    return found


# ---- The loader ------------------------------------------------------------------------

# Says what the loader returns for a file and, if there is one, for its bytes in memory,
# whether the weights are as they were, and what the self-test says.
PROGRAM = """\
#include <stdio.h>
#include <string.h>
#include "loaded.h"

static LSTM_ALIGNED float weights[LOADED_WEIGHTS_LEN];
static unsigned char bytes[LOADED_WEIGHTS_LEN * 4 + 100];

static int kept(void)
{
    size_t k;
    for (k = 0; k < LOADED_WEIGHTS_LEN; k++) {
        if (weights[k] != 7.0f) {
            return 0;
        }
    }
    return 1;
}

static void clear(void)
{
    size_t k;
    for (k = 0; k < LOADED_WEIGHTS_LEN; k++) {
        weights[k] = 7.0f;
    }
}

int main(int count, char **names)
{
    loaded_load_status status;
    FILE *file = count > 1 ? fopen(names[1], "rb") : NULL;
    size_t size = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    clear();
    status = loaded_load_file(count > 1 ? names[1] : NULL, weights);
    printf("%d %d ", (int)status, kept());
    if (status == LOADED_LOAD_OK) {
        printf("%d ", loaded_selftest(weights) <= 2e-6f);
    }
    clear();
    status = loaded_load_bytes(file != NULL ? bytes : NULL, size, weights);
    printf("%d %d", (int)status, kept());
    if (status == LOADED_LOAD_OK) {
        printf(" %d", loaded_selftest(weights) <= 2e-6f);
    }
    printf("\\n");
    return loaded_load_file(names[0], NULL) != LOADED_LOAD_NULL ||
           loaded_load_bytes(bytes, size, NULL) != LOADED_LOAD_NULL;
}
"""
RIGHT = "0 0 1 0 0 1"
OK, NULL, FILE, SIZE, CRC = range(5)


def _refused(status: int, in_memory: int | None = None) -> str:
    return f"{status} 1 {status if in_memory is None else in_memory} 1"


def _files(right: bytes, place: Path) -> dict[str, tuple[bytes | Path | None, str]]:
    def flipped(bit: int) -> bytes:
        found = bytearray(right)
        found[bit // 8] ^= 1 << bit % 8
        return bytes(found)

    turned = b"".join(right[k : k + 4][::-1] for k in range(0, len(right), 4))
    return {
        "right": (right, RIGHT),
        "a byte short": (right[:-1], _refused(SIZE)),
        "a float short": (right[:-4], _refused(SIZE)),
        "half": (right[: len(right) // 2], _refused(SIZE)),
        "empty": (b"", _refused(SIZE)),
        "a byte too long": (right + b"\0", _refused(SIZE)),
        "a block too long": (right + right[:64], _refused(SIZE)),
        "the first bit flipped": (flipped(0), _refused(CRC)),
        "a bit flipped": (flipped(len(right) * 4 + 3), _refused(CRC)),
        "the last bit flipped": (flipped(len(right) * 8 - 1), _refused(CRC)),
        "big-endian": (turned, _refused(CRC)),
        "zeros": (bytes(len(right)), _refused(CRC)),
        "no file": (place / "none.bin", _refused(FILE, NULL)),
        "a directory": (place, _refused(FILE, SIZE)),
        "no name": (None, _refused(NULL)),
    }


def loader(directory: Path, score: Score) -> None:
    place = directory / "loader"
    place.mkdir()
    model = sequential(L.LSTM(6, return_sequences=True), L.LSTM(3), L.Dense(2))
    keras_models.randomise(model, 3)
    model.save(place / "loaded.keras")
    header = place / "loaded.h"
    status, out, err = export([place / "loaded.keras", "-o", header, "--binary"])
    score.check(status == 0 and "loaded.h and loaded.bin" in out, f"--binary: {out}{err}")
    right = (place / "loaded.bin").read_bytes()
    text = header.read_text(encoding="ascii")
    score.check(f"(0x{zlib.crc32(right):08x})" in text, "--binary: another CRC-32")
    score.check(f"{len(right):,} bytes" in text, "--binary: another size")
    stored = b"".join(each.astype("<f4").tobytes() for each in model.get_weights()[:2])
    score.check(right.startswith(stored), "--binary: other weights than Keras'")
    source = place / "loader.c"
    source.write_text(PROGRAM, encoding="ascii")
    shared = [f"-I{ROOT / 'include'}", str(source), "-o", str(place / "load"), "-lm"]
    builds = [
        (["gcc", "-std=c99", *harness.SANITIZED], [str(place / "load")]),
        (["g++", "-x", "c++", "-std=c++17", "-O2"], [str(place / "load")]),
    ]
    if all(shutil.which(tool) for tool in S390X):
        builds.append(
            (
                [S390X[0], "-std=c99", "-Wno-double-promotion", "-static"],
                [S390X[1], str(place / "load")],
            )
        )
    for compiler, start in builds:
        subprocess.run([compiler[0], *WARNINGS, *compiler[1:], *shared], check=True)
        for name, (given, wanted) in _files(right, place).items():
            path = given
            if isinstance(given, bytes):
                path = place / "given.bin"
                path.write_bytes(given)
            words = [] if path is None else [str(path)]
            ran = subprocess.run(
                [*start, *words], capture_output=True, text=True, check=False
            )
            good = ran.returncode == 0 and ran.stdout.strip() == wanted
            what = f"{compiler[0]}: weights, {name}: {ran.stdout} {ran.stderr}"
            score.check(good, f"{what}, not {wanted}")


def without_stdio(directory: Path, score: Score) -> None:
    """With NO_STDIO there is no stdio.h, and weights still come from memory."""
    place = directory / "loader"
    source = place / "bare.c"
    source.write_text(
        '#define LOADED_NO_STDIO\n#include "loaded.h"\n'
        "lstm_status use(const void *bytes, size_t size, float *weights);\n"
        "lstm_status use(const void *bytes, size_t size, float *weights)\n{\n"
        "    if (loaded_load_bytes(bytes, size, weights) != LOADED_LOAD_OK) {\n"
        "        return LSTM_ERR_WEIGHT_COUNT;\n    }\n"
        "#ifdef EOF\n#error stdio.h is included\n#endif\n    return LSTM_OK;\n}\n",
        encoding="ascii",
    )
    line = ["gcc", "-std=c99", "-ffreestanding", *WARNINGS, f"-I{ROOT / 'include'}"]
    done = subprocess.run(
        [*line, "-c", str(source), "-o", str(place / "bare.o")],
        capture_output=True,
        text=True,
        check=False,
    )
    score.check(done.returncode == 0, f"--binary without stdio.h: {done.stderr}")


def test_binary(directory: Path, score: Score) -> None:
    loader(directory, score)
    without_stdio(directory, score)
