"""The client's limits: retries, back-off, deadlines, pages and sizes."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx
import pytest
from support.commandline import Unpaced
from support.fake_clock import run_without_waiting
from support.faults import Fault, Quirks, Sandbox
from support.raw_server import GOOD, Connection, RawServer, answer
from support.servers import client, run_to_end, seed

from campaignsync.api.client import ApiClient
from campaignsync.errors import ApiError, BadResponse, OutcomeUnknown, Unreachable
from campaignsync.model.fields import response_values

KEY = "sk-test-limits"
BASE = "http://127.0.0.1/api/v1.0"
DETAIL = {"success": True, "campaign": {"id": 1, "retries": 1}}


class Scripted(httpx.AsyncBaseTransport):
    """Returns scripted responses, and records when each request arrived."""

    def __init__(self, script: Callable[[int, httpx.Request], httpx.Response]) -> None:
        self.script = script
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times.append(asyncio.get_running_loop().time())
        return self.script(len(self.times), request)


class Silent(httpx.AsyncBaseTransport):
    """Never responds."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(86_400)
        raise AssertionError(request)


class Dripping(httpx.AsyncByteStream):
    """A body of one byte each half second, for a day."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(2 * 86_400):
            await asyncio.sleep(0.5)
            yield b" "


def always(status: int, **headers: str) -> Scripted:
    return Scripted(lambda _number, _request: httpx.Response(status, headers=headers))


async def all_ended(calls: Iterable[Any]) -> None:
    """Await calls in parallel; API errors are the expected result."""
    for ended in await asyncio.gather(*calls, return_exceptions=True):
        assert ended is None or isinstance(ended, dict | ApiError), ended


class TestRetries:
    @pytest.mark.fault("N7")
    @pytest.mark.parametrize(("reads", "requests"), [(1, 3), (10, 30), (400, 479)])
    def test_a_run_has_a_budget(self, reads: int, requests: int) -> None:
        """A server that always fails gets 32 retries and a tenth more requests, not three times."""
        transport = always(503, **{"Retry-After": "0"})

        async def read() -> None:
            async with ApiClient(
                BASE, KEY, backoff=0, pace=Unpaced(12), transport=transport
            ) as api:
                await all_ended(api.campaign(1) for _ in range(reads))

        run_without_waiting(read())

        assert len(transport.times) == requests

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("backoff", "longest"), [(0.5, (0.5, 1.0)), (4.0, (4.0, 8.0)), (15.0, (15.0, 20.0))]
    )
    def test_pauses_double_at_random_up_to_20_seconds(
        self, backoff: float, longest: tuple[float, float]
    ) -> None:
        """Clients that failed together retry at random times; pauses double up to a limit."""
        pauses: tuple[list[float], list[float]] = ([], [])

        async def read() -> None:
            for _ in range(60):
                transport = always(500)
                pace = Unpaced(12)
                async with ApiClient(
                    BASE, KEY, backoff=backoff, pace=pace, transport=transport
                ) as api:
                    with pytest.raises(Unreachable):
                        await api.campaign(1)
                first, second, third = transport.times
                pauses[0].append(second - first)
                pauses[1].append(third - second)

        run_without_waiting(read())

        for drawn, most in zip(pauses, longest, strict=True):
            assert 0.75 * most < max(drawn) <= most + 1e-9
            assert min(drawn) < 0.25 * most
            assert abs(sum(drawn) / len(drawn) - most / 2) < 0.2 * most

    def test_a_read_that_was_cut_is_tried_again(self) -> None:
        """A truncated response is retried, and the next complete one counts."""

        async def read() -> Any:
            async with client(server) as api:
                return await api.campaign(1)

        quirks = Quirks(faults=(Fault(frozenset({1, 2}), "half"),))
        with Sandbox(seed(1), rate=None, quirks=quirks) as server:
            assert run_to_end(read())["description"] == "v1"
            assert len(server.log) == 3

    def test_after_a_429_the_key_is_used_less(self) -> None:
        """If another user of the key causes a 429, the pace falls to 60 % and recovers slowly."""
        transport = Scripted(
            lambda number, _: (
                httpx.Response(429, headers={"Retry-After": "0"})
                if number == 1
                else httpx.Response(200, json=DETAIL)
            )
        )

        async def read() -> None:
            async with ApiClient(BASE, KEY, transport=transport) as api:
                await all_ended(api.campaign(1) for _ in range(60))

        run_without_waiting(read())

        refused = transport.times[0]
        after = [time - refused for time in transport.times[1:]]
        assert 5 <= sum(time <= 1.0 for time in after) <= 9
        assert sum(time <= 3.0 for time in after) <= 27


class TestDeadlines:
    def test_an_attempt_has_20_seconds(self) -> None:
        """A silent server costs a read three attempts of 20 seconds, and a write one."""

        async def ask() -> tuple[float, float]:
            clock = asyncio.get_running_loop().time
            async with ApiClient(BASE, KEY, transport=Silent()) as api:
                started = clock()
                with pytest.raises(Unreachable, match="no complete response in time"):
                    await api.campaign(1)
                read = clock()
                with pytest.raises(OutcomeUnknown):
                    await api.patch(1, {"retries": 2})
            return read - started, clock() - read

        read, write = run_without_waiting(ask())

        assert 59.9 < read < 62.5
        assert 19.9 < write < 21

    def test_a_body_that_drips_ends_with_the_deadline(self) -> None:
        """One byte each half second passes every read timeout, but not the deadline."""

        async def ask() -> float:
            transport = Scripted(lambda *_: httpx.Response(200, stream=Dripping()))
            async with ApiClient(BASE, KEY, deadline=7.0, transport=transport) as api:
                with pytest.raises(OutcomeUnknown, match="no complete response in time"):
                    await api.patch(1, {"retries": 2})
            return asyncio.get_running_loop().time()

        assert 6.9 < run_without_waiting(ask()) < 8.0

    @pytest.mark.slow
    @pytest.mark.fault("N8")
    @pytest.mark.parametrize("part", [b" ", b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"])
    def test_a_dripping_response_over_http_ends_with_the_deadline(self, part: bytes) -> None:
        """Endless bodies and headers that pass every read timeout exit with 5."""

        def serve(connection: Connection) -> None:
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\n")
            if part == b" ":
                connection.send(b"Content-Length: 9999999\r\n\r\n")
            connection.drip(part if part[:1] != b"H" else b"X: y\r\n", 0.02)

        async def read() -> None:
            pace = Unpaced(12)
            async with ApiClient(server.url, KEY, deadline=0.3, backoff=0, pace=pace) as api:
                await api.campaign(1)

        with RawServer(serve) as server:
            with pytest.raises(Unreachable, match="no complete response in time"):
                run_to_end(read())
            assert server.requests == ["GET"] * 3


def paged(pages: int, **last: Any) -> Scripted:
    """Return this many pages of one campaign; `last` changes the last page's pagination."""

    def page(number: int, _: httpx.Request) -> httpx.Response:
        more = number < pages
        pagination = {"has_next": more, "next_cursor": f"c{number}" if more else None}
        pagination |= {} if more else last
        campaigns = [{"id": number, "retries": 1}]
        return httpx.Response(200, json={"campaigns": campaigns, "pagination": pagination})

    return Scripted(page)


