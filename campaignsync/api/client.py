"""A request and its answer: sent at the pace, bounded in time and size, mapped to our errors."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from campaignsync import __version__
from campaignsync.api.answers import Page, campaign_of, decoded, page_of, refusal, retry_after
from campaignsync.api.credentials import redacted
from campaignsync.api.failures import BEFORE_SENDING, FAILURES, cause_of, meaning_of
from campaignsync.api.flow import Flow
from campaignsync.api.pace import MOST, Pace
from campaignsync.errors import ApiError, BadAnswer, OutcomeUnknown, RateLimited, Unreachable

PAGE_SIZE = 100
"""Campaigns a page, the most that the API gives (API.md [D])."""
MOST_PAGES = 1000
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of an answer that are read at the most."""
ATTEMPTS = 3
LONGEST_BACKOFF = 20.0
"""Seconds between two attempts at the most."""
SPARE = 32
"""Retries that a run may make beside a tenth of its requests: all in flight may fail once."""

SUCCESSES, REDIRECTS, TOO_MANY, UNAVAILABLE = range(200, 300), range(300, 400), 429, 503


class Answer(NamedTuple):
    """One whole answer, as it came."""

    status: int
    body: bytes
    retry_after: str | None


class CutShort(BadAnswer):
    """An answer that ended before its end, which the next may not."""


class TooLate(Exception):
    """The turn of a PATCH came too late after the reading it relies on; it was not sent."""


