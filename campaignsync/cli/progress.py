"""Progress of long work: after a second without output, a line on a terminal, or JSON lines.

Other packages do not import this module: it counts the items that they iterate over.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeVar

from campaignsync.cli.streams import (
    is_terminal,
    logs_json,
    print_message,
    seconds_since_message,
    show_progress_line,
    terminal_width,
)
from campaignsync.errors import ConfigurationError

if TYPE_CHECKING:
    from campaignsync.api.client import ApiClient

PATIENCE = 1.0
"""Seconds without output before progress is shown; CAMPAIGNSYNC_PROGRESS_AFTER overrides it."""
VARIABLE = "CAMPAIGNSYNC_PROGRESS_AFTER"
MEASUREMENTS = 5
"""Number of measurements in that time."""
RECENT = 50
"""Number of measurements from which the speed is computed."""
ENOUGH = 10
"""Number of finished items that allow fewer measurements."""
USUAL_WIDTH = 80
"""Columns of a terminal of unknown width."""

Item = TypeVar("Item")
Measure = Callable[[], tuple[int, int]]
"""Return the number of items that are done, and the known total; 0 if it is unknown."""


def patience() -> float:
    """Return the seconds without output before progress is shown; raises ConfigurationError."""
    text = os.environ.get(VARIABLE, "")
    try:
        seconds = float(text or PATIENCE)
    except ValueError:
        seconds = -1.0
    if not 0.05 <= seconds <= 3600:  # noqa: PLR2004 - the bounds that the message names
        raise ConfigurationError(
            f"invalid value for {VARIABLE}: `{text}`", hint="set it to seconds, 0.05 to 3600"
        )
    return seconds


class Counted(Protocol):
    """Iterate over items and count them."""

    def __call__(self, items: Collection[Item], /) -> Iterable[Item]: ...


class Pause:
    """A wait of known maximum length."""

    def __init__(self) -> None:
        self._until, self._reason = 0.0, ""

    def begin(self, seconds: float, reason: str) -> None:
        self._until, self._reason = monotonic() + seconds, reason

    def describe(self) -> str:
        """Return the remaining seconds and the reason, empty if the wait is over."""
        left = self._until - monotonic()
        return f"waiting {left:.0f} s: {self._reason}" if left > 0 else ""


def _no_pause() -> str:
    return ""


class Work:
    """Work in progress.

    `measure` returns the progress in a `unit`, which is empty for work that is not counted. At most
    `rate` units are done per second. `pause_reason` returns the reason for a pause, or nothing.
    """

    def __init__(
        self,
        what: str,
        measure: Measure = lambda: (0, 0),
        unit: str = "",
        rate: float | None = None,
        pause_reason: Callable[[], str] = _no_pause,
    ) -> None:
        self.what, self.measure, self.unit, self.rate = what, measure, unit, rate
        self.pause_reason = pause_reason
        self.since = monotonic()
        self.is_over = False
        self._measurements = deque([(self.since, measure()[0])], maxlen=RECENT)

    def record(self) -> None:
        """Record the current progress, to compute the speed."""
        done, total = self.measure()
        if not total or self.pause_reason():  # not begun, or paused: do not count this time
            self._measurements.clear()
        self._measurements.append((monotonic(), done))

    def pace(self) -> float:
        """Return the units per second; 0 if there are too few measurements."""
        then, before = self._measurements[0]
        done, seconds = self.measure()[0] - before, monotonic() - then
        enough = done >= ENOUGH or len(self._measurements) == RECENT
        return done / seconds if enough and seconds > PATIENCE else 0.0


class Progress:
    """Progress on stderr: none with `quiet`, every step with `verbose`.

    Work of several environments at the same time is shown as one.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self._verbose = quiet, verbose
        self._patience = patience()
        self._works: list[Work] = []
        self._is_over = threading.Event()
        self._thread: threading.Thread

    def print_step(self, step: str) -> None:
        """Print a step if -v is set."""
        if self._verbose:
            print_message(step)

    @contextmanager
    def count(self, what: str, unit: str) -> Iterator[Counted]:
        """Show the progress of a block by the items that it iterates over."""
        counter = _Counter()
        with self._show(Work(what, lambda: (counter.done, counter.total), unit)):
            yield counter

    def watch(
        self, what: str, pause_reason: Callable[[], str] = _no_pause
    ) -> AbstractContextManager[None]:
        """Show work that is not counted, and why it pauses, while the block runs."""
        return self._show(Work(what, pause_reason=pause_reason))

    def requests(
        self, what: str, api: "ApiClient", total: int | Callable[[], int]
    ) -> AbstractContextManager[None]:
        """Show the number of requests with a response while the block runs.

        `total` is the least number of requests, or returns it.
        """
        before = api.traffic.answered

        def done_and_total() -> tuple[int, int]:
            return api.traffic.answered - before, total() if callable(total) else total

        stall = api.traffic.describe_stall
        return self._show(Work(what, done_and_total, "requests", api.rate, stall))

    @contextmanager
    def _show(self, work: Work) -> Iterator[None]:
        """Show work while the block runs, if progress is shown at all."""
        if self.quiet or not (logs_json() or is_terminal(sys.stderr)):
            yield
            return
        if all(each.is_over for each in self._works):
            self._works = []
            self._is_over.clear()
            # A thread, so that a slow terminal does not delay requests of the event loop.
            self._thread = threading.Thread(target=self._show_regularly, daemon=True)
            self._thread.start()
        self._works.append(work)
        try:
            yield
        finally:
            work.is_over = True
            if all(each.is_over for each in self._works):
                self._is_over.set()
                self._thread.join()

    def _show_regularly(self) -> None:
        while not self._is_over.wait(self._patience / MEASUREMENTS):
            works = [*self._works]
            for work in works:
                work.record()
            now = next((work for work in reversed(works) if not work.is_over), None)
            if now and seconds_since_message() >= self._patience:
                _show_works(
                    [each for each in works if (each.what, each.unit) == (now.what, now.unit)]
                )
        show_progress_line("")