def walked(transport: Scripted) -> list[int]:
    """Return the ids on all pages."""

    async def walk() -> list[int]:
        async with ApiClient(BASE, KEY, pace=Unpaced(12), transport=transport) as api:
            return [campaign["id"] async for page in api.walk() for campaign in page.campaigns]

    return run_without_waiting(walk())


class TestTheList:
    @pytest.mark.slow
    @pytest.mark.parametrize("pages", [1, 101, 250, 1000])
    def test_a_list_of_up_to_1000_pages_is_read(self, pages: int) -> None:
        """An account of 100,000 campaigns is read completely."""
        assert walked(paged(pages)) == list(range(1, pages + 1))

    @pytest.mark.slow
    @pytest.mark.fault("A1")
    def test_a_list_of_more_pages_is_refused(self) -> None:
        """A list that names a new page each time ends with an error after 1,000 pages."""
        transport = paged(9999)
        with pytest.raises(BadResponse, match="the list has over 1,000 pages"):
            walked(transport)
        assert len(transport.times) == 1001

    @pytest.mark.parametrize(
        "last",
        [
            {"has_next": True, "next_cursor": None},
            {"has_next": True, "next_cursor": ""},
            {"has_next": True, "next_cursor": 7},
            {"has_next": "yes", "next_cursor": None},
            {"has_next": 1, "next_cursor": None},
        ],
        ids=str,
    )
    def test_a_next_page_without_a_cursor_is_not_the_end(self, last: dict[str, Any]) -> None:
        """A list with a next page but no cursor is refused: a part is not the whole."""
        with pytest.raises(BadResponse, match="next page but no cursor"):
            walked(paged(3, **last))

    @pytest.mark.parametrize(
        "item", [{}, {"name": "A"}, {"id": None}, {"id": "1"}, {"id": True}, [], "1", None], ids=str
    )
    def test_an_item_without_an_id_is_refused(self, item: Any) -> None:
        """A list with an item that is not a campaign is refused."""
        pagination = {"has_next": False, "next_cursor": None}
        page = {"campaigns": [{"id": 1}, item, {"id": 2}], "pagination": pagination}
        with pytest.raises(BadResponse, match="not a campaign with an id"):
            walked(Scripted(lambda *_: httpx.Response(200, json=page)))

    @pytest.mark.parametrize("broken", ['{"id": 2', '{"id": NaN}', '{"id": 2, "id": 3}', "2,", "{"])
    def test_broken_json_inside_is_refused(self, broken: str) -> None:
        """Campaigns before a broken page are not used as the whole list."""
        page = f'{{"campaigns": [{{"id": 1}}, {broken}], "pagination": {{"has_next": false}}}}'
        with pytest.raises(BadResponse, match="not valid JSON"):
            walked(Scripted(lambda *_: httpx.Response(200, text=page)))


