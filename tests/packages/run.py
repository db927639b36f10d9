"""`make test-packages`: what `make packages` wrote is complete and works.

Each package is unpacked below build/test-packages and used by what its users have:

    Arduino     avr-g++ with Debian's arduino-core-avr compiles the sketch as the IDE
                does, and simavr runs it: its self-test has to pass
    PlatformIO  its own reader of library.json; the example compiles
    ESP-IDF     the component manager packs it; cmake with a stub of
                idf_component_register
    Zephyr      module.yml's keys, kconfiglib; cmake with a stub of Zephyr's function
    exporter    twine check; a wheel in a new environment exports a model that runs

Debian packages: arduino-core-avr gcc-avr avr-libc cmake simavr. What is absent is
skipped, which in CI (CI=true) is a failure. Closes with "N passed, N failed".
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build" / "packages"
OUT = ROOT / "build" / "test-packages"
MAKE = ROOT / "examples" / "packages" / "make.py"
CORE = Path("/usr/share/arduino/hardware/arduino/avr")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

passed = failed = 0


def check(what: str, good: bool, why: str = "") -> bool:
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}\n{why[-2000:]}".rstrip())
    return good


def have(program: str) -> bool:
    found = shutil.which(program) is not None
    if not found:
        print(f"SKIPPED: no {program}")
        if os.environ.get("CI") == "true":
            check(f"{program} is missing", False)
    return found


def run(command: list[str], where: Path = ROOT) -> tuple[bool, str]:
    result = subprocess.run(
        command,
        cwd=where,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
    )
    return result.returncode == 0, result.stdout


def runs(what: str, command: list[str], where: Path = ROOT) -> bool:
    return check(what, *run(command, where))


def header_version() -> str:
    source = (
        '#include "lstm.h"\nLSTM_VERSION_MAJOR LSTM_VERSION_MINOR LSTM_VERSION_PATCH\n'
    )
    (OUT / "version.c").write_text(source, encoding="ascii")
    _, text = run(["cc", "-E", "-P", "-Iinclude", str(OUT / "version.c")])
    return ".".join(text.strip().splitlines()[-1].split())


def unpack(name: str) -> Path:
    """The package NAME: all its files lie in it, none outside, none may be run."""
    folder = OUT / name
    (path,) = PACKAGES.glob(f"lstm-*-{name}.*")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            archive.extractall(folder)
    else:
        with tarfile.open(path) as archive:
            names = archive.getnames()
            archive.extractall(folder, filter="data")
    check(f"{name}: paths", not any(n.startswith("/") or ".." in n for n in names))
    return folder if (folder / "library.json").exists() else folder / "lstm"


def same_headers(name: str, folder: Path) -> None:
    for header in (ROOT / "include").glob("*.h"):
        copy = folder / header.name
        same = copy.exists() and copy.read_bytes() == header.read_bytes()
        check(f"{name}: {header.name} is the tree's", same)


def compiles_include(name: str, folder: Path) -> None:
    """The packed header by itself, with the README's first program."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
    (OUT / "first.c").write_text(program, encoding="ascii")
    out = OUT / f"first_{name}"
    if runs(
        f"{name}: a program compiles",
        [
            "cc",
            "-std=c99",
            *WARNINGS,
            f"-I{folder}",
            str(OUT / "first.c"),
            "-o",
            str(out),
        ],
    ):
        check(f"{name}: what it prints", run([str(out)]) == (True, "h = 0.162735\n"))


# ---- Arduino --------------------------------------------------------------------------


def arduino(version: str) -> None:
    library = unpack("arduino")
    lines = (library / "library.properties").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    wanted = (
        "name version author maintainer sentence paragraph category url architectures"
    )
    for key in wanted.split():
        check(f"library.properties: {key}", bool(fields.get(key)))
    check("library.properties: version", fields.get("version") == version)
    same_headers("arduino", library / "src")
    for header in fields.get("includes", "").split(","):
        check(
            f"library.properties: includes {header}", (library / "src" / header).exists()
        )
    keywords(library)
    sketches = sorted((library / "examples").glob("*/*.ino"))
    check("the sketches", len(sketches) >= 1)
    if not have("avr-g++"):
        return
    if not CORE.exists():
        check("arduino-core-avr is installed", os.environ.get("CI") != "true")
        print("SKIPPED: no arduino-core-avr")
        return
    core = arduino_core()
    for sketch in sketches:
        check(f"{sketch.name}: its directory", sketch.parent.name == sketch.stem)
        compile_sketch(library, sketch, core)


