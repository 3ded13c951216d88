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

from campaignsync.cli.streams import columns, is_terminal, logs_json, paint, silent_for, tell
from campaignsync.errors import ConfigurationError

if TYPE_CHECKING:
    from campaignsync.api import Api

PATIENCE = 1.0
"""Seconds without output before progress is shown; CAMPAIGNSYNC_PROGRESS_AFTER overrides it."""
VARIABLE = "CAMPAIGNSYNC_PROGRESS_AFTER"
LOOKS = 5
"""Number of measurements in that time."""
RECENT = 50
"""Number of measurements from which the speed is computed."""
ENOUGH = 10
"""Number of finished items that allow fewer measurements."""
USUAL = 80
"""Columns of a terminal of unknown width."""

Thing = TypeVar("Thing")
Far = Callable[[], tuple[int, int]]
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

    def __call__(self, things: Collection[Thing], /) -> Iterable[Thing]: ...


class Pause:
    """A wait of known maximum length."""

    def __init__(self) -> None:
        self._until, self._why = 0.0, ""

    def begin(self, seconds: float, why: str) -> None:
        self._until, self._why = monotonic() + seconds, why

    def describe(self) -> str:
        """Return the remaining seconds and the reason, empty if the wait is over."""
        left = self._until - monotonic()
        return f"waiting {left:.0f} s: {self._why}" if left > 0 else ""


class Work:
    """Work in progress.

    `far` returns the progress in a `unit`, which is empty for work that is not counted. At most
    `rate` units are done per second. `waits` returns the reason for a pause, or nothing.
    """

    def __init__(
        self,
        what: str,
        far: Far = lambda: (0, 0),
        unit: str = "",
        rate: float | None = None,
        waits: Callable[[], str] = str,
    ) -> None:
        self.what, self.far, self.unit, self.rate, self.waits = what, far, unit, rate, waits
        self.since = monotonic()
        self.is_over = False
        self._looks = deque([(self.since, far()[0])], maxlen=RECENT)

    def look(self) -> None:
        """Record the current progress, to compute the speed."""
        done, of = self.far()
        if not of or self.waits():  # not begun, or paused: do not count this time
            self._looks.clear()
        self._looks.append((monotonic(), done))

    def pace(self) -> float:
        """Return the units per second; 0 if there are too few measurements."""
        then, before = self._looks[0]
        done, seconds = self.far()[0] - before, monotonic() - then
        enough = done >= ENOUGH or len(self._looks) == RECENT
        return done / seconds if enough and seconds > PATIENCE else 0.0


