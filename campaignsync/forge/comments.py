"""Our comment on a request: found by its first line, updated in place, or made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal

from campaignsync.errors import ApiError, BadAnswer, Unauthorized, Unreachable
from campaignsync.forge.client import Client
from campaignsync.forge.thread import Thread

PAGE_SIZE = 100
MOST_PAGES = 50
"""More comments than these no request takes, on either forge."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try."""
PATIENCE = 120.0
"""Seconds for all of it: a forge may be slow page after page."""

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
    """Put a comment on a request, in place of the one that begins with the same line.

    Where there is none it is made, or left out unless `make`. A try that fails half-way is begun
    anew, with looking for the comment: one that was made, and whose answer was lost, is found then,
    and not made twice. `on_wait` is told before each wait how many seconds it takes, and why.
    Raises as `Client.ask` does.
    """
    try:
        async with asyncio.timeout(patience), Client(thread) as client:
            for pause in pauses:
                try:
                    return await _put(client, thread, body, make=make)
                except Unreachable:
                    wait = max(pause, client.wait)
                    asked = "the forge asked for it" if client.wait else "the forge is tried again"
                    on_wait(wait, asked)
                    await asyncio.sleep(wait)
            return await _put(client, thread, body, make=make)
    except TimeoutError:
        hint = "try again later; a comment that was made is found then"
        raise Unreachable(f"the forge took more than {patience:g} s", hint=hint) from None


async def _put(client: Client, thread: Thread, body: str, *, make: bool) -> Put:
    marker = body.partition("\n")[0]
    if (own := await _own(client, thread, marker)) is not None:
        await client.ask(thread.edit, thread.comment.format(id=own), {"body": body})
        return "updated"
    if not make:
        return "left out"
    await client.ask("POST", thread.comments, {"body": body})
    return "made"


async def _own(client: Client, thread: Thread, marker: str) -> int | None:
    """Find the comment that begins with the marker, and that we wrote: anybody can quote it."""
    authors: Mapping[str, Any] | None = None
    async for comment in _comments(client, thread):
        if str(comment.get("body") or "").splitlines()[:1] == [marker]:
            authors = authors or await _ourselves(client, thread)
            author, id_ = comment.get(thread.author), comment.get("id")
            if isinstance(author, dict) and authors.items() <= author.items():
                if type(id_) is not int:
                    raise BadAnswer("the forge gave a comment without an id")
                return id_
    return None


async def _comments(client: Client, thread: Thread) -> AsyncIterator[dict[str, Any]]:
    """Read all comments, page by page."""
    for page in range(1, MOST_PAGES + 1):
        answer = await client.ask("GET", thread.comments, per_page=PAGE_SIZE, page=page)
        if not isinstance(answer.said, list) or not all(isinstance(c, dict) for c in answer.said):
            raise BadAnswer("the forge gave no list of comments")
        for comment in answer.said:
            yield comment
        if not answer.more:
            return
    raise ApiError(f"there are more than {PAGE_SIZE * MOST_PAGES} comments: ours was not found")


async def _ourselves(client: Client, thread: Thread) -> Mapping[str, Any]:
    """Give what an author is that is ourselves.

    The token of a GitHub job may not ask whose it is: then it is a bot, and so is the author.
    """
    try:
        said = (await client.ask("GET", "/user")).said
    except Unauthorized:
        if thread.bot is None:
            raise
        return {"type": thread.bot}
    if not isinstance(said, dict) or type(said.get("id")) is not int:
        raise BadAnswer("the forge did not say whose the token is")
    return {"id": said["id"]}