def keywords(library: Path) -> None:
    text = (library / "keywords.txt").read_text(encoding="ascii")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    kinds = dict(rows)
    headers = "".join(
        p.read_text(encoding="ascii") for p in (library / "src").glob("*.h")
    )
    for name, kind in (
        ("lstm_layer", "KEYWORD1"),
        ("lstm_forward", "KEYWORD2"),
        ("lstm_step", "KEYWORD2"),
        ("LSTM_PARAM_COUNT", "LITERAL1"),
        ("LSTM_ERR_SHAPE", "LITERAL1"),
        ("LSTM_SOFTMAX", "LITERAL1"),
    ):
        check(f"keywords.txt: {name}", kinds.get(name) == kind)
    unknown = [name for name in kinds if not re.search(rf"\b{name}\b", headers)]
    check("keywords.txt: every name is in a header", not unknown, str(unknown))
    private = [name for name in kinds if "impl" in name.lower()]
    check("keywords.txt: no private name", not private, str(private))


ON_UNO = [
    "-mmcu=atmega328p",
    "-DF_CPU=16000000L",
    "-DARDUINO=10819",
    "-DARDUINO_AVR_UNO",
    "-DARDUINO_ARCH_AVR",
    "-Os",
    "-ffunction-sections",
    "-fdata-sections",
]
CORE_INCLUDES = [f"-I{CORE}/cores/arduino", f"-I{CORE}/variants/standard"]
CXX = ["-std=gnu++11", "-fpermissive", "-fno-exceptions", "-fno-threadsafe-statics"]


def arduino_core() -> list[str]:
    """The objects of Arduino's core for an Uno, with the IDE's options."""
    folder = OUT / "core"
    folder.mkdir()
    objects = []
    for source in sorted((CORE / "cores/arduino").iterdir()):
        if source.suffix not in (".c", ".cpp", ".S"):
            continue
        target = folder / f"{source.name}.o"
        tool = ["avr-g++", *CXX] if source.suffix == ".cpp" else ["avr-gcc"]
        if source.suffix == ".S":
            tool += ["-x", "assembler-with-cpp"]
        # avr-gcc 5.4 has DECIMAL_DIG in C alone
        options = [*ON_UNO, *CORE_INCLUDES, "-DDECIMAL_DIG=__DECIMAL_DIG__", "-w"]
        command = [*tool, *options, "-c", str(source), "-o", str(target)]
        done, text = run(command)
        if not done:
            check(f"Arduino's core: {source.name}", False, text)
        objects.append(str(target))
    return objects


def compile_sketch(library: Path, sketch: Path, core: list[str]) -> None:
    """As the IDE does: Arduino.h in front, the library's src in the include path."""
    source = OUT / f"{sketch.name}.cpp"
    text = sketch.read_text(encoding="utf-8")
    source.write_text(f'#include <Arduino.h>\n#line 1 "{sketch.name}"\n{text}', "utf-8")
    elf = OUT / f"{sketch.stem}.elf"
    if not runs(
        f"{sketch.name} compiles with the library",
        [
            "avr-g++",
            *CXX,
            *ON_UNO,
            *CORE_INCLUDES,
            "-Wall",
            "-Wextra",
            f"-I{library}/src",
            f"-I{sketch.parent}",
            str(source),
            *core,
            "-Wl,--gc-sections",
            "-lm",
            "-o",
            str(elf),
        ],
    ):
        return
    _, sizes = run(["avr-size", str(elf)])
    text_size, data, bss = (int(word) for word in sizes.splitlines()[1].split()[:3])
    print(
        f"{sketch.name} on an Uno: {text_size + data} bytes of flash, {data + bss} of RAM"
    )
    check(f"{sketch.name}: flash of an Uno", text_size + data <= 32256)
    check(
        f"{sketch.name}: RAM of an Uno, with 512 bytes of stack", data + bss <= 2048 - 512
    )
    simulate(sketch, elf)


