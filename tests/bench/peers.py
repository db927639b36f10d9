"""`make bench-peers`: lstm.h and other ways to run an LSTM, one thread, one run, one table.

    peers.py [--rounds N] [--plot FILE.svg] [--python PYTHON ...]

Engines take turns, many rounds; a time is the least of all. lstm_fma is lstm.h by gcc with
LSTM_USE_FMA=1. Before an engine is timed its output
is compared with a computation in double. Engines that are Python libraries are called from Python;
what a call costs without the work is measured in the same way and taken off. Each interpreter
named by --python is asked for onnxruntime, torch and litert.
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
INSTALL = {
    "openblas": "Debian: libopenblas-dev",
    "onednn": "Debian 12: libdnnl-dev",
    "onnxruntime": "pip install onnx onnxruntime",
    "torch": "Debian: python3-torch, or pip install torch",
    "litert": "pip install tensorflow-cpu",
}
MOST_ERROR = 1e-5
# OpenBLAS 0.3.21 takes CPUs that are younger than itself for one without AVX. So it is run with the
# kernels that it chooses and with those for each of these that the CPU could be, named by a flag
# that the kernels need; the best of all counts.
OPENBLAS_CORES = {"avx2": "Haswell", "avx512bw": "SkylakeX"}
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


@dataclass
class Case:
    name: str
    fields: list[str]  # batch timesteps input_dim units dense_units is_stream

    def __str__(self) -> str:
        batch, timesteps, input_dim, units, dense, stream = self.fields
        text = f"{batch} x " if batch != "1" else ""
        text += f"({'1' if stream == '1' else timesteps},{input_dim}) LSTM({units})"
        return text + (f"+Dense({dense})" if dense != "0" else "")


class Worker:
    """A process that answers lines with lines."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=ENVIRONMENT | environment,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.line()

    def ask_lines(self, line: str) -> list[str]:
        answer = self.ask(line)
        lines = []
        while answer not in ("end", ""):
            lines.append(answer)
            answer = self.line()
        return lines


@dataclass
class Engine:
    name: str
    version: str
    workers: list[Worker]  # the best of them counts
    is_python: bool
    best: dict[str, float] = field(default_factory=dict)  # seconds by case
    overhead: dict[str, float] = field(default_factory=dict)

    def open(self, case: Case) -> bool:
        """Whether it can run this case and gives the right output."""
        return all([self._open(worker, case) for worker in self.workers])

    def _open(self, worker: Worker, case: Case) -> bool:
        if self.is_python:
            path = OUT / f"{case.name}.bin"
            answer = worker.ask(f"open {case.name} {' '.join(case.fields)} {path}")
            error = answer.removeprefix("opened ") if answer.startswith("opened ") else ""
        else:
            answer = worker.ask(f"time {self.name} {case.name} 1")
            error = answer.split()[-1] if answer[:1].isdigit() else ""
        if not error:
            print(f"SKIPPED: {self.name}, {case.name}: {answer or 'no answer'}")
            return False
        if not float(error) <= MOST_ERROR:
            print(f"SKIPPED: {self.name}, {case.name}: wrong output, off by {error}")
            return False
        return True

    def measure(self, case: Case, milliseconds: float) -> None:
        name = f"{case.name}" if self.is_python else f"{self.name} {case.name}"
        for worker in self.workers:
            time, overhead = map(float, worker.ask(f"time {name} {milliseconds}").split()[:2])
            self.best[case.name] = min(self.best.get(case.name, time), time)
            self.overhead[case.name] = min(self.overhead.get(case.name, overhead), overhead)

    def time(self, case: Case) -> float | None:
        if case.name not in self.best:
            return None
        return self.best[case.name] - self.overhead[case.name]


def find_engines(pythons: list[str]) -> tuple[Worker, list[Engine]]:
    subprocess.run(["sh", str(HERE / "run.sh"), "--peers"], check=True)
    command = [str(OUT / "peers"), "--worker"]
    native = Worker(command)
    engines = []
    for line in native.ask_lines("engines"):
        name, _, version = line.partition(" ")
        workers = [native]
        if name == "openblas":
            cores = [core for flag, core in OPENBLAS_CORES.items() if flag in cpu_flags()]
            workers += [Worker(command, OPENBLAS_CORETYPE=core) for core in cores]
            version += f" and kernels for {', '.join(cores)}" if cores else ""
        engines.append(Engine(name, version, workers, False))
    for name in ("onnxruntime", "torch", "litert"):
        for python in pythons:
            worker = Worker([python, str(HERE / "peers_worker.py"), name])
            version = worker.line()
            if version:
                engines.append(Engine(name, version, [worker], True))
                break
        else:
            print(f"SKIPPED: no {name} ({INSTALL[name]})")
    return native, engines


