"""Whether requests go on, and why they do not: for who shows it, in whatever thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from campaignsync.api.pace import Pace

SHORT = 1.0
"""Seconds of waiting that are not worth a word."""
STILL = 2.0
"""Seconds without an answer after which one is missed."""
NOT_NOW = (429, *range(500, 600))
"""Statuses of answers that are none: the request has to be made again."""


class Flow:
    """What is known of requests: how many are under way, and how many are `answered` for good."""

    def __init__(self, pace: Pace) -> None:
        self.answered = 0
        self._pace = pace
        self._asking = 0
        self._news = monotonic()
        self._failure = ""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Know of a request while it is under way."""
        self._asking += 1
        self._news = monotonic()
        try:
            yield
        finally:
            self._asking -= 1
            self._news = monotonic()

    def ended(self, status: int) -> None:
        """Know of an answer."""
        if status not in NOT_NOW:
            self.answered += 1
            self._failure = ""

    def failed(self, why: str) -> None:
        """Remember why something is asked again, until something is answered."""
        self._failure = why

    def stopped(self) -> str:
        """Say why nothing goes on; nothing where something does."""
        now = monotonic()
        held = self._pace.held_until - now
        if held >= SHORT:
            return f"waiting {held:.0f} s: the API asked for it"
        if not self._asking or now - self._news < STILL:
            return ""
        again = f", asked again: {self._failure}" if self._failure else ""
        return f"no answer for {now - self._news:.0f} s{again}"
