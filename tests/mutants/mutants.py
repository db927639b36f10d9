"""Break include/lstm.h in each of the ways of table.py and see that the tests notice.

Every mutant is compiled with the tests of tests/test_*.c, one after the other, until one fails
to compile, fails, crashes or does not end; then it is caught. Prints the mutants that survive,
and as its last line "N passed, N failed", where passed means caught.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include" / "lstm.h").read_text()
# The quick and the likely ones first.
ORDER = ["params", "weights", "errors", "flags", "golden", "mask", "bidirectional", "sequence",
         "dense", "cell", "activations", "load", "expf", "tanhf", "expf_tanhf", "sizes", "scratch",
         "simd"]
# Those in which a mutant of the vector kernels is looked for
SIMD_ORDER = ["simd", "golden", "scratch", "expf", "tanhf"]
SECONDS = 60
# Where the run-time choice is looked at, with the digest that each has
CPUS = {"Haswell,-fma": "apart", "SandyBridge": "apart", "Haswell,-avx2": "apart",
        "Haswell": "fused"}
DIGESTS = dict(line.split() for line in (ROOT / "tests/digest/digests.txt").read_text().splitlines()
               if not line.startswith("#"))


def pattern(text: str) -> re.Pattern[str]:
    """Finds the text however it is laid out."""
    tokens = re.findall(r"\w+|\S", text)
    return re.compile(r"\s*".join(r"\b(?:LSTM_IMPL_)?NULL\b" if token == "NULL"
                                  else re.escape(token) for token in tokens))


def mutated(mutant: Mutant) -> str:
    return pattern(mutant.old).sub(lambda _: mutant.new, HEADER)


def tests(mutant: Mutant) -> list[str]:
    order = SIMD_ORDER if mutant.simd else ORDER
    return [name for name in order if (ROOT / f"tests/test_{name}.c").exists()]


def compiler(mutant: Mutant) -> list[str]:
    """A fast compiler for portable C; vectors need one that has them."""
    if not mutant.simd and shutil.which("tcc"):
        return ["tcc", "-w"]
    flags = ["-O1"] if mutant.simd else ["-O0", "-DLSTM_NO_SIMD"]
    return [os.environ.get("CC", "cc"), "-std=c99", "-w", *flags]


def notices(mutant: Mutant, test: str, folder: Path) -> bool:
    """Whether one test program notices the mutant whose header is in folder."""
    program = folder / test
    build = [*compiler(mutant), f"-I{folder}", f"-I{ROOT / 'tests'}",
             str(ROOT / f"tests/test_{test}.c"), "-o", str(program), "-lm"]
    if subprocess.run(build, capture_output=True, check=False).returncode != 0:
        return True
    try:
        run = subprocess.run([str(program)], cwd=ROOT, capture_output=True, check=False,
                             timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode != 0


def wrong_digests(folder: Path) -> str | None:
    """A CPU of QEMU's on which the digest is not the one of digests.txt, or None."""
    program = folder / "digest"
    build = [os.environ.get("CC", "cc"), "-std=c99", "-w", "-O1", "-static", f"-I{folder}",
             f"-I{ROOT / 'tests'}", str(ROOT / "tests/digest/digest.c"), "-o", str(program), "-lm"]
    if subprocess.run(build, capture_output=True, check=False).returncode != 0:
        return "compiler"
    for cpu, kind in CPUS.items():
        run = subprocess.run(["qemu-x86_64", "-cpu", cpu, str(program)], capture_output=True,
                             check=False, text=True)
        if run.stdout.strip() != DIGESTS[kind]:
            return cpu
    return None


def caught_by(mutant: Mutant) -> str | None:
    """The test that notices the mutant, or None."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        (folder / "lstm.h").write_text(mutated(mutant))
        if mutant.cpus:
            return wrong_digests(folder)
        return next((test for test in tests(mutant) if notices(mutant, test, folder)), None)


def unharmed() -> bool:
    """Whether all tests pass with the header as it is, in both ways of building."""
    good = True
    for simd in (False, True):
        same = Mutant("no change", "", "", simd)
        for test in tests(same):
            with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
                shutil.copy(ROOT / "include/lstm.h", name)
                if notices(same, test, Path(name)):
                    print(f"test_{test} fails without any mutant")
                    good = False
    return good


def main() -> int:
    (ROOT / "build").mkdir(exist_ok=True)
    stale = [m.name for m in MUTANTS if len(pattern(m.old).findall(HEADER)) != m.count or m.old == m.new]
    for name in stale:
        print(f"STALE: {name}: its text does not stand in the header as often as it should")
    fresh = [m for m in MUTANTS if m.name not in stale]
    if not shutil.which("qemu-x86_64") or platform.machine() != "x86_64":
        print("SKIPPED: no qemu-x86_64, or this is no x86-64 machine: the run-time choice")
        if os.environ.get("CI") != "true":
            fresh = [m for m in fresh if not m.cpus]
    if len({m.name for m in MUTANTS}) != len(MUTANTS) or not unharmed():
        print(f"0 passed, {len(MUTANTS)} failed")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(caught_by, fresh))
    for mutant, test in zip(fresh, found, strict=True):
        if test is None:
            print(f"SURVIVED: {mutant.name}")
        elif "--list" in sys.argv:
            print(f"{mutant.name}: test_{test}")
    caught = sum(test is not None for test in found)
    failed = len(fresh) - caught + len(stale)
    print(f"{caught} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
