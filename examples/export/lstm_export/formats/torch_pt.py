"""PyTorch, .pt: what torch.save(model.state_dict(), path) writes."""

from __future__ import annotations

import ctypes
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_export.errors import Refusal
from lstm_export.formats import Format
from lstm_export.limits import MEMORY
from lstm_export.packages import require
from lstm_export.torch_modules import COUNTER
from lstm_export.torch_state import OPTIONS, TorchFile


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


# Where a checkpoint has its state_dict, in the order in which they are looked for.
HOLDERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "generator")


def _what_instead(path: Path) -> str:
    """What there is to do about a file that is more than tensors."""
    return (
        f"load it in Python and save its state_dict: model = torch.load('{path.name}', "
        "weights_only=False); torch.save(model.state_dict(), 'state.pt')"
    )


def _check_no_script(path: Path) -> None:
    """torch.jit.save writes code beside the tensors."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return
    MEMORY.check(f"{path.name}: what is in it", size)
    if any(name.endswith("/constants.pkl") for name in names):
        raise Refusal(
            f"{path.name}: a TorchScript program; load it in Python and save its "
            f"state_dict: model = torch.jit.load('{path.name}'); "
            "torch.save(model.state_dict(), 'state.pt')"
        )


def _loaded(torch: Any, path: Path) -> Any:
    _check_no_archive(path)
    _check_no_script(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" in str(error) or "GLOBAL" in str(error):
            raise Refusal(
                f"{path.name}: holds Python objects besides tensors, which would be run; "
                f"{_what_instead(path)}"
            ) from error
        raise Refusal(
            f"{path.name}: not a file of PyTorch's, or a damaged one; write it with "
            "torch.save(model.state_dict(), path)"
        ) from error
    except Exception as error:  # torch raises what its unpickler happens to meet
        raise Refusal(
            f"{path.name}: not a whole file of PyTorch's ({type(error).__name__}); write "
            "it with torch.save(model.state_dict(), path)"
        ) from error


def _is_state(torch: Any, value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(each, torch.Tensor) for each in value.values())
    )


def _state_of(torch: Any, loaded: Any, path: Path) -> Mapping[str, Any]:
    """The state_dict itself, out of a checkpoint if it is in one."""
    if not isinstance(loaded, Mapping):
        raise Refusal(
            f"{path.name}: holds a {type(loaded).__name__}, not a state_dict; write it "
            "with torch.save(model.state_dict(), path)"
        )
    if _is_state(torch, loaded) or not loaded:
        return loaded
    for holder in HOLDERS:
        if _is_state(torch, loaded.get(holder)):
            inner: Mapping[str, Any] = loaded[holder]
            return inner
    states = [str(name) for name, each in loaded.items() if _is_state(torch, each)]
    name = next(str(n) for n, v in loaded.items() if not isinstance(v, torch.Tensor))
    if states:
        raise Refusal(
            f"{path.name}: has the state_dicts {', '.join(states)}; save the one that is "
            "wanted alone: torch.save(torch.load(path)[name], 'state.pt')"
        )
    raise Refusal(
        f"{path.name}: '{name}' is a {type(loaded[name]).__name__}, not a tensor, and "
        f"none of {', '.join(HOLDERS)} is a state_dict; write it with "
        "torch.save(model.state_dict(), path)"
    )


def _state(path: Path) -> Mapping[str, npt.ArrayLike]:
    torch = require("torch", "torch", "reading a .pt file")
    found: dict[str, npt.ArrayLike] = {}
    size = 0
    wide = {torch.float32, torch.float16, torch.bfloat16}
    for name, value in _state_of(torch, _loaded(torch, path), path).items():
        if value.layout != torch.strided or value.is_meta:
            kind = "on the device meta" if value.is_meta else value.layout
            raise Refusal(
                f"the tensor '{name}' is stored as {kind}; save the model with all of "
                "its numbers"
            )
        size += 4 * value.numel()
        MEMORY.check(f"{path.name}: what is in it", size)
        if value.dtype in wide:
            # From its memory: a torch built for another numpy cannot share that with it.
            whole = value.detach().to(torch.float32).contiguous()
            data = ctypes.string_at(whole.data_ptr(), 4 * whole.numel())
            shape = tuple(value.shape)
            found[str(name)] = np.frombuffer(data, np.float32).reshape(shape)
        elif str(name).endswith(COUNTER) and value.numel() == 1:
            found[str(name)] = np.array(value.tolist())
        else:
            raise Refusal(
                f"the tensor '{name}' is stored as {value.dtype}; save the model with "
                "float32 weights"
            )
    return found


_FILE = TorchFile(_state, keeps_order=True)
FORMAT = Format("torch", (".pt", ".pth", ".ckpt"), _FILE.read, _FILE.run, OPTIONS)
