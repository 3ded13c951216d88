"""A sandbox whose requests can fail, on the raw socket if necessary."""

import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from campaignsync import sandbox
from campaignsync.sandbox.http_server import Handler, Reply, error_reply
from campaignsync.sandbox.quirks import Quirks as ApiQuirks
from campaignsync.sandbox.rules import Refusal

DRIP = 0.4
"""Seconds between two bytes of a slow answer."""
MEBIBYTE = 2**20
HUGE = 64
"""Size of a huge answer, and of an unpacked gzip bomb, in MiB."""

FaultKind = Literal[
    "drop-before", "drop-after", "500", "502-after", "503", "429", "401", "402", "403",
    "half", "html", "empty", "list", "drip", "hang", "redirect", "huge", "gzip-bomb", "nan",
    "duplicate-keys",
]  # fmt: skip
"""How a request fails. The "-after" kinds, and those that change the real answer ("half", "drip",
"nan", "duplicate-keys"), execute the request; the others do not.
"""

Fail = Callable[[Handler, bytes], None]
"""Fails a request; takes the handler and the request's body."""


def _refuse(status: int, code: str) -> Fail:
    def fail(handler: Handler, _: bytes) -> None:
        handler.send(error_reply(Refusal(status, code, "a fault of the sandbox"), handler.quirks))

    return fail


def _say(reply: Reply) -> Fail:
    def fail(handler: Handler, _: bytes) -> None:
        handler.send(reply)

    return fail


def _spoil(change: Callable[[bytes], bytes]) -> Fail:
    """Return a fault that executes the request, and changes the answer's bytes."""

    def fail(handler: Handler, body: bytes) -> None:
        true = handler.execute(body)
        handler.send(Reply(true.status, change(true.content), true.kind, true.headers))

    return fail


def _drop_before(handler: Handler, _: bytes) -> None:
    _reset_connection(handler)


def _drop_after(handler: Handler, body: bytes) -> None:
    handler.execute(body)
    _reset_connection(handler)


def _bad_gateway_after(handler: Handler, body: bytes) -> None:
    handler.execute(body)
    handler.send(Reply(502, b"<html><body>Bad gateway</body></html>", "text/html"))


def _half(handler: Handler, body: bytes) -> None:
    true = handler.execute(body)
    handler.send_head(true)
    handler.wfile.write(true.content[: len(true.content) // 2])
    handler.close_connection = True


def _drip(handler: Handler, body: bytes) -> None:
    true = handler.execute(body)
    handler.send_head(true)
    for byte in true.content:
        handler.wfile.write(bytes([byte]))
        if handler.stopping.wait(DRIP):
            return


def _hang(handler: Handler, _: bytes) -> None:
    handler.stopping.wait()
    handler.close_connection = True


def _redirect(handler: Handler, _: bytes) -> None:
    handler.send(Reply(302, b"", headers={"Location": getattr(handler.quirks, "redirect_to", "")}))


def _huge(handler: Handler, _: bytes) -> None:
    handler.send_head(Reply(200, b"", headers={"Transfer-Encoding": "chunked"}))
    chunk = b"%x\r\n%b\r\n" % (MEBIBYTE, b" " * MEBIBYTE)
    for _part in range(HUGE):
        handler.wfile.write(chunk)
    handler.wfile.write(b"0\r\n\r\n")


def _gzip_bomb(handler: Handler, _: bytes) -> None:
    handler.send(Reply(200, _bomb(), headers={"Content-Encoding": "gzip"}))


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (HUGE * MEBIBYTE), compresslevel=1)


def _with_nan(content: bytes) -> bytes:
    return b'{"x_score": NaN, ' + content[1:]


def _twice(content: bytes) -> bytes:
    return content[:-1] + b", " + content[1:]


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN; data that was sent may be lost, too."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


KINDS: Mapping[FaultKind, Fail] = {
    "drop-before": _drop_before,
    "drop-after": _drop_after,
    "500": _refuse(500, "INTERNAL_ERROR"),
    "502-after": _bad_gateway_after,
    "503": _refuse(503, "UNAVAILABLE"),
    "429": _refuse(429, "RATE_LIMITED"),
    "401": _refuse(401, "UNAUTHORIZED"),
    "402": _refuse(402, "BILLING_LIMIT_REACHED"),
    "403": _refuse(403, "FORBIDDEN"),
    "half": _half,
    "html": _say(Reply(200, b"<html><body>Please log in</body></html>", "text/html")),
    "empty": _say(Reply(200, b"")),
    "list": _say(Reply(200, b"[]")),
    "drip": _drip,
    "hang": _hang,
    "redirect": _redirect,
    "huge": _huge,
    "gzip-bomb": _gzip_bomb,
    "nan": _spoil(_with_nan),
    "duplicate-keys": _spoil(_twice),
}


def _reset_connection(handler: Handler) -> None:
    handler.close_connection = True
    reset(handler.connection)


@dataclass(frozen=True, slots=True)
class Fault:
    """The n-th request with one of `methods` fails; "all" means every request.

    Counting starts at 1 when the quirks are set. A request that exceeds the rate is counted, and is
    answered with a 429 instead of its fault.
    """

    on: int | frozenset[int] | Literal["all"]
    kind: FaultKind
    methods: frozenset[str] = frozenset({"GET", "PATCH", "POST"})

    def hits(self, number: int) -> bool:
        if isinstance(self.on, frozenset):
            return number in self.on
        return self.on in ("all", number)


@dataclass(frozen=True, slots=True)
class Quirks(ApiQuirks):
    """Quirks and faults; `redirect_to` is the target of the fault "redirect"."""

    redirect_to: str = "http://127.0.0.1:9/"
    faults: tuple[Fault, ...] = ()


class Sandbox(sandbox.Sandbox):
    """The sandbox with the faults of its quirks; setting quirks restarts the counting."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._fault_lock = threading.Lock()
        self._counts: list[int] = []
        self._failing: dict[int, FaultKind] = {}
        super().__init__(*arguments, **named)
        self._start_counting()

    @property
    def quirks(self) -> ApiQuirks:
        return super().quirks

    @quirks.setter
    def quirks(self, given: ApiQuirks) -> None:
        with self._fault_lock:
            self._quirks = given
            self._start_counting()

    def _start_counting(self) -> None:
        self._counts = [0] * len(self._faults)

    @property
    def _faults(self) -> tuple[Fault, ...]:
        return getattr(self._quirks, "faults", ())

    def log_request(self, method: str, target: str, body: bytes) -> tuple[int, bool]:
        with self._fault_lock:
            number, is_admitted = super().log_request(method, target, body)
            kinds = [*self._next_faults(method)]
            if kinds and is_admitted:
                self._failing[number] = kinds[0]
            return number, is_admitted

    def _next_faults(self, method: str) -> Iterator[FaultKind]:
        for place, fault in enumerate(self._faults):
            if method in fault.methods:
                self._counts[place] += 1
                if fault.hits(self._counts[place]):
                    yield fault.kind

    def intercept(self, handler: Handler, number: int, body: bytes) -> bool:
        if kind := self._failing.pop(number, None):
            KINDS[kind](handler, body)
        return bool(kind)
