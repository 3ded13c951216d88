"""The sandbox behaves as docs/api.md describes: five endpoints, two shapes, every refusal."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from support.faults import Sandbox
from support.servers import Call

SCHEDULED, PLAIN, WHATSAPP, FINISHED, COOLDOWN = IDS = [7, 12, 13, 24, 35]
NEXT = 36

SEED: dict[str, Any] = {
    "campaigns": [
        {"id": SCHEDULED, "cycles": {"enabled": True, "mode": "scheduled"}},
        {"id": PLAIN, "status": "active", "created_at": "2026-03-05T10:00:00Z"},
        {"id": WHATSAPP, "integration_type": "whatsapp", "template": "hola_v1"},
        {"id": FINISHED, "status": "finished", "agent": {"id": "agt_9"}},
        {"id": COOLDOWN, "status": "inactive", "archived": True, "cycles": {"enabled": True}},
    ]
}
NEW = {
    "name": "New",
    "agent_id": "agt_2",
    "integration_id": "int_2",
    "integration_type": "phone_call",
}


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox(SEED, rate=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """Return the one sandbox of this module, with its seed."""
    served.reset()
    return served


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["code"], body.get("field")


@pytest.mark.parametrize(
    ("id_", "body", "expected"),
    [
        (PLAIN, {"agent_id": "agt_1"}, (400, "IMMUTABLE_FIELD", "agent_id")),
        (PLAIN, {"integration_id": "int_1"}, (400, "IMMUTABLE_FIELD", "integration_id")),
        (PLAIN, {"integration_type": "phone_call"}, (400, "IMMUTABLE_FIELD", "integration_type")),
        (SCHEDULED, {"cycles": {"enabled": True}}, (400, "IMMUTABLE_FIELD", "cycles.enabled")),
        (SCHEDULED, {"cycles": {"mode": "scheduled"}}, (400, "IMMUTABLE_FIELD", "cycles.mode")),
        (FINISHED, {"name": "New"}, (409, "CAMPAIGN_FINISHED", None)),
        (FINISHED, {}, (409, "CAMPAIGN_FINISHED", None)),
        (PLAIN, {"cycles": {"cooldown_minutes": 1}}, (400, "CYCLES_NOT_ENABLED", "cycles")),
        (WHATSAPP, {"cycles": {"filter_tags": []}}, (400, "CYCLES_NOT_ENABLED", "cycles")),
        (COOLDOWN, {"cycles": {"schedule": {}}}, (400, "SCHEDULED_MODE_ONLY", "cycles.schedule")),
        (COOLDOWN, {"cycles": {"schedule_start_date": "2026-01-05"}},
         (400, "SCHEDULED_MODE_ONLY", "cycles.schedule_start_date")),
        (COOLDOWN, {"cycles": {"schedule_end_date": "2026-01-05"}},
         (400, "SCHEDULED_MODE_ONLY", "cycles.schedule_end_date")),
        (WHATSAPP, {"first_message": "Hola"}, (400, "INVALID_REQUEST", "first_message")),
        (PLAIN, {"template": "t"}, (400, "INVALID_REQUEST", "template")),
        (PLAIN, {"template_alt": "t"}, (400, "INVALID_REQUEST", "template_alt")),
        (99, {"name": "New"}, (404, "NOT_FOUND", None)),
    ],
)  # fmt: skip
def test_a_patch_against_the_rules_is_refused(
    sandbox: Sandbox,
    call: Call,
    id_: int,
    body: dict[str, Any],
    expected: tuple[int, str, str | None],
) -> None:
    """Each rule of the API has its status, its code and its field, and nothing is changed."""
    before = sandbox.campaigns()

    assert refusal(call("PATCH", f"/campaigns/{id_}", json=body)) == expected
    assert sandbox.campaigns() == before


MISFITS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("id", "status", "archived", "created_at", "analytics"), ("x",)),
    **dict.fromkeys(("agent", "integration", "nonsense"), ({"id": "x"},)),
    "name": (None, 1, "x" * 256),
    "description": (None, ["x"]),
    "timezone": (None, "", "Mexico", "../UTC", "\x00"),
    "retries": (-1, 6),
    "message_limit": (0, 10001, "5", 5.0, True, None),
    "first_message": (1,),
    "scheduling": (None, [], "mon"),
    "scheduling.monday": ({},),
    "scheduling.mon": ("09:00-18:00",),
    "scheduling.mon.start": ("09:00",),
    "scheduling.mon.startTime": ("24:00", "9", "09:60", 540, None),
    "scheduling.mon.active": (1, "true"),
    "cycles": ([], None),
    "cycles.pause": (1,),
    "cycles.max_iterations": (-1, "7"),
    "cycles.cooldown_minutes": (True, 1.5),
    "cycles.filter_tags": ("a", [1], None),
    "cycles.filter_statuses": ([None],),
    "cycles.schedule.mon.stopTime": ("x",),
    "cycles.schedule_start_date": ("20260105", "2026-02-30", "05/01/2026", 20260105, None),
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in MISFITS.items() for value in values]
)
def test_a_value_that_does_not_fit_is_refused(call: Call, field: str, value: Any) -> None:
    """Unknown and read-only fields, wrong types and values out of range are named."""
    body = value
    for key in reversed(field.split(".")):
        body = {key: body}

    answer = call("PATCH", f"/campaigns/{SCHEDULED}", json=body)

    assert refusal(answer) == (400, "INVALID_REQUEST", field)


def test_a_patch_merges_leaf_by_leaf(sandbox: Sandbox, call: Call) -> None:
    """Fields that a PATCH leaves out stay, and the response is the whole campaign."""
    before = sandbox.campaigns()[SCHEDULED]
    body = {
        "name": "Ñandú 📦",
        "scheduling": {"mon": {"active": True}},
        "cycles": {"filter_tags": ["b", "a"], "schedule_start_date": "2026-01-05"},
    }
    answer = call("PATCH", f"/campaigns/{SCHEDULED}", json=body)

    expected = before | {"name": "Ñandú 📦"}
    expected["scheduling"] |= {"mon": before["scheduling"]["mon"] | {"active": True}}
    expected["cycles"] |= body["cycles"]
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "campaign": expected}
    assert sandbox.campaigns()[SCHEDULED] == expected


def test_the_detail_is_nested_and_complete(sandbox: Sandbox, call: Call) -> None:
    """A campaign read by its id carries every field."""
    campaign = call("GET", f"/campaigns/{SCHEDULED}").json()["campaign"]

    assert campaign == sandbox.campaigns()[SCHEDULED]
    assert campaign.keys() == {
        "id", "name", "description", "status", "archived", "timezone", "retries", "message_limit",
        "scheduling", "first_message", "template", "template_alt", "agent", "integration",
        "integration_type", "cycles", "created_at",
    }  # fmt: skip


def test_the_list_is_flat_and_omits_fields(call: Call) -> None:
    """A campaign in the list has `cycle_*`, but no mode, schedule, limit or integration."""
    listed = call("GET", "/campaigns").json()

    assert listed["total_count"] == 5
    assert [item["id"] for item in listed["campaigns"]] == IDS
    assert listed["campaigns"][0].keys() == {
        "id", "name", "description", "status", "archived", "timezone", "retries", "scheduling",
        "first_message", "template", "agent", "created_at", "cycle_enabled",
        "cycle_max_iterations", "cycle_cooldown_minutes", "cycle_filter_statuses",
        "cycle_filter_tags",
    }  # fmt: skip


def test_cursors_visit_all_campaigns_forwards_and_backwards(call: Call) -> None:
    """Cursors list all campaigns, once each, and return to the first page."""
    pages = [call("GET", "/campaigns?pageSize=2").json()]
    for way in ("next", "next", "previous", "previous"):
        cursor = pages[-1]["pagination"][f"{way}_cursor"]
        pages.append(call("GET", f"/campaigns?pageSize=2&cursor={cursor}").json())

    assert [[item["id"] for item in page["campaigns"]] for page in pages] == [
        [7, 12], [13, 24], [35], [13, 24], [7, 12],
    ]  # fmt: skip
    assert [page["pagination"]["has_next"] for page in pages[:3]] == [True, True, False]
    assert [page["pagination"]["has_previous"] for page in pages[:3]] == [False, True, True]
    assert pages[0]["pagination"]["previous_cursor"] is None
    assert pages[2]["pagination"]["next_cursor"] is None


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("query", ["", "&archived=false", "&integration=whatsapp&agentId=agt_1"])
def test_pages_contain_every_match_once(http: httpx.Client, query: str, size: int) -> None:
    """With any filter and page size, the pages contain every match exactly once."""
    channels = ("phone_call", "whatsapp")
    some = [
        {
            "id": id_,
            "archived": id_ % 4 == 0,
            "integration_type": channels[id_ % 2],
            "agent": {"id": f"agt_{id_ % 3}"},
        }
        for id_ in range(3, 60, 3)
    ]
    with Sandbox({"campaigns": some}, rate=None, key=None) as sandbox:

        def page(cursor: str = "") -> Any:
            url = f"{sandbox.url}/campaigns?pageSize={size}{query}{cursor}"
            return http.get(url, headers={"Authorization": "api-key any"}).json()

        there = [page()]
        while cursor := there[-1]["pagination"]["next_cursor"]:
            there.append(page(f"&cursor={cursor}"))
        back = [there[-1]]
        while cursor := back[-1]["pagination"]["previous_cursor"]:
            back.append(page(f"&cursor={cursor}"))

    fitting = [
        one["id"]
        for one in some
        if not ("archived" in query and one["archived"])
        and not ("whatsapp" in query and one["integration_type"] != "whatsapp")
        and not ("agt_1" in query and one["agent"] != {"id": "agt_1"})
    ]
    assert [item["id"] for each in there for item in each["campaigns"]] == fitting
    assert {each["total_count"] for each in there} == {len(fitting)}
    assert [each["campaigns"] for each in back[::-1]] == [each["campaigns"] for each in there]


def test_a_shifting_list_skips_no_campaign(sandbox: Sandbox, call: Call) -> None:
    """If a campaign leaves the list between two pages, no other campaign is skipped."""
    first = call("GET", "/campaigns?archived=false&pageSize=2").json()
    sandbox.edit(SCHEDULED, {"archived": True})
    cursor = first["pagination"]["next_cursor"]
    second = call("GET", f"/campaigns?archived=false&pageSize=2&cursor={cursor}").json()

    assert [item["id"] for item in second["campaigns"]] == [WHATSAPP, FINISHED]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("status=inactive", [COOLDOWN]),
        ("integration=whatsapp", [WHATSAPP]),
        ("archived=true", [COOLDOWN]),
        ("archived=false&integration=phone_call", [SCHEDULED, PLAIN, FINISHED]),
        ("agentId=agt_9", [FINISHED]),
        ("agentId=nobody", []),
        ("startDate=2026-03-01&endDate=2026-03-05", [PLAIN]),
        (
            "startDate=2026-01-01T00:00:00Z&endDate=2026-01-31T00:00:00Z",
            [SCHEDULED, WHATSAPP, FINISHED, COOLDOWN],
        ),
    ],
)
def test_the_list_can_be_narrowed(call: Call, query: str, ids: list[int]) -> None:
    """Each filter keeps what it names, and the count is that of the result."""
    listed = call("GET", f"/campaigns?{query}").json()

    assert [item["id"] for item in listed["campaigns"]] == ids
    assert listed["total_count"] == len(ids)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((f"pageSize={size}", "pageSize") for size in ("0", "101", "-1", "x", "1.5", "")),
        *((f"cursor={cursor}", "cursor") for cursor in ("", "x", "MTIz", "%F0%9F%93%A6")),
        ("status=sleeping", "status"),
        ("integration=sms", "integration"),
        ("archived=1", "archived"),
        ("startDate=2026-01-01", "startDate"),
        ("endDate=2026-01-01", "endDate"),
        ("startDate=2026-01-01&endDate=soon", "endDate"),
        ("page_size=10", "page_size"),
    ],
)
def test_an_invalid_query_is_refused(call: Call, query: str, field: str) -> None:
    """A parameter out of range, or one that does not exist, is named."""
    assert refusal(call("GET", f"/campaigns?{query}")) == (400, "INVALID_REQUEST", field)


STEPS = {
    "activate": {"pending": "active", "ready": "active", "cooldown": "active"},
    "pause": {"active": "inactive", "cooldown": "inactive", "inactive": "inactive"},
    "resume": {"inactive": "active", "active": "active"},
}
TARGETS = {
    "pending": ["active"],
    "ready": ["active"],
    "active": ["inactive"],
    "inactive": ["active"],
    "cooldown": ["active", "inactive"],
    "finished": [],
}


@pytest.mark.parametrize("status", TARGETS)
@pytest.mark.parametrize("action", STEPS)
def test_actions_change_valid_statuses_only(
    sandbox: Sandbox, call: Call, action: str, status: str
) -> None:
    """An action leads to the API's status, or the error lists the valid targets."""
    sandbox.edit(PLAIN, {"status": status})
    answer = call("POST", f"/campaigns/{PLAIN}/{action}")
    reached = STEPS[action].get(status)

    assert sandbox.campaigns()[PLAIN]["status"] == (reached or status)
    if reached:
        assert (answer.status_code, answer.json()["campaign"]["status"]) == (200, reached)
    else:
        assert refusal(answer) == (409, "INVALID_STATUS_TRANSITION", None)
        assert answer.json()["current_status"] == status
        assert answer.json()["valid_targets"] == TARGETS[status]


