"""The sandbox: one server, one store, and the log of its requests."""

import hmac
import ipaddress
import random
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from campaignsync.sandbox.handler import Handler, Server
from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.replies import Reply, refused, said
from campaignsync.sandbox.request_log import Request, RequestLog
from campaignsync.sandbox.routes import PREFIX, Asked, Routes
from campaignsync.sandbox.rules import Refusal
from campaignsync.sandbox.store import Campaign, Seed, Store, merge

POLL = 0.01
"""Seconds that a stop waits at most for the server to notice."""


class Sandbox:
    """A server on loopback, as a context manager; may be bent, edited and read at any time.

    `seed` is a document or a file of `{"campaigns": [...]}`, `database` the SQLite file that keeps
    the state between runs, `rate` the most requests in any second. With `key=None` any key will do.
    Raises ValueError for a host that is not loopback, for a seed that is none, and for a file that
    is no database; OSError where the port is taken.
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
        """A key that is let in."""
        self.stopping = threading.Event()
        self._any_key = key is None
        self._random = random.Random(0)  # noqa: S311 - jitter, the same in each run
        self._requests = RequestLog(rate)
        self._quirks = quirks or Quirks()
        with ExitStack() as opened:
            self._store = opened.enter_context(closing(Store(seed, database)))
            self._server = opened.enter_context(Server((host, port), self))
            self._close = opened.pop_all().close
        self._routes = Routes(self._store)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": POLL}, daemon=True
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
        """Answer from now on; once stopped, a sandbox does not start again."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and hang up on everybody, also where an answer is still due."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._close()

    @property
    def url(self) -> str:
        """The base URL that a client is given."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"http://{shown!s}:{port}{PREFIX}"

    @property
    def quirks(self) -> Quirks:
        """How the server answers; may be set at any time."""
        return self._quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self._quirks = quirks

    @property
    def log(self) -> tuple[Request, ...]:
        """Every request so far, in the order of arrival: the refused and dropped ones, too."""
        return self._requests.log

    @property
    def writes(self) -> tuple[Request, ...]:
        """The requests that ask for a change, whatever came of them."""
        return tuple(request for request in self.log if request.method in ("PATCH", "POST"))

    @property
    def seed_changed(self) -> bool:
        """Whether the database began from another seed: `reset` takes up the new one."""
        return self._store.seed_changed

    def campaigns(self) -> dict[int, Campaign]:
        """Give the whole state, in the nested shape, for assertions."""
        return self._store.all()

    def edit(self, id_: int, fields: Mapping[str, Any]) -> None:
        """Change a campaign as a person in the dashboard does, past every rule.

        Raises KeyError where there is no such campaign.
        """
        with self._store.transaction():
            if (campaign := self._store.get(id_)) is None:
                raise KeyError(id_)
            self._store.put(merge(campaign, fields))

    def reset(self) -> None:
        """Go back to the seed; the log stays."""
        self._routes.reset()

    def arrive(self, method: str, target: str, body: bytes) -> tuple[int, bool]:
        return self._requests.arrive(method, target, body)

    def intercept(self, handler: Handler, number: int, body: bytes) -> bool:
        """Answer a request in another way; return whether that was done. Tests override this."""
        del handler, number, body
        return False

    def note(self, number: int, status: int) -> None:
        self._requests.note(number, status)

    def travel(self) -> None:
        """Be late on the way in, as a network is: what was sent evenly does not arrive so."""
        if seconds := self._random.uniform(0, self.quirks.jitter):
            self.stopping.wait(seconds)

    def delay(self) -> None:
        """Be as slow to answer as the quirks say, or until the server stops."""
        if seconds := self.quirks.latency:
            self.stopping.wait(seconds)

    def answer(self, asked: Asked, authorization: str | None) -> Reply:
        """Do what a request asks, if its key may."""
        quirks = self.quirks
        try:
            self._check_key(authorization)
            status, document = self._routes.answer(asked, quirks)
        except Refusal as refusal:
            return refused(refusal, quirks)
        return said(status, document, quirks)

    def _check_key(self, authorization: str | None) -> None:
        scheme, _, key = (authorization or "").partition(" ")
        known = bool(key) if self._any_key else hmac.compare_digest(key.encode(), self.key.encode())
        if scheme != "api-key" or not known:
            raise Refusal(401, "UNAUTHORIZED", "the key is missing or wrong")
