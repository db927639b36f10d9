"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from lstm_export import VERSION, golden, int8, limits
from lstm_export.c_binary import contents
from lstm_export.c_header import Progress, header_lines, source_lines
from lstm_export.c_names import check_name, default_name
from lstm_export.c_text import printable, safe
from lstm_export.errors import NotRun, Refusal
from lstm_export.files import (
    STANDARD_OUTPUT,
    check_readable,
    target_of,
    write,
    write_all,
    write_out,
)
from lstm_export.formats import Format, Options, all_formats, format_of
from lstm_export.golden import Golden
from lstm_export.int8_header import header_lines as int8_header_lines
from lstm_export.model import Model
from lstm_export.plan import Plan
from lstm_export.summary import summary_lines

REFUSED = 2
LARGE = 1_000_000  # weights from which on progress is reported


class Parser(argparse.ArgumentParser):
    """One that refuses in one sentence, as everything here does."""

    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{message}; see --help")


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and mark and value for name, mark, value in pairs):
        raise argparse.ArgumentTypeError(f"'{text}' is not MODULE=ACTIVATION,...")
    found = {name: value for name, _, value in pairs}
    if len(found) != len(pairs):
        raise argparse.ArgumentTypeError(f"'{text}' names a module twice")
    return found


def _megabytes(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1 << 40:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of megabytes")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1 << 20:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _parser() -> Parser:
    parser = Parser(
        prog="lstm_export.py",
        description="Turn a trained model into one C header that runs it with lstm.h.",
        epilog="The header has NAME_predict() for a whole sequence, NAME_selftest(), "
        "NAME_reset(), and NAME_step() and NAME_block() for some timesteps at once "
        "where every layer can run so: not with Bidirectional, go_backwards, a "
        "convolution, pooling or RepeatVector, or a Flatten or Reshape of timesteps. Its "
        "first lines show how to call them, or why there is no NAME_step(). Headers of "
        "several models may be included in one file if each has a --name of its own, "
        "case aside. What cannot be exported exactly is refused: exit status 2 and one "
        "sentence.",
        argument_default=argparse.SUPPRESS,  # so that what is given can be told
    )
    add = parser.add_argument
    add("model", type=Path, help=f"a file ending in {', '.join(_suffixes())}")
    add(
        "-o",
        "--output",
        metavar="HEADER",
        help="default: NAME.h; - is the standard output. Written whole or not at all",
    )
    add("--name", help="what C names begin with; default: from the file's name")
    add("--summary", action="store_true", help="print the table, write nothing")
    add(
        "--golden",
        choices=("auto", "framework", "reference"),
        help="whose numbers the self-test expects: those of the framework that made the "
        "model, which has to be installed for it (keras, torch or onnxruntime), or those "
        "of this tool's float64 reference, for a header that is the same on every "
        "machine; auto is the framework where it is installed, else the reference. The "
        "header says whose they are",
    )
    add(
        "--int8",
        action="store_true",
        help="8-bit weights and integer arithmetic: a header for lstm_int8.h, with "
        "outputs that are a little off. For LSTM layers one after the other, or one "
        "Bidirectional, and a Dense layer after them",
    )
    add(
        "--calibrate",
        type=Path,
        metavar="X.npy",
        help="with --int8: real inputs [batch][timesteps][features]. Weights are rounded "
        "so that outputs for such inputs change least, and the range of x is taken from "
        "them",
    )
    add(
        "--input-range",
        type=float,
        metavar="R",
        help="with --int8: inputs are from -R to R; default 8",
    )
    add("--version", action="version", version=f"lstm_export.py {VERSION}")
    add(
        "--split",
        action="store_true",
        help="write the weights to NAME.c, to be compiled once, and what declares them "
        "to NAME.h: files that include it then share them",
    )
    add(
        "--binary",
        action="store_true",
        help="write the weights to NAME.bin, little-endian float32, and to NAME.h what "
        "reads them from a file or from memory and checks their size and CRC-32",
    )
    add(
        "--max-memory",
        type=_megabytes,
        metavar="MB",
        help="what the arrays of a file may take, 2048 unless given; a file that "
        "declares more is refused before it is read",
    )
    add(
        "--max-seconds",
        type=_seconds,
        metavar="S",
        help="how long a file may be read, 20 unless given",
    )
    keras = parser.add_argument_group("Keras weights without their model (.weights.h5)")
    keras.add_argument(
        "--config", type=Path, metavar="JSON", help="what model.to_json() gives"
    )
    torch = parser.add_argument_group("files of weights alone, of PyTorch or Keras")
    torch.add_argument(
        "--take",
        choices=("sequence", "last", "final"),
        help="what follows the LSTM: all of its output (the default for PyTorch), its "
        "last row output[:, -1], or the final h of each direction (the default for "
        "Keras)",
    )
    torch.add_argument(
        "--order", type=_names, metavar="MODULE,...", help="as they are run"
    )
    torch.add_argument(
        "--activations",
        type=_pairs,
        metavar="MODULE=ACTIVATION,...",
        help="what follows a module, for example fc1=relu,fc2=softmax",
    )
    onnx = parser.add_argument_group("ONNX")
    onnx.add_argument("--tensor", metavar="NAME", help="the output to compute")
    onnx.add_argument(
        "--node", metavar="NAME", help="export this LSTM alone, also out of a subgraph"
    )
    onnx.add_argument(
        "--zero-state",
        action="store_true",
        help="states that are inputs of the model begin at zero and are kept by step()",
    )
    return parser


def _suffixes() -> list[str]:
    return [suffix for form in all_formats() for suffix in form.suffixes]


def _options(form: Format, path: Path, given: Mapping[str, Any]) -> Options:
    """Those of the command line that are about the file; refuses what is not of its
    format."""
    chosen = {
        each.name: given[each.name] for each in fields(Options) if each.name in given
    }
    for option in chosen:
        if option not in form.options:
            others = [each for each in all_formats() if option in each.options]
            suffixes = ", ".join(suffix for each in others for suffix in each.suffixes)
            raise Refusal(
                f"--{option.replace('_', '-')} is for {suffixes} and plays no part in "
                f"{path.name}; leave it out"
            )
    return Options(**chosen)


def _progress(total: int) -> Progress:
    if total < LARGE:
        return lambda done, total: None

    def report(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done:,} of {total:,} weights written{end}")
        sys.stderr.flush()

    return report


def _golden(form: Format, path: Path, options: Options, model: Model, by: str) -> Golden:
    expected = golden.from_reference(model)
    if by == "reference":
        return expected
    framework = form.framework_of(path) if form.framework_of else form.framework
    try:
        if importlib.util.find_spec(framework) is None:
            raise NotRun("is not installed")
        golden.check_length(model, expected.x)
        found = form.run(path, options, model, expected.x)
    except NotRun as reason:
        why = str(reason)
    except Exception as error:  # a framework that cannot load its own file
        why = f"cannot run this file ({type(error).__name__})"
    else:
        return golden.checked(expected, found)
    if by == "framework":
        do = "install it or leave" if "installed" in why else "leave"
        raise Refusal(f"{path.name}: {framework} {why}; {do} --golden out")
    return replace(expected, by=f"{expected.by}, as {framework} {why}")


def _export(arguments: Mapping[str, Any]) -> None:
    path: Path = arguments["model"]
    output: str | None = arguments.get("output")
    name = arguments.get("name")
    if name is None:
        stem = path if output in (None, STANDARD_OUTPUT) else Path(output)
        name = default_name(stem.name.split(".")[0])
    check_name(name)
    check_readable(path)
    limits.MEMORY.most = arguments.get("max_memory", 2048) << 20
    limits.TIME.most = arguments.get("max_seconds", 20)
    form = format_of(path)
    options = _options(form, path, arguments)
    target = source = None
    read = [path] if options.config is None else [path, options.config]
    if output != STANDARD_OUTPUT and "summary" not in arguments:
        target = target_of(output or f"{name}.h", read, _suffixes())
    if "split" in arguments and "binary" in arguments:
        raise Refusal("--split and --binary put the weights into two places; give one")
    for option, suffix in (("split", ".c"), ("binary", ".bin")):
        if option in arguments and "summary" not in arguments:
            source = _beside(target, read, option, suffix)
    with limits.TIME.within(path.name):
        model = form.read(path, options)
        model.check()
    if "summary" in arguments:
        write_out(safe(line) for line in summary_lines(model))
        return
    if "int8" in arguments:
        for option in ("split", "binary"):
            if option in arguments:
                raise Refusal(f"--{option} plays no part with --int8; leave it out")
        _export_int8(model, name, arguments, target)
        return
    for option in ("calibrate", "input_range"):
        if option in arguments:
            raise Refusal(f"--{option.replace('_', '-')} is for --int8; add it")
    expected = _golden(form, path, options, model, arguments.get("golden", "auto"))
    plan = Plan(model, name, "binary" in arguments)
    progress = _progress(model.parameters)
    said = f"{model.parameters:,} parameters, tested by {expected.by}"
    if not model.can_stream:
        said += f"; no step(): {model.why_whole}"
    notes = [printable(note) for note in model.notes]
    if target is None:
        write_out(header_lines(plan, expected, progress))
        print(f"lstm_export.py: {printable(said)}", *notes, sep="\n", file=sys.stderr)
        return
    if source is None:
        write(target, header_lines(plan, expected, progress))
    else:
        header = header_lines(plan, expected, progress, source.name)
        weights = source_lines(plan, target.name, progress)
        held = contents(plan) if plan.is_binary else weights
        write_all([(source, held), (target, header)])
    beside = "" if source is None else f" and {source.name}"
    write_out([printable(f"wrote {output or target.name}{beside}: {said}"), *notes])


def _beside(target: Path | None, read: Sequence[Path], option: str, suffix: str) -> Path:
    """Where --split and --binary put the weights: beside the header, under its name."""
    if target is None:
        raise Refusal(
            f"--{option} writes two files, not the standard output; give -o HEADER"
        )
    if target.suffix != ".h":
        raise Refusal(f"-o {target.name}: with --{option} choose one that ends in .h")
    return target_of(str(target.with_suffix(suffix)), read, _suffixes())


def _export_int8(
    model: Model, name: str, arguments: Mapping[str, Any], target: Path | None
) -> None:
    if "golden" in arguments:
        raise Refusal("--golden plays no part with --int8; leave it out")
    int8.chain(model)  # refuses what it does not do before anything is read
    data = []
    if "calibrate" in arguments:
        data = int8.calibration(arguments["calibrate"], model)
    reach = max((float(np.abs(x).max()) for x in data), default=8.0)
    bits = int8.fraction_bits(arguments.get("input_range", reach or 1.0))
    made = int8.convert(model, bits, data)
    x = golden.inputs(model)
    errors = [("the self-test's input", int8.largest_error(made, [x]))]
    if data:
        errors.append(("the calibration data", int8.largest_error(made, data)))
    lines = int8_header_lines(made, name, int8.from_float(x, bits), errors)
    said = (
        f"{made.bytes:,} bytes of 8-bit weights in place of {4 * model.parameters:,}, "
        f"outputs within {errors[-1][1]:.2g} on {errors[-1][0]}"
    )
    if target is None:
        write_out(lines)
        print(f"lstm_export.py: {printable(said)}", file=sys.stderr)
    else:
        write(target, lines)
        write_out([printable(f"wrote {arguments.get('output') or target.name}: {said}")])


def _stop_when_told() -> None:
    """A SIGTERM ends it as Ctrl-C does, with no half of a file left."""

    def stop(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # in another thread than the main one
        signal.signal(signal.SIGTERM, stop)


def main(words: Sequence[str] | None = None) -> int:
    model = "the model"
    try:
        _stop_when_told()
        arguments = vars(_parser().parse_args(words))
        model = arguments["model"].name
        _export(arguments)
    except Refusal as refusal:
        text = str(refusal)
    except limits.TimeUp:
        text = str(limits.TIME.up(model))
    except MemoryError:
        text = (
            f"{model}: takes more memory than there is; if the file is sound, export it "
            "where there is more"
        )
    except KeyboardInterrupt:
        text = f"{model}: stopped; nothing was written"
    except Exception as error:  # a file can be broken in ways no reader foresees
        text = (
            f"{model}: cannot be read ({type(error).__name__}: {error}); "
            "if the framework can read it, please report this"
        )
    else:
        return 0
    print(f"lstm_export.py: {printable(text)}", file=sys.stderr)
    return REFUSED
