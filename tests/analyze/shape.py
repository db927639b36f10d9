"""How a header reads: lines of code and of comments, the longest function, the most complex ones.

Usage: shape.py HEADER ARGUED. A function may have 60 lines and a cyclomatic complexity of 10, as
lizard counts them; ARGUED lists those that have more, one a line: "shape NAME why". Ends with exit
status 1 if a function has more and is not listed, or is listed and has not.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import lizard

MOST_LINES = 60
MOST_COMPLEX = 10
SET_NAME = re.compile(r"\b(LSTM_K(?:_8)?|LSTM_INT8_K)\((\w+)\)(?=\()")


def count(text: str) -> tuple[int, int]:
    """Lines with code, and lines with comments."""
    code = comments = 0
    blanked = re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]+", "\0", m.group()), text, flags=re.S)
    for line in blanked.split("\n"):
        comments += "\0" in line
        code += line.replace("\0", "").strip() != ""
    return code, comments


def main() -> int:
    header, argued = Path(sys.argv[1]), Path(sys.argv[2])
    text = header.read_text()
    code, comments = count(text)
    # lizard does not know functions whose names a macro makes.
    plain = SET_NAME.sub(lambda m: f"{m.group(1)}_{m.group(2)}", text)
    functions = lizard.analyze_file.analyze_source_code(header.with_suffix(".c").name, plain).function_list
    longest = max(functions, key=lambda f: f.length)
    print(f"{header}: {code} lines of code, {comments} of comments ({comments / code:.2f}), "
          f"{len(functions)} functions; the longest: {longest.name}, {longest.length} lines")
    over = {f.name: f for f in functions
            if f.length > MOST_LINES or f.cyclomatic_complexity > MOST_COMPLEX}
    listed = set(re.findall(r"^shape (\w+) ", argued.read_text(), re.M))
    names = {f.name for f in functions}
    for name, f in over.items():
        print(f"  {name}: {f.length} lines, complexity {f.cyclomatic_complexity}"
              + ("" if name in listed else " FAILED: not argued"))
    fine = listed & names - set(over)
    for name in fine:
        print(f"  {name} is argued, and need not be")
    return bool(set(over) - listed or fine)


if __name__ == "__main__":
    sys.exit(main())
