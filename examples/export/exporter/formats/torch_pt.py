"""PyTorch, .pt: what torch.save(model.state_dict(), path) writes."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exporter.errors import Refusal, require
from exporter.formats import Format
from exporter.torch_state import OPTIONS, TorchFile


def _check_no_archive(path: Path) -> None:
    """PyTorch before 0.1.10 wrote a tar file. Those before 2.6 run code in such a file,
    weights_only or not."""
    try:
        tarfile.open(path, "r:").close()
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return
    raise Refusal(
        f"{path.name}: a tar file, which PyTorch has not written since 2017; load it "
        "where it was made and write it with torch.save(model.state_dict(), path)"
    )


def _state(path: Path) -> Mapping[str, npt.ArrayLike]:
    torch = require("torch", "torch", "reading a .pt file")
    _check_no_archive(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler happens to meet
        reason = str(error).split("\n")[0][:120]
        raise Refusal(
            f"{path.name}: not a whole file of tensors alone ({reason}); write it with "
            "torch.save(model.state_dict(), path)"
        ) from error
    if not isinstance(loaded, Mapping):
        raise Refusal(
            f"{path.name}: holds a {type(loaded).__name__}, not a state_dict; write it "
            "with torch.save(model.state_dict(), path)"
        )
    found: dict[str, npt.ArrayLike] = {}
    for name, value in loaded.items():
        if not isinstance(value, torch.Tensor):
            raise Refusal(
                f"{path.name}: '{name}' is a {type(value).__name__}, not a tensor; write "
                "it with torch.save(model.state_dict(), path)"
            )
        if value.dtype != torch.float32:
            raise Refusal(
                f"the tensor '{name}' is stored as {value.dtype}; save the model with "
                "float32 weights"
            )
        if value.layout != torch.strided or value.is_meta:
            kind = "on the device meta" if value.is_meta else value.layout
            raise Refusal(
                f"the tensor '{name}' is stored as {kind}; save the model with all of "
                "its numbers"
            )
        # By way of a list: a torch built for another numpy cannot share memory with it.
        found[str(name)] = np.array(value.tolist(), np.float32).reshape(
            tuple(value.shape)
        )
    return found


_FILE = TorchFile(_state, keeps_order=True)
FORMAT = Format("torch", (".pt", ".pth"), _FILE.read, _FILE.run, OPTIONS)
