"""Keras' own format, .keras: a zip file with the configuration and an HDF5 file."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial
from pathlib import Path

from lstm_export.errors import Refusal
from lstm_export.formats import Format, Options
from lstm_export.json_text import json_of
from lstm_export.keras.build import Opened, load_model, model_of, output_of
from lstm_export.keras.h5_tree import read_tree
from lstm_export.keras.weights import NewWeights
from lstm_export.limits import MEMORY, MOST_TEXT
from lstm_export.model import Array, Model

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def _members(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in (CONFIG, METADATA, WEIGHTS):
                if name not in archive.namelist():
                    raise Refusal(
                        f"{path.name}: there is no {name} in it; save the model with "
                        "model.save('model.keras')"
                    )
                size = archive.getinfo(name).file_size
                if name != WEIGHTS and size > MOST_TEXT:
                    raise Refusal(
                        f"{path.name}: its {name} has {size:,} bytes; save it again"
                    )
                MEMORY.check(f"{path.name}: its {name}", size)
                found[name] = archive.read(name)
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,  # an offset before the beginning
        zlib.error,
    ) as error:
        raise Refusal(
            f"{path.name}: not a whole .keras file ({error}); copy or save it again"
        ) from error
    except RuntimeError as error:  # an encrypted one
        raise Refusal(f"{path.name}: {error}; save the model again") from error
    return found


def read(path: Path, options: Options) -> Model:
    del options
    members = _members(path)
    config = json_of(members[CONFIG], f"{path.name}: {CONFIG}")
    metadata = json_of(members[METADATA], f"{path.name}: {METADATA}")
    tree = read_tree(path, path.name, (WEIGHTS, members[WEIGHTS]))
    version = str(metadata.get("keras_version", ""))
    weights = partial(NewWeights, tree, path.name)
    return model_of(Opened(config, weights, version), path.name)


def run(path: Path, options: Options, model: Model, x: Array) -> tuple[Array, str]:
    del options
    config = json_of(_members(path)[CONFIG], CONFIG)

    return output_of(load_model(path, ".keras"), config, model, x)


FORMAT = Format("keras", (".keras",), read, run)
