"""The API client: what it sends, what it makes of answers, and how often it tries."""

import asyncio
import json
import selectors
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import product
from typing import Any

import httpx
import pytest

from campaignsync import errors
from campaignsync.api import Api, Pace, checked_base_url
from campaignsync.api.answers import retry_after
from campaignsync.api.failures import MEANINGS
from campaignsync.api.pace import MOST, RATE, share
from campaignsync.cli.plan import command
from campaignsync.sandbox import Bends, Fault, Sandbox

KEY = "sk-test-canary"
BASE = "http://127.0.0.1/api/v1.0"

Call = Callable[[Api], Awaitable[Any]]


class Unpaced(Pace):
    async def turn(self) -> None:
        return


def ask(call: Call, *answers: httpx.Response | Exception) -> tuple[Any, list[httpx.Request]]:
    """Make a call against scripted answers; gives what came of it, and the requests."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def asking() -> Any:
        transport = httpx.MockTransport(handle)
        async with Api(BASE, KEY, backoff=0, pace=Unpaced(12), transport=transport) as api:
            try:
                return await call(api)
            except errors.ApiError as error:
                return error

    return asyncio.run(asking()), seen


def read(api: Api) -> Awaitable[Any]:
    return api.campaign(7)


def write(api: Api) -> Awaitable[Any]:
    return api.patch(7, {"retries": 2})


def detail(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "campaign": {"id": 7, **fields}})


def test_a_request_is_as_the_reference_says() -> None:
    """The key goes into the Authorization header, the id into the path, JSON into the body."""
    _, [request] = ask(write, detail())

    assert request.headers["Authorization"] == f"api-key {KEY}"
    assert request.url.path == "/api/v1.0/campaigns/7"
    assert request.method == "PATCH"
    assert json.loads(request.content) == {"retries": 2}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_reads_are_tried_again(status: int) -> None:
    """A read survives two failures of a server that then answers."""
    refused = httpx.Response(status, headers={"Retry-After": "0"})
    found, seen = ask(read, refused, refused, detail(name="x"))

    assert found["name"] == "x"
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        (httpx.Response(500), errors.Unreachable, 3),
        (httpx.Response(429, headers={"Retry-After": "0"}), errors.RateLimited, 3),
        (httpx.ConnectError("no"), errors.Unreachable, 3),
        (httpx.ReadTimeout("no"), errors.Unreachable, 3),
        (httpx.RemoteProtocolError("cut"), errors.Unreachable, 3),
        (httpx.Response(401), errors.Unauthorized, 1),
        (httpx.Response(403), errors.Unauthorized, 1),
        (httpx.Response(402), errors.BillingLimit, 1),
        (httpx.Response(404), errors.NotFound, 1),
        (httpx.Response(400, json={"code": "X"}), errors.Refused, 1),
        (httpx.Response(302, headers={"Location": "http://evil/"}), errors.BadAnswer, 1),
        (httpx.Response(200, text="<html>"), errors.BadAnswer, 1),
        (httpx.Response(200), errors.BadAnswer, 1),
        (httpx.Response(200, json=[]), errors.BadAnswer, 1),
        (httpx.Response(200, json={"campaign": {"id": 8}}), errors.BadAnswer, 1),
        (httpx.Response(200, json={"campaign": None}), errors.BadAnswer, 1),
        (httpx.Response(200, text='{"campaign": {"id": NaN}}'), errors.BadAnswer, 1),
        (httpx.Response(200, text='{"campaign": {"id": 7, "x": 1e999}}'), errors.BadAnswer, 1),
        (httpx.Response(200, text='{"campaign": {"id": 7, "id": 7}}'), errors.BadAnswer, 1),
        (httpx.Response(200, content=b'{"campaign": "\xff"}'), errors.BadAnswer, 1),
        (httpx.Response(200, text="[" * 100_000), errors.BadAnswer, 1),
        (httpx.Response(200, json={"success": False, "code": "X"}), errors.Refused, 1),
    ],
)
def test_each_failure_of_a_read_has_its_error(
    answer: Any, error: type[errors.ApiError], tries: int
) -> None:
    """What a server gets wrong is told apart, and tried again only where that can help."""
    found, seen = ask(read, answer)

    assert type(found) is error
    assert len(seen) == tries


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("no"), errors.Unreachable),
        (httpx.ConnectTimeout("no"), errors.Unreachable),
        (httpx.Response(429), errors.RateLimited),
        (httpx.Response(409, json={"code": "CAMPAIGN_FINISHED"}), errors.Refused),
        (httpx.Response(302), errors.BadAnswer),
        (httpx.ReadTimeout("late"), errors.OutcomeUnknown),
        (httpx.ReadError("reset"), errors.OutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), errors.OutcomeUnknown),
        (httpx.Response(500), errors.OutcomeUnknown),
        (httpx.Response(502), errors.OutcomeUnknown),
        (httpx.Response(200), errors.OutcomeUnknown),
        (httpx.Response(200, text="<html>"), errors.OutcomeUnknown),
        (httpx.Response(200, json={"campaign": {"id": 8}}), errors.OutcomeUnknown),
    ],
)
def test_a_write_is_sent_once_and_never_taken_for_done(
    answer: Any, error: type[errors.ApiError]
) -> None:
    """A write whose answer was not seen is neither repeated nor reported as done."""
    found, seen = ask(write, answer)

    assert type(found) is error
    assert len(seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"code": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"error": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"error": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}},
        {"error_code": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"detail": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}},
    ],
)
@pytest.mark.fault("A4")
def test_an_error_is_read_from_wherever_it_stands(body: dict[str, Any]) -> None:
    """The API's own code and field are found in any of the shapes that errors have."""
    found, _ = ask(write, httpx.Response(400, json=body))

    assert (found.code, found.field, found.status) == ("IMMUTABLE_FIELD", "agent_id", 400)


