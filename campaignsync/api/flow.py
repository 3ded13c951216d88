"""Whether requests progress, and if not why; read by the progress display's thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from campaignsync.api.pace import Pace

SHORT = 1.0
"""Seconds of waiting that are not reported."""
STILL = 2.0
"""Seconds without an answer that are not reported."""
NOT_NOW = (429, *range(500, 600))
"""Statuses after which the request has to be made again."""


class Flow:
    """Counts of the requests in flight, and of those `answered` for good."""

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
        """Count an answer."""
        if status not in NOT_NOW:
            self.answered += 1
            self._reason = ""

    def failed(self, why: str) -> None:
        """Remember why a request is retried, until any request is answered."""
        self._reason = why

    def stopped(self) -> str:
        """Return why no request progresses; empty if one does."""
        now = monotonic()
        held = self._pace.held_until - now
        if held >= SHORT:
            return f"waiting {held:.0f} s: the API asked for it"
        if not self._in_flight or now - self._changed_at < STILL:
            return ""
        again = f", retried: {self._reason}" if self._reason else ""
        return f"no answer for {now - self._changed_at:.0f} s{again}"
