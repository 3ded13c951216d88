"""Send requests to a forge's API, with limits on time and size, and raise our own errors."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from campaignsync.api.http import FAILURES, cause_of, meaning_of, new_client, read_body
from campaignsync.api.responses import retry_after
from campaignsync.errors import (
    ApiError,
    BadResponse,
    ConfigurationError,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.forge.thread import Thread
from campaignsync.redaction import redacted

DEADLINE = 20.0
"""Maximum time for a request and its complete response, in seconds."""
LARGEST = 64 * 2**20
"""Maximum size of a response's body, in bytes."""
LONGEST_MESSAGE = 200
"""Maximum number of characters shown of a forge's message."""


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """A forge's response, parsed from JSON, and whether there is a next page."""

    document: Any
    has_next_page: bool


class Client:
    """A connection to a forge; an async context manager.

    `wait` is the forge's last Retry-After, in seconds; 0 if it sent none.
    """

    def __init__(self, thread: Thread) -> None:
        self.wait = 0.0
        self._thread = thread
        self._client = new_client(thread.address, f"Bearer {thread.token}", DEADLINE)

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

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: int
    ) -> ParsedResponse:
        """Send one request and return its response.

        Raises Unauthorized, Unreachable, ConfigurationError if the pull request was not found, and
        ApiError for any other response that is not a success.
        """
        url = f"{self._thread.address}{path}"
        try:
            # httpx's own timeouts bound each read, not the sum of many slow ones.
            async with asyncio.timeout(DEADLINE):
                request = self._client.build_request(method, url, params=query or None, json=body)
                response = await self._client.send(request, stream=True)
                async with aclosing(response):
                    content = await read_body(response, LARGEST)
        except FAILURES as error:
            detail = redacted(cause_of(error), self._thread.token)
            raise Unreachable(
                f"{method} {url}: {meaning_of(error)} ({detail})",
                hint="check the network and the address, then try again",
            ) from None
        if not response.is_success:
            raise self._refusal(response, content)
        try:
            return ParsedResponse(json.loads(content), _has_next(response))
        except (ValueError, RecursionError):
            raise BadResponse(f"{method} {url}: the response is not valid JSON") from None

    def _refusal(self, response: httpx.Response, content: bytes) -> Exception:
        """Return the error for an unsuccessful response; set `wait` if requests are limited."""
        status, wait = response.status_code, response.headers.get("Retry-After")
        text = redacted(_message_in(content), self._thread.token)[:LONGEST_MESSAGE]
        message = f"the forge returned {status}{f': {text}' if text else ''}"
        # GitHub also returns 403 if there are too many requests.
        is_limited = wait is not None or response.headers.get("X-RateLimit-Remaining") == "0"
        if status == httpx.codes.TOO_MANY_REQUESTS or (
            status == httpx.codes.FORBIDDEN and is_limited
        ):
            self.wait = retry_after(wait, time.time()) or 0.0
            return RateLimited(message, hint="try again later", status=status)
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            hint = "use a token of this forge that may write comments"
            return Unauthorized(message, hint=hint, status=status)
        if status == httpx.codes.NOT_FOUND:
            hint = "check the number, and that the token may read it"
            message = f"{self._thread.request} not found with this token: {message}"
            return ConfigurationError(message, hint=hint, code="NO_REQUEST")
        if response.is_redirect:
            hint = "set the final address: redirects are not followed"
            return BadResponse(message, hint=hint, status=status)
        kind = Unreachable if response.is_server_error else ApiError
        return kind(message, status=status)


def _has_next(response: httpx.Response) -> bool:
    """Return whether there is a next page; the address in the response is not used."""
    return "next" in response.links or bool(response.headers.get("X-Next-Page"))


def _message_in(content: bytes) -> str:
    """Return the forge's own message for a refusal; empty if there is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    message = document.get("message") or document.get("error") if isinstance(document, dict) else ""
    return str(message or "")
