"""Find our comment on a request by its first line, and update it, or write a new one.

Anybody can copy a comment's text, so a text alone never proves that a comment is ours. Where the
token can ask whose it is, the author decides. A GitHub App's token cannot: there a comment ends in
a hidden seal that holds the comment's own id, which is wrong in every copy.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from campaignsync.errors import (
    ApiError,
    BadAnswer,
    ConfigurationError,
    Unauthorized,
    Unreachable,
)
from campaignsync.forge.client import Client
from campaignsync.forge.thread import Thread

PAGE_SIZE = 100
MOST_PAGES = 50
"""Neither forge allows more comments on a request than these pages hold."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try."""
PATIENCE = 120.0
"""Seconds for all requests together."""

Put = Literal["updated", "made", "left out"]


async def put_comment(
    thread: Thread,
    body: str,
    *,
    make: bool = True,
    pauses: Sequence[float] = PAUSES,
    patience: float = PATIENCE,
    on_wait: Callable[[float, str], None] = lambda _seconds, _why: None,
) -> Put:
    """Replace our comment that begins with the same line, or write a new one.

    Without such a comment and with `make` False, nothing is written. A failed try starts again by
    looking for the comment, so a comment whose answer was lost is found and not written twice.
    `on_wait` receives the seconds and the reason before each wait. Raises as `Client.ask` does.
    """
    try:
        async with asyncio.timeout(patience), Client(thread) as client:
            writer = _Writer(client, thread)
            for pause in pauses:
                try:
                    return await writer.put(body, make=make)
                except Unreachable:
                    wait = max(pause, client.wait)
                    reason = "the forge asked for it" if client.wait else "trying the forge again"
                    on_wait(wait, reason)
                    await asyncio.sleep(wait)
            return await writer.put(body, make=make)
    except TimeoutError:
        hint = "try again later; a comment that was written is found then"
        raise Unreachable(f"the forge took more than {patience:g} s", hint=hint) from None


class _Writer:
    """Writes one comment of a request, however many tries that takes."""

    def __init__(self, client: Client, thread: Thread) -> None:
        self._client = client
        self._thread = thread
        # Finds a comment again whose answer was lost: its id is not known yet.
        self._first_seal = _seal(secrets.token_hex(8))

    async def put(self, body: str, *, make: bool) -> Put:
        """Try once."""
        if (id_ := await self._own(body.partition("\n")[0])) is not None:
            await self._edit(id_, body)
            return "updated"
        if not make:
            return "left out"
        text = f"{body}{self._first_seal}" if self._thread.bot else body
        answer = await self._client.ask("POST", self._thread.comments, {"body": text})
        made = answer.said.get("id") if isinstance(answer.said, dict) else None
        if self._thread.bot and type(made) is int:
            # Unsealed, the comment still shows the plan; the next run writes a new one.
            with suppress(ApiError, ConfigurationError, Unauthorized):
                await self._edit(made, body)
        return "made"

    async def _edit(self, id_: int, body: str) -> None:
        text = f"{body}{_seal(id_)}" if self._thread.bot else body
        await self._client.ask(
            self._thread.edit, self._thread.comment.format(id=id_), {"body": text}
        )

    async def _own(self, marker: str) -> int | None:
        """Return the id of the comment that begins with the marker and that we wrote."""
        ourselves: int | None = None
        is_asked = False
        async for comment in self._comments():
            if str(comment.get("body") or "").splitlines()[:1] != [marker]:
                continue
            if not is_asked:
                ourselves, is_asked = await self._ourselves(), True
            if self._is_ours(comment, ourselves):
                if type(comment.get("id")) is not int:
                    raise BadAnswer("the forge sent a comment without an id")
                return int(comment["id"])
        return None

    def _is_ours(self, comment: Mapping[str, Any], ourselves: int | None) -> bool:
        """Decide by the author, or by the seal where the token cannot ask whose it is."""
        author = comment.get(self._thread.author)
        if not isinstance(author, dict):
            return False
        if ourselves is not None:
            return author.get("id") == ourselves
        # A forge may store other line ends, or cut blanks at the end.
        text = str(comment["body"]).rstrip().replace("\r\n", "\n")
        seals = (_seal(comment.get("id")), self._first_seal)
        return author.get("type") == self._thread.bot and text.endswith(seals)

    async def _ourselves(self) -> int | None:
        """Return the id of the token's user; None where an app's token may not ask."""
        try:
            said = (await self._client.ask("GET", "/user")).said
        except Unauthorized:
            if self._thread.bot is None:
                raise
            return None
        if not isinstance(said, dict) or type(said.get("id")) is not int:
            raise BadAnswer("the forge did not say whose the token is")
        return int(said["id"])

    async def _comments(self) -> AsyncIterator[dict[str, Any]]:
        """Read all comments, page by page."""
        for page in range(1, MOST_PAGES + 1):
            answer = await self._client.ask(
                "GET", self._thread.comments, per_page=PAGE_SIZE, page=page
            )
            said = answer.said
            if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
                raise BadAnswer("unexpected response: expected a list of comments")
            for comment in said:
                yield comment
            if not answer.more:
                return
        raise ApiError(f"more than {PAGE_SIZE * MOST_PAGES} comments: ours was not found")


def _seal(identity: object) -> str:
    """Return the hidden last line of our comments."""
    return f"\n\n<!-- campaignsync: comment {identity} -->"
