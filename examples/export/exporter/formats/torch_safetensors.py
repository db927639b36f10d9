"""PyTorch, .safetensors: a state_dict without its order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy.typing as npt

from exporter.errors import Refusal, require
from exporter.formats import Format
from exporter.torch_state import OPTIONS, TorchFile


def _state(path: Path) -> Mapping[str, npt.ArrayLike]:
    safetensors = require("safetensors", "safetensors", "reading a .safetensors file")
    found: dict[str, npt.ArrayLike] = {}
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - this is no dictionary
                found[name] = file.get_tensor(name)
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise Refusal(
            f"{path.name}: not a whole file of float32 tensors ({error}); write it with "
            "safetensors.torch.save_file(model.state_dict(), path)"
        ) from error
    return found


_FILE = TorchFile(_state, keeps_order=False)
FORMAT = Format("torch", (".safetensors",), _FILE.read, _FILE.run, OPTIONS)
