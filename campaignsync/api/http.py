"""Set up the HTTP client that `api` and `forge` share: settings, size limits, error meanings."""

import ssl
from collections.abc import Mapping

import httpx

from campaignsync import __version__
from campaignsync.errors import BadResponse

BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors that occur only before a request is sent."""

HEADERS_TOO_LARGE = "Receive buffer too long"
"""The error message of h11, the parser that httpx uses, if the headers exceed its limit."""

MEANINGS: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "connection timed out",
    httpx.ConnectError: "no connection",
    httpx.PoolTimeout: "timed out waiting for a free connection",
    httpx.ReadTimeout: "no response in time",
    httpx.WriteTimeout: "timed out while sending the request",
    httpx.ReadError: "the connection was lost before the response",
    httpx.WriteError: "the connection was lost while sending",
    httpx.CloseError: "the connection was lost",
    httpx.RemoteProtocolError: "the response was cut off or is not valid HTTP",
    httpx.LocalProtocolError: "the request is not valid HTTP",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address is not http or https",
    httpx.DecodingError: "the response's compression is invalid",
    httpx.TooManyRedirects: "the response is a redirect",
    httpx.HTTPStatusError: "the response is an error",
    httpx.InvalidURL: "the address is not a valid URL",
    httpx.CookieConflict: "the response's cookies contradict each other",
    httpx.StreamError: "the response was read incorrectly",
    httpx.TransportError: "the connection failed",
    httpx.HTTPError: "the request failed",
    TimeoutError: "no complete response in time",
    ssl.SSLError: "the secure connection failed",
    OSError: "the connection failed",
}
"""The meaning of each error of httpx and of the system; subclasses come before their bases."""

FAILURES = tuple(MEANINGS)


class CutShort(BadResponse):
    """The response was cut off; a retry may return it complete."""


def new_client(
    address: str,
    authorization: str,
    deadline: float,
    transport: httpx.AsyncBaseTransport | None = None,
    connections: int = 8,
) -> httpx.AsyncClient:
    """Return a client for `address` that ignores redirects and the environment's proxy settings.

    `deadline` limits each step of a request, in seconds; callers limit the whole request.
    """
    return httpx.AsyncClient(
        headers={
            "Authorization": authorization,
            "Accept": "application/json",
            # Compression saves little time here, and a compressed body could expand without limit.
            "Accept-Encoding": "identity",
            "User-Agent": f"campaignsync/{__version__}",
        },
        transport=transport,
        # Plain http goes to loopback only and needs no certificates: loading them takes 40 ms.
        verify=address.startswith("https:"),
        trust_env=False,
        follow_redirects=False,
        timeout=deadline,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


async def send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send a request and return the response with its body unread.

    Raises BadResponse if the headers are too large.
    """
    try:
        return await client.send(request, stream=True)
    except httpx.RemoteProtocolError as error:
        if str(error) == HEADERS_TOO_LARGE:
            raise BadResponse("the response's headers are larger than 100 KiB") from None
        raise


async def read_body(response: httpx.Response, largest: int) -> bytes:
    """Return the body. Raises BadResponse if it is compressed or larger than `largest` bytes."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadResponse("the response is compressed although the request forbade it")
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > largest:
                raise BadResponse(f"the response is larger than {largest // 2**20} MiB")
    except httpx.RemoteProtocolError:
        raise CutShort("the response was cut off or is not valid HTTP") from None
    return bytes(body)


def meaning_of(error: Exception) -> str:
    """Return the meaning of an error of one of the types in FAILURES."""
    return next(text for kind, text in MEANINGS.items() if isinstance(error, kind))


def cause_of(error: BaseException) -> str:
    """Return the message of the operating system's error that httpx and its layers wrap."""
    if isinstance(error, BaseExceptionGroup):
        return cause_of(error.exceptions[0])
    cause = error.__cause__ or error.__context__
    message = getattr(error, "strerror", None)
    return message or (cause and cause_of(cause)) or str(error)
