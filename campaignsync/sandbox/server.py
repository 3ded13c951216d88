"""The sandbox: a server with its store, the log of its requests, and their rate limit."""

import hmac
import ipaddress
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from campaignsync.sandbox.campaign import Campaign, merge
from campaignsync.sandbox.http_server import Handler, Reply, Server, error_reply, json_reply
from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.routes import PREFIX, ApiRequest, Routes, decoded
from campaignsync.sandbox.rules import Refusal
from campaignsync.sandbox.store import Seed, Store

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


class Sandbox:
    """A server on loopback, as a context manager; quirks and campaigns can be changed at any time.

    `seed` is a document or a file with `{"campaigns": [...]}`, `database` the SQLite file that
    keeps the state between runs, `rate` the maximum number of requests in any second. With
    `key=None` every key is accepted. Raises ValueError for a host that is not loopback, an invalid
    seed or an invalid database; OSError if the port is in use.
    """

    def __init__(
        self,
        seed: Seed = None,
        database: Path | None = None,
        *,
        key: str | None = "sk-test-sandbox",
        rate: int | None = 12,
        quirks: Quirks | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {host}")
        self.key = key or "sk-test-any"
        """A valid key."""
        self.stopping = threading.Event()
        self._any_key = key is None
        self._random = random.Random(0)  # noqa: S311 - reproducible jitter
        self._requests = RequestLog(rate)
        self._quirks = quirks or Quirks()
        with ExitStack() as opened:
            self._store = opened.enter_context(closing(Store(seed, database)))
            self._server = opened.enter_context(Server((host, port), self))
            self._close = opened.pop_all().close
        self._routes = Routes(self._store)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start to serve requests; a stopped sandbox cannot be started again."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and close all connections, including those that wait for a response."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._close()

    @property
    def url(self) -> str:
        """The base URL for clients."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"http://{shown!s}:{port}{PREFIX}"

    @property
    def quirks(self) -> Quirks:
        """The server's quirks; may be set at any time."""
        return self._quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self._quirks = quirks

    @property
    def log(self) -> tuple[Request, ...]:
        """All requests so far, in the order of arrival, including refused and dropped ones."""
        return self._requests.log

    @property
    def writes(self) -> tuple[Request, ...]:
        """All PATCH and POST requests, successful or not."""
        return tuple(request for request in self.log if request.method in ("PATCH", "POST"))

    def campaigns(self) -> dict[int, Campaign]:
        """Return all campaigns by id, in the nested shape, for assertions."""
        return self._store.all()

    def edit(self, id_: int, fields: Mapping[str, Any]) -> None:
        """Change a campaign without checking the rules, like an edit in the vendor's dashboard.

        Raises KeyError if the campaign does not exist.
        """
        with self._store.transaction():
            if (campaign := self._store.get(id_)) is None:
                raise KeyError(id_)
            self._store.put(merge(campaign, fields))

    def reset(self) -> None:
        """Restore the seed; the log is kept."""
        self._routes.reset()

    def log_request(self, method: str, target: str, body: bytes) -> tuple[int, bool]:
        return self._requests.log_request(method, target, body)

    def intercept(self, handler: Handler, number: int, body: bytes) -> bool:
        """Return whether this method has handled the request; tests override it."""
        del handler, number, body
        return False

    def log_status(self, number: int, status: int) -> None:
        self._requests.log_status(number, status)

    def delay_arrival(self) -> None:
        """Delay a request on arrival, like a network: evenly sent requests arrive unevenly."""
        if seconds := self._random.uniform(0, self.quirks.jitter):
            self.stopping.wait(seconds)

    def delay_reply(self) -> None:
        """Delay the response by `quirks.latency`, or until the server stops."""
        if seconds := self.quirks.latency:
            self.stopping.wait(seconds)

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        """Execute a request if its key is valid; return the reply."""
        quirks = self.quirks
        try:
            self._check_key(authorization)
            status, document = self._routes.answer(request, quirks)
        except Refusal as refusal:
            return error_reply(refusal, quirks)
        return json_reply(status, document, quirks)

    def _check_key(self, authorization: str | None) -> None:
        scheme, _, key = (authorization or "").partition(" ")
        known = bool(key) if self._any_key else hmac.compare_digest(key.encode(), self.key.encode())
        if scheme != "api-key" or not known:
            raise Refusal(401, "UNAUTHORIZED", "the key is missing or wrong")
