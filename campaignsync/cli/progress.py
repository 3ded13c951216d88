"""Work that lasts is seen: a line on stderr after the first second, on a terminal or as JSON."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from campaignsync.cli.streams import columns, logs_json, tell

PATIENCE = 1.0
"""Seconds of silence that nobody minds."""
TICK = 0.2
"""Seconds between two looks."""
USUAL = 80
"""Columns of a window that does not say how wide it is."""


class Work(NamedTuple):
    """Requests to one account: how many are `done`, of how many, at how many a second.

    `of` is how many there are at the least, 0 where nobody knows.
    """

    done: Callable[[], int]
    of: int
    rate: float


@dataclass(slots=True)
class Progress:
    """What is told on stderr beside the result: nothing, what lasts, or every step.

    Works that are watched at the same time, of several environments, are told as one.
    """

    quiet: bool = False
    verbose: bool = False
    _works: list[Work] = field(default_factory=list)
    _under_way: int = 0
    _end: Callable[[], None] = lambda: None

    def say(self, step: str) -> None:
        """Tell a step, where somebody asked for them."""
        if self.verbose:
            tell(step)

    @contextmanager
    def watch(
        self, what: str, done: Callable[[], int], of: int = 0, rate: float = 1
    ) -> Iterator[None]:
        """Show how many requests are `done` while the block runs, as a Work says."""
        if self.quiet or not (logs_json() or sys.stderr.isatty()):
            yield
            return
        if not self._under_way:
            self._works = []
            self._end = _shown(what, self._works)
        self._works.append(Work(done, of, rate))
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._end()


def _shown(what: str, works: Sequence[Work]) -> Callable[[], None]:
    """Begin to show how far works are; gives what ends it."""
    over = threading.Event()
    # A thread: the event loop must not be late for its next request because of a terminal.
    show = _log if logs_json() else _paint
    painter = threading.Thread(target=show, args=(over, what, works), daemon=True)
    painter.start()

    def end() -> None:
        over.set()
        painter.join()

    return end


def _paint(over: threading.Event, what: str, works: Sequence[Work]) -> None:
    if over.wait(PATIENCE):
        return
    while not over.wait(TICK):
        # A line that goes on in the next would stay there: only the last one is wiped.
        line = f"{what}: {how_far(works)}"[: (columns(sys.stderr) or USUAL) - 1]
        tell(f"\r\x1b[2K{line}", nl=False)
    tell("\r\x1b[2K", nl=False)


def how_far(works: Sequence[Work]) -> str:
    """Say how many requests are done, and how long the slowest account takes for the rest."""
    done, of = sum(work.done() for work in works), sum(work.of for work in works)
    if done >= of:  # retries, or a list that is longer than it was
        return f"{done} requests"
    longest = max((work.of - work.done()) / work.rate for work in works)
    minutes, seconds = divmod(round(longest), 60)
    left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{done} of {of} requests, {left} left"


def _log(over: threading.Event, what: str, works: Sequence[Work]) -> None:
    while not over.wait(PATIENCE):
        done, of = sum(work.done() for work in works), sum(work.of for work in works)
        tell(what, level="progress", facts={"done": done, "of": of or None})