class Progress:
    """Progress on stderr: none with `quiet`, every step with `verbose`.

    Work of several environments at the same time is shown as one.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self._verbose = quiet, verbose
        self._patience = patience()
        self._works: list[Work] = []
        self._end: Callable[[], None] = lambda: None

    def say(self, step: str) -> None:
        """Print a step if -v is set."""
        if self._verbose:
            tell(step)

    @contextmanager
    def count(self, what: str, unit: str) -> Iterator[Counted]:
        """Show the progress of a block by the items that it iterates over."""
        if not self._is_seen:
            yield _uncounted  # progress is not shown
            return
        taken = _Taken()
        with self.watch(what, lambda: (taken.done, taken.of), unit):
            yield taken

    @contextmanager
    def watch(
        self,
        what: str,
        far: Far = lambda: (0, 0),
        unit: str = "",
        rate: float | None = None,
        waits: Callable[[], str] = str,
    ) -> Iterator[None]:
        """Show work while the block runs; see Work for the parameters."""
        if not self._is_seen:
            yield
            return
        work = Work(what, far, unit, rate, waits)
        if all(each.is_over for each in self._works):
            self._works = []
            self._end = self._begin()
        self._works.append(work)
        try:
            yield
        finally:
            work.is_over = True
            if all(each.is_over for each in self._works):
                self._end()

    def requests(
        self, what: str, api: "Api", of: Callable[[], int], rate: float
    ) -> AbstractContextManager[None]:
        """Show the number of requests with a response while the block runs.

        `of` returns the least number of requests, `rate` is their maximum per second.
        """
        before = api.flow.answered
        return self.watch(
            what, lambda: (api.flow.answered - before, of()), "requests", rate, api.flow.stopped
        )

    @property
    def _is_seen(self) -> bool:
        return not self.quiet and (logs_json() or is_terminal(sys.stderr))

    def _begin(self) -> Callable[[], None]:
        """Start the thread that shows progress; return the function that stops it."""
        over = threading.Event()
        # A thread, so that a slow terminal does not delay requests of the event loop.
        painter = threading.Thread(target=self._show, args=(over,), daemon=True)
        painter.start()

        def end() -> None:
            over.set()
            painter.join()

        return end

    def _show(self, over: threading.Event) -> None:
        while not over.wait(self._patience / LOOKS):
            works = [*self._works]
            for work in works:
                work.look()
            now = next((work for work in reversed(works) if not work.is_over), None)
            if now and silent_for() >= self._patience:
                _say([each for each in works if (each.what, each.unit) == (now.what, now.unit)])
        paint("")


class _Taken:
    """The number of items taken so far, and of all items."""

    def __init__(self) -> None:
        self.done = self.of = 0

    def __call__(self, things: Collection[Thing], /) -> Iterator[Thing]:
        self.of += len(things)
        for thing in things:
            yield thing
            self.done += 1


def _uncounted(things: Collection[Thing], /) -> Iterable[Thing]:
    return things


def _say(works: Sequence[Work]) -> None:
    if logs_json():
        tell(works[0].what, level="progress", facts=facts(works))
    else:
        # A wrapped line could not be removed: only the last terminal line is cleared.
        paint(line(works)[: (columns(sys.stderr) or USUAL) - 1])


def line(works: Sequence[Work]) -> str:
    """Return the progress line: work, progress, and the time left or the reason for a pause."""
    what, unit = works[0].what, works[0].unit
    done, of = _far(works)
    parts = []
    if unit and (done or of):  # before that, the total is unknown
        parts.append(f"{done:,} of {_many(of, unit)}" if done < of else _many(done, unit))
    if why := _pause_of(works):
        parts.append(why)
    elif not parts and (seconds := monotonic() - works[0].since) >= PATIENCE:
        parts.append(_lasting(seconds))
    elif done < of and (left := _left(works)):
        parts.append(f"{_lasting(left)} left")
    return f"{what}: {', '.join(parts)}" if parts else what


def facts(works: Sequence[Work]) -> dict[str, object]:
    """Return the same for programs."""
    done, of = _far(works)
    far = {"done": done, "of": of or None, "unit": works[0].unit} if works[0].unit else {}
    why = _pause_of(works)
    return {**far, **({"waits": why} if why else {})}


def _far(works: Sequence[Work]) -> tuple[int, int]:
    done, of = zip(*(work.far() for work in works), strict=True)
    return sum(done), sum(of)


def _pause_of(works: Sequence[Work]) -> str:
    """Return why all work is paused; empty while one environment works."""
    reasons = [work.waits() for work in works if not work.is_over]
    return reasons[0] if reasons and all(reasons) else ""


def _left(works: Sequence[Work]) -> float | None:
    """Return the seconds left at the current speed of all environments and within each rate.

    None if it is unknown.
    """
    rests = [(work, max(work.far()[1] - work.far()[0], 0)) for work in works if not work.is_over]
    paces = [work.pace() for work, _ in rests]
    try:
        found = [rest / work.rate for work, rest in rests if work.rate]
        found += [sum(rest for _, rest in rests) / sum(paces)] if paces and all(paces) else []
    except OverflowError:  # a server may announce more than a float can hold
        return None
    return max(found, default=None)


def _many(number: int, unit: str) -> str:
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
