"""The sandbox itself: who may come in and how often, what came in, and what it holds."""

import hmac
import ipaddress
import json
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from campaignsync.sandbox.bends import Bends, Fault
from campaignsync.sandbox.handler import Server
from campaignsync.sandbox.routes import PREFIX, Routes
from campaignsync.sandbox.rules import Answered
from campaignsync.sandbox.store import Campaign, Store, merge


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived: `at` in seconds of the monotonic clock, and how it was answered.

    `status` is None where the connection was dropped, or the answer is still on its way.
    """

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int | None


class Sandbox:
    """A server on loopback, as a context manager; may be started, bent and read at any time.

    `seed` is a document or a file of `{"campaigns": [...]}`, `database` the SQLite file that keeps
    the state between runs, `rate` the most requests in any second. With `key=None` any key will do.
    Raises ValueError for a host that is not loopback, and for a seed that is none.
    """

    def __init__(
        self,
        seed: Path | Mapping[str, Any] | None = None,
        database: Path | None = None,
        *,
        key: str | None = "sk-test-sandbox",
        rate: int | None = 12,
        bends: Bends | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {host}")
        self.key = key or "sk-test-any"
        self.bends = bends or Bends()
        self._any_key = key is None
        self._window = Window(rate)
        self._log: list[Request] = []
        self._counted: dict[Fault, int] = {}
        self._lock = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 - jitter, the same in each run
        self.stopping = threading.Event()
        self._store = Store(seed, database)
        self._routes = Routes(self._store)
        self._server = Server((host, port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

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
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and close: requests that hang are let go."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._store.close()

    @property
    def url(self) -> str:
        """The base URL that a client is given."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"http://{shown!s}:{port}{PREFIX}"

    @property
    def log(self) -> tuple[Request, ...]:
        """Every request so far, in the order of arrival."""
        with self._lock:
            return tuple(self._log)

    @property
    def writes(self) -> tuple[Request, ...]:
        """The requests that ask for a change, whatever came of them."""
        return tuple(request for request in self.log if request.method in ("PATCH", "POST"))

    def campaigns(self) -> dict[int, Campaign]:
        """Give the whole state, for assertions."""
        return self._store.all()

    def edit(self, id_: int, fields: Mapping[str, Any]) -> None:
        """Change a campaign as a person in the dashboard does, past every rule."""
        campaign = self._store.get(id_)
        if campaign is None:
            raise KeyError(id_)
        self._store.put(merge(campaign, fields))

    def reset(self) -> None:
        """Go back to the seed."""
        self._store.reset()

    def arrive(self, method: str, target: str, body: bytes) -> int:
        """Note a request; gives its number in the log."""
        url = urlsplit(target)
        try:
            document = json.loads(body) if body else None
        except ValueError:
            document = None
        request = Request(
            time.monotonic(), method, url.path, dict(parse_qsl(url.query)), document, None
        )
        with self._lock:
            self._log.append(request)
            return len(self._log) - 1

    def note(self, number: int, status: int) -> None:
        """Note how a request was answered."""
        with self._lock:
            old = self._log[number]
            self._log[number] = Request(old.at, old.method, old.path, old.query, old.body, status)

    def fault_for(self, method: str) -> Fault | None:
        """Count a request against each fault of its method; gives the one that hits it."""
        with self._lock:
            hit = None
            for fault in self.bends.faults:
                if method in fault.methods:
                    self._counted[fault] = self._counted.get(fault, 0) + 1
                    hit = fault if fault.hits(self._counted[fault]) else hit
            return hit

    def delay(self) -> None:
        bends = self.bends
        with self._lock:
            extra = self._random.uniform(0, bends.jitter)
        if bends.latency + extra:
            self.stopping.wait(bends.latency + extra)

    def admit(self, authorization: str | None) -> None:
        """Raise Answered for a wrong key, and past the rate."""
        scheme, _, key = (authorization or "").partition(" ")
        known = bool(key) if self._any_key else hmac.compare_digest(key.encode(), self.key.encode())
        if scheme != "api-key" or not known:
            raise Answered(401, "UNAUTHORIZED", "the key is missing or wrong")
        if not self._window.let_in(time.monotonic()):
            raise Answered(429, "RATE_LIMITED", "more than 12 requests in a second")

    def answer(
        self, method: str, target: str, body: bytes, idempotency_key: str | None
    ) -> tuple[int, bytes]:
        """Do what a request asks; raises Answered."""
        url = urlsplit(target)
        status, document = self._routes.answer(
            method,
            url.path,
            query=dict(parse_qsl(url.query)),
            body=body,
            key=idempotency_key,
            bends=self.bends,
        )
        return status, json.dumps(document).encode()


class Window:
    """At most `rate` requests in any second that slides over the server's clock."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._arrivals: deque[float] = deque()
        self._lock = threading.Lock()

    def let_in(self, now: float) -> bool:
        if self._rate is None:
            return True
        with self._lock:
            while self._arrivals and self._arrivals[0] <= now - 1.0:
                self._arrivals.popleft()
            if len(self._arrivals) >= self._rate:
                return False
            self._arrivals.append(now)
            return True
