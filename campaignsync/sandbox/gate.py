"""Where requests arrive: noted, counted, and told what will befall them."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from campaignsync.sandbox.bends import Bends, FaultKind
from campaignsync.sandbox.routes import decoded

SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived, and how it was answered.

    `at` and `answered` are the moments of arrival and answer, in seconds of the monotonic clock.
    `body` is None if there was none, or no JSON. `status` and `answered` are None if the connection
    was dropped, or the answer is still on its way.
    """

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int | None = None
    answered: float | None = None


class Gate:
    """One lock for the clock, the log, the rate and the faults: all four agree on the order.

    `rate` is the most requests let in during any second that slides over the server's clock; one
    that is not let in does not count. None is no limit.
    """

    def __init__(self, rate: int | None, bends: Bends) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._log: list[Request] = []
        self._let_in: deque[float] = deque()
        self.bend(bends)

    def bend(self, bends: Bends) -> None:
        """Answer in another way from now on; the faults count from 1 again."""
        with self._lock:
            self.bends = bends
            self._counts = [0] * len(bends.faults)

    @property
    def log(self) -> tuple[Request, ...]:
        """Every request so far, in the order of arrival."""
        with self._lock:
            return tuple(self._log)

    def arrive(self, method: str, target: str, body: bytes) -> tuple[int, FaultKind | None]:
        """Note a request; gives its number in the log, and how it goes wrong, if it does."""
        path, _, query = target.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        document = _document(body)
        with self._lock:
            now = time.monotonic()
            self._log.append(Request(now, method, path, asked, document))
            fault = self._next_fault(method)
            return len(self._log) - 1, fault if self._has_room(now) else "429"

    def note(self, number: int, status: int) -> None:
        """Note how a request was answered."""
        with self._lock:
            self._log[number] = replace(self._log[number], status=status, answered=time.monotonic())

    def _next_fault(self, method: str) -> FaultKind | None:
        hits: list[FaultKind] = []
        for place, fault in enumerate(self.bends.faults):
            if method in fault.methods:
                self._counts[place] += 1
                if fault.hits(self._counts[place]):
                    hits.append(fault.kind)
        return hits[0] if hits else None

    def _has_room(self, now: float) -> bool:
        if self._rate is None:
            return True
        while self._let_in and self._let_in[0] <= now - SECOND:
            self._let_in.popleft()
        if len(self._let_in) >= self._rate:
            return False
        self._let_in.append(now)
        return True


def _document(body: bytes) -> Any:
    try:
        return decoded(body)
    except ValueError:
        return None
