"""The API client: what it sends, how it reads responses, and how often it retries."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from support.commandline import Unpaced
from support.faults import Fault, Quirks, Sandbox

from campaignsync import errors
from campaignsync.api.client import ApiClient
from campaignsync.api.http import MEANINGS, checked_base_url
from campaignsync.api.responses import document_of, retry_after

KEY = "sk-test-canary"
BASE = "http://127.0.0.1/api/v1.0"

Call = Callable[[ApiClient], Awaitable[Any]]


def ask(call: Call, *answers: httpx.Response | Exception) -> tuple[Any, list[httpx.Request]]:
    """Make a call against scripted responses; return its result and the requests."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def asking() -> Any:
        transport = httpx.MockTransport(handle)
        async with ApiClient(BASE, KEY, backoff=0, pace=Unpaced(12), transport=transport) as api:
            try:
                return await call(api)
            except errors.ApiError as error:
                return error

    return asyncio.run(asking()), seen


def read(api: ApiClient) -> Awaitable[Any]:
    return api.campaign(7)


def write(api: ApiClient) -> Awaitable[Any]:
    return api.patch(7, {"retries": 2})


def detail(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "campaign": {"id": 7, **fields}})


def test_a_request_matches_the_reference() -> None:
    """The key goes into the Authorization header, the id into the path, JSON into the body."""
    _, [request] = ask(write, detail())

    assert request.headers["Authorization"] == f"api-key {KEY}"
    assert request.url.path == "/api/v1.0/campaigns/7"
    assert request.method == "PATCH"
    assert json.loads(request.content) == {"retries": 2}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_reads_are_tried_again(status: int) -> None:
    """A read succeeds after two server errors."""
    refused = httpx.Response(status, headers={"Retry-After": "0"})
    result, seen = ask(read, refused, refused, detail(name="x"))

    assert result["name"] == "x"
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
        (httpx.Response(302, headers={"Location": "http://evil/"}), errors.BadResponse, 1),
        (httpx.Response(200, text="<html>"), errors.BadResponse, 1),
        (httpx.Response(200), errors.BadResponse, 1),
        (httpx.Response(200, json=[]), errors.BadResponse, 1),
        (httpx.Response(200, json={"campaign": {"id": 8}}), errors.BadResponse, 1),
        (httpx.Response(200, json={"campaign": None}), errors.BadResponse, 1),
        (httpx.Response(200, text='{"campaign": {"id": NaN}}'), errors.BadResponse, 1),
        (httpx.Response(200, text='{"campaign": {"id": 7, "x": 1e999}}'), errors.BadResponse, 1),
        (httpx.Response(200, text='{"campaign": {"id": 7, "id": 7}}'), errors.BadResponse, 1),
        (httpx.Response(200, content=b'{"campaign": "\xff"}'), errors.BadResponse, 1),
        (httpx.Response(200, text="[" * 100_000), errors.BadResponse, 1),
        (httpx.Response(200, json={"success": False, "code": "X"}), errors.Refused, 1),
    ],
)
def test_each_failure_of_a_read_has_its_error(
    answer: Any, error: type[errors.ApiError], tries: int
) -> None:
    """Each kind of server error is recognised, and retried only if that can help."""
    result, seen = ask(read, answer)

    assert type(result) is error
    assert len(seen) == tries


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("no"), errors.Unreachable),
        (httpx.ConnectTimeout("no"), errors.Unreachable),
        (httpx.Response(429), errors.RateLimited),
        (httpx.Response(409, json={"code": "CAMPAIGN_FINISHED"}), errors.Refused),
        (httpx.Response(302), errors.BadResponse),
        (httpx.ReadTimeout("late"), errors.OutcomeUnknown),
        (httpx.ReadError("reset"), errors.OutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), errors.OutcomeUnknown),
        (httpx.Response(408), errors.OutcomeUnknown),
        (httpx.Response(500), errors.OutcomeUnknown),
        (httpx.Response(502), errors.OutcomeUnknown),
        (httpx.Response(200), errors.OutcomeUnknown),
        (httpx.Response(200, text="<html>"), errors.OutcomeUnknown),
        (httpx.Response(200, json={"campaign": {"id": 8}}), errors.OutcomeUnknown),
    ],
)
def test_a_failed_write_is_sent_once_and_not_reported_as_done(
    answer: Any, error: type[errors.ApiError]
) -> None:
    """A write whose response was lost is neither repeated nor reported as done."""
    result, seen = ask(write, answer)

    assert type(result) is error
    assert len(seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"code": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"error": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"error": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}},
        {"error_code": "IMMUTABLE_FIELD", "field": "agent_id"},
        {"detail": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}},
        {"detail": {"error_code": "IMMUTABLE_FIELD", "field": "agent_id"}},
        {"error": "Conflict", "detail": {"error_code": "IMMUTABLE_FIELD", "field": "agent_id"}},
    ],
)
@pytest.mark.fault("A4")
def test_an_error_code_is_read_from_every_known_shape(body: dict[str, Any]) -> None:
    """The API's code and field are found in every known shape of an error."""
    result, _ = ask(write, httpx.Response(400, json=body))

    assert (result.code, result.field, result.status) == ("IMMUTABLE_FIELD", "agent_id", 400)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"type": "CAMPAIGN_FINISHED"}]},
        {"errors": {"campaign": ["refused", {"why": "CAMPAIGN_FINISHED: it is over"}]}},
        {"title": "Conflict", "detail": "The campaign is read-only (CAMPAIGN_FINISHED)."},
        {"error": "Conflict", "message": "CAMPAIGN_FINISHED"},
        {"code": 40901, "message": "CAMPAIGN_FINISHED"},
        [{"code": "CAMPAIGN_FINISHED"}],
        "CAMPAIGN_FINISHED",
    ],
    ids=str,
)
def test_a_documented_code_is_recognised_anywhere_in_the_body(body: Any) -> None:
    """A documented code is found anywhere in the body, because its place is not documented."""
    result, _ = ask(write, httpx.Response(409, json=body))

    assert (type(result), result.code, result.status) == (errors.Refused, "CAMPAIGN_FINISHED", 409)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "SOMETHING_NEW", "message": "like CAMPAIGN_FINISHED"}, "SOMETHING_NEW"),
        ({"message": "NOT_CAMPAIGN_FINISHED"}, "REFUSED"),
        ({"CAMPAIGN_FINISHED": False}, "REFUSED"),
        ({"code": "a whole sentence", "error": "Conflict"}, "Conflict"),
    ],
)
def test_an_unknown_code_is_kept_and_a_partial_match_is_ignored(body: Any, code: str) -> None:
    """The server's own `code` wins, and a code inside a longer word is ignored."""
    result, _ = ask(write, httpx.Response(409, json=body))

    assert result.code == code


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"retries": ["at most 5"]}', '400 {"retries": ["at most 5"]}'),
        ('{"detail": [{"msg": "wide"}]}', '400 {"detail": [{"msg": "wide"}]}'),
        ('{"errors": [{"code": "ODD"}]}', '400 {"errors": [{"code": "ODD"}]}'),
        (
            '{"errors": [{"code": "INVALID_REQUEST", "why": "no"}]}',
            '400 INVALID_REQUEST: {"errors": [{"code": "INVALID_REQUEST", "why": "no"}]}',
        ),
        (json.dumps({"title": "x" * 999}), '400 {"title": "' + "x" * 188 + "…"),
        ('{"error": {"code": "X", "field": "retries"}}', "400 X"),
        ('{"success": false, "at": ' + "[" * 400 + "]" * 400 + "}", "400"),
        ("<html>no</html>", "400"),
    ],
)
def test_a_reason_at_an_unknown_place_is_shown(body: str, shown: str) -> None:
    """A refusal without a message at a known place is shown as it came, cut to one line."""
    result, _ = ask(write, httpx.Response(400, text=body))

    assert result.message == f"the API returned {shown}"


