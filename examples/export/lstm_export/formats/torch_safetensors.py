"""PyTorch, .safetensors: a state_dict without its order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.formats import Format
from lstm_export.limits import MEMORY
from lstm_export.packages import require
from lstm_export.torch_modules import widened
from lstm_export.torch_state import OPTIONS, TorchFile

TYPES = {
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F64": "float64",
    "I64": "int64",
}


def _state(path: Path) -> Mapping[str, npt.ArrayLike]:
    safetensors = require("safetensors", "safetensors", "reading a .safetensors file")
    found: dict[str, npt.ArrayLike] = {}
    MEMORY.check(f"{path.name}: what is in it", path.stat().st_size)
    try:
        tensors = safetensors.deserialize(path.read_bytes())
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise Refusal(
            f"{path.name}: not a whole file of tensors ({error}); write it with "
            "safetensors.torch.save_file(model.state_dict(), path)"
        ) from error
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        kind = TYPES.get(
            tensor["dtype"], tensor["dtype"].lower().replace("f64", "float64")
        )
        found[name] = widened(name, kind, bytes(tensor["data"]), tuple(tensor["shape"]))
    return found


_FILE = TorchFile(_state, keeps_order=False)
FORMAT = Format("torch", (".safetensors",), _FILE.read, _FILE.run, OPTIONS)
