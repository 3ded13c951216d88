"""What can go wrong with one request, on the raw socket where it must be."""

import contextlib
import gzip
import socket
import struct
from typing import TYPE_CHECKING

from campaignsync.sandbox.bends import FaultKind
from campaignsync.sandbox.rules import Answered
from campaignsync.sandbox.shapes import error_body

if TYPE_CHECKING:
    from campaignsync.sandbox.handler import Handler

DRIP = 0.4
"""Seconds between two bytes of a slow answer."""
HUGE = 64
"""Mebibytes of an endless answer, and of what a bomb unpacks to."""

STATUSES: dict[FaultKind, tuple[int, str]] = {
    "500": (500, "INTERNAL"),
    "503": (503, "UNAVAILABLE"),
    "429": (429, "RATE_LIMITED"),
    "401": (401, "UNAUTHORIZED"),
    "402": (402, "BILLING_LIMIT_REACHED"),
    "403": (403, "FORBIDDEN"),
}
BODIES: dict[FaultKind, bytes] = {
    "html": b"<html><body>Please log in</body></html>",
    "empty": b"",
    "list": b"[]",
    "nan": b'{"success": true, "campaign": {"id": NaN}}',
    "duplicate-keys": b'{"campaigns": [], "campaigns": [], "pagination": {"has_next": false}}',
}


def commit(handler: "Handler", kind: FaultKind, body: bytes) -> None:
    """Let a request go wrong in one way."""
    with contextlib.suppress(OSError):
        if kind in STATUSES:
            _refuse(handler, kind)
        elif kind in BODIES:
            handler.note(200)
            handler.reply(200, BODIES[kind])
        else:
            _break(handler, kind, body)


def _refuse(handler: "Handler", kind: FaultKind) -> None:
    status, code = STATUSES[kind]
    bends = handler.server.sandbox.bends
    headers = {"Retry-After": bends.retry_after} if bends.retry_after else {}
    handler.note(status)
    handler.reply(
        status, error_body(Answered(status, code, "as asked"), bends.error_shape), headers
    )


def _break(handler: "Handler", kind: FaultKind, body: bytes) -> None:  # noqa: C901 - an arm a kind
    handler.close_connection = True
    match kind:
        case "drop-before":
            _reset(handler)
        case "drop-after":
            handler.compute(body)
            _reset(handler)
        case "502-after":
            handler.compute(body)
            handler.note(502)
            handler.reply(502, b"<html>Bad gateway</html>", kind="text/html")
        case "half":
            status, content, _ = handler.compute(body)
            handler.note(status)
            _head(handler, status, len(content))
            handler.wfile.write(content[: len(content) // 2])
        case "drip":
            _drip(handler, body)
        case "hang":
            handler.server.sandbox.stopping.wait()
        case "redirect":
            handler.note(302)
            handler.reply(302, b"", {"Location": handler.server.sandbox.bends.redirect_to})
        case "huge":
            _head(handler, 200, HUGE * 2**20)
            for _ in range(HUGE):
                handler.wfile.write(b" " * 2**20)
        case "gzip-bomb":
            bomb = gzip.compress(b" " * (HUGE * 2**20))
            handler.reply(200, bomb, {"Content-Encoding": "gzip"})


def _drip(handler: "Handler", body: bytes) -> None:
    status, content, _ = handler.compute(body)
    handler.note(status)
    _head(handler, status, len(content))
    for byte in content:
        handler.wfile.write(bytes([byte]))
        if handler.server.sandbox.stopping.wait(DRIP):
            return


def _head(handler: "Handler", status: int, length: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _reset(handler: "Handler") -> None:
    """Close with RST instead of FIN: what was sent may be lost, too."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
