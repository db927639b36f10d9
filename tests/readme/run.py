"""`make test-readme`: every command and program of README.md does what README.md says.

Runs in a copy of the tree below build/. Closes with "N passed, N failed".

- Each line of each block marked sh is run, in the order of the page, and has to succeed.
- The first C program has to be the header's QUICK START and print what the page says.
- The C lines for an exported model are compiled and run with a header that the page's
  command made.
- Links to files and headings of all README files have to lead somewhere.
- examples/overview.svg has to be what examples/overview.py draws.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "readme"
COPY = OUT / "tree"
VENV = OUT / "venv"
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's, which has torch (python3-torch)
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]

passed = failed = 0


def check(what: str, good: bool, why: str = "") -> None:
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}\n{why[-3000:]}")


def run(command: list[str] | str, **options: object) -> tuple[bool, str]:
    result = subprocess.run(
        command,
        cwd=COPY,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        shell=isinstance(command, str),
        executable=None,
        **options,  # type: ignore[call-overload]
    )
    return result.returncode == 0, result.stdout


def environment() -> dict[str, str]:
    names = {
        k: v
        for k, v in os.environ.items()
        if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    names["PATH"] = f"{VENV / 'bin'}:{names['PATH']}"
    return names


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def copy_tree() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in ("include", "tests", "examples", "LICENSE", "README.md", "Makefile"):
        source = ROOT / name
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
            shutil.copytree(source, COPY / name, ignore=skip)
        else:
            shutil.copy(source, COPY / name)
    shutil.copytree(ROOT / ".ci", COPY / ".ci")


MODELS = """
import numpy, onnx, torch
from pathlib import Path

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 4, batch_first=True)
        self.fc = torch.nn.Linear(4, 2)

torch.manual_seed(1)
torch.save(Net().state_dict(), "model.pt")
"""

ONNX_MODEL = """
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
rng = np.random.default_rng(1)
def weights(name, *shape):
    return numpy_helper.from_array(rng.uniform(-1, 1, shape).astype(np.float32), name)
node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=4)
graph = helper.make_graph([node], "model",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T", 1, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["T", 1, 1, 4])],
    [weights("W", 1, 16, 3), weights("R", 1, 16, 4), weights("B", 1, 32)])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
onnx.save(model, "model.onnx")
"""


def make_environment() -> None:
    """An environment of its own for what the page installs; it sees the packages of this
    one, so that they are not fetched again."""
    done, text = run([sys.executable, "-m", "venv", str(VENV)])
    check("a Python environment", done, text)
    (packages,) = VENV.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")


def make_models() -> None:
    """model.keras, model.pt and model.onnx: what the reader has at hand."""
    shutil.copy(COPY / "examples/speakers/speaker_streaming.keras", COPY / "model.keras")
    done, text = run([sys.executable, "-c", ONNX_MODEL])
    check("making model.onnx", done, text)
    torch_lines = MODELS.replace("import numpy, onnx, torch", "import torch")
    done, text = run([SYSTEM_PYTHON, "-c", torch_lines])
    check("making model.pt (python3-torch)", done, text)


def commands(page: str) -> None:
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            command = line.split("  #")[0].strip()
            if not command:
                continue
            if "model.pt" in command:  # torch is Debian's here
                script = f"{SYSTEM_PYTHON} examples/export/lstm_export.py "
                command = command.replace("lstm-export ", script, 1)
            done, text = run(command)
            check(command, done, text)
            print(f"{'ok' if done else 'FAILED'}: {command}")
            if "-o model.h" in command and "model.keras" in command:
                exported(page)


def first_program(page: str) -> None:
    source = blocks(page, "c")[0]
    header = (ROOT / "include/lstm.h").read_text(encoding="ascii")
    quick = header.split("QUICK START\n")[1].split("SHAPES AND LAYOUT")[0]
    lines = [re.sub(r"^ \*(   )?", "", line) for line in quick.splitlines()]
    check(
        "the first program is the header's QUICK START",
        "\n".join(lines).strip() == source.strip(),
    )
    (OUT / "first.c").write_text(source, encoding="ascii")
    done, text = run(
        ["cc", *STRICT, "-Iinclude", str(OUT / "first.c"), "-o", str(OUT / "first")]
    )
    check("the first program compiles", done, text)
    promise = re.search(r"prints `(h = [^`]*)`", page)
    done, text = run([str(OUT / "first")])
    check(
        "the first program prints what the page says",
        done and promise is not None and text == promise[1] + "\n",
        text,
    )


def exported(page: str) -> None:
    """The C lines for an exported model, put into a program."""
    lines = next(b for b in blocks(page, "c") if "model_predict" in b)
    include, body = lines.split("\n", 1)
    program = (
        f"#define T 5\n{include}\nint main(void)\n{{\n"
        "    static float x[T * MODEL_INPUT_DIM];\n"
        f"{body}    return y[0] == y[0] ? 0 : 1;\n}}\n"
    )
    (COPY / "uses_model.c").write_text(program, encoding="ascii")
    done, text = run(
        "cc -std=c99 -Wall -Wextra -Iinclude uses_model.c -o uses_model && ./uses_model"
    )
    check("the C lines for an exported model", done, text)


def anchor(heading: str) -> str:
    words = re.sub(r"[`*]", "", heading.lower())
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def links() -> None:
    for page in sorted(ROOT.glob("**/README.md")):
        if "build" in page.relative_to(ROOT).parts:
            continue
        text = page.read_text(encoding="utf-8")
        anchors = {anchor(h) for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        for target in re.findall(r"\]\(([^)]+)\)", text):
            name = f"{page.relative_to(ROOT)}: {target}"
            if target.startswith("https://"):
                continue
            if target.startswith("#"):
                check(name, target[1:] in anchors)
            else:
                check(name, (page.parent / target.split("#")[0]).exists())


def main() -> int:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    copy_tree()
    done, text = run([sys.executable, "examples/overview.py", "--check"])
    check("examples/overview.svg", done, text)
    links()
    first_program(page)
    make_environment()
    make_models()
    commands(page)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
