"""The words of C: comments, statements and numbers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from lstm_export.model import Array

WIDTH = 90


def safe(text: str) -> str:
    """Text for a comment: nothing in it can end the comment or begin another one."""
    return re.sub(r"[^A-Za-z0-9 _.,:;=+\-()<>\[\]{}@#%&'|~^!$\"]", "_", text)


def printable(text: str) -> str:
    """Text for a terminal: one line that cannot control it."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def comment(text: str, prefix: str = " * ") -> Iterator[str]:
    """A paragraph within a comment."""
    for line in textwrap.wrap(text, WIDTH - len(prefix), break_on_hyphens=False):
        yield prefix + line


def wrapped(code: str, indent: str = "") -> Iterator[str]:
    """A statement, on further lines where it is long."""
    # What belongs together stays on a line: a + 8, sizeof a, c ? 1 : -1.
    code = re.sub(r" ([-+*/]) (?=\d)", "\0\\1\0", code)
    code = re.sub(r"(?<=sizeof) | (?=/ sizeof)|(?<=/) (?=sizeof)", "\0", code)
    code = code.replace(" ? 1 : -1", "\0?\0001\0:\0-1")
    lines = textwrap.wrap(
        code,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    yield from (line.replace("\0", " ") for line in lines)


def number(value: float) -> str:
    """A float32 as a constant that reads back as the same float32."""
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def numbers(values: Array, indent: str = "    ", whole: bool = False) -> Iterator[str]:
    """The lines of an initializer, without the braces."""
    line = indent
    last = values.size - 1
    room = WIDTH - 2
    for position, value in enumerate(values.ravel().tolist()):
        word = str(int(value)) if whole else number(value)
        word += "" if position == last else ","
        if len(line) + len(word) >= room and line != indent:
            yield line
            line = indent
        line += word if line == indent else " " + word
    if values.size:
        yield line


def largest(expressions: Sequence[str], maximum: str) -> str:
    """A constant expression for the largest of some, by a macro of two arguments."""
    result = expressions[0]
    for expression in expressions[1:]:
        result = f"{maximum}({result}, {expression})"
    return result


def checks(upper: str) -> Iterator[str]:
    """That lstm.h is not older than what the functions call, and the macro that stands
    before a function whose status must be looked at."""
    macro = f"{upper}_NODISCARD"
    yield "#if !defined(LSTM_VERSION_MAJOR) || \\"
    yield "    (LSTM_VERSION_MAJOR == 0 && LSTM_VERSION_MINOR < 2)"
    yield '#error "this header needs lstm.h 0.2 or newer: copy that one beside it"'
    yield "#endif"
    yield ""
    yield "/* A compiler that can warns where a status is not looked at. */"
    yield "#if (defined(__cplusplus) && __cplusplus >= 201703L) || \\"
    yield "    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)"
    yield f"#define {macro} [[nodiscard]]"
    yield "#elif defined(__GNUC__)"
    yield f"#define {macro} __attribute__((__warn_unused_result__))"
    yield "#else"
    yield f"#define {macro}"
    yield "#endif"


def ones(size: int) -> Array:
    """The weights of a Dense layer that changes nothing."""
    return np.eye(size, dtype=np.float32)