def test_an_error_without_json_is_still_an_error() -> None:
    """A refusal that is no JSON is told by its status."""
    found, _ = ask(write, httpx.Response(418, text="teapot"))

    assert "418" in str(found)


def test_every_error_of_httpx_has_a_meaning() -> None:
    """Whatever httpx can raise is mapped to our tree, and none by accident of order."""

    def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
        yield kind
        for below in kind.__subclasses__():
            yield from subclasses(below)

    raised = {*subclasses(httpx.HTTPError), *subclasses(httpx.StreamError)}
    raised |= {httpx.InvalidURL, httpx.CookieConflict}
    for kind in raised:
        assert any(issubclass(kind, known) for known in MEANINGS), kind
    listed = list(MEANINGS)
    for place, kind in enumerate(listed):
        assert not any(issubclass(later, kind) for later in listed[place + 1 :]), kind


@pytest.mark.parametrize("bad", [0, -1, True, "7", "../agents/1", 7.0])
def test_an_id_goes_into_a_url_only_as_digits(bad: Any) -> None:
    """No id can turn a request to another address."""
    with pytest.raises(ValueError, match="no campaign id"):
        ask(lambda api: api.campaign(bad), detail())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("1e9", 60.0),
        ("inf", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:01:50 GMT", 10.0),
        (None, None),
    ],
)
@pytest.mark.fault("N6")
def test_retry_after_is_read_in_all_its_forms(text: str | None, seconds: float | None) -> None:
    """Seconds and dates are honoured, nonsense is not, and no server makes us wait for days."""
    assert retry_after(text, now=100.0) == seconds


def test_a_429_holds_everybody() -> None:
    """When a server asks for a pause, no request of any task goes before it is over."""
    bends = Bends(faults=(Fault(1, "429"),), retry_after="0.6")
    with Sandbox({"campaigns": [{"id": n} for n in (1, 2, 3)]}, bends=bends) as sandbox:

        async def reading() -> None:
            async with Api(sandbox.url, sandbox.key, backoff=0) as api:
                await asyncio.gather(*(api.campaign(n) for n in (1, 2, 3)))

        asyncio.run(reading())
        first, *_, last = sandbox.log

    assert last.at - first.at >= 0.55


def test_the_pace_is_never_refused() -> None:
    """Thirty requests of thirty tasks pass a server that refuses the 13th of any second."""
    with Sandbox({"campaigns": [{"id": 1}]}, rate=12) as sandbox:

        async def reading() -> None:
            async with Api(sandbox.url, sandbox.key, rate=12) as api:
                await asyncio.gather(*(api.campaign(1) for _ in range(30)))

        asyncio.run(reading())
        arrivals = [request.at for request in sandbox.log]

    assert {request.status for request in sandbox.log} <= {200, 429}
    assert len(arrivals) <= 32


def turns(pace: Pace, count: int) -> list[float]:
    """Take turns, the first after a 429; gives when each came, in seconds from the first."""

    async def take() -> list[float]:
        clock = asyncio.get_running_loop().time
        await pace.turn()
        pace.give_way()
        pace.give_way()
        came = []
        for _ in range(count):
            await pace.turn()
            came.append(clock())
        return [moment - came[0] for moment in came]

    return asyncio.run(take())