def simulate(sketch: Path, elf: Path) -> None:
    """The sketch in simavr: what it writes to its serial port begins with the self-test."""
    if not have("simavr"):
        return
    command = ["timeout", "20", "simavr", "-m", "atmega328p", "-f", "16000000", str(elf)]
    _, text = run(command)  # the sketch never ends: the time is up
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    check(f"{sketch.name}: its self-test in simavr", "self-test: ok" in plain, plain)
    said = re.findall(r"speaker (\d), says Keras (\d)", plain)
    check(
        f"{sketch.name}: as Keras", len(said) >= 9 and all(a == b for a, b in said), plain
    )


# ---- The others -----------------------------------------------------------------------


def platformio(version: str) -> None:
    folder = unpack("platformio")
    from platformio.package.manifest.parser import ManifestParserFactory
    from platformio.package.manifest.schema import ManifestSchema

    # Its list of licenses is on the network; this much of it will do.
    ManifestSchema.load_spdx_licenses = staticmethod(
        lambda *_: {"licenses": [{"licenseId": "MIT"}]}
    )
    manifest: dict[str, Any] = {}
    why = ""
    try:
        data = ManifestParserFactory.new_from_dir(str(folder)).as_dict()
        manifest = ManifestSchema().load_manifest(data)
    except Exception as error:
        why = repr(error)
    check("library.json by PlatformIO", manifest.get("version") == version, why)
    for name in manifest.get("headers", []):
        check(f"library.json: {name}", (folder / "include" / name).exists())
    same_headers("platformio", folder / "include")
    compiles_include("platformio", folder / "include")
    for example in manifest.get("examples", []):
        for name in example["files"]:
            source = folder / example["base"] / name
            runs(
                f"platformio: {name} compiles",
                [
                    "cc",
                    "-std=c99",
                    *WARNINGS,
                    f"-I{folder}/include",
                    str(source),
                    "-o",
                    str(OUT / "pio_example"),
                    "-lm",
                ],
            )


def cmake_project(name: str, lines: str) -> Path:
    folder = OUT / f"{name}_project"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(lines, encoding="ascii")
    shutil.copy(ROOT / "examples/cmake/hello.c", folder)
    return folder


def builds(name: str, project: Path) -> None:
    build = project / "build"
    if runs(f"{name}: cmake", ["cmake", "-S", str(project), "-B", str(build)]) and runs(
        f"{name}: cmake --build", ["cmake", "--build", str(build)]
    ):
        _, text = run([str(build / "hello")])
        check(f"{name}: what it prints", text.endswith("h = 0.162735\n"), text)


def esp_idf(version: str) -> None:
    component = unpack("esp-idf")
    same_headers("esp-idf", component / "include")
    manifest = YAML(typ="safe").load(
        (component / "idf_component.yml").read_text(encoding="utf-8")
    )
    check("idf_component.yml: version", manifest.get("version") == version)
    packed = OUT / "esp-idf-packed"
    compote = str(Path(sys.executable).parent / "compote")
    runs(
        "the component manager packs it",
        [compote, "component", "pack", "--name", "lstm", "--dest-dir", str(packed)],
        component,
    )
    if have("cmake"):
        project = cmake_project(
            "esp_idf",
            f"""
cmake_minimum_required(VERSION 3.16)
project(app C)
function(idf_component_register)
  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS;REQUIRES;PRIV_REQUIRES" ${{ARGN}})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "idf_component_register: ${{ARG_UNPARSED_ARGUMENTS}}")
  endif()
  add_library(component INTERFACE)
  foreach(directory IN LISTS ARG_INCLUDE_DIRS)
    target_include_directories(component INTERFACE "${{CMAKE_CURRENT_SOURCE_DIR}}/${{directory}}")
  endforeach()
endfunction()
add_subdirectory("{component}" component)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE component)
""",
        )
        builds("esp-idf", project)


# What Zephyr's scripts/zephyr_module.py allows in zephyr/module.yml.
MODULE_KEYS = {
    "name",
    "build",
    "tests",
    "samples",
    "boards",
    "blobs",
    "security",
    "runners",
    "package-managers",
    "url",
}
BUILD_KEYS = {
    "cmake",
    "kconfig",
    "cmake-ext",
    "kconfig-ext",
    "sysbuild-cmake",
    "sysbuild-kconfig",
    "sysbuild-cmake-ext",
    "sysbuild-kconfig-ext",
    "depends",
    "settings",
}


