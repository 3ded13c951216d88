"""The sandbox's quirks: other interpretations of the API, and faults of a request."""

import socket
import time
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import pytest
from support.faults import KINDS, Fault, FaultKind, Quirks, Sandbox
from support.processes import wait_for
from support.servers import Call

from campaignsync.sandbox import REFERENCE_DETAIL_KEYS

SEED: dict[str, Any] = {
    "campaigns": [
        {
            "id": 1,
            "scheduling": {"mon": {"startTime": "9:00", "stopTime": "18:00:00", "active": True}},
            "cycles": {"enabled": True, "mode": "scheduled", "filter_statuses": ["a", "b"]},
        },
        {"id": 2},
        {"id": 3},
    ]
}
PATCH = {"description": "new"}


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox(SEED, rate=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """Return the one sandbox of this module, with its seed and without quirks."""
    served.quirks = Quirks()
    served.reset()
    return served


def detail(call: Call, id_: int = 1) -> dict[str, Any]:
    campaign: dict[str, Any] = call("GET", f"/campaigns/{id_}").json()["campaign"]
    return campaign


def test_a_detail_can_have_the_keys_of_the_reference_only(sandbox: Sandbox, call: Call) -> None:
    """With the reference's keys, a detail leaves out what docs/api.md marks as not certain."""
    sandbox.quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
    campaign = detail(call)

    assert campaign.keys() == {
        "id", "name", "created_at", "agent", "integration", "scheduling", "cycles",
    }  # fmt: skip
    assert "mode" not in campaign["cycles"]
    assert campaign["cycles"]["max_iterations"] == 7
    assert "status" in call("GET", "/campaigns").json()["campaigns"][0]


def test_a_list_can_have_fewer_keys(sandbox: Sandbox, call: Call) -> None:
    """The list contains the configured keys only."""
    sandbox.quirks = Quirks(list_keys=frozenset({"id", "agent.id"}))

    assert call("GET", "/campaigns").json()["campaigns"][0] == {"id": 1, "agent": {"id": "agt_1"}}


@pytest.mark.parametrize(
    ("times", "start", "stop"),
    [("HH:MM", "09:00", "18:00"), ("HH:MM:SS", "09:00:00", "18:00:00"), ("H:MM", "9:00", "18:00")],
)
def test_times_may_be_spelled_otherwise(
    sandbox: Sandbox, call: Call, times: Any, start: str, stop: str
) -> None:
    """A time is returned in the server's spelling, by both endpoints."""
    sandbox.quirks = Quirks(times=times)
    expected = {"startTime": start, "stopTime": stop, "active": True}

    assert detail(call)["scheduling"]["mon"] == expected
    assert call("GET", "/campaigns").json()["campaigns"][0]["scheduling"]["mon"] == expected


def test_an_empty_value_can_be_returned_as_null(sandbox: Sandbox, call: Call) -> None:
    """Empty texts and lists are null; zero and false are not empty."""
    sandbox.quirks = Quirks(empty="null")
    campaign = detail(call)

    assert campaign["description"] is None
    assert campaign["cycles"]["filter_tags"] is None
    assert (campaign["retries"], campaign["archived"]) == (0, False)


def test_lists_may_come_back_in_another_order(sandbox: Sandbox, call: Call) -> None:
    """The order of a filter is reversed; the order of campaigns is not."""
    sandbox.quirks = Quirks(lists="reversed")

    assert detail(call)["cycles"]["filter_statuses"] == ["b", "a"]
    listed = call("GET", "/campaigns").json()["campaigns"]
    assert listed[0]["cycle_filter_statuses"] == ["b", "a"]
    assert [item["id"] for item in listed] == [1, 2, 3]


def test_the_vendor_may_add_keys(sandbox: Sandbox, call: Call) -> None:
    """Every object of a response has an additional unknown key; the others stay."""
    sandbox.quirks = Quirks(extra_keys=True)
    answer = call("GET", "/campaigns/1").json()
    campaign = answer["campaign"]
    week = campaign["scheduling"]

    places = (answer, campaign, campaign["cycles"], campaign["agent"], week, week["mon"])
    assert all("x_new_field" in place for place in places)
    assert campaign["cycles"]["max_iterations"] == 7
    assert "x_new_field" in call("GET", "/campaigns").json()["pagination"]


@pytest.mark.parametrize(
    ("merge", "monday", "tuesday"),
    [
        ("leaf", {"startTime": "09:00", "stopTime": "18:00", "active": False}, True),
        ("day", {"active": False}, True),
        ("replace", {"active": False}, False),
    ],
)
def test_a_week_may_merge_in_three_ways(
    sandbox: Sandbox, call: Call, merge: Any, monday: dict[str, Any], *, tuesday: bool
) -> None:
    """A PATCH of one key of a weekday keeps, or clears, the other keys and the other days."""
    sandbox.quirks = Quirks(schedule_merge=merge)
    body = {"mon": {"active": False}}
    call("PATCH", "/campaigns/1", json={"scheduling": body, "cycles": {"schedule": body}})
    campaign = detail(call)

    assert campaign["scheduling"]["mon"] == monday
    assert campaign["cycles"]["schedule"]["mon"] == monday
    assert ("tue" in campaign["scheduling"]) is tuesday
    assert ("tue" in campaign["cycles"]["schedule"]) is tuesday
    assert campaign["cycles"]["max_iterations"] == 7


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("code", {"success": False, "code": "IMMUTABLE_FIELD", "field": "agent_id"}),
        ("error", {"error": "IMMUTABLE_FIELD", "field": "agent_id"}),
        ("error.code", {"error": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}}),
        ("error_code", {"error_code": "IMMUTABLE_FIELD", "field": "agent_id"}),
        ("detail.code", {"detail": {"code": "IMMUTABLE_FIELD", "field": "agent_id"}}),
    ],
)
def test_an_error_may_have_other_shapes(
    sandbox: Sandbox, call: Call, shape: Any, expected: dict[str, Any]
) -> None:
    """The code and the field are in any of the places that docs/api.md lists."""
    sandbox.quirks = Quirks(error_shape=shape)
    body = call("PATCH", "/campaigns/1", json={"agent_id": "x"}).json()
    for part in (body, *body.values()):
        if isinstance(part, dict):
            part.pop("message", None)

    assert body == expected


