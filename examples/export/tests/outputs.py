"""Where the header may be written, and that it is written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import isolation
import refusals
from harness import TOOL, Score, export
from keras_models import L, sequential
from refusals import Refused

from lstm_export import command, files

NOBODY = 65534


def _model(directory: Path) -> Path:
    path = directory / "to_write.keras"
    if not path.exists():
        sequential(L.LSTM(6, name="first"), L.Dense(2)).save(path)
    return path


def _header(directory: Path) -> str:
    """What the model becomes."""
    path = directory / "plain.h"
    export([_model(directory), "-o", path, "--name", "out", "--golden", "reference"])
    return path.read_text(encoding="ascii")


def _snapshot(place: Path) -> dict[str, object]:
    """What is in a directory: names, kinds, and the bytes of files."""
    found: dict[str, object] = {}
    for path in sorted(place.iterdir()):
        info = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        found[path.name] = (stat.S_IFMT(info.st_mode), data)
    return found


# ---- Refused ---------------------------------------------------------------------------


def _fifo(place: Path) -> str:
    os.mkfifo(place / "pipe.h")
    return "pipe.h"


def _device(place: Path) -> str:
    os.mknod(place / "device.h", stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
    return "device.h"


def _directory(place: Path) -> str:
    (place / "folder.h").mkdir()
    return "folder.h"


def _link(target: str) -> Callable[[Path], str]:
    def make(place: Path) -> str:
        (place / "link.h").symlink_to(target)
        return "link.h"

    return make


def _link_to_device(place: Path) -> str:
    """Root's own device: a fault would replace /dev/null for the whole machine."""
    target = "/dev/null" if os.geteuid() else _device(place)
    return _link(target)(place)


def _file(name: str, text: str = "precious") -> Callable[[Path], str]:
    def make(place: Path) -> str:
        (place / name).write_text(text)
        return name

    return make


def _named(name: str) -> Callable[[Path], str]:
    return lambda place: name


TARGETS: dict[str, tuple[Callable[[Path], str], tuple[str, ...]]] = {
    "a FIFO": (_fifo, ("pipe.h", "regular")),
    "a device": (_device, ("device.h", "regular")),
    "a directory": (_directory, ("folder.h", "a directory")),
    "a link to a directory": (_link("/"), ("link.h", "a directory")),
    "a link to a device": (_link_to_device, ("link.h", "regular")),
    "a link to itself": (_link("link.h"), ("link.h",)),
    "the model": (_named("sound.keras"), ("sound.keras", "itself")),
    "a link to the model": (_link("sound.keras"), ("link.h", "itself")),
    "another model": (_file("other.keras"), ("other.keras", "a model")),
    "weights": (_named("new.weights.h5"), ("new.weights.h5", "a model")),
    "lstm.h": (_file("lstm.h"), ("lstm.h", "includes")),
    "a new lstm.h": (_named("lstm.h"), ("lstm.h", "includes")),
    "LSTM.H": (_file("LSTM.H"), ("LSTM.H", "includes")),
    "a link to lstm.h": (_link("lstm.h"), ("link.h", "includes")),
    "a header of C": (_named("math.h"), ("math.h", "C library")),
    "a directory that is not there": (_named("build/"), ("build/", "directory")),
    "below a file": (_named("sound.keras/out.h"), ("directory",)),
}


def refused_targets(directory: Path, score: Score) -> None:
    """Whatever -o means, what was there before is there after."""
    for name, (make, words) in TARGETS.items():
        place = directory / "targets"
        place.mkdir()
        shutil.copy(_model(directory), place / "sound.keras")
        try:
            target = make(place)
        except PermissionError:  # to make a device
            shutil.rmtree(place)
            continue
        before = _snapshot(place)
        text = f"{place}/{target}"
        refused = Refused(f"-o {name}", [place / "sound.keras", "-o", text], words)
        refusals.check(refused, directory, score)
        score.check(_snapshot(place) == before, f"-o {name}: changed files")
        shutil.rmtree(place)


def refused_config(directory: Path, score: Score) -> None:
    weights, config = directory / "own.weights.h5", directory / "own_config.h"
    model = sequential(L.LSTM(6))
    model.save_weights(weights)
    config.write_text(model.to_json())
    arguments = [weights, "--config", config, "-o", config]
    refusals.check(Refused("-o the --config", arguments, ("--config",)), directory, score)
    score.check(config.read_text() == model.to_json(), "-o the --config: it is changed")


# ---- Written ---------------------------------------------------------------------------


