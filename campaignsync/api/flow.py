"""Report whether requests progress, and if not, why, to the thread of the progress display."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from campaignsync.api.pace import Pace

SHORT = 1.0
"""Shorter waits, in seconds, are not reported."""
STILL = 2.0
"""Shorter times without a response, in seconds, are not reported."""
NOT_NOW = (429, *range(500, 600))
"""Statuses after which the request is retried."""


class Flow:
    """The state of a run's requests; `answered` counts those with a final response."""

    def __init__(self, pace: Pace) -> None:
        self.answered = 0
        self._pace = pace
        self._in_flight = 0
        self._changed_at = monotonic()
        self._reason = ""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count a request as in flight during the block."""
        self._in_flight += 1
        self._changed_at = monotonic()
        try:
            yield
        finally:
            self._in_flight -= 1
            self._changed_at = monotonic()

    def ended(self, status: int) -> None:
        """Count a response, unless its status asks for a retry."""
        if status not in NOT_NOW:
            self.answered += 1
            self._reason = ""

    def failed(self, why: str) -> None:
        """Store why a request is retried, until any request has a final response."""
        self._reason = why

    def stopped(self) -> str:
        """Return why no request progresses; an empty string if one does."""
        now = monotonic()
        held = self._pace.held_until - now
        if held >= SHORT:
            return f"waiting {held:.0f} s: requested by the API"
        if not self._in_flight or now - self._changed_at < STILL:
            return ""
        again = f", retried: {self._reason}" if self._reason else ""
        return f"no response for {now - self._changed_at:.0f} s{again}"
