"""The pace of requests, shared by every task of a client."""

import asyncio
from collections import deque
from math import ceil, floor

from campaignsync.errors import ConfigurationError

MOST = 12.0
"""Requests a second that the API allows a key, on all endpoints together (API.md [S])."""
RATE = 11.0
"""Requests a second unless told otherwise: eleven each second. However far the way stretches
one request and hurries another, up to 90 ms, no thirteen of them arrive within a second."""
LEAST = 1.0
"""Requests a second that are made however crowded a key is."""
CUT = 0.6
"""What is left of the rate after a 429: somebody else uses the key."""
CLIMB = 0.5
"""Requests a second that the rate wins back with each second without a 429."""


def share(users: int) -> float:
    """Give the rate for each of 2 to MOST users of a key, in hundredths, rounded down.

    They know nothing of each other, so that all may come in the same moment: then each may make
    MOST / users requests in a second, in whole numbers, and be as far below that as RATE is below
    MOST, for the way. Five of them make 2 a second each, and not the 3 that a fifth of RATE would
    let them make now and then.
    """
    return floor(MOST // users * RATE / MOST * 100) / 100


class Pace:
    """Lets requests go at `rate` a second, first come, first served.

    Each waits for the one that went a window of requests before it, so that what was not used, by
    a wait for an answer, is made up for, at no more than twice the rate. A run begins at an even
    pace, for the one before it may have ended a moment ago; so does what follows a 429. A token
    bucket of twelve would be refused: after a pause it sends twelve at once, and the next twelve
    right behind them.
    """

    def __init__(self, rate: float = RATE) -> None:
        if not 0 < rate <= MOST:
            raise ConfigurationError(
                f"the rate is {rate:g} requests a second; the API allows more than 0, up to 12",
                hint="pass such a number with --rate",
            )
        self._full = rate
        self._low = rate
        self._cut_at = float("-inf")
        self._held_until = float("-inf")
        self._sent: deque[float] = deque(maxlen=ceil(rate))
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until a request may go; retries wait like all others."""
        clock = asyncio.get_running_loop().time
        async with self._queue:
            if not self._sent:
                self._even_out(clock())
            # Again after each sleep: somebody may have been told to hold meanwhile.
            while (wait := self._free_at(clock()) - clock()) > 0:  # noqa: ASYNC110 - no event, a moment
                await asyncio.sleep(wait)
            self._sent.append(clock())

    def hold(self, seconds: float) -> None:
        """Let nobody go for some seconds: the server asked for it."""
        until = asyncio.get_running_loop().time() + seconds
        self._held_until = max(self._held_until, until)

    def give_way(self) -> None:
        """Slow down, and come back up bit by bit: the server had too many requests of this key."""
        now = asyncio.get_running_loop().time()
        # What was under way when the first was refused may be refused too: that is the same news.
        if now - self._cut_at > 1:
            self._low = max(self._rate(now) * CUT, min(LEAST, self._full))
            self._cut_at = now
            self._even_out(now)

    def _even_out(self, now: float) -> None:
        """Go on as if an even pace had been kept until now."""
        gap, places = 1 / self._rate(now), self._sent.maxlen or 1
        self._sent.extend(now - gap * before for before in range(places, 0, -1))

    def _rate(self, now: float) -> float:
        return min(self._full, self._low + CLIMB * max(now - self._cut_at, 0))

    def _free_at(self, now: float) -> float:
        rate = self._rate(now)
        return max(
            self._held_until,
            self._sent[-1] + 1 / (2 * rate),
            self._sent[0] + len(self._sent) / rate,
        )
