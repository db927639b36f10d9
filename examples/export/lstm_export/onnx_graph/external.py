"""Weights in a file beside the model, as torch.onnx.export leaves them (m.onnx.data)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lstm_export.errors import Refusal


def take_in(proto: Any, path: Path) -> None:
    """Put the numbers of such weights into the model. Of other places than a file beside
    it nothing is read: the name has to be a plain one."""
    import onnx

    for tensor in proto.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        said = {entry.key: entry.value for entry in tensor.external_data}
        data = _read(tensor, said, path)
        tensor.raw_data = data
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _read(tensor: Any, said: dict[str, str], path: Path) -> bytes:
    import onnx

    what = f"the tensor '{tensor.name}'"
    name = said.get("location", "")
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name:
        raise Refusal(
            f"{what} is kept in '{name}', which is not beside the model; save the model "
            "in one file"
        )
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    need = math.prod(tensor.dims) * kind.itemsize
    offset, length = (
        int(said[key]) if said.get(key, "").isdigit() else default
        for key, default in (("offset", 0), ("length", need))
    )
    if length != need:
        raise Refusal(f"{what}: {length} bytes are kept of it where {need} are needed")
    file = path.parent / name
    try:
        if not file.is_file() or file.is_symlink():
            raise FileNotFoundError
        if file.stat().st_size < offset + length:
            raise Refusal(
                f"{what}: '{name}' has {file.stat().st_size} bytes where "
                f"{offset + length} are needed; copy it again"
            )
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(length)
    except OSError as error:
        raise Refusal(
            f"{what} is kept in '{name}', which cannot be read; copy that file beside "
            f"{path.name}"
        ) from error
