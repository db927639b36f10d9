"""How much a file may ask for, by what it declares, before it is read."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_export.errors import Refusal

MOST_LAYERS = 10_000
MOST_TEXT = 64 << 20  # bytes of a configuration
MOST_OBJECTS = 100_000  # in an HDF5 file
MOST_DEPTH = 64  # of its groups


@dataclass
class Memory:
    """What all arrays of a file may take."""

    most: int = 2 << 30

    def check(self, what: str, size: int) -> None:
        if size > self.most:
            raise Refusal(
                f"{what} takes {size / 2**20:,.0f} MB where {self.most / 2**20:,.0f} MB "
                "may be taken; give more with --max-memory if the file is sound"
            )


MEMORY = Memory()