@pytest.mark.parametrize(
    ("shape", "text"), [("text", "NOT_FOUND: there is no campaign 9"), ("empty", "")]
)
def test_an_error_can_be_text_or_empty(sandbox: Sandbox, call: Call, shape: Any, text: str) -> None:
    """An error may be plain text, or empty."""
    sandbox.quirks = Quirks(error_shape=shape)
    answer = call("GET", "/campaigns/9")

    assert (answer.status_code, answer.text) == (404, text)


def test_pages_can_be_smaller_than_requested(sandbox: Sandbox, call: Call) -> None:
    """A page that is shorter than requested has a next page."""
    sandbox.quirks = Quirks(page_size_cap=2)
    page = call("GET", "/campaigns?pageSize=100").json()

    assert (len(page["campaigns"]), page["pagination"]["has_next"]) == (2, True)


def follow(call: Call, pages: int) -> tuple[list[str], list[int]]:
    """Follow the cursors for some pages; return them and the numbers of campaigns."""
    cursors: list[str] = []
    sizes: list[int] = []
    for _ in range(pages):
        query = f"&cursor={cursors[-1]}" if cursors else ""
        page = call("GET", f"/campaigns?pageSize=1{query}").json()
        assert page["pagination"]["has_next"] is True
        cursors.append(page["pagination"]["next_cursor"])
        sizes.append(len(page["campaigns"]))
    return cursors, sizes


def test_a_cursor_may_repeat(sandbox: Sandbox, call: Call) -> None:
    """The next page is the same one, forever."""
    sandbox.quirks = Quirks(cursor_fault="repeat")
    cursors, sizes = follow(call, 4)

    assert len(set(cursors)) == 1
    assert sizes == [1] * 4


def test_cursors_can_form_a_cycle(sandbox: Sandbox, call: Call) -> None:
    """Two pages name each other as the next one, forever."""
    sandbox.quirks = Quirks(cursor_fault="cycle")
    cursors, sizes = follow(call, 4)

    assert cursors[0] == cursors[2] != cursors[1] == cursors[3]
    assert sizes == [1] * 4