def zephyr() -> None:
    module = unpack("zephyr")
    same_headers("zephyr", module / "include")
    description = YAML(typ="safe").load(
        (module / "zephyr/module.yml").read_text(encoding="utf-8")
    )
    check("module.yml: keys", set(description) <= MODULE_KEYS)
    check("module.yml: name", bool(re.fullmatch(r"[A-Za-z0-9_-]+", description["name"])))
    build = description["build"]
    check("module.yml: build", set(build) <= BUILD_KEYS)
    check("module.yml: cmake", (module / build["cmake"] / "CMakeLists.txt").exists())
    check("module.yml: kconfig", (module / build["kconfig"]).exists())
    import kconfiglib

    tree = kconfiglib.Kconfig(str(module / build["kconfig"]), warn_to_stderr=False)
    check("Kconfig", "LSTM" in tree.syms and not tree.warnings, str(tree.warnings))
    check("Kconfig: off by default", tree.syms["LSTM"].str_value == "n")
    if have("cmake"):
        text = """
cmake_minimum_required(VERSION 3.20)
project(app C)
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${{ARGN}})
endfunction()
set(CONFIG_LSTM {on})
add_subdirectory("{module}/zephyr" module)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE zephyr_interface)
"""
        builds("zephyr", cmake_project("zephyr", text.format(on="y", module=module)))
        off = cmake_project("zephyr_off", text.format(on="", module=module))
        run(["cmake", "-S", str(off), "-B", str(off / "build")])
        done, _ = run(["cmake", "--build", str(off / "build")])
        check("zephyr: without CONFIG_LSTM there is no lstm.h", not done)


def exporter(version: str) -> None:
    wheels, sdists = (
        list(PACKAGES.glob("*.whl")),
        list(PACKAGES.glob("lstm*export*.tar.gz")),
    )
    if not check("a wheel and an sdist of the exporter", len(wheels) == len(sdists) == 1):
        return
    runs(
        "twine check",
        [
            sys.executable,
            "-m",
            "twine",
            "check",
            "--strict",
            str(wheels[0]),
            str(sdists[0]),
        ],
    )
    check("the wheel's version is the header's", f"-{version}-" in wheels[0].name)
    with zipfile.ZipFile(wheels[0]) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
    own = {"lstm_export", f"lstm_export-{version}.dist-info"}
    check("the wheel installs no name but lstm_export", tops == own, str(tops))
    home = OUT / "exporter"
    if not runs("a new environment", [sys.executable, "-m", "venv", str(home)]):
        return
    runs(
        "pip install of the wheel",
        [
            str(home / "bin/python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            str(wheels[0]),
        ],
    )
    model = ROOT / "examples/speakers/speaker_streaming.keras"
    runs(
        "lstm-export",
        [
            str(home / "bin/lstm-export"),
            str(model),
            "-o",
            str(home / "model.h"),
            "--name",
            "model",
        ],
        home,
    )
    source = (
        '#include "model.h"\nint main(void) { return !(model_selftest() <= 2e-6f); }\n'
    )
    (home / "selftest.c").write_text(source, encoding="ascii")
    if runs(
        "the exported header compiles",
        [
            "cc",
            "-std=c99",
            *WARNINGS,
            "-Iinclude",
            f"-I{home}",
            str(home / "selftest.c"),
            "-o",
            str(home / "selftest"),
        ],
    ):
        runs("its self-test", [str(home / "selftest")])


def reproducible() -> None:
    """The archives (the wheel aside) hold the same bytes the second time."""
    again = OUT / "again"
    runs("make.py once more", [sys.executable, str(MAKE), "--out", str(again)])
    for path in sorted(PACKAGES.glob("lstm-*")):
        same = (again / path.name).exists() and (
            (again / path.name).read_bytes() == path.read_bytes()
        )
        check(f"{path.name}: the same bytes twice", same)


def main() -> int:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    version = header_version()
    check(f"the version {version}", bool(re.fullmatch(r"\d+\.\d+\.\d+", version)))
    reproducible()
    arduino(version)
    platformio(version)
    esp_idf(version)
    zephyr()
    exporter(version)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
