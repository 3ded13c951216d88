"""Work that lasts is seen: a line on stderr after the first second, on a terminal or as JSON."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from campaignsync.cli.streams import logs_json, tell

PATIENCE = 1.0
"""Seconds of silence that nobody minds."""
TICK = 0.2
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told on stderr beside the result: nothing, what lasts, or every step."""

    quiet: bool = False
    verbose: bool = False

    def say(self, step: str) -> None:
        """Tell a step, where somebody asked for them."""
        if self.verbose:
            tell(step)

    @contextmanager
    def watch(
        self, what: str, done: Callable[[], int], of: int = 0, rate: float = 1
    ) -> Iterator[None]:
        """Show how many requests are `done` while the block runs.

        `of` is how many there are at the least, 0 where nobody knows, and `rate` how many a second:
        what is left of them at that rate is the time that is told.
        """
        if self.quiet or not (logs_json() or sys.stderr.isatty()):
            yield
            return
        over = threading.Event()
        # A thread: the event loop must not be late for its next request because of a terminal.
        show = _log if logs_json() else _paint
        arguments = (over, what, done, of, rate)
        painter = threading.Thread(target=show, args=arguments, daemon=True)
        painter.start()
        try:
            yield
        finally:
            over.set()
            painter.join()


def _paint(over: threading.Event, what: str, done: Callable[[], int], of: int, rate: float) -> None:
    if over.wait(PATIENCE):
        return
    while not over.wait(TICK):
        tell(f"\r\x1b[2K{what}: {how_far(done(), of, rate)}", nl=False)
    tell("\r\x1b[2K", nl=False)


def how_far(done: int, of: int, rate: float) -> str:
    """Say how many requests are done, and how long the rest takes at so many a second."""
    if done >= of:  # retries, or a list that is longer than it was
        return f"{done} requests"
    minutes, seconds = divmod(round((of - done) / rate), 60)
    left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{done} of {of} requests, {left} left"


def _log(over: threading.Event, what: str, done: Callable[[], int], of: int, rate: float) -> None:
    del rate
    while not over.wait(PATIENCE):
        tell(what, level="progress", facts={"done": done(), "of": of or None})
