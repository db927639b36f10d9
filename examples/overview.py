"""Draw the picture of the README: overview.svg.

    python examples/overview.py           write it
    python examples/overview.py --check   fail if it is not what this script draws

Needs nothing but Python.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

PICTURE = Path(__file__).resolve().parent / "overview.svg"
WIDTH, HEIGHT = 880, 486
INK, SOFT, LINE = "#1f2933", "#52606d", "#7b8794"
FILES, TOOL, CELL, DENSE = "#e8f1fb", "#fdf0d5", "#e3f4e8", "#f6e4ef"
STEPS, FEATURES, UNITS, OUTPUTS = 10, 64, 32, 2


class Drawing:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int = 14,
        anchor: str = "middle",
        color: str = INK,
        bold: bool = False,
        code: bool = False,
    ) -> None:
        family = "ui-monospace, Consolas, monospace" if code else "system-ui, sans-serif"
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{color}" font-family="{family}"{weight}>{escape(words)}</text>'
        )

    def box(self, x: float, y: float, w: float, h: float, fill: str) -> None:
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="8" '
            f'fill="{fill}" stroke="{LINE}"/>'
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{SOFT}" '
            'stroke-width="1.5" marker-end="url(#tip)"/>'
        )

    def svg(self, title: str) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'role="img">\n<title>{escape(title)}</title>\n'
            "<!-- Drawn by examples/overview.py. -->\n"
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{SOFT}"/>'
            "</marker></defs>\n"
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def workflow(d: Drawing) -> None:
    """model.keras -> lstm-export -> model.h -> your program"""
    boxes = [
        (20, 170, FILES, "model.keras", "trained in Python"),
        (250, 170, TOOL, "lstm-export", "once, on your PC"),
        (480, 170, FILES, "model.h", "weights and functions"),
        (710, 150, CELL, "model_step()", "your C program"),
    ]
    for x, w, fill, name, what in boxes:
        d.box(x, 20, w, 58, fill)
        d.text(x + w / 2, 45, name, 15, bold=True, code=True)
        d.text(x + w / 2, 65, what, 13, color=SOFT)
    for x in (190, 420, 650):
        d.arrow(x, 49, x + 60, 49)


def cell(d: Drawing, x: float, step: str, features: str) -> None:
    d.text(x + 60, 196, step, 13, color=SOFT)
    d.box(x, 206, 120, 84, CELL)
    d.text(x + 60, 236, "LSTM cell", 15, bold=True)
    d.text(x + 60, 257, f"{UNITS} units", 13)
    d.text(x + 60, 276, "same weights", 12, color=SOFT)
    d.arrow(x + 60, 330, x + 60, 292)
    d.text(x + 60, 347, features, 13)
    d.text(x + 60, 364, f"{FEATURES} features", 12, color=SOFT)


def unrolled(d: Drawing) -> None:
    """What LSTM(32, input_shape=(10, 64)) does."""
    d.text(
        20,
        132,
        f"LSTM({UNITS}, input_shape=({STEPS}, {FEATURES})), Dense({OUTPUTS})",
        16,
        "start",
        bold=True,
        code=True,
    )
    d.text(
        20,
        154,
        "One cell, used once for every timestep. There are not 10 LSTMs in it.",
        13,
        "start",
        color=SOFT,
    )
    d.text(46, 236, "h = 0", 13)
    d.text(46, 270, "c = 0", 13)
    for x, step, features in (
        (110, "timestep 0", "x[0]"),
        (290, "timestep 1", "x[1]"),
        (530, f"timestep {STEPS - 1}", f"x[{STEPS - 1}]"),
    ):
        cell(d, x, step, features)
    for x1, x2 in ((70, 108), (230, 288), (410, 452), (488, 528)):
        d.arrow(x1, 231, x2, 231)
        d.arrow(x1, 265, x2, 265)
    for x in (259, 431):
        d.text(x, 225, "h", 13)
        d.text(x, 259, "c", 13)
    d.text(470, 252, "...", 20, bold=True)
    d.arrow(650, 248, 716, 248)
    d.text(683, 240, f"last h: {UNITS}", 12)
    d.box(718, 206, 142, 84, DENSE)
    d.text(789, 241, f"Dense({OUTPUTS})", 15, bold=True)
    d.text(789, 264, f"{OUTPUTS * (UNITS + 1)} parameters", 13)
    d.arrow(789, 292, 789, 330)
    d.text(789, 347, f"y: {OUTPUTS} values", 13)


def counts(d: Drawing) -> None:
    lstm = 4 * UNITS * (FEATURES + UNITS + 1)
    dense = OUTPUTS * (UNITS + 1)
    d.box(20, 388, 840, 80, "#f5f7fa")
    d.text(36, 414, "Parameters:", 14, "start", bold=True)
    d.text(
        136,
        414,
        f"LSTM  4 * {UNITS} * ({FEATURES} + {UNITS} + 1) = {lstm:,}",
        14,
        "start",
        code=True,
    )
    d.text(136, 434, f"Dense {OUTPUTS} * ({UNITS} + 1) = {dense}", 14, "start", code=True)
    d.text(
        136,
        455,
        f"Together {lstm + dense:,}. The number of timesteps is not in it: 10 or "
        "1,000 take the same weights.",
        13,
        "start",
        color=SOFT,
    )


def draw() -> str:
    d = Drawing()
    workflow(d)
    unrolled(d)
    counts(d)
    return d.svg("From a Keras model to C, and what an LSTM layer does with a sequence")


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        same = PICTURE.read_text(encoding="ascii") == draw()
        print(
            f"{PICTURE.name} is {'' if same else 'NOT '}what {Path(__file__).name} draws"
        )
        return 0 if same else 1
    if sys.argv[1:]:
        print(__doc__)
        return 2
    PICTURE.write_text(draw(), encoding="ascii")
    print(f"wrote {PICTURE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
