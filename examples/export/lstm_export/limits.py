"""How much a file may ask for: memory, by what it declares, and the time to read it."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lstm_export.errors import Refusal

MOST_LAYERS = 10_000
MOST_TEXT = 64 << 20  # bytes of a configuration
MOST_OBJECTS = 100_000  # in an HDF5 file
MOST_DEPTH = 64  # of its groups


@dataclass
class Memory:
    """What all arrays of a file may take."""

    most: int = 2 << 30

    def check(self, what: str, size: int) -> None:
        if size > self.most:
            raise Refusal(
                f"{what} takes {size / 2**20:,.0f} MB where {self.most / 2**20:,.0f} MB "
                "may be taken; give more with --max-memory if the file is sound"
            )


MEMORY = Memory()


class TimeUp(BaseException):
    """Raised in the middle of reading, where no reader takes it for a fault of a file."""


@dataclass
class Time:
    """How long a file may be read."""

    most: float = 20.0  # seconds
    end: float = float("inf")

    def left(self) -> float:
        return max(self.end - time.monotonic(), 0.0)

    def begin(self) -> None:
        self.end = time.monotonic() + self.most

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """For what takes its time and not the file's."""
        begin, end = time.monotonic(), self.end
        self.end = float("inf")
        try:
            yield
        finally:
            self.end = end + time.monotonic() - begin

    def up(self, name: str) -> Refusal:
        return Refusal(
            f"{name}: is not read in {self.most:g} seconds; give more with --max-seconds "
            "if the file is sound"
        )

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Refuse a file that takes longer. Only the main thread can be interrupted."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        number = getattr(signal, "SIGALRM", signal.SIGINT)
        done = threading.Event()

        def watch() -> None:
            while not done.wait(min(max(self.left(), AGAIN), self.most)):
                if self.left() == 0.0:
                    _thread.interrupt_main(number)

        def stop(number: int, frame: object) -> None:
            if not done.is_set():
                raise TimeUp

        self.begin()
        before = signal.signal(number, stop)
        watcher = threading.Thread(target=watch, daemon=True)
        try:
            watcher.start()
            yield
        except TimeUp:
            done.set()
            raise self.up(name) from None
        finally:
            done.set()
            signal.signal(number, before)


AGAIN = 0.2  # seconds after which one that was not heard is interrupted again
TIME = Time()
