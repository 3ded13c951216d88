"""Log and rate-limit every request."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from campaignsync.sandbox.routes import decoded

SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the status of its response.

    `at` and `answered` are the times of arrival and response, in seconds of the monotonic clock.
    `body` is None if it is empty or not JSON. `status` and `answered` are None if the connection
    was dropped, or the response has not been sent yet.
    """

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int | None = None
    answered: float | None = None


class RequestLog:
    """The log and the rate limit of a server; one lock keeps both in the same order of requests.

    `rate` is the maximum number of requests admitted in any second of the server's clock; a request
    that is not admitted does not count. None means no limit.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._log: list[Request] = []
        self._admitted: deque[float] = deque()

    @property
    def log(self) -> tuple[Request, ...]:
        """All requests so far, in the order of arrival."""
        with self._lock:
            return tuple(self._log)

    def log_request(self, method: str, target: str, body: bytes) -> tuple[int, bool]:
        """Log a request; return its index in the log, and whether it is within the rate."""
        path, _, query = target.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        document = _document(body)
        with self._lock:
            now = time.monotonic()
            self._log.append(Request(now, method, path, parameters, document))
            return len(self._log) - 1, self._admits(now)

    def log_status(self, number: int, status: int) -> None:
        """Log the status and the time of a request's response."""
        with self._lock:
            self._log[number] = replace(self._log[number], status=status, answered=time.monotonic())

    def _admits(self, now: float) -> bool:
        if self._rate is None:
            return True
        while self._admitted and self._admitted[0] <= now - SECOND:
            self._admitted.popleft()
        if len(self._admitted) >= self._rate:
            return False
        self._admitted.append(now)
        return True


def _document(body: bytes) -> Any:
    try:
        return decoded(body)
    except ValueError:
        return None
