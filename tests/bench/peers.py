"""`make bench-peers`: lstm.h and other ways to run an LSTM, one thread, one run, one table.

    peers.py [--rounds N] [--cases NAME ...] [--engines NAME ...] [--plot FILE.svg]

Rounds in which each engine has its turn, each time in a new process: it is laid in other memory then,
which matters to times. A time is the least of all rounds, in CPU time. An output that is further than
1e-5 from a computation in double does not count. Engines that are Python libraries are called from
Python; what a call costs without the work is measured in the same way and taken off.

lstm.h is compiled by gcc and clang with plain -O2. The ratio is that of its gcc build to the best
peer, `to reach` what issue and README ask for. In the cases amp16 and mid the best peer is held to be
at most .79 of the LSTM over OpenBLAS: that is what two libraries that no registry has, RTNeural and
LIBXSMM, took beside it. With wider vectors than AVX2's in this CPU, the nine cases are also run by
engines held to AVX2. A table of its own has lstm_int8.h and ONNX Runtime's dynamic int8 beside lstm.h
in floats, time and error.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
OUT = Path("build/bench")
CASES = OUT / "cases"
MOST_ERROR = 1e-5
MOST_INT8_ERROR = 0.2  # of engines with 8-bit weights, which have a table of their own
UNREACHABLE_PEERS = {"amp16": 0.79, "mid": 0.79}  # of openblas
SLOW = 4.0  # an engine that takes so many times the best is not asked again
LONG = 0.02  # seconds: what takes longer is asked in five rounds only
REFERENCE = "lstm_gcc"
HELD_TO_AVX2 = {  # what keeps a peer from wider vectors
    "mkl": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "mkl_jit": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "onednn": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "openblas": {"OPENBLAS_CORETYPE": "Haswell"},
}
# The kernels of OpenBLAS that this CPU could run, by a flag that they need: which are the fastest is
# not always what it chooses.
OPENBLAS_CORES = {"avx2": "Haswell", "avx512bw": "SkylakeX", "avx512_bf16": "Cooperlake"}
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")
} | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MKL_THREADING_LAYER": "SEQUENTIAL",
    "CUDA_VISIBLE_DEVICES": "",
}


@dataclass
class Case:
    name: str
    fields: list[int]  # batch timesteps input_dim units dense_units is_stream
    reach: float

    def __str__(self) -> str:
        batch, timesteps, features, units, dense, stream = self.fields
        if not units:
            return f"Dense({dense}) on {batch} rows of {features}"
        layers = f"LSTM({units})" + (f" + Dense({dense})" if dense else "")
        if stream:
            return f"{layers}, one sample at a time"
        steps = f"{timesteps} steps of {features} feature{'s' if features > 1 else ''}"
        return f"{layers}, {f'{batch} sequences of ' if batch > 1 else ''}{steps}"


@dataclass
class Engine:
    name: str
    title: str  # as a person calls it
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    is_python: bool = False
    version: str = ""
    best: dict[str, float] = field(default_factory=dict)  # seconds by case
    overhead: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    error: dict[str, float] = field(default_factory=dict)

    def is_int8(self) -> bool:
        return "int8" in self.name

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            env=ENVIRONMENT | self.environment,
            check=False,
        )
        return done.stdout.strip()

    def measure(self, cases: dict[str, float]) -> None:
        """Asks for so many milliseconds of each case."""
        if not cases:
            return
        wanted = [f"{name}:{milliseconds:.0f}" for name, milliseconds in cases.items()]
        for line in self.run("time", str(CASES), *wanted).splitlines():
            name, *rest = line.split()
            if rest[0] == "cannot":
                self.refused.add(name)
                continue
            time, overhead, error = map(float, rest)
            self.error[name] = error
            if not error <= (MOST_INT8_ERROR if self.is_int8() else MOST_ERROR):
                print(f"SKIPPED: {self.name}, {name}: wrong output, off by {error}")
                self.refused.add(name)
                continue
            self.best[name] = min(self.best.get(name, time), time)
            self.overhead[name] = min(self.overhead.get(name, overhead), overhead)

    def time(self, case: Case) -> float | None:
        if case.name not in self.best or case.name in self.refused:
            return None
        return self.best[case.name] - self.overhead[case.name]


def cpu_info(field_name: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    found = re.search(rf"^{field_name}\s*: (.*)$", text, re.MULTILINE)
    return found.group(1) if found else ""


def cpu_flags() -> list[str]:
    return cpu_info("flags").split()


def title_of(name: str) -> str:
    if name.startswith("fixed"):
        return "fixed loops"
    titles = {
        "lstm_gcc": "lstm.h",
        "lstm_clang": "lstm.h clang",
        "lstm_gcc_avx2": "lstm.h, AVX2",
        "lstm_clang_avx2": "lstm.h clang AVX2",
        "lstm_int8_gcc": "lstm_int8.h",
        "lstm_int8_clang": "lstm_int8.h clang",
        "naive": "plain loops",
        "openblas": "OpenBLAS",
        "mkl": "MKL",
        "mkl_jit": "MKL's JIT",
        "onednn": "oneDNN",
    }
    return titles.get(name, name)


def mkl_kernels(command: list[str]) -> str:
    """What MKL says that it runs on this CPU."""
    text = Engine("", "", command, {"MKL_VERBOSE": "1"}).run("time", str(CASES), "mid:1")
    found = re.search(r"architecture (.*?) (?:enabled )?processors", text.split("lp64")[0])
    return f", kernels for {found.group(1)}" if found else ""


def find_engines(pythons: list[str], wanted: list[str]) -> list[Engine]:
    engines = []
    subprocess.run(["sh", str(HERE / "build_peers.sh"), sys.prefix], check=True)
    for path in sorted(OUT.glob("peer_*")):
        name = path.name.removeprefix("peer_")
        engines.append(Engine(name, title_of(name), [str(path)]))
        if name == "openblas":
            cores = [core for flag, core in OPENBLAS_CORES.items() if flag in cpu_flags()]
            chosen = engines[-1].run("version")
            for core in cores:
                other = Engine(
                    f"openblas_{core}", "OpenBLAS", [str(path)], {"OPENBLAS_CORETYPE": core}
                )
                if other.run("version") != chosen:
                    engines.append(other)
    mkl = next(iter(Path(sys.prefix, "lib").glob("libmkl_rt.so.*")), None)
    for name, title in (
        ("onnxruntime", "ONNX Runtime"),
        ("onnxruntime_int8", "ONNX Runtime int8"),
        ("torch", "PyTorch"),
    ):
        for python in pythons:
            engine = Engine(name, title, [python, str(HERE / "peers_worker.py"), name], {}, True)
            if name == "torch" and mkl is not None:
                # Debian's takes whatever BLAS there is, which may be the slow reference
                engine.environment = {"LD_PRELOAD": str(mkl)}
            if engine.run("version"):
                engines.append(engine)
                break
        else:
            print(f"SKIPPED: no {name}")
    engines = [e for e in engines if not wanted or e.name in wanted or e.name == REFERENCE]
    for e in engines:
        e.version = e.run("version")
        if e.name.startswith("mkl"):
            e.version += mkl_kernels(e.command)
        if e.name == "torch" and mkl is not None:
            e.version += " over MKL"
    return engines


def cases_of(engine: Engine, cases: list[Case], best: dict[str, float], turn: int) -> dict[str, float]:
    """Which cases an engine is asked for in this round, and for how long."""
    wanted = {}
    for case in cases:
        if case.name in engine.refused:
            continue
        own = engine.best.get(case.name)
        if own is not None and turn > 0 and own > SLOW * best[case.name]:
            continue
        if own is not None and turn > 4 and own > LONG:
            continue
        wanted[case.name] = max(6.0, min(3000 * (own or 0), 100.0))
    return wanted


def measure(engines: list[Engine], cases: list[Case], rounds: int) -> None:
    for turn in range(rounds):
        best = {
            case.name: min(e.best.get(case.name, float("inf")) for e in engines) for case in cases
        }
        for engine in engines:
            if not engine.is_python or turn < 5:  # they take seconds to start
                engine.measure(cases_of(engine, cases, best, turn))
        print(f"round {turn + 1} of {rounds}", file=sys.stderr, flush=True)


def as_text(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("ns", 1e9), ("us", 1e6)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.{1 if unit == 'ns' else 2}f} {unit}"
    return f"{seconds * 1e3:.3f} ms"


def own(engine: Engine) -> bool:
    return engine.name.startswith("lstm_")


@dataclass
class Row:
    """A case with the best of each peer and the best of all."""

    case: Case
    times: dict[str, float]  # by title
    best: str
    best_time: float

    def ratio(self) -> float:
        return self.times[title_of(REFERENCE)] / self.best_time


def rows_of(cases: list[Case], engines: list[Engine]) -> list[Row]:
    rows = []
    for case in cases:
        times: dict[str, float] = {}
        for e in engines:
            time = e.time(case)
            if time is not None:
                times[e.title] = min(time, times.get(e.title, time))
        peers = {t: time for t, time in times.items() if not t.startswith("lstm.h")}
        if case.name in UNREACHABLE_PEERS and "OpenBLAS" in peers:
            part = UNREACHABLE_PEERS[case.name]
            peers[f"{part:g} of OpenBLAS"] = part * peers["OpenBLAS"]
        if peers and title_of(REFERENCE) in times:
            best = min(peers, key=lambda title: peers[title])
            rows.append(Row(case, times, best, peers[best]))
    return rows


def print_rows(rows: list[Row], engines: list[Engine]) -> None:
    titles = list(dict.fromkeys(e.title for e in engines))
    print(f"\n{'case':76}" + "".join(f" {title:>12.12}" for title in titles), end="")
    print("  ratio  to reach  best peer")
    for row in rows:
        line = f"{row.case.name + ': ' + str(row.case):76}"
        line += "".join(f" {as_text(row.times.get(title)):>12}" for title in titles)
        mark = " " if row.ratio() <= row.case.reach else "!"
        print(f"{line}  {row.ratio():5.2f}{mark} {row.case.reach:8.2f}  {row.best}")


def print_int8(cases: list[Case], floats: Engine, engines: list[Engine]) -> None:
    """Times of 8-bit weights, their ratio to lstm.h in floats, and the largest error of an output."""
    print(f"\n{'8-bit weights':60} {floats.title:>12}", end="")
    print("".join(f" {e.title:>18.18} ratio   error" for e in engines))
    for case in cases:
        line = f"{case.name + ': ' + str(case):60} {as_text(floats.time(case)):>12}"
        for e in engines:
            own_time, float_time = e.time(case), floats.time(case)
            line += f" {as_text(own_time):>18}"
            if own_time is None or float_time is None:
                line += f" {'-':>5} {'-':>7}"
            else:
                line += f" {own_time / float_time:5.2f} {e.error[case.name]:7.4f}"
        print(line)


def readme_table(rows: list[Row]) -> str:
    """The table of the README: lstm.h's time, and as a ratio to that of others."""
    columns = ["OpenBLAS", "MKL", "ONNX Runtime", "oneDNN", "PyTorch"]
    known = [c for c in columns if any(c in row.times for row in rows)]
    text = f"| one core | lstm.h | of the best peer | {' | '.join('of ' + c for c in known)} |\n"
    text += f"| --- | --- | --- |{' --- |' * len(known)}\n"
    for row in rows:
        time = row.times[title_of(REFERENCE)]
        cells = [f"{time / row.times[c]:.2f}" if c in row.times else "-" for c in known]
        text += f"| {row.case} | {as_text(time)} | {row.ratio():.2f}, {row.best} "
        text += f"| {' | '.join(cells)} |\n"
    return text


