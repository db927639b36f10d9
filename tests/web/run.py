"""`make test-web`: the page of examples/web in headless Chromium, as a visitor uses it.

Buttons are pressed and what the page shows is read. All numbers of the WebAssembly are
compared with those that the same C file gives on this PC, bit by bit. Chromium is driven
by the WebDriver protocol; the pictures of the page are left in build/test-web. Debian
packages: chromium chromium-driver clang lld. What is absent is skipped, which in CI
(CI=true) is a failure. Closes with "N passed, N failed".
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "build" / "web"
OUT = ROOT / "build" / "test-web"
UNITS, SPEAKERS = 48, 9
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name of an element

passed = failed = 0


def check(what: str, good: bool, why: object = "") -> bool:
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what} {str(why)[:1000]}".rstrip())
    return good


class Browser:
    """As much of WebDriver as this test needs."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        options = {
            "binary": shutil.which("chromium"),
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--window-size=940,1300",
                "--autoplay-policy=no-user-gesture-required",
            ],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{answer['sessionId']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def open(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        body = {"script": script, "args": list(arguments)}
        return self.call("POST", "/execute/sync", body)

    def click(self, name: str) -> None:
        body = {"using": "css selector", "value": f"#{name}"}
        found = self.call("POST", "/element", body)
        self.call("POST", f"/element/{found[ELEMENT]}/click", {})

    def text(self, name: str) -> str:
        return str(
            self.run("return document.getElementById(arguments[0]).innerText", name)
        )

    def wait(self, script: str, seconds: float = 20) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(f"return {script}"):
                return True
            time.sleep(0.1)
        return False

    def picture(self, name: str) -> None:
        data = self.call("GET", "/screenshot")
        (OUT / name).write_bytes(base64.b64decode(data))

    def log(self) -> list[str]:
        rows = self.call("POST", "/se/log", {"type": "browser"})
        return [row["message"] for row in rows if row["level"] in ("SEVERE", "WARNING")]

    def close(self) -> None:
        self.call("DELETE", "")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    port = free_port()
    command = ["chromedriver", f"--port={port}", "--log-level=OFF"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as driver:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            page = Browser(port)
            yield page
            page.close()
        finally:
            driver.terminate()


def expected() -> list[int]:
    """The bits of all numbers, by the compiler of this PC."""
    program = OUT / "expected"
    subprocess.run(
        [
            "cc",
            "-std=c99",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-DLSTM_NO_FMA=1",
            "-Iinclude",
            "-Iexamples",
            "-Ibuild/web-data",
            "tests/web/expected.c",
            "-o",
            str(program),
        ],
        cwd=ROOT,
        check=True,
    )
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in lines.split()]


NUMBERS = """
const bits = [], add = (pointer, count) =>
  bits.push(...new Uint32Array(lstm.memory.buffer, pointer, count));
for (let u = 0; u < lstm.utterance_count(); u++) {
  lstm.start();
  for (let t = 0; t < lstm.utterance_frames(u); t++) {
    lstm.hear(lstm.frame(u, t));
    add(lstm.hidden(), 48);
    add(lstm.answer(), 9);
  }
}
lstm.riff();
lstm.amplifier_start();
for (let first = 0; first < lstm.riff_samples(); first += 64) { lstm.amplify(first); }
const loud = new Uint32Array(lstm.memory.buffer, lstm.amplified(), lstm.riff_samples());
return bits.concat(Array.from(loud));
"""


def as_float(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def bits_as_on_the_pc(page: Browser, wanted: list[int]) -> None:
    got = page.run(NUMBERS)
    same = sum(a == b for a, b in zip(got, wanted, strict=False))
    print(f"{same} of {len(wanted)} numbers have the bits of the PC")
    check("all numbers have the PC's bits", got == wanted, f"{same} of {len(wanted)}")
    check("there are numbers", len(set(wanted)) > 50_000)


def speakers(page: Browser, wanted: list[int], frames: list[int]) -> None:
    """Utterance 4 is chosen, heard frame by frame, then played to its end."""
    chosen = 3
    page.run(
        "const s = document.getElementById('utterance'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('change'))",
        chosen,
    )
    check("frame 0", page.text("position") == f"frame 0 of {frames[chosen]}")
    for _ in range(3):
        page.click("next")
    check("frame 3", page.text("position") == f"frame 3 of {frames[chosen]}")
    at = (sum(frames[:chosen]) + 2) * (UNITS + SPEAKERS)
    numbers = [as_float(bits) for bits in wanted[at : at + UNITS + SPEAKERS]]
    rows = page.text("speakers").split("\n")
    shown = [row for row in rows if row.endswith("%")]
    said = [f"{100 * p:.1f} %" for p in numbers[UNITS:]]
    check("the nine probabilities after 3 frames", shown == said, (shown, said))
    titles = page.run(
        "return [...document.querySelectorAll('#units div')].map(d => d.title)"
    )
    said = [f"unit {k}: {h:.4f}" for k, h in enumerate(numbers[:UNITS])]
    check("the 48 hidden units after 3 frames", titles == said, (titles, said))
    colors = page.run(
        "return [...document.querySelectorAll('#units div')].map(d =>"
        "getComputedStyle(d).backgroundColor)"
    )
    check("the units have colours", len(set(colors)) > 10, colors)
    page.picture("speakers.png")
    page.click("again")
    check("started again", page.text("position") == f"frame 0 of {frames[chosen]}")
    page.click("play")
    done = page.wait("document.getElementById('verdict').innerText !== ''")
    check("it plays to the end", done and page.text("play") == "Play")
    check(
        "the verdict",
        page.text("verdict").endswith("and that is right."),
        page.text("verdict"),
    )
    page.picture("played.png")


def right_answers(wanted: list[int], frames: list[int], spoken: list[int]) -> None:
    end = right = 0
    for count, speaker in zip(frames, spoken, strict=True):
        end += count * (UNITS + SPEAKERS)
        p = [as_float(bits) for bits in wanted[end - SPEAKERS : end]]
        right += p.index(max(p)) + 1 == speaker
    print(f"{right} of {len(frames)} utterances are recognised")
    check("at least 17 of 18 are recognised", len(frames) == 18 and right >= 17, right)


def amplifier(page: Browser) -> None:
    check("the time per block", "1500 blocks" in page.text("time"), page.text("time"))
    for name in ("dry", "loud"):
        page.click(name)
        drawn = page.run(
            "const c = document.getElementById(arguments[0]);"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
            "return d.data.filter((v, k) => k % 4 === 3 && v > 0).length",
            f"{name}_wave",
        )
        check(f"the picture of {name}", drawn > 5_000, drawn)
    check("a sound is playing", page.wait("audio.state === 'running'"))
    print(page.text("time"))


def without_wasm(page: Browser) -> None:
    alone = OUT / "alone"
    alone.mkdir()
    shutil.copy(PAGE / "index.html", alone)
    with served(alone) as url:
        page.open(url)
        page.wait("!document.getElementById('problem').hidden")
        check(
            "without web.wasm the page says so", "needs web.wasm" in page.text("problem")
        )


def main() -> int:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            print(f"SKIPPED: no {program}")
            missing = os.environ.get("CI") == "true"
            print(f"0 passed, {int(missing)} failed")
            return int(missing)
    wanted = expected()
    files = sorted(path.name for path in PAGE.iterdir())
    check("one page and one .wasm", files == ["index.html", "web.wasm"], files)
    with served(PAGE) as url, browser() as page:
        page.open(url)
        check(
            "the page starts",
            page.wait("document.body.dataset.ready === 'yes'"),
            page.log(),
        )
        check("the self-tests", page.text("selftest").startswith("Self-tests passed"))
        count = "Array.from({length: lstm.utterance_count()}, (_, u) => "
        frames = page.run(f"return {count}lstm.utterance_frames(u))")
        spoken = page.run(f"return {count}lstm.utterance_speaker(u))")
        bits_as_on_the_pc(page, wanted)
        right_answers(wanted, frames, spoken)
        speakers(page, wanted, frames)
        amplifier(page)
        check("no message in the console", not (messages := page.log()), messages)
        without_wasm(page)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
