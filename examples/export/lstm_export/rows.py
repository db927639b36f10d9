"""How many rows a layer gives, where that depends on the number of timesteps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Strided:
    """timesteps after convolutions and poolings: each makes (rows + add) / divide of the
    rows before it, rounded down."""

    steps: tuple[tuple[int, int], ...]

    def of(self, timesteps: int) -> int:
        rows = timesteps
        for add, divide in self.steps:
            rows = max(rows + add, 0) // divide
        return rows

    def least(self) -> int:
        """The timesteps that give one row."""
        rows = 1
        for add, divide in reversed(self.steps):
            rows = max(rows * divide - add, 1)
        return rows

    def text(self, timesteps: str) -> str:
        """In C, for at least those timesteps."""
        found = timesteps
        for add, divide in self.steps:
            if add:
                found = f"({found} {'+' if add > 0 else '-'} {abs(add)})"
            if divide > 1:
                found = f"({found} / {divide})"
        return found


# None: as many as timesteps.
Rows: TypeAlias = int | Strided | None


def after(rows: Rows, add: int, divide: int) -> Rows:
    if isinstance(rows, int):
        return max(rows + add, 0) // divide
    if (add, divide) == (0, 1):
        return rows
    before = rows.steps if isinstance(rows, Strided) else ()
    return Strided((*before, (add, divide)))