def test_empty_pages_can_have_a_next_page(sandbox: Sandbox, call: Call) -> None:
    """Pages are empty, and always have a next page with a new cursor."""
    sandbox.quirks = Quirks(cursor_fault="empty-with-next")
    cursors, sizes = follow(call, 4)

    assert len(set(cursors)) == 4
    assert sizes == [0] * 4


def test_a_server_may_be_slow(sandbox: Sandbox, call: Call) -> None:
    """Every request waits for the latency, and the log has its arrival time."""
    sandbox.quirks = Quirks(latency=0.1, jitter=0.02)
    call("GET", "/campaigns")

    request = sandbox.log[-1]
    assert (request.answered or 0.0) - request.at >= 0.1


def test_some_fields_may_not_be_taken(sandbox: Sandbox, call: Call) -> None:
    """An ignored field is accepted and stays as it was; its siblings change."""
    sandbox.quirks = Quirks(
        ignore_fields=frozenset({"description", "scheduling.tue", "cycles.schedule"})
    )
    body = {
        "description": "new",
        "name": "New",
        "scheduling": {"mon": {"active": False}, "tue": {"active": True}},
        "cycles": {"schedule": {"mon": {"active": True}}, "cooldown_minutes": 1},
    }
    answer = call("PATCH", "/campaigns/1", json=body)
    campaign = detail(call)

    assert answer.status_code == 200
    assert (campaign["description"], campaign["name"]) == ("", "New")
    assert [campaign["scheduling"][day]["active"] for day in ("mon", "tue")] == [False, False]
    assert campaign["cycles"]["schedule"]["mon"]["active"] is False
    assert campaign["cycles"]["cooldown_minutes"] == 1


def test_ignoring_all_changes_of_a_week_keeps_it(sandbox: Sandbox, call: Call) -> None:
    """Ignoring all changes of a week does not clear the week."""
    sandbox.quirks = Quirks(ignore_fields=frozenset({"scheduling.mon"}), schedule_merge="replace")
    before = detail(call)
    call("PATCH", "/campaigns/1", json={"scheduling": {"mon": {"active": False}}})

    assert detail(call) == before


def test_a_patch_can_change_other_fields(sandbox: Sandbox, call: Call) -> None:
    """An unexpected change is in the response and in later reads."""
    sandbox.quirks = Quirks(clobber={"timezone": "UTC", "cycles.cooldown_minutes": 1})
    answer = call("PATCH", "/campaigns/1", json=PATCH).json()["campaign"]

    assert answer == detail(call)
    assert (answer["description"], answer["timezone"]) == ("new", "UTC")
    assert (answer["cycles"]["cooldown_minutes"], answer["cycles"]["max_iterations"]) == (1, 7)


def test_reads_may_lag_behind_writes(sandbox: Sandbox, call: Call) -> None:
    """The first reads after a write return the old values, later ones the new."""
    sandbox.quirks = Quirks(read_lag=2)
    call("PATCH", "/campaigns/1", json=PATCH)
    descriptions = [
        detail(call)["description"],
        call("GET", "/campaigns").json()["campaigns"][0]["description"],
        detail(call)["description"],
    ]
    call("POST", "/campaigns/1/activate")
    statuses = [detail(call)["status"] for _ in range(3)]

    assert descriptions == ["", "", "new"]
    assert statuses == ["pending", "pending", "active"]


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(None, "1"), ("", None), ("0", "0"), ("soon", "soon")]
)
def test_a_429_can_have_any_retry_after(
    sandbox: Sandbox, call: Call, retry_after: str | None, expected: str | None
) -> None:
    """Retry-After is a second, or the configured value, or missing."""
    sandbox.quirks = Quirks(retry_after=retry_after, faults=(Fault("all", "429"),))

    assert call("GET", "/campaigns").headers.get("Retry-After") == expected


