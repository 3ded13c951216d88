"""HTTP: reads a request whole, then answers it, or lets it go wrong."""

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from campaignsync.sandbox import faults
from campaignsync.sandbox.routes import openapi
from campaignsync.sandbox.rules import Answered
from campaignsync.sandbox.shapes import error_body

if TYPE_CHECKING:
    from campaignsync.sandbox.server import Sandbox

LARGEST_BODY = 1024 * 1024
"""Bytes of a request's body that are taken."""


class Server(ThreadingHTTPServer):
    """Threads that nobody waits for; a client that goes away is not worth a traceback."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, then answers it, or lets it go wrong."""

    protocol_version = "HTTP/1.1"
    # Headers and body go out in two writes: Nagle's algorithm would hold the second for 40 ms.
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: the log is `Sandbox.log`."""

    def handle_one(self) -> None:
        sandbox = self.server.sandbox
        body = self._read_body()
        if body is None:
            return
        if urlsplit(self.path).path == "/openapi.json" and self.command == "GET":
            self.reply(200, openapi())
            return
        self.number = sandbox.arrive(self.command, self.path, body)
        fault = sandbox.fault_for(self.command)
        sandbox.delay()
        if fault is None:
            self.answer(body)
        else:
            faults.commit(self, fault.kind, body)

    # The names that the base class calls; a method that no route has is answered with a 405.
    do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - the base's names
    do_HEAD = do_OPTIONS = handle_one  # noqa: N815 - the base's names

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.reply(413, b"{}")
            return None
        return self.rfile.read(int(length))

    def compute(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Do what is asked, and give the answer without sending it."""
        sandbox = self.server.sandbox
        try:
            sandbox.admit(self.headers.get("Authorization"))
            key = self.headers.get("Idempotency-Key")
            status, content = sandbox.answer(self.command, self.path, body, key)
        except Answered as refusal:
            extra = {}
            if refusal.status == 405:  # noqa: PLR2004 - Method Not Allowed
                extra["Allow"] = str(refusal.more["allow"])
            if refusal.status in (429, 503):
                wait = sandbox.bends.retry_after
                extra = {"Retry-After": "1" if wait is None else wait} if wait != "" else {}
            return refusal.status, error_body(refusal, sandbox.bends.error_shape), extra
        return status, content, {}

    def answer(self, body: bytes) -> None:
        status, content, headers = self.compute(body)
        self.note(status)
        self.reply(status, content, headers)

    def note(self, status: int) -> None:
        self.server.sandbox.note(self.number, status)

    def reply(
        self,
        status: int,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
