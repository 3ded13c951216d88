"""Space the requests that use the same key, limit those in flight, and report their progress."""

import asyncio
import itertools
from bisect import insort
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from campaignsync.api.responses import REQUEST_TIMEOUT
from campaignsync.errors import ConfigurationError

MOST = 12.0
"""Maximum requests per second that the API allows per key, over all endpoints."""
LEAST = 1.0
"""Minimum rate after 429 responses, in requests per second."""
CUT = 0.6
"""After a 429 the rate is multiplied by this factor: someone else uses the key."""
CLIMB = 0.5
"""Increase of the rate per second without a 429, in requests per second."""
LATE = 0.07
"""Seconds by which one request may take longer to reach the server than another."""
LATE_AT_FIRST = 0.25
"""The same for the first requests of a run, which also open connections."""
LAG = 0.01
"""Seconds by which a request may be sent after its turn and still count as on time."""
CHECK = 0.005
"""Seconds between checks of a request that is due but not the first in the queue."""
AT_ONCE = 32
"""Maximum requests in flight: 12 a second at a latency of 2.5 s."""
SHORT = 1.0
"""Shorter waits, in seconds, are not reported."""
STILL = 2.0
"""Shorter times without a response, in seconds, are not reported."""
NOT_NOW = (REQUEST_TIMEOUT, 429, *range(500, 600))
"""Statuses after which the request is retried."""


def share(users: int) -> int:
    """Return the rate, in requests per second, for each of 2 to MOST independent users of a key.

    All users may send in the same second, so the rate is a whole number. For example, five users
    get 2 requests per second each: at a rate of 2.4, a user sometimes sends 3 in one second.
    """
    return int(MOST) // users


class Pace:
    """A constant gap between requests, so that at most `rate` of them arrive in any second.

    `rate` requests take one second plus the LATE seconds by which their travel times may differ.
    Without LATE, 13 requests arrive within a second as soon as one of 12 per second is late.
    Unused time is not made up for: after a burst, an urgent request would have to wait.

    The state is not bound to an event loop, so that all phases of a command can share it.
    """

    def __init__(self, rate: float = MOST) -> None:
        if not 0 < rate <= MOST:
            raise ConfigurationError(
                f"invalid rate: {rate:g} requests per second",
                hint="pass a number above 0, and at most 12, with --rate",
            )
        self.held_until = float("-inf")
        self.rate = rate
        self._low = rate
        self._cut_at = float("-inf")
        self._last = float("-inf")
        self._turns = 0
        self._queue: list[tuple[bool, int]] = []
        self._numbers = itertools.count()

    async def turn(self, *, urgent: bool = False) -> None:
        """Wait until the request may be sent.

        Urgent requests go before all others. Retries wait like any other request.
        """
        clock = asyncio.get_running_loop().time
        place = (not urgent, next(self._numbers))
        insort(self._queue, place)
        try:
            # Check again after each sleep: the queue and the rate may have changed meanwhile.
            while (ahead := self._queue.index(place)) or self._free_at() > clock():
                wait = self._free_at() + ahead * self.gap - clock()
                await asyncio.sleep(min(max(wait, CHECK if ahead else 0), self.gap))
        finally:
            self._queue.remove(place)
        due, now = self._free_at(), clock()
        # Timers fire a little late. Use `due`, so that the delays do not add up (1 s in 300 turns).
        self._last = due if now - due < LAG else now
        self._turns += 1

    @property
    def gap(self) -> float:
        """Return the seconds between two requests at the current rate."""
        late = LATE_AT_FIRST if self._turns < self.rate else LATE
        return (1 + late) / self._rate(asyncio.get_running_loop().time())

    def hold(self, seconds: float) -> None:
        """Send no request for some seconds, because the server asked for it."""
        until = asyncio.get_running_loop().time() + seconds
        self.held_until = max(self.held_until, until)

    def give_way(self) -> None:
        """Reduce the rate after a 429; it recovers by CLIMB per second."""
        now = asyncio.get_running_loop().time()
        # Requests in flight at the first 429 may be refused too: reduce the rate only once.
        if now - self._cut_at > 1:
            self._low = max(self._rate(now) * CUT, min(LEAST, self.rate))
            self._cut_at = now

    def _rate(self, now: float) -> float:
        return min(self.rate, self._low + CLIMB * max(now - self._cut_at, 0))

    def _free_at(self) -> float:
        """Return the time at which the next request may be sent, on the event loop's clock."""
        return max(self.held_until, self._last + self.gap)


class Traffic:
    """The requests of a run in flight and answered, for the thread of the progress display.

    `answered` counts the requests with a final response.
    """

    def __init__(self, pace: Pace) -> None:
        self.answered = 0
        self._pace = pace
        self._in_flight = 0
        self._changed_at = monotonic()
        self._reason = ""

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as in flight during the block."""
        self._in_flight += 1
        self._changed_at = monotonic()
        try:
            yield
        finally:
            self._in_flight -= 1
            self._changed_at = monotonic()

    def record_status(self, status: int) -> None:
        """Count a response, unless its status asks for a retry."""
        if status not in NOT_NOW:
            self.answered += 1
            self._reason = ""

    def record_failure(self, why: str) -> None:
        """Store why a request is retried, until any request has a final response."""
        self._reason = why

    def describe_stall(self) -> str:
        """Return why no request progresses; an empty string if one does."""
        now = monotonic()
        held = self._pace.held_until - now
        if held >= SHORT:
            return f"waiting {held:.0f} s: requested by the API"
        if not self._in_flight or now - self._changed_at < STILL:
            return ""
        again = f", retried: {self._reason}" if self._reason else ""
        return f"no response for {now - self._changed_at:.0f} s{again}"


async def run_concurrently(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run jobs concurrently; the first failure cancels the others and is raised, not in a group."""
    turn = asyncio.Semaphore(AT_ONCE)
    jobs = list(jobs)

    async def one(job: Coroutine[Any, Any, None]) -> None:
        async with turn:
            try:
                await job
            except SystemExit as ended:
                # SystemExit would bypass the code that awaits this job, and set another exit code.
                raise RuntimeError(f"a job ended the program: {ended}") from None

    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        # Close jobs that never started: Python would print a warning on stderr.
        for job in jobs:
            job.close()
