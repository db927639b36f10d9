"""Make the model of the Arduino sketch, and its utterances with Keras' answers.

    python examples/firmware/generate.py           train, and make the files
    python examples/firmware/generate.py --check   compare the files with Keras

The model is LSTM(8) and Dense(9), 753 parameters, trained the same way as the models of
examples/speakers by the functions of examples/speakers/train.py: speaker.keras, of which
`make export` makes the header, and utterances.h.

Needs the packages of tests/requirements.txt. Runs on the CPU with one thread.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "speakers"))
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import train  # noqa: E402

SKETCH_MODEL = HERE / "arduino" / "speaker.keras"
UTTERANCES = HERE / "arduino" / "speaker" / "utterances.h"
SKETCH_RECIPE = train.Recipe("sketch", 8, dropout=0.1)
TOLERANCE = 1e-5


def made_by() -> str:
    return train.made_by().replace("speakers/train.py", "firmware/generate.py")


def comment(*paragraphs: str) -> Iterator[str]:
    lines = [line for text in paragraphs for line in textwrap.wrap(text, 86)]
    yield "/* " + "\n * ".join(lines) + " */"


def array(declaration: str, numbers: train.Array, end: str = "") -> Iterator[str]:
    yield f"{declaration}{end} = {{"
    text = ", ".join(train.c_float(float(v)) for v in np.ravel(numbers))
    yield from (f"    {line}" for line in textwrap.wrap(text, 84))
    yield "};"


def rows(declaration: str, frames: train.Array) -> Iterator[str]:
    yield f"{declaration} = {{"
    for frame in frames:
        text = ", ".join(train.c_float(float(v)) for v in frame)
        lines = textwrap.wrap("{" + text + "},", 84)
        yield from (f"    {line}" for line in lines)
    yield "};"


SOURCE = (
    "The frames are from the Japanese Vowels set: M. Kudo, J. Toyama, M. Shimbo, UCI "
    "Machine Learning Repository, CC BY 4.0."
)


def train_sketch(training: train.Utterances) -> tuple[list, list]:
    mean, deviation = train.moments(training)
    model = train.train(
        training.standardised(mean, deviation), SKETCH_RECIPE, train.SEED
    )
    layers = [layer for layer in model.layers if layer.get_weights()]
    lstm, dense = (layer.get_weights() for layer in layers)
    train.fold_standardisation(lstm, mean, deviation)
    return lstm, dense


def first_of_each_speaker(test: train.Utterances) -> train.Utterances:
    return test.pick(np.array([np.argmax(test.speakers == s) for s in range(9)]))


def utterances_lines(model: train.keras.Model, said: train.Utterances) -> Iterator[str]:
    answers = train.predict(model, said)
    yield from comment(
        made_by() + ".",
        "Nine test utterances, one of each speaker, and Keras' answers with the weights "
        f"of {SKETCH_MODEL.name}: the whole one to the first utterance, and to all of "
        "them the speaker.",
        SOURCE,
    )
    yield "#ifndef UTTERANCES_H"
    yield "#define UTTERANCES_H"
    yield ""
    yield "enum { UTTERANCES = 9, FEATURES = 12, SPEAKERS = 9 };"
    yield ""
    yield "/* clang-format off */"
    yield from array("const float keras_probabilities[SPEAKERS] PROGMEM", answers[0])
    speakers = ", ".join(str(a.argmax() + 1) for a in answers)
    yield f"const unsigned char keras_speakers[UTTERANCES] PROGMEM = {{{speakers}}};"
    lengths = ", ".join(str(len(x)) for x in said.frames)
    yield f"const unsigned char utterance_lengths[UTTERANCES] PROGMEM = {{{lengths}}};"
    frames = np.concatenate(said.frames)
    yield from rows("const float utterance_frames[][FEATURES] PROGMEM", frames)
    yield "/* clang-format on */"
    yield ""
    yield "#endif"


def numbers_of(path: Path, name: str) -> train.Array:
    text = path.read_text(encoding="ascii")
    match = re.search(rf"\b{name}\[[^=]*= {{(.*?)\n?}};", text, re.DOTALL)
    if match is None:
        raise ValueError(f"{path.name}: no array {name}")
    words = re.findall(r"[-+0-9.e]+", match[1].replace("f", ""))
    return np.array([float(word) for word in words], dtype=np.float32)


def sketch_model() -> train.keras.Model:
    model = train.keras.models.load_model(SKETCH_MODEL, compile=False)
    if model.count_params() != SKETCH_RECIPE.parameters:
        raise ValueError(f"{SKETCH_MODEL.name}: another model than the sketch's")
    return model


def report(name: str, difference: float) -> bool:
    print(f"{name}: largest difference to Keras {difference:.1e}")
    return difference <= TOLERANCE  # false for a NaN


def check(test: train.Utterances) -> int:
    model = sketch_model()
    said = first_of_each_speaker(test)
    answers = train.predict(model, said)
    sketch = numbers_of(UTTERANCES, "keras_probabilities") - answers[0]
    heard = np.concatenate(said.frames).astype(np.float32)
    heard = numbers_of(UTTERANCES, "utterance_frames") - np.ravel(heard)
    speakers = numbers_of(UTTERANCES, "keras_speakers")
    percent = train.accuracy(train.predict(model, test), test.speakers)
    print(f"{SKETCH_MODEL.name}: {percent:.1f} % of {len(test)} test utterances right")
    results = [
        report(UTTERANCES.name, float(np.max(np.abs(np.append(sketch, heard))))),
        bool(np.array_equal(speakers, answers.argmax(axis=1) + 1)),
    ]
    return 0 if all(results) else 1


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    train.tf.config.threading.set_intra_op_parallelism_threads(1)
    train.tf.config.threading.set_inter_op_parallelism_threads(1)
    test = train.load("test")
    if sys.argv[1:] == ["--check"]:
        return check(test)
    model = train.deployed_model(SKETCH_RECIPE, *train_sketch(train.load("train")))
    model.save(SKETCH_MODEL)
    print(f"wrote {SKETCH_MODEL.name}")
    train.write(UTTERANCES, utterances_lines(model, first_of_each_speaker(test)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
