"""Reads GCC's -fcallgraph-info=su: prints for each function of the API its deepest chain of calls
in bytes of stack; fails on recursion and on a frame whose size is not known.

Calls through pointers (to the activations, and to how an output is stored) are taken to be of the
one with the largest frame.
"""

import re
import sys
from pathlib import Path

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
FRAME = re.compile(r"(\d+) bytes \(([\w,]+)\)")


def main() -> int:
    text = Path(sys.argv[1]).read_text()
    frames: dict[str, int] = {}
    for title, label in NODE.findall(text):
        frame = FRAME.search(label)
        if frame and frame[2] not in ("static", "dynamic,bounded"):
            print(f"FAILED: the frame of {title} is {frame[2]}")
            return 1
        frames[title] = int(frame[1]) if frame else 0
    calls: dict[str, set[str]] = {title: set() for title in frames}
    for source, target in EDGE.findall(text):
        calls.setdefault(source, set()).add(target)
    pointed_to = {f for f in frames if re.search(r"lstm_impl_(all|emit)_", f)}
    calls["__indirect_call"] = pointed_to

    def deepest(name: str, above: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        if name in above:
            raise RecursionError(" -> ".join((*above, name)))
        below = [deepest(target, (*above, name)) for target in calls.get(name, ())]
        size, chain = max(below, default=(0, ()))
        return frames.get(name, 0) + size, (name, *chain)

    try:
        for name in sorted(frames):
            if ":lstm_" in name and ":lstm_impl_" not in name or re.match(r"lstm_(?!impl)", name):
                size, chain = deepest(name, ())
                print(f"{size:5} bytes of stack: {' > '.join(c.split(':')[-1] for c in chain)}")
    except RecursionError as error:
        print(f"FAILED: recursion: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