class _Counter:
    """Count the items of an iteration that are done, and all of them."""

    def __init__(self) -> None:
        self.done = self.total = 0

    def __call__(self, items: Collection[Item], /) -> Iterator[Item]:
        self.total += len(items)
        for item in items:
            yield item
            self.done += 1


def _show_works(works: Sequence[Work]) -> None:
    if logs_json():
        print_message(works[0].what, level="progress", facts=facts(works))
    else:
        # A wrapped line could not be removed: only the last terminal line is cleared.
        show_progress_line(line(works)[: (terminal_width(sys.stderr) or USUAL_WIDTH) - 1])


def line(works: Sequence[Work]) -> str:
    """Return the progress line: work, progress, and the time left or the reason for a pause."""
    what, unit = works[0].what, works[0].unit
    done, total = _progress_of(works)
    parts = []
    if unit and (done or total):  # before that, the total is unknown
        parts.append(f"{done:,} of {_many(total, unit)}" if done < total else _many(done, unit))
    if reason := _pause_of(works):
        parts.append(reason)
    elif not parts and (seconds := monotonic() - works[0].since) >= PATIENCE:
        parts.append(_duration(seconds))
    elif done < total and (left := _left(works)):
        parts.append(f"{_duration(left)} left")
    return f"{what}: {', '.join(parts)}" if parts else what


def facts(works: Sequence[Work]) -> dict[str, object]:
    """Return the progress as members of a JSON log line."""
    done, total = _progress_of(works)
    unit = works[0].unit
    progress = {"done": done, "of": total or None, "unit": unit} if unit else {}
    reason = _pause_of(works)
    return {**progress, **({"waits": reason} if reason else {})}


def _progress_of(works: Sequence[Work]) -> tuple[int, int]:
    done, total = zip(*(work.measure() for work in works), strict=True)
    return sum(done), sum(total)


def _pause_of(works: Sequence[Work]) -> str:
    """Return why all work is paused; empty while one environment works."""
    reasons = [work.pause_reason() for work in works if not work.is_over]
    return reasons[0] if reasons and all(reasons) else ""


def _left(works: Sequence[Work]) -> float | None:
    """Return the seconds left at the current speed of all environments and within each rate.

    None if it is unknown.
    """
    rests = [
        (work, max(work.measure()[1] - work.measure()[0], 0)) for work in works if not work.is_over
    ]
    paces = [work.pace() for work, _ in rests]
    try:
        seconds = [rest / work.rate for work, rest in rests if work.rate]
        seconds += [sum(rest for _, rest in rests) / sum(paces)] if paces and all(paces) else []
    except OverflowError:  # a server may announce more than a float can hold
        return None
    return max(seconds, default=None)


def _many(number: int, unit: str) -> str:
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
