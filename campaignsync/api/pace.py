"""The pace of requests, shared by everything in a process that uses the same key."""

import asyncio
import itertools
from bisect import insort

from campaignsync.errors import ConfigurationError

MOST = 12.0
"""Requests per second that the API allows a key, all endpoints together."""
LEAST = 1.0
"""The rate never drops below this many requests per second, however crowded the key is."""
CUT = 0.6
"""After a 429 the rate drops to this share: someone else uses the key."""
CLIMB = 0.5
"""Requests per second that the rate regains in each second without a 429."""
LATE = 0.07
"""Seconds by which one request may be later on its way than another."""
LATE_AT_FIRST = 0.25
"""The same for a run's first requests, which open connections on their way."""
LAG = 0.01
"""Seconds by which a request may leave after its turn and still count as on time."""
CHECK = 0.005
"""Seconds between checks of a request that is due but not the first in the queue."""


def share(users: int) -> int:
    """Return the rate for each of 2 to MOST users of a key who do not know of each other.

    All may send in the same second, so a share is a whole number. Five users get 2 requests per
    second each: a rate of 2.4 would at times let 3 through.
    """
    return int(MOST) // users


class Pace:
    """Let requests leave at an even pace, so that at most `rate` of them arrive in any second.

    `rate` requests take a second, plus the time by which one may be later than another. Without
    that time, 13 requests arrive within a second as soon as one of 12 per second is late. The pace
    never catches up on unused time: after a burst, an urgent request would have to wait.

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
        """Wait until a request may leave; retries wait like all others.

        Urgent requests leave before all others.
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
        # Timers are a little late: the delays of 300 requests would add up to a second.
        self._last = due if now - due < LAG else now
        self._turns += 1

    @property
    def gap(self) -> float:
        """Seconds between two requests at the present rate."""
        late = LATE_AT_FIRST if self._turns < self.rate else LATE
        return (1 + late) / self._rate(asyncio.get_running_loop().time())

    def hold(self, seconds: float) -> None:
        """Let no request leave for some seconds: the server asked for it."""
        until = asyncio.get_running_loop().time() + seconds
        self.held_until = max(self.held_until, until)

    def give_way(self) -> None:
        """Slow down after a 429; the rate recovers over time."""
        now = asyncio.get_running_loop().time()
        # Requests under way at the first 429 may be refused too: that is the same event.
        if now - self._cut_at > 1:
            self._low = max(self._rate(now) * CUT, min(LEAST, self.rate))
            self._cut_at = now

    def _rate(self, now: float) -> float:
        return min(self.rate, self._low + CLIMB * max(now - self._cut_at, 0))

    def _free_at(self) -> float:
        """Return the moment at which the next request may leave."""
        return max(self.held_until, self._last + self.gap)
