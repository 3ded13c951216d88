"""The HTTP server: reads each request completely, then responds."""

import re
import selectors
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from socketserver import TCPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl

from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.replies import Reply, refused
from campaignsync.sandbox.routes import Asked
from campaignsync.sandbox.rules import Refusal

LARGEST_BODY = 2**20
"""Maximum size of a request's body, in bytes."""
TOO_MANY = Refusal(429, "RATE_LIMITED", "too many requests")
CHUNK = 2**16
"""Bytes that are read and discarded at a time from a body that is too large."""


class Host(Protocol):
    """The part of the sandbox that the HTTP server uses."""

    stopping: threading.Event

    @property
    def quirks(self) -> Quirks: ...

    def arrive(self, method: str, target: str, body: bytes) -> tuple[int, bool]: ...

    def intercept(self, handler: "Handler", number: int, body: bytes) -> bool: ...

    def note(self, number: int, status: int) -> None: ...

    def travel(self) -> None: ...

    def delay(self) -> None: ...

    def answer(self, asked: Asked, authorization: str | None) -> Reply: ...


class Server(ThreadingHTTPServer):
    """A server with one thread per connection; `hang_up` ends all of them."""

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

    def hang_up(self) -> None:
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
        self.server.host.travel()
        self.number, is_admitted = self.server.host.arrive(self.command, self.path, body)
        self.server.host.delay()
        if not is_admitted:
            self.send(refused(TOO_MANY, self.quirks))
        elif self.server.host.intercept(self, self.number, body):
            return
        elif problem:
            self.send(refused(problem, self.quirks))
        else:
            self.send(self.compute(body))

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
            raise ConnectionError("the client left in the middle of its request")
        return body

    def compute(self, body: bytes) -> Reply:
        """Execute the request and return the response without sending it."""
        path, _, query = self.path.partition("?")
        asked = Asked(
            self.command,
            path,
            dict(parse_qsl(query, keep_blank_values=True)),
            body,
            self.headers.get("Idempotency-Key"),
        )
        return self.server.host.answer(asked, self.headers.get("Authorization"))

    def send(self, reply: Reply) -> None:
        self.send_head(reply)
        if self.command != "HEAD":
            self.wfile.write(reply.content)

    def send_head(self, reply: Reply) -> None:
        """Log the status, and send the status line and the headers."""
        if self.number is not None:
            self.server.host.note(self.number, reply.status)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        if "Transfer-Encoding" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.content)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()


def _openapi() -> bytes:
    return resources.files(__package__).joinpath("openapi.json").read_bytes()
