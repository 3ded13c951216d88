"""Send requests to the API at the allowed rate, with limits on time and size.

Every failed request raises an ApiError of `campaignsync.errors`.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import httpx

from campaignsync.api.http import (
    BEFORE_SENDING,
    FAILURES,
    Connection,
    CutShort,
    cause_of,
    meaning_of,
)
from campaignsync.api.pace import Pace, Traffic
from campaignsync.api.responses import (
    REDIRECTS,
    Page,
    campaign_of,
    document_of,
    page_of,
    retry_after,
)
from campaignsync.errors import ApiError, BadResponse, OutcomeUnknown, RateLimited, Unreachable
from campaignsync.redaction import redacted

PAGE_SIZE = 100
"""Campaigns per page: the maximum that the API returns."""
MOST_PAGES = 1000
LARGEST_BODY = 16 * 1024 * 1024
"""Maximum size of a response's body, in bytes."""
ATTEMPTS = 3
BACKOFF = 0.5
"""Maximum length of the first pause between two attempts, in seconds."""
LONGEST_BACKOFF = 20.0
"""Maximum length of any pause between two attempts, in seconds."""
SPARE = 32
"""Retries that a run may make in addition to 10% of its requests: all in flight may fail once."""
CONNECTIONS = 64

TOO_MANY, UNAVAILABLE = 429, 503


class TooLate(Exception):
    """The turn of a PATCH came too late after its reading; the PATCH was not sent."""


