"""The files that are read and the one that is written, with refusals."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from lstm_export.c_names import HEADERS
from lstm_export.errors import Refusal

STANDARD_OUTPUT = "-"
LIBRARY = "lstm.h"  # what every header includes


def check_readable(path: Path) -> None:
    """Refuse what is no file with something in it."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            path.open("rb").close()
    except FileNotFoundError as error:
        raise Refusal(f"{path.name}: there is no such file; check the path") from error
    except OSError as error:
        raise Refusal(
            f"{path.name}: cannot be read ({error.strerror}); check the path and its "
            "permissions"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise Refusal(f"{path.name or path}: is {what}; give the file of a model")
    if found.st_size == 0:
        raise Refusal(f"{path.name}: is empty; copy or save it again")


def target_of(text: str, read: Iterable[Path], models: Sequence[str]) -> Path:
    """The file that -o means, where it may be written; through a link, what that is.

    `read` are the files that the export reads, `models` the endings of such files.
    """
    try:
        path = Path(text).resolve()
        found = path.stat() if path.exists() else None
        is_read = found is not None and any(path.samefile(each) for each in read)
        has_place = path.parent.is_dir()
    except (OSError, RuntimeError) as error:  # of a circle of links
        reason = getattr(error, "strerror", None) or "a circle of links"
        raise Refusal(
            f"-o {text}: cannot be written to ({reason}); choose another file"
        ) from error
    if is_read:
        raise Refusal(f"-o {text}: is the model itself or its --config; choose another")
    if path.name.lower() == LIBRARY:
        raise Refusal(
            f"-o {text}: is {LIBRARY}, which the header includes; choose another"
        )
    if path.name.lower() in {f"{name}.h" for name in HEADERS}:
        raise Refusal(
            f"-o {text}: is the name of a header of the C library, in whose place it "
            "could be included; choose another"
        )
    if path.name.lower().endswith(tuple(models)):
        raise Refusal(f"-o {text}: is named as a model is; choose one that ends in .h")
    if not has_place or (text.endswith(os.sep) and found is None):
        raise Refusal(f"-o {text}: there is no such directory; make it first")
    if found is not None and not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise Refusal(
            f"-o {text}: is {what}; choose a file, or - for the standard output"
        )
    if found is not None and not os.access(path, os.W_OK):
        raise Refusal(f"-o {text}: may not be written to; choose another file")
    return path


def write(path: Path, lines: Iterable[str]) -> None:
    """Write the whole file or nothing; one that is there keeps its permissions."""
    write_all([(path, lines)])


def write_all(files: Sequence[tuple[Path, Iterable[str] | Iterable[bytes]]]) -> None:
    """Write all of these files whole, or none: lines of text, or bytes as they are."""
    made: list[tuple[Path, Path]] = []
    try:
        for path, lines in files:
            handle, name = _temporary(path)
            made.append((Path(name), path))
            with os.fdopen(handle, "wb") as file:
                for part in lines:
                    file.write(
                        f"{part}\n".encode("ascii") if isinstance(part, str) else part
                    )
            Path(name).chmod(_mode_for(path))
        for temporary, path in made:
            temporary.replace(path)
    except OSError as error:
        raise Refusal(
            f"{files[0][0].name}: {error.strerror}; nothing was written, choose another "
            "place"
        ) from error
    finally:
        for temporary, _ in made:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _temporary(path: Path) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(dir=path.parent, prefix=".lstm_export.", suffix=".tmp")
    except OSError as error:
        raise Refusal(
            f"{path}: its directory cannot be written to ({error.strerror}); choose "
            "another one"
        ) from error


def _mode_for(path: Path) -> int:
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_out(lines: Iterable[str]) -> None:
    """Write to the standard output."""
    if sys.stdout is None:
        raise Refusal("the standard output is closed; choose a file with -o")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        for line in lines:
            text = line.encode(encoding, "backslashreplace").decode(encoding)
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):  # or the interpreter tries to write the rest at its end
            sys.stdout.close()
        raise Refusal(
            f"the standard output: {error.strerror}; choose a file with -o"
        ) from error