@pytest.mark.parametrize("id_", [PLAIN, FINISHED, COOLDOWN])
def test_archiving_always_works(sandbox: Sandbox, call: Call, id_: int) -> None:
    """Any campaign can be archived, also twice, and keeps its status."""
    status = sandbox.campaigns()[id_]["status"]
    answer = call("POST", f"/campaigns/{id_}/archive")

    assert answer.status_code == 200
    assert answer.json()["campaign"]["archived"] is True
    assert answer.json()["campaign"]["status"] == status


def test_an_action_that_does_not_exist_is_refused(call: Call) -> None:
    """An unknown action is a 400 with its own code."""
    assert refusal(call("POST", f"/campaigns/{PLAIN}/start")) == (400, "UNKNOWN_ACTION", None)


def test_a_campaign_is_created(sandbox: Sandbox, call: Call) -> None:
    """A new campaign gets the next id, is pending, and has the requested cycles."""
    cycles = {"enabled": True, "mode": "scheduled", "schedule": {"mon": {"active": True}}}
    answer = call("POST", "/campaigns", json=NEW | {"message_limit": 2, "cycles": cycles})
    campaign = answer.json()["campaign"]

    assert answer.status_code == 201
    assert campaign == sandbox.campaigns()[NEXT]
    assert (campaign["id"], campaign["status"], campaign["message_limit"]) == (NEXT, "pending", 2)
    assert campaign["timezone"] == "America/Mexico_City"
    assert campaign["agent"]["id"] == "agt_2"
    assert campaign["integration"] == {"id": "int_2"}
    assert campaign["cycles"]["schedule"]["mon"]["active"] is True
    assert not {"agent_id", "integration_id"} & campaign.keys()


