"""The HTTP server: reads each request completely, then sends one reply."""

import json
import re
import selectors
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from socketserver import TCPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl

from campaignsync.sandbox.campaign import widened
from campaignsync.sandbox.quirks import ErrorShape, Quirks
from campaignsync.sandbox.routes import ApiRequest
from campaignsync.sandbox.rules import Refusal

JSON = "application/json"
LARGEST_BODY = 2**20
"""Maximum size of a request's body, in bytes."""
TOO_MANY = Refusal(429, "RATE_LIMITED", "too many requests")
CHUNK = 2**16
"""Bytes that are read and discarded at a time from a body that is too large."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that is ready to send."""

    status: int
    content: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, document: Mapping[str, Any], quirks: Quirks) -> Reply:
    """Return the reply to a successful request."""
    shown = widened(document) if quirks.extra_keys else document
    return Reply(status, json.dumps(shown).encode())


def error_reply(refusal: Refusal, quirks: Quirks) -> Reply:
    """Return the reply to a refused request, in the shape `quirks.error_shape`."""
    content = _error_body(refusal, quirks.error_shape)
    kind = "text/plain; charset=utf-8" if quirks.error_shape == "text" else JSON
    headers = {**refusal.headers, **_retry_after(refusal.status, quirks.retry_after)}
    return Reply(refusal.status, content, kind, headers)


def _retry_after(status: int, value: str | None) -> dict[str, str]:
    if value is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        value = "1"
    can_wait = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return {"Retry-After": value} if value and can_wait else {}


def _error_body(error: Refusal, shape: ErrorShape) -> bytes:
    where = {"field": error.field} if error.field is not None else {}
    details: dict[str, Any] = {"message": error.message, **where, **error.more}
    bodies: dict[ErrorShape, Any] = {
        "code": {"success": False, "code": error.code, **details},
        "error": {"error": error.code, **details},
        "error.code": {"error": {"code": error.code, **details}},
        "error_code": {"error_code": error.code, **details},
        "detail.code": {"detail": {"code": error.code, **details}},
    }
    if shape == "text":
        return f"{error.code}: {error.message}".encode(errors="backslashreplace")
    return b"" if shape == "empty" else json.dumps(bodies[shape]).encode()


class Host(Protocol):
    """The part of the sandbox that the HTTP server uses."""

    stopping: threading.Event

    @property
    def quirks(self) -> Quirks: ...

    def log_request(self, method: str, target: str, body: bytes) -> tuple[int, bool]: ...

    def intercept(self, handler: "Handler", number: int, body: bytes) -> bool: ...

    def log_status(self, number: int, status: int) -> None: ...

    def delay_arrival(self) -> None: ...

    def delay_reply(self) -> None: ...

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply: ...


class Server(ThreadingHTTPServer):
    """A server with one thread per connection; `close_connections` ends all of them."""

    daemon_threads = True
    request_queue_size = 128
    # `handle_request` is called when there is a request, and must not wait for another one.
    timeout = 0

    def __init__(self, address: tuple[str, int], host: Host) -> None:
        self.host = host
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stop_reader, self._stop_writer = socket.socketpair()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # HTTPServer.server_bind does a reverse DNS lookup, which can be slow.
        TCPServer.server_bind(self)

    def serve_forever(self, poll_interval: float = 0) -> None:
        """Handle requests until `shutdown`, without polling for it like the base class."""
        del poll_interval
        with selectors.DefaultSelector() as selector:
            for listening in (self.socket, self._stop_reader):
                selector.register(listening, selectors.EVENT_READ)
            while all(key.fileobj is self.socket for key, _ in selector.select()):
                self.handle_request()

    def shutdown(self) -> None:
        """End `serve_forever`, without waiting for it."""
        self._stop_writer.close()

    def server_close(self) -> None:
        super().server_close()
        self._stop_reader.close()
        self._stop_writer.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._lock:
            self._open.pop(request, None)

    def close_connections(self) -> None:
        """Close every connection, and join their threads."""
        with self._lock:
            left = list(self._open.items())
        for connection, _ in left:
            # `close` would not wake the thread that reads from the socket.
            _shut(connection)
        for _, thread in left:
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect; report other errors, which are bugs of the sandbox."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client has already disconnected.
        return


class Handler(BaseHTTPRequestHandler):
    """Serves one connection, request by request."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; Nagle's algorithm would delay the second by 40 ms.
    disable_nagle_algorithm = True
    server: Server
    number: int | None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Write nothing to stderr: requests are logged in `Sandbox.log`."""

    @property
    def quirks(self) -> Quirks:
        return self.server.host.quirks

    @property
    def stopping(self) -> threading.Event:
        return self.server.host.stopping

    def serve(self) -> None:
        """Answer one request with any method."""
        body, problem = self._read_body()
        if self.command == "GET" and self.path == "/openapi.json":
            self.number = None
            self.send(Reply(200, _openapi()))
            return
        self.server.host.delay_arrival()
        self.number, is_admitted = self.server.host.log_request(self.command, self.path, body)
        self.server.host.delay_reply()
        if not is_admitted:
            self.send(error_reply(TOO_MANY, self.quirks))
        elif self.server.host.intercept(self, self.number, body):
            return
        elif problem:
            self.send(error_reply(problem, self.quirks))
        else:
            self.send(self.execute(body))

    def __getattr__(self, name: str) -> Any:
        # The base class looks up `do_GET` and so on; the routes decide which methods are allowed.
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def _read_body(self) -> tuple[bytes, Refusal | None]:
        stated = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", stated):
            self.close_connection = True
            return b"", Refusal(411, "LENGTH_REQUIRED", "Content-Length is required")
        length = int(stated)
        if length <= LARGEST_BODY:
            return self._read(length), None
        for _ in range(length // CHUNK):
            self._read(CHUNK)
        self._read(length % CHUNK)
        return b"", Refusal(413, "BODY_TOO_LARGE", f"at most {LARGEST_BODY} bytes are accepted")

    def _read(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError("the client disconnected in the middle of its request")
        return body

    def execute(self, body: bytes) -> Reply:
        """Execute the request and return the response without sending it."""
        path, _, query = self.path.partition("?")
        request = ApiRequest(
            self.command,
            path,
            dict(parse_qsl(query, keep_blank_values=True)),
            body,
            self.headers.get("Idempotency-Key"),
        )
        return self.server.host.answer(request, self.headers.get("Authorization"))

    def send(self, reply: Reply) -> None:
        self.send_head(reply)
        if self.command != "HEAD":
            self.wfile.write(reply.content)

    def send_head(self, reply: Reply) -> None:
        """Log the status, and send the status line and the headers."""
        if self.number is not None:
            self.server.host.log_status(self.number, reply.status)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        if "Transfer-Encoding" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.content)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()


def _openapi() -> bytes:
    return resources.files(__package__).joinpath("openapi.json").read_bytes()