def plot(path: Path, rows: list[Row], heading: str) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "lstm.h"
    matplotlib.rcParams["svg.fonttype"] = "none"
    titles = list(dict.fromkeys(t for row in rows for t in row.times if not t.startswith("lstm.h")))
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(rows) + 1.5))
    for title, marker in zip(titles, "osD^v<>phX*", strict=False):
        points = [
            (row.times[title] / row.times[title_of(REFERENCE)], at)
            for at, row in enumerate(rows)
            if title in row.times
        ]
        axes.plot(*zip(*points, strict=True), marker, label=title, markersize=6, alpha=0.85)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [str(row.case) for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", linewidth=0.4)
    axes.set_xlabel("time of the others / time of lstm.h (right of 1: slower than lstm.h)")
    axes.set_title(heading, fontsize=9)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def held_to_avx2(engines: list[Engine]) -> list[Engine]:
    held = []
    for e in engines:
        if e.name in HELD_TO_AVX2:
            limits = e.environment | HELD_TO_AVX2[e.name]
            held.append(Engine(e.name, e.title, e.command, limits, version=e.version))
        elif e.name == "lstm_gcc_avx2":
            held.append(Engine(e.name, title_of(REFERENCE), e.command, version=e.version))
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--plot", type=Path, help="default: peers.svg, if all is run")
    parser.add_argument("--python", nargs="+", default=[sys.executable, "/usr/bin/python3"])
    parser.add_argument("--cases", nargs="+", default=[])
    parser.add_argument("--engines", nargs="+", default=[])
    arguments = parser.parse_args()
    if arguments.plot is None and not arguments.cases and not arguments.engines:
        arguments.plot = HERE / "peers.svg"
    CASES.mkdir(parents=True, exist_ok=True)
    engines = find_engines(arguments.python, arguments.engines)
    native = next(e for e in engines if e.name == REFERENCE)
    (CASES / "cases.txt").write_text(text := native.run("cases"))
    cases = [
        Case(name, [int(number) for number in numbers], float(reach))
        for name, *numbers, reach in (line.split() for line in text.splitlines())
        if not arguments.cases or name in arguments.cases
    ]
    native.run("prepare", str(CASES))
    heading = f"{datetime.date.today().isoformat()}, {cpu_info('model name')}, one thread"
    print(f"{heading} ({native.run('limits')})")
    for e in engines:
        print(f"  {e.name:18} {e.version}")
    measured = [e for e in engines if not e.name.endswith("_avx2") and not e.is_int8()]
    measure(measured, cases, arguments.rounds)
    rows = rows_of(cases, measured)
    print_rows(rows, measured)
    for e in measured:
        if e.is_python:
            costs = ", ".join(f"{c.name} {as_text(e.overhead.get(c.name))}" for c in cases[:9])
            print(f"taken off {e.title} for the call: {costs}")
    int8 = [e for e in engines if e.is_int8()]
    if int8:
        floats = Engine(native.name, native.title, native.command)
        measure([floats, *int8], cases[:9], arguments.rounds)
        print_int8(cases[:9], floats, int8)
    if any(flag in cpu_flags() for flag in ("avx512f",)):
        held = held_to_avx2(engines)
        nine = cases[:9]
        measure(held, nine, arguments.rounds)
        print("\nall held to AVX2")
        print_rows(rows_of(nine, held), held)
    else:
        print("this CPU has no vectors wider than AVX2's: the figures above are those of AVX2 alone")
    if arguments.plot is not None:
        (OUT / "peers.md").write_text(readme_table(rows[:9]))
        print(f"the README's table is in {OUT / 'peers.md'}")
        try:
            plot(arguments.plot, rows[:9], heading)
            print(f"plotted to {arguments.plot}")
        except ImportError:
            print("SKIPPED: the plot; no matplotlib")
    failed = [c.name for c in cases if native.time(c) is None]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