@pytest.mark.parametrize("reading", ["listed", "detailed"])
def test_a_missing_field_does_not_hide_the_others(reading: str) -> None:
    """A response that lacks one field is still used for all the others."""

    async def ask() -> dict[str, Any]:
        async with client(server) as api:
            if reading == "detailed":
                return await api.campaign(1)
            return (await api.page()).campaigns[0]

    with Sandbox(seed(1), rate=None) as server:
        whole = run_to_end(ask())
    every = dict(response_values(whole, reading))
    assert len(every) > 12

    for key in whole:
        rest = {name: value for name, value in whole.items() if name != key}
        alone = dict(response_values({key: whole[key]}, reading))
        assert dict(response_values(rest, reading)) == {
            path: value for path, value in every.items() if path not in alone
        }, key


def assert_bad(serve: Callable[[Connection], None], reason: str) -> None:
    """Check that a read fails and the outcome of a write is unknown; neither is sent again."""

    async def ask() -> None:
        async with ApiClient(server.url, KEY, backoff=0, pace=Unpaced(12)) as api:
            with pytest.raises(BadResponse, match=reason):
                await api.campaign(1)
            with pytest.raises(OutcomeUnknown, match=reason):
                await api.patch(1, {"retries": 2})

    with RawServer(serve) as server:
        run_to_end(ask())
        assert server.requests == ["GET", "PATCH"]


@pytest.mark.fault("N10")
def test_a_204_is_not_a_valid_response() -> None:
    """An empty 200 is an error for a read, and an unknown outcome for a write."""

    def serve(connection: Connection) -> None:
        while connection.request():
            connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert_bad(serve, "it is empty")


@pytest.mark.fault("N9")
def test_a_header_of_2_mb_is_not_read() -> None:
    """Oversized headers are a bad response (exit 1), and an unknown outcome for a write."""

    def serve(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 2_000_000 + b"\r\n\r\n")

    assert_bad(serve, "headers are larger")


@pytest.mark.fault("N12")
def test_a_write_on_a_stale_connection_is_not_sent_again() -> None:
    """If the server closes the connection as the PATCH arrives, it is sent once: unknown."""

    def serve(connection: Connection) -> None:
        connection.request()
        connection.send(answer(GOOD))
        connection.request()  # the PATCH, on the same connection: closed without an answer

    async def ask() -> None:
        async with ApiClient(server.url, KEY, pace=Unpaced(12)) as api:
            await api.campaign(1)
            with pytest.raises(OutcomeUnknown):
                await api.patch(1, {"retries": 2})

    with RawServer(serve) as server:
        run_to_end(ask())
        assert server.requests == ["GET", "PATCH"]


@pytest.mark.fault("D9")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_represent_is_not_sent(value: float) -> None:
    """If NaN passed every check of definitions, the encoder would refuse it."""
    transport = Scripted(lambda *_: httpx.Response(200, json=DETAIL))
    announced: list[str] = []

    async def write() -> None:
        async with ApiClient(BASE, KEY, pace=Unpaced(12), transport=transport) as api:
            await api.patch(1, {"retries": value}, lambda: announced.append("PATCH"))

    with pytest.raises(ValueError, match="not JSON compliant"):
        run_without_waiting(write())
    assert transport.times == []
    assert announced == []
