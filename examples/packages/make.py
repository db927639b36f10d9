"""Make the packages of lstm.h: `make packages`.

    python examples/packages/make.py [--url URL] [--out DIRECTORY]

Writes, with the version of the header's macros in each name:

    lstm-VERSION-arduino.zip         an Arduino library with its sketches
    lstm-VERSION-platformio.tar.gz   a PlatformIO library
    lstm-VERSION-esp-idf.tar.gz      an ESP-IDF component
    lstm-VERSION-zephyr.tar.gz       a Zephyr module

and, with the `build` package, the wheel and the sdist of the exporter (examples/export).
The archives hold the same bytes whenever they are made of the same tree. URL is the
project's page, which some of the formats ask for.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "Runs LSTM layers that were trained in Keras: the same numbers, no heap."
PARAGRAPH = (
    "LSTM, Bidirectional, Dense and Masking as in Keras, a step at a time or a sequence. "
    "Weights stay in flash. A script turns models of Keras, PyTorch and ONNX into a header."
)
AUTHOR = "The lstm.h authors"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold

Files = dict[str, bytes]  # path in the package -> content


def read(path: str) -> bytes:
    return (ROOT / path).read_bytes()


def headers() -> list[str]:
    return sorted(path.name for path in (ROOT / "include").glob("*.h"))


def version() -> str:
    text = read("include/lstm.h").decode("ascii")
    numbers = []
    for part in ("MAJOR", "MINOR", "PATCH"):
        match = re.search(rf"^#define LSTM_VERSION_{part} (\d+)$", text, re.MULTILINE)
        if match is None:
            raise ValueError(f"include/lstm.h: no LSTM_VERSION_{part}")
        numbers.append(match[1])
    return ".".join(numbers)


# ---- What the headers offer, for the Arduino IDE's colours -----------------------------


def names_in(header: str) -> dict[str, set[str]]:
    text = read(f"include/{header}").decode("ascii")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    private = set(re.findall(r"^#undef (\w+)", text, re.MULTILINE))
    enums = re.findall(r"^typedef enum \w+ \{(.*?)\}", text, re.MULTILINE | re.DOTALL)
    macros = re.findall(r"^#define (LSTM_[A-Z0-9_]+)", text, re.MULTILINE)
    constants = {n for body in enums for n in re.findall(r"\bLSTM_[A-Z0-9_]+", body)}
    types = re.findall(r"^\} (lstm_\w+);", text, re.MULTILINE)
    functions = re.findall(r"^LSTM_API [^;{}=]*?\b(lstm_\w+)\(", text, re.MULTILINE)

    def public(names: set[str]) -> set[str]:
        return {n for n in names - private if not re.search(r"_(impl|k)_|_h$", n.lower())}

    return {
        "KEYWORD1": public(set(types)),
        "KEYWORD2": public(set(functions)),
        "LITERAL1": public(constants | set(macros)),
    }


def keywords() -> bytes:
    lines = ["# Names of lstm.h for the Arduino IDE; made by examples/packages/make.py."]
    for kind in ("KEYWORD1", "KEYWORD2", "LITERAL1"):
        names = set().union(*(names_in(header)[kind] for header in headers()))
        lines += [f"{name}\t{kind}" for name in sorted(names)]
    return ("\n".join(lines) + "\n").encode("ascii")


# ---- The packages ---------------------------------------------------------------------


def include(folder: str) -> Files:
    files = {f"{folder}/{name}": read(f"include/{name}") for name in headers()}
    return files | {"LICENSE": read("LICENSE")}


def sketches() -> Files:
    """Each sketch with its headers, also those that it shares with another one."""
    files = {}
    for sketch in sorted((ROOT / "examples/firmware/arduino").glob("*/*.ino")):
        wanted = re.findall(r'^#include "(.*)"', sketch.read_text("utf-8"), re.MULTILINE)
        shared = [
            path
            for path in sketch.parent.parent.glob("*/*.h")
            if path.name in wanted and not (sketch.parent / path.name).exists()
        ]
        for path in sorted([*sketch.parent.iterdir(), *shared]):
            if path.suffix in (".ino", ".h"):
                files[f"examples/{sketch.stem}/{path.name}"] = path.read_bytes()
    return files


def arduino(url: str) -> Files:
    fields = {
        "name": "lstm",
        "version": version(),
        "author": AUTHOR,
        "maintainer": AUTHOR,
        "sentence": SENTENCE,
        "paragraph": PARAGRAPH,
        "category": "Data Processing",
        "url": url,
        "architectures": "*",
        "includes": "lstm.h",
        "license": "MIT",
    }
    text = "".join(f"{key}={value}\n" for key, value in fields.items())
    files = include("src") | sketches()
    return files | {"library.properties": text.encode(), "keywords.txt": keywords()}


def platformio(url: str) -> Files:
    manifest = {
        "name": "lstm",
        "version": version(),
        "description": SENTENCE,
        "keywords": ["lstm", "keras", "neural-network", "machine-learning", "tinyml"],
        "homepage": url,
        "authors": [{"name": AUTHOR, "maintainer": True}],
        "license": "MIT",
        "frameworks": "*",
        "platforms": "*",
        "headers": headers(),
        "examples": [
            {"name": "04_streaming", "base": "examples", "files": ["04_streaming.c"]}
        ],
        "build": {"includeDir": "include"},
    }
    example = {"examples/04_streaming.c": read("examples/04_streaming.c")}
    text = json.dumps(manifest, indent=2) + "\n"
    return include("include") | example | {"library.json": text.encode()}


def esp_idf(url: str) -> Files:
    component = (
        f'version: "{version()}"\n'
        f"description: {json.dumps(SENTENCE)}\n"
        f"url: {url}\n"
        "license: MIT\n"
        "dependencies:\n"
        '  idf: ">=4.4"\n'
    )
    cmake = (
        "# lstm.h as an ESP-IDF component: a header, nothing to build.\n"
        'idf_component_register(INCLUDE_DIRS "include")\n'
    )
    about = f"# lstm\n\n{SENTENCE} {PARAGRAPH}\n"
    return include("include") | {
        "idf_component.yml": component.encode(),
        "CMakeLists.txt": cmake.encode(),
        "README.md": about.encode(),
    }


def zephyr(url: str) -> Files:
    module = "name: lstm\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n"
    cmake = (
        "# lstm.h as a Zephyr module: a header, nothing to build.\n"
        "if(CONFIG_LSTM)\n"
        "  zephyr_include_directories(${CMAKE_CURRENT_LIST_DIR}/../include)\n"
        "endif()\n"
    )
    kconfig = f'config LSTM\n\tbool "lstm.h"\n\thelp\n\t  {SENTENCE}\n\t  {url}\n'
    return include("include") | {
        "zephyr/module.yml": module.encode(),
        "zephyr/CMakeLists.txt": cmake.encode(),
        "zephyr/Kconfig": kconfig.encode(),
    }


# ---- Archives -------------------------------------------------------------------------


def write_zip(path: Path, top: str, files: Files) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{top}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)


def write_tar(path: Path, top: str, files: Files) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}" if top else name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
    ):
        packed.write(plain.getvalue())


def build_exporter(out: Path) -> None:
    """The wheel and the sdist, by the `build` package from a copy of the sources."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "export"
        for path in sorted((ROOT / "examples/export").rglob("*")):
            inside = path.relative_to(ROOT / "examples/export")
            if path.is_file() and not {"__pycache__", "build", "tests"} & set(
                inside.parts
            ):
                (copy / inside).parent.mkdir(parents=True, exist_ok=True)
                (copy / inside).write_bytes(path.read_bytes())
        (copy / "LICENSE").write_bytes(read("LICENSE"))
        command = [sys.executable, "-m", "build", "--outdir", str(out), str(copy)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.stderr.write(result.stdout + result.stderr)
            raise SystemExit(1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the packages of lstm.h.")
    parser.add_argument("--url", default="https://example.org/lstm.h")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "packages")
    arguments = parser.parse_args()
    out, url = arguments.out.resolve(), arguments.url
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("lstm-*"), *out.glob("lstm_*")]:
        old.unlink()
    name = f"lstm-{version()}"
    write_zip(out / f"{name}-arduino.zip", "lstm", arduino(url))
    write_tar(out / f"{name}-platformio.tar.gz", "", platformio(url))
    write_tar(out / f"{name}-esp-idf.tar.gz", "lstm", esp_idf(url))
    write_tar(out / f"{name}-zephyr.tar.gz", "lstm", zephyr(url))
    build_exporter(out)
    for path in sorted(out.glob("lstm*")):
        print(f"{path.name}  {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
