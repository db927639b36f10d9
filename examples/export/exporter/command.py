"""The command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from exporter import VERSION, golden
from exporter.c_header import Progress, header_lines, write
from exporter.c_text import check_name, identifier, safe
from exporter.errors import Refusal
from exporter.formats import Format, Options, all_formats, format_of
from exporter.golden import Golden
from exporter.model import Model
from exporter.plan import Plan
from exporter.summary import summary_lines

REFUSED = 2
LARGE = 1_000_000  # weights from which on progress is reported


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and mark and value for name, mark, value in pairs):
        raise argparse.ArgumentTypeError(f"'{text}' is not MODULE=ACTIVATION,...")
    return {name: value for name, _, value in pairs}


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _parser() -> argparse.ArgumentParser:
    suffixes = ", ".join(suffix for form in all_formats() for suffix in form.suffixes)
    parser = argparse.ArgumentParser(
        prog="lstm_export.py",
        description="Turn a trained model into one C header that runs it with lstm.h.",
    )
    add = parser.add_argument
    add("model", type=Path, help=f"a file ending in {suffixes}")
    add("-o", "--output", type=Path, metavar="HEADER", help="default: NAME.h")
    add("--name", help="what C names begin with; default: from the file's name")
    add("--summary", action="store_true", help="print the table, write nothing")
    add(
        "--golden",
        choices=("auto", "framework", "reference"),
        default="auto",
        help="who says what the self-test expects: the framework that made the model "
        "(where it is installed), or the float64 reference of this tool, for a header "
        "that is the same on every machine",
    )
    add("--version", action="version", version=f"lstm_export.py {VERSION}")
    keras = parser.add_argument_group("Keras weights without their model (.weights.h5)")
    keras.add_argument(
        "--config", type=Path, metavar="JSON", help="what model.to_json() gives"
    )
    torch = parser.add_argument_group("PyTorch, whose files hold weights alone")
    torch.add_argument(
        "--take",
        choices=("sequence", "last", "final"),
        default="sequence",
        help="what follows the LSTM: all of its output (the default), its last row "
        "output[:, -1], or the final h of each direction",
    )
    torch.add_argument(
        "--order", type=_names, default=(), metavar="MODULE,...", help="as they are run"
    )
    torch.add_argument(
        "--activations",
        type=_pairs,
        default={},
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
    why = "is not installed, or has another version"
    try:
        found = form.run(path, options, model, expected.x)
    except Exception as error:  # a framework that cannot load its own file
        found, why = None, f"cannot run it ({type(error).__name__})"
        expected = replace(expected, by=f"{expected.by}; the framework {why}")
    if found is None and by == "framework":
        raise Refusal(
            f"{path.name}: the framework that made it {why}; install it or leave "
            "--golden out"
        )
    return golden.checked(expected, found)


def _export(arguments: argparse.Namespace) -> None:
    path: Path = arguments.model
    name = arguments.name
    if name is None:
        stem = arguments.output or path
        name = identifier(stem.name.split(".")[0], "model")
    check_name(name)
    if not path.is_file():
        raise Refusal(f"{path.name}: there is no such file; check the path")
    output = arguments.output or Path(f"{name}.h")
    if output.exists() and output.samefile(path):
        raise Refusal(f"{output.name}: is the model itself; choose another -o")
    form = format_of(path)
    options = Options(
        config=arguments.config,
        take=arguments.take,
        order=arguments.order,
        activations=arguments.activations,
        tensor=arguments.tensor,
        node=arguments.node,
        zero_state=arguments.zero_state,
    )
    model = form.read(path, options)
    model.check()
    if arguments.summary:
        print("\n".join(safe(line) for line in summary_lines(model)))
        return
    expected = _golden(form, path, options, model, arguments.golden)
    plan = Plan(model, name)
    write(output, header_lines(plan, expected, _progress(model.parameters)))
    print(f"wrote {output}: {model.parameters:,} parameters, tested by {expected.by}")


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        _export(arguments)
    except Refusal as refusal:
        text = str(refusal)
    except MemoryError:
        text = f"{arguments.model.name}: does not fit into memory; use a larger machine"
    except Exception as error:  # a file can be broken in ways no reader foresees
        text = (
            f"{arguments.model.name}: cannot be read ({type(error).__name__}: {error}); "
            "if the framework can read it, please report this"
        )
    else:
        return 0
    shown = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    print(f"lstm_export.py: {shown}", file=sys.stderr)
    return REFUSED
