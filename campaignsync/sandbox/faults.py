"""What can go wrong with one request, on the raw socket where it must be."""

import gzip
import socket
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from campaignsync.sandbox.bends import FaultKind
from campaignsync.sandbox.replies import Reply, refused
from campaignsync.sandbox.rules import Refusal

if TYPE_CHECKING:
    from campaignsync.sandbox.handler import Handler

DRIP = 0.4
"""Seconds between two bytes of a slow answer."""
MEBIBYTE = 2**20
HUGE = 64
"""Mebibytes of an endless answer, and of what a bomb unpacks to."""

Fail = Callable[["Handler", bytes], None]
"""Lets the request with this body go wrong."""


def commit(handler: "Handler", kind: FaultKind, body: bytes) -> None:
    """Let a request go wrong in one way; raises OSError where the client has gone."""
    KINDS[kind](handler, body)


def _refuse(status: int, code: str) -> Fail:
    def fail(handler: "Handler", _: bytes) -> None:
        handler.send(refused(Refusal(status, code, "as the sandbox was told"), handler.bends))

    return fail


def _say(reply: Reply) -> Fail:
    def fail(handler: "Handler", _: bytes) -> None:
        handler.send(reply)

    return fail


def _spoil(change: Callable[[bytes], bytes]) -> Fail:
    """Do what is asked, and answer with a JSON object that is not quite one."""

    def fail(handler: "Handler", body: bytes) -> None:
        true = handler.compute(body)
        handler.send(Reply(true.status, change(true.content), true.kind, true.headers))

    return fail


def _drop_before(handler: "Handler", _: bytes) -> None:
    handler.reset_connection()


def _drop_after(handler: "Handler", body: bytes) -> None:
    handler.compute(body)
    handler.reset_connection()


def _bad_gateway_after(handler: "Handler", body: bytes) -> None:
    handler.compute(body)
    handler.send(Reply(502, b"<html><body>Bad gateway</body></html>", "text/html"))


def _half(handler: "Handler", body: bytes) -> None:
    true = handler.compute(body)
    handler.send_head(true)
    handler.wfile.write(true.content[: len(true.content) // 2])
    handler.close_connection = True


def _drip(handler: "Handler", body: bytes) -> None:
    true = handler.compute(body)
    handler.send_head(true)
    for byte in true.content:
        handler.wfile.write(bytes([byte]))
        if handler.stopping.wait(DRIP):
            return


def _hang(handler: "Handler", _: bytes) -> None:
    handler.stopping.wait()
    handler.close_connection = True


def _redirect(handler: "Handler", _: bytes) -> None:
    handler.send(Reply(302, b"", headers={"Location": handler.bends.redirect_to}))


def _huge(handler: "Handler", _: bytes) -> None:
    handler.send_head(Reply(200, b"", headers={"Transfer-Encoding": "chunked"}))
    chunk = b"%x\r\n%b\r\n" % (MEBIBYTE, b" " * MEBIBYTE)
    for _part in range(HUGE):
        handler.wfile.write(chunk)
    handler.wfile.write(b"0\r\n\r\n")


def _gzip_bomb(handler: "Handler", _: bytes) -> None:
    handler.send(Reply(200, _bomb(), headers={"Content-Encoding": "gzip"}))


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (HUGE * MEBIBYTE), compresslevel=1)


def _with_nan(content: bytes) -> bytes:
    return b'{"x_score": NaN, ' + content[1:]


def _twice(content: bytes) -> bytes:
    return content[:-1] + b", " + content[1:]


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN: what was sent may be lost, too."""
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
