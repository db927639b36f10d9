"""The names in a header.

What the header of a model called `name` defines is name_SUFFIX or, a macro, NAME_SUFFIX.
No two headers clash, so that a program can include all of its models in one file:

- A suffix has no underscore (predict, step; CHUNK), or what follows its first underscore
  is no suffix (INPUT_DIM: there is no DIM; lstm_layer: there is no `layer`, as the name
  of a layer has no underscore here). So where one model's name is the beginning of
  another's, as seed and seed_lstm, no suffix of the one makes a name of the other.
- Models of one name, or whose names differ in case alone, have one NAME_H, whose value
  is another in each: the second header to be included says so with an #error.

No suffix is MAX, MIN or the like, so that no name makes a macro of a standard header.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from lstm_export.errors import Refusal

# What there is of a layer, after its own name.
WEIGHTS, LAYER, COUNT, START = "weights", "layer", "count", "start"
UNIT_COUNT = "UNIT_COUNT"

KEYWORDS = frozenset(  # of C and C++
    re.findall(
        r"\w+",
        """
        alignas alignof and and_eq asm auto bitand bitor bool break case catch
        char class compl const constexpr const_cast continue decltype default
        delete do double dynamic_cast else enum explicit export extern false
        float for friend goto if inline int long mutable namespace new noexcept
        not not_eq nullptr operator or or_eq private protected public register
        reinterpret_cast restrict return short signed sizeof static
        static_assert static_cast struct switch template this thread_local throw
        true try typedef typeid typename typeof union unsigned using virtual
        void volatile wchar_t while xor xor_eq
        """,
    )
)

# The headers of the C library, which a file of their name could be taken for.
HEADERS = frozenset(
    re.findall(
        r"\w+",
        """
        assert complex ctype errno fenv float inttypes iso646 limits locale math
        memory poll setjmp signal stdalign stdarg stdatomic stdbool stddef stdint
        stdio stdlib stdnoreturn string strings tgmath threads time uchar unistd
        wchar wctype
        """,
    )
)


def check_name(name: str) -> None:
    """Refuse a --name that makes no C identifiers, or lstm.h's."""
    shown = name.encode("ascii", "backslashreplace").decode()[:80]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name):
        raise Refusal(
            f"--name '{shown}' does not begin C identifiers; use letters, digits and "
            "single underscores between them, a letter first"
        )
    if name in KEYWORDS:
        raise Refusal(f"--name '{name}' is a keyword of C or C++; choose another one")
    if re.match(r"lstm(_|$)", name, re.IGNORECASE):
        raise Refusal(f"--name '{name}': such names are lstm.h's own; choose another")
    if len(name) > 63:
        raise Refusal(f"--name '{shown}' has more than 63 characters; shorten it")


def default_name(text: str) -> str:
    """A --name from that of a file, which NAME.h may be called after."""
    name = identifier(text, "model")
    try:
        check_name(name)
    except Refusal:  # 2nd.keras, lstm.keras, int.keras
        return f"model_{name}"
    return f"model_{name}" if name in HEADERS else name


def identifier(text: str, fallback: str) -> str:
    """What there is in a text to name a thing in C with, in lower case."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()[:40].strip("_")
    return word or fallback


def layer_names(shown: Iterable[tuple[str, str]]) -> list[str]:
    """Names for layers, from their own and what they have in its place."""
    found: list[str] = []
    for text, fallback in shown:
        base = identifier(text, fallback).replace("_", "")
        name, count = base, 2
        while name in found:
            name, count = f"{base}{count}", count + 1
        found.append(name)
    return found


def identity(parts: Iterable[str]) -> int:
    """A number of 31 bits that is another for another header."""
    digest = hashlib.sha256("\n".join(parts).encode())
    return int.from_bytes(digest.digest()[:4], "big") >> 1