def test_a_crowded_key_slows_us_down_and_not_for_ever() -> None:
    """After a 429 the pace is 0.6 of what it was, and wins back half a request with each second."""
    *_, last = turns(Pace(4), 12)

    assert 11 / 4 + 0.2 < last < 11 / (4 * 0.6) - 0.5


def test_the_rate_unless_told_otherwise_is_that_of_the_help() -> None:
    """What `--help` says of --rate is what the client does."""
    [option] = [found for found in command.params if found.name == "rate"]
    assert option.default == RATE


class Skipping(selectors.DefaultSelector):
    """Waits for nothing, and counts what it would have waited, in seconds."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.waited += timeout or 0
        return super().select(0)


class Skipped(asyncio.SelectorEventLoop):
    """A loop whose clock jumps over what it would sleep."""

    def __init__(self) -> None:
        self.waiting = Skipping()
        super().__init__(self.waiting)

    def time(self) -> float:
        return self.waiting.waited


@pytest.mark.parametrize("users", range(2, int(MOST) + 1))
def test_users_of_a_key_that_know_nothing_of_each_other_keep_within_it(users: int) -> None:
    """Even where all of them are at their busiest at once, the API's rate is enough.

    That the way holds one request up, and hurries another, by 90 ms is allowed for.
    """

    async def take() -> list[float]:
        clock, pace = asyncio.get_running_loop().time, Pace(share(users))
        came: list[float] = []
        for burst, pause in product(range(1, 9), (0.3, 0.9, 1.1, 2.5)):
            for _ in range(burst):
                await pace.turn()
                came.append(clock())
            await asyncio.sleep(pause)
        return came

    with asyncio.Runner(loop_factory=Skipped) as runner:
        came = runner.run(take())
    busiest = max(sum(start <= moment <= start + 1.09 for moment in came) for start in came)

    assert users * busiest <= MOST
    assert users * share(users) <= RATE


def test_time_spent_waiting_for_answers_is_made_up_for() -> None:
    """After a pause of half a second twice the pace is kept until the window is full again."""

    async def take() -> list[float]:
        clock, pace, came = asyncio.get_running_loop().time, Pace(12), []
        for place in range(30):
            await pace.turn()
            came.append(clock())
            await asyncio.sleep(0.5 if place == 10 else 0)
        return came

    came = asyncio.run(take())

    assert came[-1] - came[0] < 29 / 12 + 0.35
    assert all(late - early >= 0.99 for early, late in zip(came, came[12:], strict=False))


def test_a_drip_ends_with_the_deadline() -> None:
    """A server that sends a byte now and then is given the deadline, and no more."""
    bends = Bends(faults=(Fault("all", "drip"),))
    with Sandbox({"campaigns": [{"id": 1}]}, bends=bends, rate=None) as sandbox:

        async def reading() -> None:
            async with Api(sandbox.url, sandbox.key, deadline=0.3, backoff=0) as api:
                await api.campaign(1)

        start = time.monotonic()
        with pytest.raises(errors.Unreachable):
            asyncio.run(reading())

    assert time.monotonic() - start < 3


@pytest.mark.parametrize("kind", ["huge", "gzip-bomb"])
@pytest.mark.fault("N9")
def test_an_answer_has_a_largest_size(kind: Any) -> None:
    """No server can fill our memory."""
    bends = Bends(faults=(Fault("all", kind),))
    with Sandbox({"campaigns": [{"id": 1}]}, bends=bends, rate=None) as sandbox:

        async def reading() -> None:
            async with Api(sandbox.url, sandbox.key, backoff=0) as api:
                await api.campaign(1)

        with pytest.raises(errors.BadAnswer):
            asyncio.run(reading())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://api.altur.io", "https://api.altur.io/api/v1.0"),
        ("https://api.altur.io/api/v1.0/", "https://api.altur.io/api/v1.0"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1.0"),
        ("http://localhost:1/x", "http://localhost:1/x"),
    ],
)
def test_an_address_is_completed(text: str, address: str) -> None:
    """The API's path is added where an address has none."""
    assert checked_base_url(text) == address


def test_the_key_is_in_no_repr() -> None:
    """Neither the client nor what it holds shows the key."""
    api = Api(BASE, KEY, transport=httpx.MockTransport(lambda _: detail()))

    assert KEY not in repr(api)
    assert KEY not in repr(vars(api)["_client"].headers)