def written(directory: Path, score: Score) -> None:
    """Over a header that is there, and through a link."""
    text, model = _header(directory), _model(directory)
    options = ["--name", "out", "--golden", "reference"]
    place = directory / "written"
    place.mkdir()
    old, link, new = place / "old.h", place / "link.h", place / "new.h"
    old.write_text("/* an older export */")
    old.chmod(0o640)
    link.symlink_to("old.h")
    (place / "to_new.h").symlink_to("new.h")
    for path, meant in ((link, old), (old, old), (place / "to_new.h", new)):
        status, _, err = export([model, "-o", path, *options])
        good = status == 0 and meant.read_text() == text
        score.check(good, f"-o {path.name}: {status} {err}")
    score.check(link.is_symlink(), "-o a link replaces it")
    score.check(stat.S_IMODE(old.stat().st_mode) == 0o640, "-o changes permissions")
    score.check(len(list(place.iterdir())) == 4, "-o leaves files behind")


def standard_output(directory: Path, score: Score) -> None:
    """-o - writes the header there and all else to standard error."""
    text, model = _header(directory), _model(directory)
    place = directory / "standard"
    place.mkdir()
    command = [sys.executable, "-B", str(TOOL), str(model), "-o", "-"]
    command += ["--name", "out", "--golden", "reference"]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False)
    score.check(done.returncode == 0 and done.stdout.decode() == text, "-o -: another")
    score.check(done.stderr.count(b"\n") == 1, f"-o -: says {done.stderr!r}")
    score.check(not list(place.iterdir()), "-o -: makes a file")
    for words in (command, [*command[:4], "--summary"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                words, stdout=full, stderr=subprocess.PIPE, cwd=place, check=False
            )
        good = done.returncode == 2 and done.stderr.count(b"\n") == 1
        score.refused += score.check(good, f"{words[4:]} to a full device: {done}")


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """Files cannot grow beyond 4000 bytes."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


@contextlib.contextmanager
def _without_rights() -> Iterator[None]:
    """As a user whom permissions bind, also where the tests are run by root."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def failures(directory: Path, score: Score) -> None:
    """A full disk, a directory or a file that may not be written: as if never begun."""
    model = _model(directory)
    place = directory / "failures"
    place.mkdir()
    target = place / "out.h"
    target.write_text("/* an older export */")
    place.chmod(0o555)
    target.chmod(0o444)
    unreadable = directory / "secret.keras"
    shutil.copy(model, unreadable)
    unreadable.chmod(0)
    directory.chmod(0o755)  # so that one without rights gets as far as the files
    line = [model, "--golden", "reference", "-o"]
    # A user without rights may not be able to start this Python, which HDF5 files need.
    plain = directory / "to_write.json"
    plain.write_text(json.dumps(isolation.RTNEURAL), encoding="ascii")
    plain.chmod(0o444)
    by_nobody = [plain, *line[1:]]
    for name, limits, arguments, words in (
        ("a full disk", _full_disk, [*line, target], ("nothing was written",)),
        ("a new file on a full disk", _full_disk, [*line, place / "new.h"], ("nothing",)),
        ("a directory", _without_rights, [*by_nobody, place / "new.h"], ("directory",)),
        ("a file", _without_rights, [*by_nobody, target], ("out.h",)),
        ("a model", _without_rights, [unreadable], ("secret.keras", "ermission")),
    ):
        before = _snapshot(place)
        with limits():
            status, out, err = export(arguments)
        good = status == 2 and not out and err.count("\n") == 1 and "report" not in err
        good = good and all(word in err for word in words)
        what = f"{name} that does not take it: {status} {out} {err}"
        score.refused += score.check(good and _snapshot(place) == before, what)
    place.chmod(0o755)


def interrupted(directory: Path, score: Score) -> None:
    def lines() -> Iterator[str]:
        yield "/* half a header"
        raise KeyboardInterrupt

    place = directory / "interrupted"
    place.mkdir()
    with contextlib.suppress(KeyboardInterrupt):
        files.write(place / "out.h", lines())
    score.check(not list(place.iterdir()), "stopped while it writes: leaves a file")


UNIT = """\
#include "%s.h"
#include <stdio.h>
#ifdef __cplusplus
extern "C"
#endif
float test_of_unit%d(void);
float test_of_unit%d(void) { return %s_selftest(); }
"""
OTHER = """\
#ifdef __cplusplus
extern "C"
#endif
float test_of_unit1(void);
"""
UNITS = """\
int main(void)
{
    const float one = test_of_unit0(), two = test_of_unit1();
    printf("%g %g\\n", (double)one, (double)two);
    return one <= 2e-6f && two <= 2e-6f ? 0 : 1;
}
"""


def split(directory: Path, score: Score) -> None:
    """--split: two units, of C or C++, share the weights, which are there once."""
    place = directory / "split"
    place.mkdir()
    model = place / "halves.keras"
    layers = [L.Bidirectional(L.LSTM(6, return_sequences=True)), L.LayerNormalization()]
    sequential(*layers, L.LSTM(4), L.Dense(2, activation="relu"), L.ReLU(2.0)).save(model)
    header, source = place / "shared.h", place / "shared.c"
    status, out, err = export([model, "-o", header, "--split"])
    score.check(status == 0 and "shared.h and shared.c" in out, f"--split: {out}{err}")
    for number in (0, 1):
        text = UNIT % ("shared", number, number, "shared")
        if number == 0:
            text += OTHER + UNITS
        (place / f"unit{number}.c").write_text(text, encoding="ascii")
    count = source.read_text(encoding="ascii").count("_weights[")
    for compiler in (["gcc", "-std=c99"], ["g++", "-x", "c++", "-std=c++11"]):
        objects = []
        for name in ("shared", "unit0", "unit1"):
            one = ["gcc", "-std=c99"] if name == "shared" else compiler
            target = place / f"{name}.o"
            line = [*one, *harness.WARNINGS, f"-I{harness.ROOT / 'include'}", "-O1", "-c"]
            subprocess.run(
                [*line, str(place / f"{name}.c"), "-o", str(target)], check=True
            )
            objects.append(str(target))
        program = str(place / "program")
        linker = compiler[0]
        subprocess.run([linker, *objects, "-o", program, "-lm"], check=True)
        ran = subprocess.run([program], capture_output=True, text=True, check=False)
        score.check(ran.returncode == 0, f"--split, {compiler[0]}: {ran.stdout}")
        listed = subprocess.run(
            ["nm", program], capture_output=True, text=True, check=True
        ).stdout
        found = sum(line.endswith("_weights") for line in listed.splitlines())
        score.check(found == count > 0, f"--split: {found} arrays of {count}")


def beside_refused(directory: Path, score: Score) -> None:
    """--split and --binary, which write a second file."""
    model = _model(directory)
    for option, other, suffix in (
        ("--split", "--binary", "c"),
        ("--binary", "--split", "bin"),
    ):
        place = directory / f"refused{option}"
        place.mkdir()
        (place / f"out.{suffix}").mkdir()
        (place / f"model.{suffix}").symlink_to(model)
        for name, arguments, words in (
            ("the standard output", ["-o", "-"], (option, "-o")),
            ("another ending", ["-o", place / "out.hpp"], (".h",)),
            ("a directory", ["-o", place / "out.h"], (f"out.{suffix}", "a directory")),
            ("the model", ["-o", place / "model.h"], (f"model.{suffix}", "itself")),
            ("--int8", ["-o", place / "whole.h", "--int8"], (option, "--int8")),
            ("both", ["-o", place / "whole.h", other], ("--split", "--bin")),
        ):
            before = _snapshot(place)
            status, out, err = export([model, option, *arguments])
            good = status == 2 and not out and err.count("\n") == 1
            good = good and all(word in err for word in words)
            good = good and _snapshot(place) == before
            score.refused += score.check(good, f"{option}, {name}: {status} {out} {err}")
        before = _snapshot(place)
        with _full_disk():
            status, out, err = export([model, option, "-o", place / "whole.h"])
        good = status == 2 and "nothing was written" in err
        good = good and _snapshot(place) == before
        score.refused += score.check(good, f"{option}, a full disk: {status} {out} {err}")


def terminated(directory: Path, score: Score) -> None:
    """A SIGTERM in the middle of a header leaves what was there."""

    def lines(*_: object) -> Iterator[str]:
        yield "/* half a header"
        os.kill(os.getpid(), signal.SIGTERM)
        yield "*/"

    place = directory / "terminated"
    place.mkdir()
    target = place / "out.h"
    target.write_text("/* an older export */")
    before = _snapshot(place)
    with unittest.mock.patch.object(command, "header_lines", lines):
        status, out, err = export([_model(directory), "-o", target])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    good = status == 2 and not out and "nothing was written" in err
    score.check(good and _snapshot(place) == before, f"SIGTERM: {status} {out} {err}")


def test_outputs(directory: Path, score: Score) -> None:
    refused_targets(directory, score)
    refused_config(directory, score)
    written(directory, score)
    standard_output(directory, score)
    failures(directory, score)
    interrupted(directory, score)
    terminated(directory, score)
    split(directory, score)
    beside_refused(directory, score)