class ApiClient(Connection):
    """A connection to one account; an async context manager.

    `deadline` is in seconds for a whole attempt, from its turn to the last byte. `backoff` is in
    seconds: the first pause between attempts, and the pause of all requests after a 429 or 503
    without Retry-After. Environments that share a key share a `pace`; tests replace it and
    `transport`. `key_name` names the source of the key in error messages.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        deadline: float = 20.0,
        backoff: float = BACKOFF,
        pace: Pace | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        key_name: str = "the key",
    ) -> None:
        super().__init__(base_url, f"api-key {key}", deadline, transport, CONNECTIONS)
        self.base_url = base_url
        self.reads = 0
        self.writes = 0
        self._retries = 0
        self._key = key
        self._key_name = key_name
        self._pace = pace or Pace()
        self.traffic = Traffic(self._pace)
        self._backoff = backoff

    def __repr__(self) -> str:
        return f"ApiClient({self.base_url!r})"

    @property
    def _host(self) -> str:
        return httpx.URL(self.base_url).netloc.decode()

    @property
    def requests(self) -> int:
        """Return the number of attempts so far: reads and writes, including refused ones."""
        return self.reads + self.writes

    @property
    def gap(self) -> float:
        """Return the seconds between two requests at the current rate."""
        return self._pace.gap

    @property
    def rate(self) -> float:
        """Return the maximum rate, in requests per second."""
        return self._pace.rate

    def may_try_again(self) -> bool:
        """Use one retry of this run and return True; return False if none is left."""
        if self._retries >= SPARE + self.requests // 10:
            return False
        self._retries += 1
        return True

    async def page(self, cursor: str | None = None, **filters: str) -> Page:
        """Return one page of the list; `filters` are the API's parameters. Raises ApiError."""
        query = {"pageSize": str(PAGE_SIZE), **filters, **({"cursor": cursor} if cursor else {})}
        return page_of(await self._read("/campaigns", query), cursor)

    async def walk(self, **filters: str) -> AsyncGenerator[Page, None]:
        """Yield the list page by page. Raises BadResponse if the list is broken, or ApiError.

        `filters` are query parameters of the API, such as `integration="whatsapp"`. The list is
        broken if it repeats a cursor, has too many pages, or continues after an empty page.
        """
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            page = await self.page(cursor, **filters)
            cursor = page.next_cursor
            if cursor is not None and not page.campaigns:
                raise BadResponse(
                    "unexpected response: the list has a next page after an empty one"
                )
            if cursor in cursors:
                raise BadResponse("unexpected response: the list repeats a cursor")
            if len(cursors) >= MOST_PAGES:
                raise BadResponse(f"unexpected response: the list has over {MOST_PAGES:,} pages")
            yield page
            if cursor is None:
                return
            cursors.add(cursor)

    async def campaign(self, campaign_id: int) -> dict[str, Any]:
        """Return the detail of one campaign. Raises NotFound and any other ApiError."""
        return campaign_of(await self._read(_path(campaign_id)), campaign_id)

    async def patch(
        self,
        campaign_id: int,
        body: Mapping[str, Any],
        announce: Callable[[], None] = lambda: None,
        *,
        by: float | None = None,
    ) -> dict[str, Any]:
        """Send a PATCH exactly once, and return the campaign in its response.

        `announce` is called just before the PATCH is sent; if it raises, nothing is sent. `by` is
        the latest time to send it, in seconds of the event loop's clock. Raises TooLate after that
        time, and OutcomeUnknown if the API may have applied the PATCH without confirming it. Any
        other ApiError means that the API did not apply it.
        """
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        path = _path(campaign_id)

        def on_turn() -> None:
            announce()
            # `announce` writes to disk, which may be slow: check the time again.
            _refuse_late(by)
            self.writes += 1

        status = None
        try:
            answer = await self._attempt("PATCH", path, on_turn, content=content, by=by)
            status = answer[0].status_code
            return campaign_of(self._checked(*answer), campaign_id)
        except BEFORE_SENDING as error:
            raise self._unreachable(error, "PATCH", path) from None
        except FAILURES as error:
            raise _outcome_unknown(self._unreachable(error, "PATCH", path), status) from None
        except (BadResponse, Unreachable) as error:
            # A 429 or a redirect means that nothing was written; a 502 may follow a write.
            if isinstance(error, RateLimited) or error.status in REDIRECTS:
                raise
            raise _outcome_unknown(error, status) from None

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON response to a GET. Raises the last error after ATTEMPTS attempts."""
        failure: ApiError
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._attempt("GET", path, self._count_read, query=query)
                return self._checked(*answer)
            except FAILURES as error:
                failure = self._unreachable(error, "GET", path)
                self.traffic.record_failure(meaning_of(error))
            except (Unreachable, CutShort) as error:
                failure = error
                status = error.status
                self.traffic.record_failure(
                    f"status {status}" if status else "the response was cut off"
                )
            if attempt == ATTEMPTS or not self.may_try_again():
                raise failure
            await asyncio.sleep(self._pause(attempt))

    def _count_read(self) -> None:
        self.reads += 1

    def _pause(self, attempt: int) -> float:
        """Return the seconds before the next attempt, with full jitter to desynchronise clients."""
        longest = min(self._backoff * 2 ** (attempt - 1), LONGEST_BACKOFF)
        return random.uniform(0, longest)  # noqa: S311 - no secret depends on it

    async def _attempt(
        self,
        method: str,
        path: str,
        on_turn: Callable[[], None],
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        by: float | None = None,
    ) -> tuple[httpx.Response, bytes]:
        """Send a request once, at its turn, and return the response with its body.

        `on_turn` is called at the turn, just before anything is sent. `by` is the latest time for
        the turn, in seconds of the event loop's clock. Raises TooLate if the turn comes later.
        """
        request = self._client.build_request(
            method,
            self.base_url + path,
            params=query,
            content=content,
            headers={"Content-Type": "application/json"} if content else None,
        )
        await self._turn(method, by)
        on_turn()
        with self.traffic.in_flight():
            return await self.exchange(request, LARGEST_BODY)

    async def _turn(self, method: str, by: float | None) -> None:
        """Wait for the turn of a request; writes go first, because their readings expire."""
        _refuse_late(by)
        try:
            async with asyncio.timeout_at(by):
                await self._pace.turn(urgent=method != "GET")
        except TimeoutError:
            raise TooLate from None

    def _checked(self, response: httpx.Response, body: bytes) -> dict[str, Any]:
        """Return the JSON object of a success. Raises ApiError for any other response."""
        status = response.status_code
        self.traffic.record_status(status)
        if status in (TOO_MANY, UNAVAILABLE):
            seconds = retry_after(response.headers.get("Retry-After"), time.time())
            self._pace.hold(self._backoff if seconds is None else seconds)
        if status == TOO_MANY:
            self._pace.give_way()
        return document_of(status, body, self._key, f"{self._key_name} for {self._host}")

    def _unreachable(self, error: Exception, method: str, path: str) -> Unreachable:
        detail = redacted(cause_of(error), self._key)
        where = f"{method} {path} at {self._host}"
        return Unreachable(
            f"{where}: {meaning_of(error)}{f' ({detail})' if detail else ''}",
            hint="check the network and the base URL, then try again",
        )


def _refuse_late(by: float | None) -> None:
    if by is not None and asyncio.get_running_loop().time() > by:
        raise TooLate


def _path(campaign_id: int) -> str:
    """Return a campaign's path; raises ValueError for an id that is not a positive integer."""
    if type(campaign_id) is not int or campaign_id < 1:
        raise ValueError(f"not a campaign id: {campaign_id!r}")
    return f"/campaigns/{campaign_id:d}"


def _outcome_unknown(error: ApiError, status: int | None) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the outcome of the write is unknown: {error.message}",
        hint="plan again to see the live value, or check the campaign in the dashboard",
        status=status,
    )