@pytest.mark.parametrize(("before", "after"), [('{"a":', "}"), ("[1,", "]")])
def test_a_deeply_nested_response_is_an_error(before: str, after: str) -> None:
    """A response nested in any number of levels does not crash the run."""
    for depth in (51, 52, 199, 332, 333, 499, 500, 990, 999, 1000, 1001, 1100):
        body = f'{{"a": {before * depth}1{after * depth}}}'.encode()

        with pytest.raises(errors.BadResponse):
            document_of(200, body, KEY, "the key")
        with pytest.raises(errors.Refused, match="the API returned 400"):
            document_of(400, body, KEY, "the key")


def test_a_name_that_is_nested_deeply_is_not_planned() -> None:
    """A reading with a value that cannot be compared fails, and nothing is retried."""
    name: Any = "x"
    for _ in range(50):
        name = [name]

    result, seen = ask(read, detail(name=name))

    assert type(result) is errors.BadResponse
    assert "nested" in result.message
    assert len(seen) == 1


def test_a_refused_key_is_named_without_its_value() -> None:
    """A 401 names the variable, the environment and the host, but not the key."""

    async def asking() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(401))
        named = "the key in ALTUR_API_KEY_X (environment x)"
        async with ApiClient(BASE, KEY, transport=transport, key_name=named) as api:
            await api.campaign(7)

    with pytest.raises(errors.Unauthorized) as caught:
        asyncio.run(asking())

    expected = "the API refused the key in ALTUR_API_KEY_X (environment x)"
    assert caught.value.message == f"{expected} for 127.0.0.1: 401"


