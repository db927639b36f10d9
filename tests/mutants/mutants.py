"""Break include/lstm.h in each of the ways of table.py and see that the tests notice.

Every mutant is compiled with the tests of tests/test_*.c, one after the other, until one fails
to compile, fails, crashes or does not end; then it is caught. Prints the mutants that survive,
and as its last line "N passed, N failed", where passed means caught.

With THIRD=1 in the environment it takes a third of them, each third at every third commit: so
.ci/run keeps within its hour, and has had all of them after three commits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include" / "lstm.h").read_text()
# The quick and the likely ones first.
ORDER = ["params", "weights", "errors", "cell", "flags", "mask", "bidirectional", "sequence", "dense",
         "load", "expf", "tanhf", "expf_tanhf", "sizes", "activations", "numbers", "golden", "simd",
         "scratch"]
# Those in which a mutant of the vector kernels is looked for; the first with vectors of four alone,
# which compiles faster
SIMD_ORDER = ["simd -DLSTM_NO_DISPATCH", "simd", "cell", "numbers", "dense", "mask", "sequence", "scratch",
              "golden", "expf", "tanhf"]
# Those of the run-time choice
CHOICE_ORDER = ["choice", "choice_no_fma", "choice_no_simd", "choice_windows"]
SECONDS = 120


def pattern(text: str) -> re.Pattern[str]:
    """Finds the text however it is laid out."""
    tokens = re.findall(r"\w+|\S", text)
    return re.compile(r"\s*".join(r"\b(?:LSTM_IMPL_)?NULL\b" if token == "NULL"
                                  else re.escape(token) for token in tokens))


def mutated(mutant: Mutant) -> str:
    return pattern(mutant.old).sub(lambda _: mutant.new, HEADER)


def tests(mutant: Mutant) -> list[str]:
    order = CHOICE_ORDER if mutant.choice else SIMD_ORDER if mutant.simd else ORDER
    if mutant.avx512:
        order = ["simd"]
    return [test for test in order if (ROOT / f"tests/test_{test.split()[0]}.c").exists()]


def compiler(mutant: Mutant) -> list[str]:
    """A fast compiler for portable C; vectors need one that has them."""
    soft = ["-D__SOFTFP__", "-DLSTM_NO_FMA"] if mutant.soft else []
    if not mutant.simd and not mutant.choice and shutil.which("tcc"):
        return ["tcc", "-w", *soft]
    flags = ["-O1"] if mutant.simd or mutant.choice else ["-O0", "-DLSTM_NO_SIMD"]
    return [os.environ.get("CC", "cc"), "-std=c99", "-w", *flags, *soft]


def notices(mutant: Mutant, test: str, folder: Path) -> str | None:
    """Who notices the mutant whose header is in folder, with one test program: it, or the compiler."""
    name, *options = test.split()
    program = folder / name
    build = [*compiler(mutant), *options, f"-I{folder}", f"-I{ROOT / 'tests'}",
             str(ROOT / f"tests/test_{name}.c"), "-o", str(program), "-lm"]
    if subprocess.run(build, capture_output=True, check=False).returncode != 0:
        return "the compiler"
    try:
        run = subprocess.run([str(program)], cwd=ROOT, capture_output=True, check=False,
                             timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"test_{test} (does not end)"
    return f"test_{test}" if run.returncode != 0 else None


@cache
def digest(header: str, soft: bool) -> str:
    """What digest.c prints for the portable build of a header."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        (folder / "lstm.h").write_text(header)
        build = [*compiler(Mutant("", "", "", soft=soft)), "-DLSTM_NO_FMA", f"-I{folder}", f"-I{ROOT / 'tests'}",
                 str(ROOT / "tests/digest/digest.c"), "-o", str(folder / "digest"), "-lm"]
        subprocess.run(build, capture_output=True, check=True)
        run = subprocess.run([str(folder / "digest")], capture_output=True, check=False, text=True)
        return run.stdout


def caught_by(mutant: Mutant) -> str | None:
    """The test that notices the mutant, or None."""
    header = mutated(mutant)
    if mutant.digest:
        return "the digest" if digest(header, mutant.soft) != digest(HEADER, mutant.soft) else None
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        (folder / "lstm.h").write_text(header)
        found = (notices(mutant, test, folder) for test in tests(mutant))
        return next((test for test in found if test), None)


def unharmed() -> bool:
    """Whether all tests pass with the header as it is, in each way of building."""
    good = True
    for same in (Mutant("no change", "", ""), Mutant("no change", "", "", simd=True),
                 Mutant("no change", "", "", choice=True)):
        for test in tests(same):
            with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
                shutil.copy(ROOT / "include/lstm.h", name)
                if notices(same, test, Path(name)):
                    print(f"test_{test} fails without any mutant")
                    good = False
    return good


def has_avx512() -> bool:
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def main() -> int:
    (ROOT / "build").mkdir(exist_ok=True)
    stale = [m.name for m in MUTANTS if len(pattern(m.old).findall(HEADER)) != m.count or m.old == m.new]
    for name in stale:
        print(f"STALE: {name}: its text does not stand in the header as often as it should")
    fresh = [m for m in MUTANTS if m.name not in stale]
    if not has_avx512():
        print("SKIPPED: the mutants of AVX-512: this CPU has no avx512f")
        fresh = [m for m in fresh if not m.avx512]
    if os.environ.get("THIRD"):
        commits = subprocess.run(["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True,
                                 cwd=ROOT, check=True).stdout
        fresh = fresh[int(commits) % 3::3]
        print(f"{len(fresh)} of {len(MUTANTS)} mutants")
    if len({m.name for m in MUTANTS}) != len(MUTANTS) or not unharmed():
        print(f"0 passed, {len(MUTANTS)} failed")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(caught_by, fresh))
    for mutant, test in zip(fresh, found, strict=True):
        if test is None:
            print(f"SURVIVED: {mutant.name}")
        elif "--list" in sys.argv:
            print(f"{mutant.name}: {test}")
    caught = sum(test is not None for test in found)
    failed = len(fresh) - caught + len(stale)
    print(f"{caught} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