def test_values_of_disabled_cycles_are_ignored(call: Call) -> None:
    """A block with `enabled: false` is accepted, whatever else it contains."""
    block = {"enabled": False, "mode": "cooldown", "max_iterations": "x"}
    campaign = call("POST", "/campaigns", json=NEW | {"cycles": block}).json()["campaign"]

    assert campaign["cycles"]["enabled"] is False
    assert campaign["cycles"]["max_iterations"] is None


@pytest.mark.parametrize(
    ("field", "body"),
    [
        *((key, {k: v for k, v in NEW.items() if k != key}) for key in NEW),
        ("name", NEW | {"name": ""}),
        ("integration_type", NEW | {"integration_type": "sms"}),
        ("template", NEW | {"template": "t"}),
        ("first_message", NEW | {"integration_type": "whatsapp", "first_message": "Hola"}),
        ("status", NEW | {"status": "active"}),
        ("message_limit", NEW | {"message_limit": 0}),
        ("cycles", NEW | {"cycles": None}),
        ("cycles.enabled", NEW | {"cycles": {}}),
        ("cycles.mode", NEW | {"cycles": {"enabled": True}}),
        ("cycles.pause", NEW | {"cycles": {"enabled": True, "mode": "cooldown", "pause": 1}}),
        ("cycles.schedule",
         NEW | {"cycles": {"enabled": True, "mode": "cooldown", "schedule": {}}}),
        ("cycles", NEW | {"integration_type": "whatsapp",
                          "cycles": {"enabled": True, "mode": "cooldown"}}),
    ],
)  # fmt: skip
def test_a_creation_that_does_not_fit_is_refused(
    sandbox: Sandbox, call: Call, field: str, body: dict[str, Any]
) -> None:
    """Missing, out-of-range or other channel's fields are named, and nothing is created."""
    assert refusal(call("POST", "/campaigns", json=body)) == (400, "INVALID_REQUEST", field)
    assert len(sandbox.campaigns()) == 5


