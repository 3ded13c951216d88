"""Progress of long work: after a second of silence, a line on a terminal, or JSON lines.

The packages below do not import this module: it counts what they iterate over, and asks them how
far they are.
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
"""Seconds of silence before progress is shown, unless CAMPAIGNSYNC_PROGRESS_AFTER says others."""
VARIABLE = "CAMPAIGNSYNC_PROGRESS_AFTER"
LOOKS = 5
"""Looks at the work in that time."""
RECENT = 50
"""Looks from which the speed is measured."""
ENOUGH = 10
"""Items that have to be done to measure it from fewer looks."""
USUAL = 80
"""Columns of a terminal that does not say how wide it is."""

Thing = TypeVar("Thing")
Far = Callable[[], tuple[int, int]]
"""Says how much is done, and of how much at the least: 0 where nobody knows."""


def patience() -> float:
    """Return the seconds of silence before progress is shown; raises ConfigurationError."""
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
    """Yields the items it is given, and counts them."""

    def __call__(self, things: Collection[Thing], /) -> Iterable[Thing]: ...


class Pause:
    """A wait whose end is known, at the latest."""

    def __init__(self) -> None:
        self._until, self._why = 0.0, ""

    def begin(self, seconds: float, why: str) -> None:
        self._until, self._why = monotonic() + seconds, why

    def told(self) -> str:
        """Say how long it still lasts, and why; nothing where it is over."""
        left = self._until - monotonic()
        return f"waiting {left:.0f} s: {self._why}" if left > 0 else ""


class Work:
    """Something that is being done.

    `far` tells how far it is, in a `unit`, or nothing where that is empty; no more than `rate` of
    them are done in a second. `waits` says why it stands still, where it does.
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
        """Remember how far it is now, to know how fast it goes."""
        done, of = self.far()
        if not of or self.waits():  # it has not begun, or it stands still: that is no pace
            self._looks.clear()
        self._looks.append((monotonic(), done))

    def pace(self) -> float:
        """Give how much of it is done in a second; 0 where too little was seen to know."""
        then, before = self._looks[0]
        done, seconds = self.far()[0] - before, monotonic() - then
        enough = done >= ENOUGH or len(self._looks) == RECENT
        return done / seconds if enough and seconds > PATIENCE else 0.0


class Progress:
    """What is told on stderr beside the result: nothing, what lasts, or every step.

    Works that are watched at the same time, of several environments, are told as one.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self._verbose = quiet, verbose
        self._patience = patience()
        self._works: list[Work] = []
        self._end: Callable[[], None] = lambda: None

    def say(self, step: str) -> None:
        """Tell a step, where somebody asked for them."""
        if self._verbose:
            tell(step)

    @contextmanager
    def count(self, what: str, unit: str) -> Iterator[Counted]:
        """Show how far the block is with what it walks through: that is counted as it is taken."""
        if not self._is_seen:
            yield _uncounted  # nobody looks, and nothing is counted
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
        """Show what is done while the block runs, as a Work says."""
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
        """Show how many requests are answered while the block runs, `of` how many at the least.

        `rate` is how many a second are made at the most.
        """
        before = api.flow.answered
        return self.watch(
            what, lambda: (api.flow.answered - before, of()), "requests", rate, api.flow.stopped
        )

    @property
    def _is_seen(self) -> bool:
        return not self.quiet and (logs_json() or is_terminal(sys.stderr))

    def _begin(self) -> Callable[[], None]:
        """Begin to show what is done; gives what ends it."""
        over = threading.Event()
        # A thread: the event loop must not be late for its next request because of a terminal.
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
    """What was taken so far, of all that was given to be taken."""

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
        # A line that goes on in the next would stay there: only the last one is wiped.
        paint(line(works)[: (columns(sys.stderr) or USUAL) - 1])


def line(works: Sequence[Work]) -> str:
    """Say what is done, how far it is, and how long the rest takes, or why nothing goes on."""
    what, unit = works[0].what, works[0].unit
    done, of = _far(works)
    parts = []
    if unit and (done or of):  # before that it is not known yet how much there is
        parts.append(f"{done:,} of {_many(of, unit)}" if done < of else _many(done, unit))
    if why := _standstill(works):
        parts.append(why)
    elif not parts and (seconds := monotonic() - works[0].since) >= PATIENCE:
        parts.append(_lasting(seconds))
    elif done < of and (left := _left(works)):
        parts.append(f"{_lasting(left)} left")
    return f"{what}: {', '.join(parts)}" if parts else what


def facts(works: Sequence[Work]) -> dict[str, object]:
    """Give the same to programs."""
    done, of = _far(works)
    far = {"done": done, "of": of or None, "unit": works[0].unit} if works[0].unit else {}
    why = _standstill(works)
    return {**far, **({"waits": why} if why else {})}


def _far(works: Sequence[Work]) -> tuple[int, int]:
    done, of = zip(*(work.far() for work in works), strict=True)
    return sum(done), sum(of)


def _standstill(works: Sequence[Work]) -> str:
    """Say why nothing goes on: in no environment, where there are several."""
    reasons = [work.waits() for work in works if not work.is_over]
    return reasons[0] if reasons and all(reasons) else ""


def _left(works: Sequence[Work]) -> float | None:
    """Give the seconds that the rest takes, as fast as all go together and none goes faster.

    None where nobody knows.
    """
    rests = [(work, max(work.far()[1] - work.far()[0], 0)) for work in works if not work.is_over]
    paces = [work.pace() for work, _ in rests]
    try:
        found = [rest / work.rate for work, rest in rests if work.rate]
        found += [sum(rest for _, rest in rests) / sum(paces)] if paces and all(paces) else []
    except OverflowError:  # a server may say that there is more than a float can hold
        return None
    return max(found, default=None)


def _many(number: int, unit: str) -> str:
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