class Api:
    """A connection to one account; an async context manager.

    `rate` is in requests a second, `deadline` in seconds for a whole attempt, from its turn to the
    last byte, `backoff` in seconds for the first pause between attempts, and for everybody's
    where a busy server does not say how long. `pace` and `transport` are the seams for tests, and
    for what shares a key.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        rate: float = MOST,
        deadline: float = 20.0,
        backoff: float = 0.5,
        pace: Pace | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url
        self.reads = 0
        self.writes = 0
        self._retries = 0
        self._key = key
        self._pace = pace or Pace(rate)
        self.flow = Flow(self._pace)
        self._deadline = deadline
        self._backoff = backoff
        self._client = httpx.AsyncClient(
            headers={
                "Authorization": f"api-key {key}",
                "Accept": "application/json",
                # A page is small beside its round trip, and a bomb cannot go off unpacked.
                "Accept-Encoding": "identity",
                "User-Agent": f"campaignsync/{__version__}",
            },
            transport=transport,
            # Plain http is to loopback only, and needs no certificates: loading them takes 40 ms.
            verify=base_url.startswith("https:"),
            trust_env=False,
            follow_redirects=False,
            timeout=deadline,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
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

    def __repr__(self) -> str:
        return f"Api({self.base_url!r})"

    @property
    def requests(self) -> int:
        """Attempts made so far, reads and writes, refused ones included."""
        return self.reads + self.writes

    @property
    def gap(self) -> float:
        """Seconds between two requests at the present pace."""
        return self._pace.gap

    @property
    def rate(self) -> float:
        """Requests per second that leave at the most."""
        return self._pace.rate

    def may_try_again(self) -> bool:
        """Spend one of the retries of this run; False where they are used up."""
        if self._retries >= SPARE + self.requests // 10:
            return False
        self._retries += 1
        return True

    async def page(self, cursor: str | None = None, **chosen: str) -> Page:
        """Read one page of the list; `chosen` are the API's own filters. Raises ApiError."""
        query = {"pageSize": str(PAGE_SIZE), **chosen, **({"cursor": cursor} if cursor else {})}
        return page_of(await self._read("/campaigns", query))

    async def walk(self, **chosen: str) -> AsyncGenerator[Page, None]:
        """Read the list page by page; raises BadAnswer rather than give a part for the whole.

        `chosen` are the API's own filters, such as `integration="whatsapp"`.
        """
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            page = await self.page(cursor, **chosen)
            cursor = page.next_cursor
            if cursor is not None and not page.campaigns:
                raise BadAnswer("the list goes on after an empty page")
            if cursor in cursors or len(cursors) >= MOST_PAGES:
                raise BadAnswer("the list goes in circles: a cursor came back")
            yield page
            if cursor is None:
                return
            cursors.add(cursor)

    async def campaign(self, campaign_id: int) -> dict[str, Any]:
        """Read one campaign's detail. Raises NotFound and every other ApiError."""
        return campaign_of(await self._read(_path(campaign_id)), campaign_id)

    async def patch(
        self,
        campaign_id: int,
        body: Mapping[str, Any],
        announce: Callable[[], None] = lambda: None,
        *,
        by: float | None = None,
    ) -> dict[str, Any]:
        """Send one PATCH, once, and return the campaign from its answer.

        `announce` is called at the PATCH's turn; an exception that it raises prevents the PATCH.
        `by` is the latest moment to send it, in seconds of the loop's clock. Raise TooLate if that
        has passed, OutcomeUnknown if the PATCH may have been done unseen; any other ApiError means
        that it was not done.
        """
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        path = _path(campaign_id)

        def leave() -> None:
            announce()
            # Writing the announcement to a slow disk takes time, too.
            _refuse_late(by)
            self.writes += 1

        try:
            answer = await self._attempt("PATCH", path, leave, content=content, by=by)
            return campaign_of(self._checked(answer), campaign_id)
        except BEFORE_SENDING as error:
            raise self._lost(error, "PATCH", path) from None
        except FAILURES as error:
            raise _unseen(self._lost(error, "PATCH", path)) from None
        except (BadAnswer, Unreachable) as error:
            # A 429 or a redirect was answered instead of doing it; a 502 may come after.
            if isinstance(error, RateLimited) or error.status in REDIRECTS:
                raise
            raise _unseen(error) from None

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """GET with up to three attempts; what lasts is raised as the last attempt found it."""
        failure: ApiError
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._checked(await self._attempt("GET", path, self._note_read, query=query))
            except FAILURES as error:
                failure = self._lost(error, "GET", path)
                self.flow.failed(meaning_of(error))
            except (Unreachable, CutShort) as error:
                failure = error
                self.flow.failed(f"it was answered with {error.status or 'half an answer'}")
            if attempt == ATTEMPTS or not self.may_try_again():
                break
            await asyncio.sleep(self._pause(attempt))
        raise failure

    def _note_read(self) -> None:
        self.reads += 1

    def _pause(self, attempt: int) -> float:
        """Full jitter: clients that failed together must not come back together."""
        longest = min(self._backoff * 2 ** (attempt - 1), LONGEST_BACKOFF)
        return random.uniform(0, longest)  # noqa: S311 - no secret depends on it

    async def _attempt(
        self,
        method: str,
        path: str,
        leave: Callable[[], None],
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        by: float | None = None,
    ) -> Answer:
        """Send once, when it is our turn, and read the whole answer within the deadline.

        `leave` is called at the turn, just before anything is sent. Raise TooLate if the turn does
        not come `by` the given moment.
        """
        request = self._client.build_request(
            method,
            self.base_url + path,
            params=query,
            content=content,
            headers={"Content-Type": "application/json"} if content else None,
        )
        await self._turn(method, by)
        leave()
        with self.flow.asking():
            # httpx's own timeouts bound each read, not a drip of them.
            async with asyncio.timeout(self._deadline):
                response = await self._client.send(request, stream=True)
                async with aclosing(response):
                    told = response.headers.get("Retry-After")
                    return Answer(response.status_code, await _body(response), told)

    async def _turn(self, method: str, by: float | None) -> None:
        """Wait for the turn of a request; writes go first, for their readings get old."""
        _refuse_late(by)
        try:
            async with asyncio.timeout_at(by):
                await self._pace.turn(urgent=method != "GET")
        except TimeoutError:
            raise TooLate from None

    def _checked(self, answer: Answer) -> dict[str, Any]:
        """Give the JSON of a success; raises the error of everything else."""
        self.flow.ended(answer.status)
        if answer.status in SUCCESSES:
            said = decoded(answer.body)
            if said.get("success") is False:
                raise refusal(answer.status, said, self._key)
            return said
        if answer.status in REDIRECTS:
            raise BadAnswer(
                f"the API answered {answer.status}, a redirect, which is never followed",
                hint="set ALTUR_BASE_URL to the address itself",
                status=answer.status,
            )
        if answer.status in (TOO_MANY, UNAVAILABLE):
            told = retry_after(answer.retry_after, time.time())
            self._pace.hold(self._backoff if told is None else told)
            if answer.status == TOO_MANY:
                self._pace.give_way()
        try:
            said = decoded(answer.body)
        except BadAnswer:
            said = {}
        raise refusal(answer.status, said, self._key)

    def _lost(self, error: Exception, method: str, path: str) -> Unreachable:
        detail = redacted(cause_of(error), self._key)
        host = httpx.URL(self.base_url).netloc.decode()
        return Unreachable(
            f"{method} {path} at {host}: {meaning_of(error)}{f' ({detail})' if detail else ''}",
            hint="check the network and the base URL, then try again",
        )


def _refuse_late(by: float | None) -> None:
    if by is not None and asyncio.get_running_loop().time() > by:
        raise TooLate


async def _body(response: httpx.Response) -> bytes:
    """Read an answer up to the cap, as it was sent; raises BadAnswer past it."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswer("the answer is compressed, and was asked not to be")
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise BadAnswer(f"the answer is larger than {LARGEST_BODY // 2**20} MiB")
    except httpx.RemoteProtocolError:
        raise CutShort("the answer was cut off, or is no HTTP") from None
    return bytes(body)


def _path(campaign_id: int) -> str:
    """Give a campaign's path; an id is nothing but digits, whatever it came from."""
    if type(campaign_id) is not int or campaign_id < 1:
        raise ValueError(f"no campaign id: {campaign_id!r}")
    return f"/campaigns/{campaign_id:d}"


def _unseen(error: ApiError) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the write may or may not have been done: {error.message}",
        hint="look at the campaign, or plan again: that reads it",
        status=error.status,
    )