def test_a_repeated_creation_creates_nothing(sandbox: Sandbox, call: Call) -> None:
    """The same key with the same body returns the first response; another body is refused."""
    key = {"Idempotency-Key": str(uuid4())}
    first = call("POST", "/campaigns", json=NEW, headers=key)
    sandbox.edit(NEXT, {"name": "Changed since"})
    again = call("POST", "/campaigns", json=NEW, headers=key)
    other = call("POST", "/campaigns", json=NEW | {"name": "Other"}, headers=key)

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert refusal(other) == (409, "IDEMPOTENCY_CONFLICT", None)
    assert len(sandbox.campaigns()) == 6


def test_creations_without_a_key_are_two(sandbox: Sandbox, call: Call) -> None:
    """Without a key, sending twice creates twice."""
    ids = [call("POST", "/campaigns", json=NEW).json()["campaign"]["id"] for _ in range(2)]

    assert ids == [NEXT, NEXT + 1]
    assert len(sandbox.campaigns()) == 7


def test_an_invalid_idempotency_key_is_refused(call: Call) -> None:
    """An idempotency key is a UUID."""
    answer = call("POST", "/campaigns", json=NEW, headers={"Idempotency-Key": "again"})

    assert refusal(answer) == (400, "INVALID_REQUEST", "Idempotency-Key")