@pytest.mark.parametrize(("retry_after", "expected"), [(None, None), ("7", "7")])
def test_a_503_has_retry_after_only_if_set(
    sandbox: Sandbox, call: Call, retry_after: str | None, expected: str | None
) -> None:
    """A server that is down sends no Retry-After, unless the quirks set it."""
    sandbox.quirks = Quirks(retry_after=retry_after, faults=(Fault("all", "503"),))

    assert call("GET", "/campaigns").headers.get("Retry-After") == expected


def test_faults_hit_the_requests_that_they_name(sandbox: Sandbox, call: Call) -> None:
    """A fault counts only the requests of its methods, from when the quirks were set."""
    sandbox.quirks = Quirks(
        faults=(
            Fault(2, "500", frozenset({"PATCH"})),
            Fault(frozenset({1, 3}), "503", frozenset({"GET"})),
        )
    )
    methods = ("PATCH", "GET", "GET", "PATCH", "GET", "PATCH")
    first = [call(method, "/campaigns/1", json={}).status_code for method in methods]
    sandbox.quirks = Quirks(faults=sandbox.quirks.faults)
    second = [call(method, "/campaigns/1", json={}).status_code for method in methods]

    assert first == second == [200, 503, 200, 500, 503, 200]


def test_every_kind_of_fault_is_supported() -> None:
    """The sandbox supports every quirk."""
    assert set(get_args(FaultKind)) == KINDS.keys()


STATUS_FAULTS = {
    "500": (500, "INTERNAL_ERROR"),
    "503": (503, "UNAVAILABLE"),
    "429": (429, "RATE_LIMITED"),
    "401": (401, "UNAUTHORIZED"),
    "402": (402, "BILLING_LIMIT_REACHED"),
    "403": (403, "FORBIDDEN"),
}


@pytest.mark.parametrize("kind", STATUS_FAULTS)
def test_a_request_may_be_refused(sandbox: Sandbox, call: Call, kind: Any) -> None:
    """The request gets the status and its code, is not executed, and the connection stays open."""
    sandbox.quirks = Quirks(faults=(Fault(1, kind),))
    answer = call("PATCH", "/campaigns/1", json=PATCH)

    assert (answer.status_code, answer.json()["code"]) == STATUS_FAULTS[kind]
    assert sandbox.writes[-1].status == answer.status_code
    assert detail(call)["description"] == ""


@pytest.mark.parametrize(("kind", "stored"), [("drop-before", ""), ("drop-after", "new")])
def test_a_connection_may_be_reset(sandbox: Sandbox, call: Call, kind: Any, stored: str) -> None:
    """The client sees a reset, before or after the write was executed, without a status."""
    sandbox.quirks = Quirks(faults=(Fault(1, kind),))
    with socket.create_connection(address(sandbox)) as client:
        client.sendall(raw(sandbox, "PATCH", b'{"description": "new"}'))
        with pytest.raises(ConnectionResetError):
            client.recv(1)

    assert sandbox.writes[-1].status is None
    assert detail(call)["description"] == stored


def address(sandbox: Sandbox) -> tuple[str, int]:
    url = httpx.URL(sandbox.url)
    assert url.port
    return url.host, url.port


def raw(sandbox: Sandbox, method: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} /api/v1.0/campaigns/1 HTTP/1.1",
        f"Authorization: api-key {sandbox.key}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


OTHER_ANSWERS = {
    "502-after": (502, "text/html", "new"),
    "html": (200, "text/html", ""),
    "empty": (200, "application/json", ""),
    "list": (200, "application/json", ""),
}


@pytest.mark.parametrize("kind", OTHER_ANSWERS)
def test_something_else_may_answer(sandbox: Sandbox, call: Call, kind: Any) -> None:
    """A proxy, a login page or nothing responds; only the -after kind executes the request."""
    sandbox.quirks = Quirks(faults=(Fault(1, kind),))
    answer = call("PATCH", "/campaigns/1", json=PATCH)
    status, content_type, stored = OTHER_ANSWERS[kind]

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
    assert answer.text.startswith({"empty": "", "list": "[]"}.get(kind, "<html>"))
    assert detail(call)["description"] == stored


