"""Find our comment on a request by its first line, and update it, or write a new one.

Anyone can copy a comment's text, so the text alone does not prove that a comment is ours. If the
token can read its own user, the comment's author decides. A GitHub App's token cannot: in that case
a comment ends in a hidden line with the comment's own id, which does not match in any copy.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

import httpx

from campaignsync.api.http import FAILURES, Connection, cause_of, meaning_of
from campaignsync.api.responses import retry_after
from campaignsync.errors import (
    ApiError,
    BadResponse,
    ConfigurationError,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.forge.thread import CommentThread
from campaignsync.redaction import redacted

DEADLINE = 20.0
"""Maximum time for a request and its complete response, in seconds."""
LARGEST = 64 * 2**20
"""Maximum size of a response's body, in bytes."""
LONGEST_MESSAGE = 200
"""Maximum number of characters shown of a forge's message."""

PAGE_SIZE = 100
MOST_PAGES = 50
"""Maximum pages read: neither forge allows more comments on a request."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third attempt."""
PATIENCE = 120.0
"""Maximum time for all requests together, in seconds."""

Put = Literal["updated", "posted", "left out"]


class Comments(Connection):
    """The comments of a request, through a connection to its forge; an async context manager.

    `wait` is the forge's last Retry-After, in seconds; 0 if it sent none.
    """

    def __init__(self, thread: CommentThread) -> None:
        super().__init__(thread.address, f"Bearer {thread.token}", DEADLINE)
        self.wait = 0.0
        self._thread = thread
        # Marks a new comment without a known id: it is found if its response is lost.
        self._first_id_line = _id_line(secrets.token_hex(8))

    async def put(self, body: str, *, post: bool) -> Put:
        """Update our comment, or write a new one if `post` is set; return what was done."""
        if (id_ := await self._find_own(body.partition("\n")[0])) is not None:
            await self._edit(id_, body)
            return "updated"
        if not post:
            return "left out"
        text = f"{body}{self._first_id_line}" if self._thread.bot else body
        document, _ = await self._request("POST", self._thread.comments, {"body": text})
        new_id = document.get("id") if isinstance(document, dict) else None
        if self._thread.bot and type(new_id) is int:
            # Without its own id the comment still shows the plan; the next run writes another.
            with suppress(ApiError, ConfigurationError, Unauthorized):
                await self._edit(new_id, body)
        return "posted"

    async def _edit(self, id_: int, body: str) -> None:
        text = f"{body}{_id_line(id_)}" if self._thread.bot else body
        await self._request(self._thread.edit, self._thread.comment.format(id=id_), {"body": text})

    async def _find_own(self, marker: str) -> int | None:
        """Return the id of our comment that begins with the marker; None if there is none."""
        own_user: int | None = None
        is_known = False
        async for comment in self._comments():
            if str(comment.get("body") or "").splitlines()[:1] != [marker]:
                continue
            if not is_known:
                own_user, is_known = await self._read_own_user(), True
            if self._is_ours(comment, own_user):
                if type(comment.get("id")) is not int:
                    raise BadResponse("unexpected response: a comment has no id")
                return int(comment["id"])
        return None

    def _is_ours(self, comment: Mapping[str, Any], own_user: int | None) -> bool:
        """Return whether we wrote a comment: by its author, or its id line without `own_user`."""
        author = comment.get(self._thread.author)
        if not isinstance(author, dict):
            return False
        if own_user is not None:
            return author.get("id") == own_user
        # A forge may change line ends, or remove trailing blanks.
        text = str(comment["body"]).rstrip().replace("\r\n", "\n")
        id_lines = (_id_line(comment.get("id")), self._first_id_line)
        return author.get("type") == self._thread.bot and text.endswith(id_lines)

    async def _read_own_user(self) -> int | None:
        """Return the id of the token's user; None if it is an app's, which may not read it."""
        try:
            user, _ = await self._request("GET", "/user")
        except Unauthorized:
            if self._thread.bot is None:
                raise
            return None
        if not isinstance(user, dict) or type(user.get("id")) is not int:
            raise BadResponse("unexpected response: the token's user has no id")
        return int(user["id"])

    async def _comments(self) -> AsyncIterator[dict[str, Any]]:
        """Yield all comments, page by page. Raises ApiError if there are more than MOST_PAGES."""
        for page in range(1, MOST_PAGES + 1):
            comments, response = await self._request(
                "GET", self._thread.comments, per_page=PAGE_SIZE, page=page
            )
            if not isinstance(comments, list) or not all(isinstance(one, dict) for one in comments):
                raise BadResponse("unexpected response: expected a list of comments")
            for comment in comments:
                yield comment
            # The address of the next page in the response is not used.
            if not ("next" in response.links or response.headers.get("X-Next-Page")):
                return
        raise ApiError(
            f"more than {PAGE_SIZE * MOST_PAGES} comments: ours was not found",
            hint="delete old comments of the request, then try again",
        )

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: int
    ) -> tuple[Any, httpx.Response]:
        """Send one request; return the JSON document of the response, and the response itself.

        Raises Unauthorized, Unreachable, ConfigurationError if the request was not found on the
        forge, and ApiError for any other response that is not a success.
        """
        url = f"{self._thread.address}{path}"
        try:
            request = self._client.build_request(method, url, params=query or None, json=body)
            response, content = await self.exchange(request, LARGEST)
        except FAILURES as error:
            detail = redacted(cause_of(error), self._thread.token)
            raise Unreachable(
                f"{method} {url}: {meaning_of(error)} ({detail})",
                hint="check the network and the address, then try again",
            ) from None
        if not response.is_success:
            raise self._refusal(response, content)
        try:
            return json.loads(content), response
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
        if response.is_server_error:
            return Unreachable(message, hint="try again later", status=status)
        return ApiError(message, status=status)


def _message_in(content: bytes) -> str:
    """Return the forge's own message for a refusal; empty if there is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    message = document.get("message") or document.get("error") if isinstance(document, dict) else ""
    return str(message or "")


async def put_comment(
    thread: CommentThread,
    body: str,
    *,
    post: bool = True,
    pauses: Sequence[float] = PAUSES,
    patience: float = PATIENCE,
    on_wait: Callable[[float, str], None] = lambda _seconds, _why: None,
) -> Put:
    """Update our comment that begins with the same line, or write a new one.

    If there is none and `post` is False, nothing is written. Each attempt first looks for the
    comment, so a comment whose response was lost is found and not written twice. `pauses` and
    `patience` are in seconds. `on_wait` receives the seconds and the reason before each wait.
    Raises Unauthorized, ConfigurationError if the request was not found, Unreachable after
    `patience` seconds, and any other ApiError.
    """
    try:
        async with asyncio.timeout(patience), Comments(thread) as comments:
            for pause in pauses:
                try:
                    return await comments.put(body, post=post)
                except Unreachable:
                    wait = max(pause, comments.wait)
                    reason = "requested by the forge" if comments.wait else "trying the forge again"
                    on_wait(wait, reason)
                    await asyncio.sleep(wait)
            return await comments.put(body, post=post)
    except TimeoutError:
        hint = "try again later; a comment that was written is found then"
        raise Unreachable(f"the forge took more than {patience:g} s", hint=hint) from None


def _id_line(identity: object) -> str:
    """Return the hidden last line of our comments; `identity` is the comment's id."""
    return f"\n\n<!-- campaignsync: comment {identity} -->"
