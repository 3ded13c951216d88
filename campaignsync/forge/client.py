"""One question to a forge and its answer: bounded in time and size, mapped to our errors."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from campaignsync import __version__
from campaignsync.api.answers import retry_after
from campaignsync.api.credentials import redacted
from campaignsync.api.failures import FAILURES, cause_of, meaning_of
from campaignsync.errors import (
    ApiError,
    BadAnswer,
    ConfigurationError,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.forge.thread import Thread

DEADLINE = 20.0
"""Seconds for a question and the whole answer."""
LARGEST = 64 * 2**20
"""Bytes of an answer that are read at the most."""
LONGEST_TOLD = 200
"""Characters of a forge's own words that are shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a forge said, and whether it has more on a next page."""

    said: Any
    more: bool


class Client:
    """A connection to a forge; an async context manager.

    `wait` is how long, in seconds, the forge last asked not to be asked again.
    """

    def __init__(self, thread: Thread) -> None:
        self.wait = 0.0
        self._thread = thread
        self._client = httpx.AsyncClient(
            headers={
                "Authorization": f"Bearer {thread.token}",
                "Accept": "application/json",
                # A bomb cannot go off unpacked.
                "Accept-Encoding": "identity",
                "User-Agent": f"campaignsync/{__version__}",
            },
            # Plain http is to loopback only, and needs no certificates: loading them takes 40 ms.
            verify=thread.address.startswith("https:"),
            trust_env=False,
            follow_redirects=False,
            timeout=DEADLINE,
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

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: int
    ) -> Answer:
        """Ask once.

        Raises Unauthorized, Unreachable, ConfigurationError where there is no such request, and
        ApiError for all else that is no success.
        """
        url = f"{self._thread.address}{path}"
        try:
            # httpx's own timeouts bound each read, not a drip of them.
            async with asyncio.timeout(DEADLINE):
                request = self._client.build_request(method, url, params=query or None, json=body)
                response = await self._client.send(request, stream=True)
                async with aclosing(response):
                    content = await _content(response)
        except FAILURES as error:
            detail = redacted(cause_of(error), self._thread.token)
            raise Unreachable(
                f"{method} {url}: {meaning_of(error)} ({detail})",
                hint="check the network and the address, then try again",
            ) from None
        if not response.is_success:
            raise self._refusal(response, content)
        try:
            return Answer(json.loads(content), _has_next(response))
        except (ValueError, RecursionError):
            raise BadAnswer(f"{method} {url}: the answer is not JSON") from None

    def _refusal(self, response: httpx.Response, content: bytes) -> Exception:
        """Give the error that a status means."""
        status, asked = response.status_code, response.headers.get("Retry-After")
        told = redacted(_told(content), self._thread.token)
        said = f"the forge answered {status}{f': {told}' if told else ''}"
        # GitHub says 403 to who asks too often, too.
        spent = asked is not None or response.headers.get("X-RateLimit-Remaining") == "0"
        if status == httpx.codes.TOO_MANY_REQUESTS or (status == httpx.codes.FORBIDDEN and spent):
            self.wait = retry_after(asked, time.time()) or 0.0
            return RateLimited(said, hint="try again later", status=status)
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            hint = "the token must be of this forge, and may write comments"
            return Unauthorized(said, hint=hint, status=status)
        if status == httpx.codes.NOT_FOUND:
            hint = "is it the right number, and may the token see it?"
            message = f"no {self._thread.request}, for this token: {said}"
            return ConfigurationError(message, hint=hint, code="NO_REQUEST")
        if response.is_redirect:
            hint = "set the address itself: redirects are not followed"
            return BadAnswer(said, hint=hint, status=status)
        kind = Unreachable if response.is_server_error else ApiError
        return kind(said, status=status)


async def _content(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST:
            raise BadAnswer(f"the answer is larger than {LARGEST // 2**20} MiB")
    return bytes(content)


def _has_next(response: httpx.Response) -> bool:
    """Tell whether there is a next page; where it is, is for us to know, not for the answer."""
    return "next" in response.links or bool(response.headers.get("X-Next-Page"))


def _told(content: bytes) -> str:
    """Find the words that a forge has for a refusal."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    message = said.get("message") or said.get("error") if isinstance(said, dict) else ""
    return str(message or "")[:LONGEST_TOLD]
