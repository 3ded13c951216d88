"""Set up the HTTP connection that `api` and `forge` share.

The base URL and the key are checked before any socket is opened. Each response has a maximum size,
and each error of httpx a meaning.
"""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self

import httpx

from campaignsync import __version__
from campaignsync.errors import BadResponse, ConfigurationError, CredentialError
from campaignsync.redaction import SHORTEST_KEY, without_keys

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

PATH = "/api/v1.0"
PLACEHOLDER = re.compile(
    r"<.*>|\.{3,}|x{3,}|change-?me|your[-_ ]?(api[-_ ]?)?key|secret|todo", re.IGNORECASE
)
HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")
"""A DNS host name or an IP address."""
LARGEST_PORT = 65_535
LONGEST_VALUE = 200
"""Maximum number of characters shown of an invalid base URL."""


class CutShort(BadResponse):
    """The response was cut off; a retry may return it complete."""


class Connection:
    """A connection to a server, as an async context manager.

    It ignores redirects and the environment's proxy settings. `deadline` limits each request with
    its complete response, in seconds.
    """

    def __init__(
        self,
        address: str,
        authorization: str,
        deadline: float,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 8,
    ) -> None:
        self._deadline = deadline
        self._client = httpx.AsyncClient(
            headers={
                "Authorization": authorization,
                "Accept": "application/json",
                # Compression saves little time here, and a compressed body could expand without
                # limit.
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

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def exchange(self, request: httpx.Request, largest: int) -> tuple[httpx.Response, bytes]:
        """Send a request once, and return the response with its body within the deadline.

        Raises BadResponse if the headers, or the body of over `largest` bytes, are too large; one
        of FAILURES if there is no response.
        """
        # httpx's own timeouts bound each read, not the sum of many slow ones.
        async with asyncio.timeout(self._deadline):
            response = await self._send(request)
            async with aclosing(response):
                return response, await _read_body(response, largest)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Return the response with its body unread."""
        try:
            return await self._client.send(request, stream=True)
        except httpx.RemoteProtocolError as error:
            if str(error) == HEADERS_TOO_LARGE:
                raise BadResponse("the response's headers are larger than 100 KiB") from None
            raise


async def _read_body(response: httpx.Response, largest: int) -> bytes:
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


def checked_base_url(text: str) -> str:
    """Return the base URL without a trailing slash, with the API's path if it has none.

    Raises ConfigurationError for anything but https, or http to loopback, because the key is sent
    to this address.
    """
    try:
        url = httpx.URL(text.strip())
        host, port = url.host, url.port
        # Name resolution encodes the host too: an invalid host would fail in the first request.
        url.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise _invalid_base_url(text) from None
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            "the base URL contains a user, a query or a fragment",
            hint="keep only scheme, host, port and path in ALTUR_BASE_URL or --base-url",
            code="BASE_URL",
        )
    if not HOST.fullmatch(url.raw_host.decode()) or url.scheme not in ("https", "http"):
        raise _invalid_base_url(text)
    if port is not None and not 0 < port <= LARGEST_PORT:
        raise _invalid_base_url(text, f": the port must be 1 to {LARGEST_PORT}")
    if url.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"the base URL {text.strip()} is plain http: the key would travel unencrypted",
            hint="use https; plain http is for loopback only",
            code="BASE_URL",
        )
    path = url.path.rstrip("/") or PATH
    return str(url.copy_with(path=path))


def _invalid_base_url(text: str, why: str = "") -> ConfigurationError:
    # The value may be the key, if the user swapped the two variables.
    value = without_keys(repr(text.strip()), ())[:LONGEST_VALUE]
    return ConfigurationError(
        f"the base URL is not an http(s) address: {value}{why}",
        hint="set ALTUR_BASE_URL or --base-url to an address like https://HOST/PATH, or unset it",
        code="BASE_URL",
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_key(text: str, variable: str) -> str:
    """Return the key unchanged if it is valid.

    Raises CredentialError for an invalid key; the message names the variable, never the value.
    """
    if not text.strip():
        raise _invalid_key(variable, "is empty")
    if text.startswith("api-key "):
        raise _invalid_key(variable, "starts with `api-key `, which campaignsync adds")
    if not text.isascii():
        raise _invalid_key(variable, "has a character that is not ASCII, such as a curly quote")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise _invalid_key(variable, "is in quotes, which are not part of the key")
    if any(not "!" <= character <= "~" for character in text):
        raise _invalid_key(variable, "has a space or a line break")
    if PLACEHOLDER.fullmatch(text):
        raise _invalid_key(variable, "is a placeholder")
    if len(text) < SHORTEST_KEY:
        raise _invalid_key(variable, f"is too short: a key has at least {SHORTEST_KEY} characters")
    return text


def _invalid_key(variable: str, why: str) -> CredentialError:
    return CredentialError(
        f"the key in {variable} {why}",
        hint=f"set {variable} to the API key, as the dashboard shows it",
    )
