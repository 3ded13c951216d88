"""A server on loopback that sends raw bytes: slow, truncated or endless answers."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

GOOD = b'{"success": true, "campaign": {"id": 1, "retries": 1}}'


def answer(body: bytes, *headers: str) -> bytes:
    """Return a complete response with status 200 and this body."""
    head = "".join(f"{line}\r\n" for line in (f"Content-Length: {len(body)}", *headers))
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


class Connection:
    """One connection of a client; `number` counts connections from 1."""

    def __init__(self, server: "RawServer", peer: socket.socket, number: int) -> None:
        self.number = number
        self._server = server
        self._peer = peer

    def request(self) -> bytes | None:
        """Return the next request, head and body; None if the client has closed the connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := self._peer.recv(65_536)):
                return None
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            body += self._peer.recv(65_536)
        self._server.requests.append(head.partition(b" ")[0].decode())
        return head + b"\r\n\r\n" + body

    def send(self, content: bytes) -> None:
        self._peer.sendall(content)

    def drip(self, part: bytes, every: float) -> None:
        """Send a part repeatedly, every `every` seconds, until the client or the test ends."""
        while not self._server.closing.wait(every):
            self.send(part)


class RawServer:
    """A context manager; `serve` is called for each connection, in a separate thread.

    `requests` holds the methods of all requests in the order of arrival.
    """

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/v1.0"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in (self._accepting, *self._threads):
            thread.join(10)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            connection = Connection(self, peer, len(self._threads) + 1)
            thread = threading.Thread(target=self._handle, args=(connection, peer), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, connection: Connection, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(20)
            try:
                self._serve(connection)
            except OSError:
                return  # the client has gone
