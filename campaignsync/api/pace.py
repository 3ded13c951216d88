"""The pace of requests, shared by every task of a client."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from math import ceil

from campaignsync.errors import ConfigurationError

MOST = 12.0
"""Requests a second that the API allows a key, on all endpoints together (API.md [S])."""
LEAST = 1.0
"""Requests a second that are made however crowded a key is."""
CUT = 0.6
"""What is left of the rate after a 429: somebody else uses the key."""
CLIMB = 0.5
"""Requests a second that the rate wins back with each second without a 429."""
LATE = 0.09
"""Seconds that a request may be late on its way, as long as few answers tell how late they are."""
FEW = 24
"""Answers that are too few to tell from."""
LATEST = 0.25
"""Seconds that are allowed for at the most: what takes longer was on the server, not on its way."""
CONNECTING = 1.0
"""The same as long as few answers came: then connections are made on the way."""
SPARE = 0.02
"""Seconds that two clocks may disagree about one."""
REMEMBERED = 60
"""Answers from which is told how long the shortest way takes: those of five seconds."""


@dataclass(slots=True, eq=False)
class Turn:
    """One request: when it went, and how long its answer took, both in seconds of the loop's clock.

    `kind` tells it from requests that take the server another time; one that is only supposed has
    none. `took` is None until it is answered.
    """

    went: float
    kind: str | None = None
    took: float | None = None


def share(users: int) -> int:
    """Give the rate for each of 2 to MOST users of a key who know nothing of each other.

    All may come in the same moment: then each may make its part of MOST requests in that second,
    in whole numbers. Five of them make 2 each, and not the 3 that 2.4 would allow now and then.
    """
    return int(MOST) // users


class Pace:
    """Lets requests go so that no more than `rate` of them arrive in any second.

    Each waits for the one that went a window of requests before it: for a second, and for as long
    as that one may have been late. How late is known once it is answered: by no more than its
    answer took longer than the quickest of its kind. So a new connection or a bad line make the
    pace slower by what they take, and a quiet line lets it come close to the limit. A pace that is
    merely even is refused where it is near the limit: of requests that go every twelfth of a second
    thirteen arrive within one, as soon as the first of them is late. One that is lost on its way,
    and sent again by the network, is later than is allowed for: then the API may refuse another.

    What was not used, by a wait for an answer, is made up for, at no more than twice the rate. A
    run begins at an even pace, for the one before it may have ended a moment ago; so does what
    follows a 429.
    """

    def __init__(self, rate: float = MOST) -> None:
        if not 0 < rate <= MOST:
            raise ConfigurationError(
                f"the rate is {rate:g} requests a second; the API allows more than 0, up to 12",
                hint="pass such a number with --rate",
            )
        self._full = rate
        self._low = rate
        self._cut_at = float("-inf")
        self.held_until = float("-inf")
        self._turns: deque[Turn] = deque(maxlen=ceil(rate))
        self._took: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._queue = asyncio.Lock()

    async def turn(self, kind: str = "") -> Turn:
        """Wait until a request may go; retries wait like all others. Say when it is answered.

        Requests of one `kind` take the server about the same time.
        """
        clock = asyncio.get_running_loop().time
        async with self._queue:
            if not self._turns:
                self._even_out(clock())
            # Again after each sleep: somebody may have been told to hold meanwhile.
            while (wait := self._free_at(clock()) - clock()) > 0:  # noqa: ASYNC110 - no event, a moment
                await asyncio.sleep(wait)
            self._turns.append(Turn(clock(), kind))
            return self._turns[-1]

    def answered(self, turn: Turn) -> None:
        """Learn from an answer that has begun how long the way takes."""
        turn.took = asyncio.get_running_loop().time() - turn.went
        self._took[turn.kind or ""].append(turn.took)

    def hold(self, seconds: float) -> None:
        """Let nobody go for some seconds: the server asked for it."""
        until = asyncio.get_running_loop().time() + seconds
        self.held_until = max(self.held_until, until)

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
        gap, places = 1 / self._rate(now), self._turns.maxlen or 1
        self._turns.extend(Turn(now - gap * before) for before in range(places, 0, -1))

    def _rate(self, now: float) -> float:
        return min(self._full, self._low + CLIMB * max(now - self._cut_at, 0))

    def _free_at(self, now: float) -> float:
        rate, first = self._rate(now), self._turns[0]
        return max(
            self.held_until,
            self._turns[-1].went + 1 / (2 * rate),
            first.went + len(self._turns) / rate + self._late(first, now) + SPARE,
        )

    def _late(self, turn: Turn, now: float) -> float:
        """Give by how many seconds a request may have arrived later than the quickest does."""
        if turn.kind is None:
            return 0.0
        known = self._took[turn.kind]
        if not known:
            return LATE
        took = max(*known, now - turn.went) if turn.took is None else turn.took
        late = took - min(known)
        return min(late, LATEST) if len(known) >= FEW else min(max(late, LATE), CONNECTING)