def test_an_error_without_json_is_still_an_error() -> None:
    """A refusal without a JSON body is reported with its status."""
    result, _ = ask(write, httpx.Response(418, text="teapot"))

    assert "418" in str(result)


def test_every_httpx_error_is_mapped() -> None:
    """Every exception of httpx is mapped to our error tree, subclasses before base classes."""

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
    """No id can direct a request to another address."""
    with pytest.raises(ValueError, match="not a campaign id"):
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
    """Retry-After in seconds or as a date is honoured; invalid or huge values are not."""
    assert retry_after(text, now=100.0) == seconds


@pytest.mark.parametrize("kind", ["huge", "gzip-bomb"])
@pytest.mark.fault("N9")
def test_an_answer_has_a_largest_size(kind: Any) -> None:
    """No response can exhaust the memory."""
    quirks = Quirks(faults=(Fault("all", kind),))
    with Sandbox({"campaigns": [{"id": 1}]}, quirks=quirks, rate=None) as sandbox:

        async def reading() -> None:
            async with ApiClient(sandbox.url, sandbox.key, backoff=0) as api:
                await api.campaign(1)

        with pytest.raises(errors.BadResponse):
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
    """The API's path is added to a base URL without a path."""
    assert checked_base_url(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:0",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:port",
        "https://",
        "https:///x",
        "https://a..b",
        f"https://{'a' * 64}.example",
        "https://exa mple",
        "ftp://api.altur.io",
        "api.altur.io",
        "/api/v1.0",
        "",
    ],
)
def test_an_impossible_address_is_refused_with_its_value(text: str) -> None:
    """An invalid port or host is a configuration error that shows the value."""
    with pytest.raises(errors.ConfigurationError) as caught:
        checked_base_url(text)

    assert caught.value.exit_code == 3
    assert repr(text) in caught.value.message
    assert "ALTUR_BASE_URL" in caught.value.hint


def test_the_repr_does_not_contain_the_key() -> None:
    """Neither the client nor its attributes show the key."""
    api = ApiClient(BASE, KEY, transport=httpx.MockTransport(lambda _: detail()))

    assert KEY not in repr(api)
    assert KEY not in repr(vars(api)["_client"].headers)


def test_several_failures_are_reported_with_the_first_cause() -> None:
    """A host with several addresses fails with a group of errors: the report names a reason."""
    refused = ExceptionGroup("all addresses failed", [OSError(111, "Connection refused")] * 2)
    failure = httpx.ConnectError("")
    failure.__cause__ = refused

    error, _ = ask(read, failure)

    assert isinstance(error, errors.Unreachable)
    assert "(Connection refused)" in error.message


@pytest.mark.fault("A1", "N10")
@pytest.mark.parametrize(
    "body", [{}, {"campaigns": []}, {"pagination": {}}, {"campaigns": {}, "pagination": {}}]
)
def test_a_list_without_its_parts_is_not_an_empty_one(body: dict[str, Any]) -> None:
    """A response without campaigns or pagination is invalid: the account is not empty."""
    error, _ = ask(lambda api: api.page(), httpx.Response(200, json={"success": True, **body}))

    assert isinstance(error, errors.BadResponse)
    assert "`campaigns` or `pagination` is missing" in error.message