@pytest.mark.parametrize(
    "path",
    ["/campaigns/", "/campaigns/99", "/campaigns/0", "/campaigns/007", "/campaigns/-7",
     "/campaigns/7.0", "/campaigns/abc", "/campaigns/%37", "/campaigns/7%2F", "/campaigns/7/",
     "/campaigns/7/pause/2", "/campaigns/\u0667", f"/campaigns/{'9' * 40}", "/agents", ""],
)  # fmt: skip
def test_an_unknown_path_is_not_found(call: Call, path: str) -> None:
    """Only digits are an id; any other path is a 404."""
    assert refusal(call("GET", path)) == (404, "NOT_FOUND", None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/campaigns", "GET, POST"),
        ("DELETE", "/campaigns/7", "GET, PATCH"),
        ("PUT", "/campaigns/7", "GET, PATCH"),
        ("GET", "/campaigns/7/pause", "POST"),
        ("QUERY", "/campaigns", "GET, POST"),
    ],
)
def test_another_method_is_not_allowed(call: Call, method: str, path: str, allowed: str) -> None:
    """An unsupported method is a 405 that lists the supported ones."""
    answer = call(method, path)

    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED", None)
    assert answer.headers["Allow"] == allowed


def test_a_head_request_gets_no_body(call: Call) -> None:
    """After a HEAD the connection can be used again."""
    assert (call("HEAD", "/campaigns").status_code, call("GET", "/campaigns").status_code) == (
        405,
        200,
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b'{"message_limit": NaN}', b'{"message_limit": 1e999}',
     b"\xff", b"[" * 100_000, b'{"message_limit": 1} x'],
    ids=repr,
)  # fmt: skip
def test_an_invalid_body_is_refused(call: Call, body: bytes) -> None:
    """Any invalid body is a 400."""
    answer = call("PATCH", f"/campaigns/{PLAIN}", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_body_too_large_is_refused(sandbox: Sandbox, call: Call) -> None:
    """One MiB is accepted; a byte more is a 413, which is logged, and the connection stays."""
    largest = b'{"description": "' + b"x" * (2**20 - 19) + b'"}'
    taken = call("PATCH", f"/campaigns/{PLAIN}", content=largest)
    refused = call("PATCH", f"/campaigns/{PLAIN}", content=largest + b" ")

    assert (len(largest), taken.status_code) == (2**20, 200)
    assert refusal(refused) == (413, "BODY_TOO_LARGE", None)
    assert [request.status for request in sandbox.log[-2:]] == [200, 413]
    assert call("GET", "/campaigns").status_code == 200


def test_a_body_without_a_length_is_refused(call: Call) -> None:
    """A chunked body gets a 411."""
    answer = call("PATCH", f"/campaigns/{PLAIN}", content=iter([b"{}"]))

    assert refusal(answer) == (411, "LENGTH_REQUIRED", None)