@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/1"])
def test_a_response_can_contain_nan(sandbox: Sandbox, call: Call, path: str) -> None:
    """A parser that accepts NaN finds the correct response."""
    true = call("GET", path).json()
    sandbox.quirks = Quirks(faults=(Fault("all", "nan"),))
    answer = call("GET", path)

    assert "NaN" in answer.text
    assert true.items() <= answer.json().items()


@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/1"])
def test_a_response_can_have_duplicate_keys(sandbox: Sandbox, call: Call, path: str) -> None:
    """A parser that uses the last of duplicate keys finds the correct response."""
    true = call("GET", path).json()
    sandbox.quirks = Quirks(faults=(Fault("all", "duplicate-keys"),))
    answer = call("GET", path)

    assert answer.json() == true
    assert len(answer.json(object_pairs_hook=list)) == 2 * len(true)


def test_half_an_answer_may_come(sandbox: Sandbox, call: Call) -> None:
    """Content-Length is that of the whole response, but half is sent; the write was executed."""
    sandbox.quirks = Quirks(faults=(Fault(1, "half"),))

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        call("PATCH", "/campaigns/1", json=PATCH)
    assert detail(call)["description"] == "new"


@pytest.mark.slow
def test_an_answer_may_drip(sandbox: Sandbox, call: Call) -> None:
    """Bytes arrive one by one, too slow to wait for, too fast for a read timeout."""
    sandbox.quirks = Quirks(faults=(Fault(1, "drip"),))
    with socket.create_connection(address(sandbox)) as client:
        client.sendall(raw(sandbox, "GET"))
        content = b""
        while not content.endswith(b"\r\n\r\n{"):
            content += client.recv(4096)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(2)
        assert client.recv(4096) == b'"'
    assert call("GET", "/campaigns").status_code == 200


@pytest.mark.slow
def test_a_request_can_hang(sandbox: Sandbox, call: Call) -> None:
    """A request hangs, is not executed, and does not delay the others."""
    sandbox.quirks = Quirks(faults=(Fault(1, "hang"),))

    with pytest.raises(httpx.ReadTimeout):
        call("PATCH", "/campaigns/1", json=PATCH, timeout=0.5)
    assert sandbox.writes[-1].status is None
    assert detail(call)["description"] == ""


def test_a_request_may_be_sent_elsewhere(sandbox: Sandbox, call: Call) -> None:
    """A redirect points to the configured address, and nothing was executed."""
    sandbox.quirks = Quirks(redirect_to="https://example.org/x", faults=(Fault(1, "redirect"),))
    answer = call("PATCH", "/campaigns/1", json=PATCH)

    assert (answer.status_code, answer.headers["Location"]) == (302, "https://example.org/x")
    assert detail(call)["description"] == ""


@pytest.mark.parametrize("kind", ["huge", "gzip-bomb"])
def test_an_answer_may_be_far_too_large(
    sandbox: Sandbox, http: httpx.Client, call: Call, kind: Any
) -> None:
    """An endless response; it ends when the client disconnects."""
    sandbox.quirks = Quirks(faults=(Fault(1, kind),))
    key = {"Authorization": f"api-key {sandbox.key}"}
    with http.stream("GET", f"{sandbox.url}/campaigns", headers=key) as answer:
        chunks = answer.iter_bytes()
        received = 0
        while received < 4 * 2**20:
            received += len(next(chunks))
        sent = answer.num_bytes_downloaded

    assert (sent < 2**20) is (kind == "gzip-bomb")
    assert call("GET", "/campaigns").status_code == 200


def test_a_stop_does_not_wait_for_slow_answers() -> None:
    """A server in the middle of a huge, slow or hanging response stops at once."""
    kinds: tuple[Any, ...] = ("huge", "drip", "hang")
    quirks = Quirks(faults=tuple(Fault(n, kind) for n, kind in enumerate(kinds, start=1)))
    clients = [socket.socket() for _ in kinds]
    with Sandbox(SEED, quirks=quirks) as sandbox:
        for client in clients:
            client.connect(address(sandbox))
            client.sendall(raw(sandbox, "GET"))
        wait_for(lambda: len(sandbox.log) == len(kinds))
        started = time.monotonic()
    took = time.monotonic() - started
    for client in clients:
        client.close()

    assert took < 5  # the slow response alone would take minutes
