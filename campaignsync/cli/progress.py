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
    def watch(self, what: str, done: Callable[[], int], of: int | None = None) -> Iterator[None]:
        """Show how far `done` has come while the block runs; `of` is where it ends, if known."""
        if self.quiet or not (logs_json() or sys.stderr.isatty()):
            yield
            return
        over = threading.Event()
        # A thread: the event loop must not be late for its next request because of a terminal.
        show = _log if logs_json() else _paint
        painter = threading.Thread(target=show, args=(over, what, done, of), daemon=True)
        painter.start()
        try:
            yield
        finally:
            over.set()
            painter.join()


def _paint(over: threading.Event, what: str, done: Callable[[], int], of: int | None) -> None:
    if over.wait(PATIENCE):
        return
    while not over.wait(TICK):
        total = f" of {of}" if of is not None else ""
        tell(f"\r\x1b[2K{what}: {done()}{total} requests", nl=False)
    tell("\r\x1b[2K", nl=False)


def _log(over: threading.Event, what: str, done: Callable[[], int], of: int | None) -> None:
    while not over.wait(PATIENCE):
        tell(what, level="progress", facts={"done": done(), "of": of})