def as_text(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("ns", 1e9), ("us", 1e6)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.{1 if unit == 'ns' else 2}f} {unit}"
    return f"{seconds * 1e3:.3f} ms"


def print_table(cases: list[Case], engines: list[Engine]) -> None:
    own = [e for e in engines if e.name.startswith("lstm_")]
    peers = [e for e in engines if e not in own]
    ratios = [f"{e.name.removeprefix('lstm_')}/{what}" for e in own for what in ("blas", "best")]
    print(f"\n{'case':34}" + "".join(f"{e.name:>12}" for e in engines), end="")
    print("".join(f"{name:>11}" for name in ratios) + "  best peer")
    for case in cases:
        times = {e.name: e.time(case) for e in engines}
        found = {p.name: t for p in peers if (t := times[p.name]) is not None}
        best = min(found, key=lambda name: found[name])
        line = f"{case.name + ' ' + str(case):34}"
        line += "".join(f"{as_text(times[e.name]):>12}" for e in engines)
        for e in own:
            for peer in ("openblas", best):
                time = times[e.name]
                known = time is not None and peer in found
                line += f"{time / found[peer]:11.2f}" if known and time else f"{'-':>11}"
        print(line + f"  {best}")
    for e in engines:
        if e.is_python:
            costs = ", ".join(f"{c.name} {as_text(e.overhead.get(c.name))}" for c in cases)
            print(f"taken off {e.name} for the call: {costs}")


def cpu_info(field_name: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    found = re.search(rf"^{field_name}\s*: (.*)$", text, re.MULTILINE)
    return found.group(1) if found else ""


def cpu_name() -> str:
    return cpu_info("model name") or "unknown CPU"


def cpu_flags() -> list[str]:
    return cpu_info("flags").split()


def plot(path: Path, cases: list[Case], engines: list[Engine], heading: str) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "lstm.h"
    matplotlib.rcParams["svg.fonttype"] = "none"
    reference = engines[0]
    others = [e for e in engines if e is not reference]
    figure, axes = plt.subplots(figsize=(9, 5))
    for e, marker in zip(others, "osD^v<>phX*", strict=False):
        points = []
        for at, case in enumerate(cases):
            time, own = e.time(case), reference.time(case)
            if time is not None and own is not None and time > 0:
                points.append((time / own, at))
        axes.plot(*zip(*points, strict=True), marker, label=e.name, markersize=6, alpha=0.85)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(cases)), [f"{c.name}\n{c}" for c in cases], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", linewidth=0.4)
    axes.set_xlabel(f"time / time of {reference.name} (right of 1: slower than lstm.h)")
    axes.set_title(heading, fontsize=9)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plot", type=Path, default=HERE / "peers.svg")
    parser.add_argument("--python", nargs="+", default=[sys.executable, "/usr/bin/python3"])
    arguments = parser.parse_args()
    native, engines = find_engines(arguments.python)
    cases = [Case(*_name_and_fields(line)) for line in native.ask_lines("cases")]
    core = native.ask("machine")
    heading = f"{datetime.date.today().isoformat()}, {cpu_name()}, one thread ({core})"
    print(heading)
    for e in engines:
        print(f"  {e.name:12} {e.version}")
    for case in cases:
        native.ask(f"dump {case.name} {OUT / case.name}.bin")
        able = [e for e in engines if e.open(case)]
        for k in range(arguments.rounds):
            for e in able:
                if k < 3 or e.best[case.name] < 0.1:  # slow ones need no more to be seen as slow
                    # some runs in a row, as the first finds another engine's data in the caches
                    e.measure(case, max(4, min(4000 * e.best.get(case.name, 0), 60)))
    print_table(cases, engines)
    try:
        plot(arguments.plot, cases, engines, heading)
        print(f"plotted to {arguments.plot}")
    except ImportError:
        print("SKIPPED: the plot; no matplotlib")
    own_failed = [
        e.name for e in engines if e.name.startswith("lstm_") and len(e.best) < len(cases)
    ]
    return 1 if own_failed else 0


def _name_and_fields(line: str) -> tuple[str, list[str]]:
    name, *fields = line.split()
    return name, fields


if __name__ == "__main__":
    sys.exit(main())
