"""Unexpected behaviour of the API: rows A1 to A14, checked at the server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import Command
from support.faults import Fault, FaultKind, Quirks, Sandbox
from support.servers import (
    HookedSandbox,
    apply,
    connect_to,
    desire,
    methods_for,
    plan_of,
    run_to_end,
    seed,
)
from support.strategies import VALUES

from campaignsync.diff import diff
from campaignsync.errors import BadResponse
from campaignsync.model.definitions import LiveCampaign
from campaignsync.model.fields import BY_PATH, MANAGEABLE, response_values
from campaignsync.patch import patch
from campaignsync.plan import plan_campaign
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.http_server import Reply, error_reply
from campaignsync.sandbox.quirks import ErrorShape
from campaignsync.sandbox.routes import PREFIX, ApiRequest
from campaignsync.sandbox.rules import Refusal

WRITES = frozenset({"PATCH"})
WINDOW = {"startTime": "09:00", "stopTime": "18:00", "active": True}
CYCLES = {"enabled": True, "mode": "scheduled", "filter_tags": ["old"]}


def page(ids: list[int], cursor: Any, total: int) -> Reply:
    document = {
        "total_count": total,
        "campaigns": [{"id": id_, "description": "v1"} for id_ in ids],
        "pagination": {"has_next": cursor is not None, "next_cursor": cursor},
    }
    return Reply(200, json.dumps(document).encode())


def refuse(id_: int, refusal: Refusal, shape: ErrorShape = "code") -> Callable[[ApiRequest], Any]:
    """Refuse every PATCH of one campaign."""
    reply = error_reply(refusal, Quirks(error_shape=shape))
    place = f"{PREFIX}/campaigns/{id_}"
    return lambda request: reply if (request.method, request.path) == ("PATCH", place) else None


class TestTheList:
    @pytest.mark.fault("A1")
    @pytest.mark.parametrize("fault", ["repeat", "cycle", "empty-with-next"])
    def test_a_list_with_repeated_cursors_is_refused(self, fault: Any) -> None:
        """Invalid cursors end the run: a plan is never made from a part of the list."""
        quirks = Quirks(cursor_fault=fault, page_size_cap=2)
        with Sandbox(seed(12), rate=None, quirks=quirks) as server:
            with pytest.raises(BadResponse):
                run_to_end(plan_of(server, desire(range(1, 13), description="v2")))

            assert len(server.log) <= 4

    @pytest.mark.fault("A1")
    @pytest.mark.parametrize("fault", ["repeat", "cycle", "empty-with-next"])
    def test_the_command_prints_no_plan(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
    ) -> None:
        """`plan` exits with 1 and prints nothing on stdout."""
        for id_ in range(1, 13):
            (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\ndescription: v2\n")
        quirks = Quirks(cursor_fault=fault, page_size_cap=2)
        with Sandbox(seed(12), rate=None, quirks=quirks) as server:
            connect_to(server, monkeypatch)

            ran = cs("plan", tmp_path)

            assert (ran.code, ran.out) == (1, "")
            assert ran.err.startswith("Error: unexpected response: the list")

    @pytest.mark.fault("A1")
    @pytest.mark.parametrize("cursor", [7, True, "", {"after": 1}, ["a"]])
    def test_a_cursor_is_text(self, cursor: Any) -> None:
        """A cursor of another type is an error."""
        with HookedSandbox(seed(9), rate=None) as server:
            server.hook = lambda _: page([1], cursor, 9)
            with pytest.raises(BadResponse, match="cursor"):
                run_to_end(plan_of(server, desire(range(1, 10), description="v2")))

    @pytest.mark.fault("A2")
    def test_a_shifting_list_loses_no_campaign(self) -> None:
        """A campaign listed twice is one campaign; a skipped one is read by its id."""

        def shifting(request: ApiRequest) -> Reply | None:
            if not request.path.endswith("/campaigns"):
                return None
            second = request.query.get("cursor")
            return page([2, 4], None, 4) if second else page([1, 2], "next", 4)

        with HookedSandbox(seed(4), rate=None) as server:
            server.hook = shifting
            plan = run_to_end(plan_of(server, desire((1, 2, 3, 4), description="v2")))

            assert [campaign.id for campaign in plan.campaigns] == [1, 2, 3, 4]
            assert {campaign.action for campaign in plan.campaigns} == {"update"}
            assert "GET" in methods_for(3, server.log)

    @pytest.mark.fault("A2")
    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_the_size_of_pages_does_not_matter(self, size: int) -> None:
        """The page size does not change the plan."""
        desired = desire((1, 3, 5, 6, 7), description="v2")
        with Sandbox(seed(7), rate=None) as server:
            whole = run_to_end(plan_of(server, desired)).campaigns
            server.quirks = Quirks(page_size_cap=size)

            assert run_to_end(plan_of(server, desired)).campaigns == whole


class TestRefusals:
    @pytest.mark.fault("A3")
    def test_a_campaign_that_is_gone_is_not_made_again(self, tmp_path: Path) -> None:
        """A campaign that was deleted after the plan is stale; nothing is created."""
        with HookedSandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            gone = error_reply(Refusal(404, "NOT_FOUND", "gone"), Quirks())
            server.hook = lambda request: gone if request.path.endswith("/1") else None

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (8, {1: "stale", 2: "updated"})
            assert methods_for(1, server.writes) == []
            assert {request.method for request in server.log} == {"GET", "PATCH"}

    @pytest.mark.fault("A3")
    @pytest.mark.usefixtures("folder")
    def test_an_unknown_id_is_blocked(self, cs: Command, server: Sandbox) -> None:
        """A definition with an unknown id is blocked (exit 6), and nothing is created."""
        Path("campaigns/none.yaml").write_text("id: 999\ndescription: v1\n")

        ran = cs("apply", "campaigns/none.yaml", "--auto-approve")

        assert ran.code == 6
        assert "NOT_FOUND" in ran.out
        assert server.writes == ()

    @pytest.mark.fault("A4")
    def test_an_immutable_field_is_named_with_its_line(self, tmp_path: Path) -> None:
        """If the API calls a field immutable, its line is named, and nothing is retried."""
        with HookedSandbox(seed(3), rate=None) as server:
            desired = desire((1, 2, 3), name="New", description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.hook = refuse(2, Refusal(400, "IMMUTABLE_FIELD", "no", field="description"))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            error = result.errors[2]
            assert result.code == 8
            assert result.outcomes == {1: "updated", 2: "failed", 3: "updated"}
            assert (error.code, error.field) == ("IMMUTABLE_FIELD", "description")
            assert str(error.source) == "c2.yaml:3:1"
            assert methods_for(2, server.writes) == ["PATCH"]
            assert server.campaigns()[2]["name"] == "Campaign 2"

    @pytest.mark.slow
    @pytest.mark.fault("A5")
    @pytest.mark.parametrize("shape", ["code", "error", "error.code", "error_code", "detail.code"])
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, "CYCLES_NOT_ENABLED"),
            (400, "SCHEDULED_MODE_ONLY"),
            (400, "INVALID_REQUEST"),
            (409, "SOMETHING_ELSE"),
            (418, "TEAPOT"),
            (422, "unprocessable_entity"),
        ],
    )
    def test_a_refusal_stays_with_its_campaign(
        self, status: int, code: str, shape: ErrorShape, tmp_path: Path
    ) -> None:
        """A campaign that the API refuses fails alone, with the raw code."""
        with HookedSandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.hook = refuse(1, Refusal(status, code, "no"), shape)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (8, {1: "failed", 2: "updated"})
            assert (result.errors[1].code, result.errors[1].status) == (code, status)
            assert methods_for(1, server.writes) == ["PATCH"]
            assert server.campaigns()[1]["description"] == "v1"

    @pytest.mark.fault("A5")
    @pytest.mark.parametrize("shape", ["text", "empty"])
    def test_a_refusal_without_a_code_is_a_refusal(self, shape: ErrorShape, tmp_path: Path) -> None:
        """A refusal with a meaningless body is still a refusal."""
        with HookedSandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.hook = refuse(1, Refusal(400, "ANYTHING", "no"), shape)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes, result.errors[1].status) == (
                1,
                {1: "failed"},
                400,
            )

    @pytest.mark.fault("A6")
    def test_a_campaign_that_finishes_under_the_write_is_left(self, tmp_path: Path) -> None:
        """A 409 CAMPAIGN_FINISHED is stale: no retry, and no lifecycle call."""
        with HookedSandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.hook = refuse(1, Refusal(409, "CAMPAIGN_FINISHED", "it is over"))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (8, {1: "stale", 2: "updated"})
            assert methods_for(1, server.writes) == ["PATCH"]
            assert {request.method for request in server.writes} == {"PATCH"}

    @pytest.mark.slow
    @pytest.mark.fault("A8")
    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_a_billing_limit_ends_the_run(self, number: int, tmp_path: Path) -> None:
        """After a 402 no further request is sent, and earlier writes are reported."""
        with Sandbox(seed(4), rate=None) as server:
            desired = desire((1, 2, 3, 4), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(faults=(Fault(number, "402", WRITES),))

            result = run_to_end(apply(server, plan, desired, tmp_path, paced=True))

            done = {id_ for id_, c in server.campaigns().items() if c["description"] == "v2"}
            assert result.code == (8 if number > 1 else 1)
            assert len(server.writes) == number
            assert {id_ for id_, word in result.outcomes.items() if word == "updated"} == done
            assert list(result.outcomes.values()).count("failed") == 1
            assert list(result.outcomes.values()).count("skipped") == 4 - number


LIES: dict[str, tuple[Any, Any]] = {
    "name": ("A name that is long", "A name that"),
    "description": ("New ", "New"),
    "timezone": ("Europe/Madrid", "UTC"),
    "retries": (5, 4),
    "message_limit": (9999, 5000),
    "first_message": ("Hola", "hola"),
    "scheduling.mon": (WINDOW, {**WINDOW, "stopTime": "17:30"}),
    "cycles.max_iterations": (9, 8),
    "cycles.cooldown_minutes": (61, 60),
    "cycles.filter_statuses": (["busy", "voicemail"], ["busy"]),
    "cycles.filter_tags": (["a"], ["A"]),
    "cycles.schedule.tue": (WINDOW, {**WINDOW, "stopTime": "17:00"}),
    "cycles.schedule_start_date": ("2026-02-01", "2026-01-31"),
    "cycles.schedule_end_date": ("2026-03-01", "2026-03-02"),
}
"""By field: the sent value, and what a server may silently store instead."""


class TestLies:
    """Rows A9 to A11: a server that reports success wrongly."""

    @pytest.mark.slow
    @pytest.mark.fault("A9")
    @pytest.mark.parametrize("path", LIES)
    @pytest.mark.parametrize("how", ["ignored", "altered", "altered and lost"])
    def test_a_value_that_was_not_stored_is_detected(
        self, path: str, how: str, tmp_path: Path
    ) -> None:
        """A field that is ignored, clamped, rounded or trimmed is reported, and not sent twice."""
        sent, made = LIES[path]
        with Sandbox(seed(1, cycles=CYCLES), rate=None) as server:
            desired = desire((1,), **{path: sent})
            plan = run_to_end(plan_of(server, desired))
            server.quirks = {
                "ignored": Quirks(ignore_fields=frozenset({path})),
                "altered": Quirks(clobber={path: made}),
                "altered and lost": Quirks(
                    clobber={path: made}, faults=(Fault(1, "drop-after", WRITES),)
                ),
            }[how]

            result = run_to_end(apply(server, plan, desired, tmp_path))

            word, code = ("unknown", 9) if how == "altered and lost" else ("failed", 8)
            assert (result.code, result.outcomes) == (code, {1: word})
            assert json.dumps(sent, ensure_ascii=False) in result.errors[1].message
            assert len(server.writes) == 1

    @pytest.mark.fault("A9")
    def test_the_table_covers_every_sendable_field(self) -> None:
        """The table above has every field of a PATCH, with one weekday for a week."""
        weekless = {path.rpartition(".")[0] if "sched" in path else path for path in LIES}
        sendable = {field.path for field in MANAGEABLE if field.is_sendable}
        missing = {
            path
            for path in sendable
            if path not in LIES and (path.rpartition(".")[0] or path) not in weekless
        }

        assert missing == {"template", "template_alt"}  # of the other channel

    @pytest.mark.fault("A10")
    @pytest.mark.parametrize("lost", [False, True])
    @pytest.mark.parametrize("merge", ["leaf", "day", "replace"])
    def test_a_weekday_is_all_that_changes(self, merge: Any, lost: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
        """If the server replaces a week instead of merging, only one campaign is affected."""
        week = {day: {**WINDOW, "startTime": "08:00"} for day in ("mon", "tue")}
        with Sandbox(seed(3, scheduling=week), rate=None) as server:
            desired = desire((1, 2, 3), **{"scheduling.mon": WINDOW})
            plan = run_to_end(plan_of(server, desired))
            faults = (Fault(1, "drop-after", WRITES),) if lost else ()
            server.quirks = Quirks(schedule_merge=merge, faults=faults)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            if merge != "replace":
                assert result.code == 0
                assert {
                    c["scheduling"]["tue"]["startTime"] for c in server.campaigns().values()
                } == {"08:00"}
                return
            assert result.code == 8
            assert result.outcomes == {1: "failed", 2: "skipped", 3: "skipped"}
            assert result.errors[1].code == "CHANGED_UNASKED"
            assert len(server.writes) == 1
            assert "scheduling.tue" in result.record.collateral[1]

    @pytest.mark.fault("A11")
    @pytest.mark.parametrize("lag", [1, 2])
    @pytest.mark.parametrize("kind", ["drop-after", "502-after"])
    def test_a_write_that_shows_late_is_not_sent_again(
        self, kind: FaultKind, lag: int, tmp_path: Path
    ) -> None:
        """After a lost response, the write is looked for until the lagging server shows it."""
        with Sandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(read_lag=lag, faults=(Fault("all", kind, WRITES),))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "updated", 2: "updated"})
            assert len(server.writes) == 2

    @pytest.mark.fault("A11")
    @pytest.mark.parametrize("lag", [1, 2])
    def test_a_late_reading_is_not_a_failure(self, lag: int, tmp_path: Path) -> None:
        """If only a later reading can confirm a write, one outdated reading is not a failure."""
        with Sandbox(
            seed(2), rate=None, quirks=Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
        ) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS, read_lag=lag)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "updated", 2: "updated"})
            assert len(server.writes) == 2

    @pytest.mark.slow
    @pytest.mark.fault("A9")
    def test_a_later_reading_detects_a_write_without_effect(self, tmp_path: Path) -> None:
        """If the response leaves a field out, a later reading detects that it had no effect."""
        with Sandbox(
            seed(2), rate=None, quirks=Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
        ) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(
                detail_keys=REFERENCE_DETAIL_KEYS, ignore_fields=frozenset({"description"})
            )

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (8, {1: "failed", 2: "failed"})
            assert result.errors[1].code == "NOT_TAKEN"
            assert len(server.writes) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("name", "status", "retries", "archived", "timezone", "new"), json_values),
        "agent": json_values,
        "scheduling": json_values | st.fixed_dictionaries({}, optional={"mon": json_values}),
        "cycles": json_values
        | st.fixed_dictionaries({}, optional={"mode": json_values, "filter_tags": json_values}),
    },
)


class TestTheUnknown:
    @pytest.mark.slow
    @pytest.mark.fault("A12")
    @pytest.mark.usefixtures("folder")
    def test_new_keys_are_kept_out_of_the_way(self, cs: Command, server: Sandbox) -> None:
        """Unknown keys change no plan, and are never sent back."""
        before = cs("plan", "--format", "json").json["campaigns"]
        server.quirks = Quirks(extra_keys=True)

        assert cs("plan", "--format", "json").json["campaigns"] == before
        assert cs("apply", "--auto-approve").code == 0
        assert "x_new_field" not in str(server.writes)

    @pytest.mark.fault("A12")
    @pytest.mark.usefixtures("folder")
    @pytest.mark.parametrize("status", ["sleeping", "", 7, None, {"now": "active"}])
    def test_an_unknown_status_does_not_block_a_plan(
        self, cs: Command, server: Sandbox, status: Any
    ) -> None:
        """An unknown status is shown, and hides nothing."""
        server.edit(1236, {"status": status})

        ran = cs("plan", "campaigns/overdue-60.yaml", "--format", "json")

        assert ran.code == 0
        assert ran.json["summary"]["update"] == 1

    @pytest.mark.slow
    @pytest.mark.fault("A12")
    @settings(deadline=None)  # as below
    @given(answer=answers, values=st.fixed_dictionaries({}, optional=VALUES))
    def test_any_json_response_leads_to_a_plan(
        self, answer: dict[str, Any], values: dict[str, Any]
    ) -> None:
        """For any JSON as a live value, a plan is made and contains only desired values."""
        (definition,) = desire((7,), **values).definitions
        live = LiveCampaign(7, dict(response_values(answer, "detailed")))

        planned = plan_campaign(definition, live)

        assert {change.field for change in planned.changes} <= values.keys()
        assert "new" not in planned.body


def unequal_values(value: Any) -> st.SearchStrategy[Any]:
    """Return JSON that resembles a value, but differs from it."""
    if isinstance(value, bool):
        return st.sampled_from([int(value), float(value), str(value), str(value).lower()])
    if isinstance(value, int):
        others = [str(value), value + 0.5, [value], {"value": value}]
        return st.sampled_from(others + ([bool(value)] if value in (0, 1) else []))
    if isinstance(value, list):
        return st.sampled_from([[*value, ""], [*value, 1], ",".join(value) or "[]"])
    if isinstance(value, dict):
        return st.sampled_from([{**value, "active": int(value["active"])}, str(value), [value]])
    return st.sampled_from([f"{value} ", f"{value}\u0301", [value], {"text": value}])


@pytest.mark.slow
@pytest.mark.fault("A13")
@pytest.mark.parametrize("path", [field.path for field in MANAGEABLE])
@settings(deadline=None)  # the first difference imports DeepDiff
@given(data=st.data())
def test_values_are_equal_with_their_types(path: str, data: st.DataObject) -> None:
    """True is not 1, 5 is not "5", and equal values are not sent."""
    value = data.draw(VALUES[path])
    (definition,) = desire((7,), **{path: value}).definitions
    unequal = data.draw(unequal_values(value))
    kind = BY_PATH[path].kind

    def differs(answered: Any) -> bool:
        return bool(diff(definition, LiveCampaign(7, {path: kind.canonical(answered)})))

    assert not differs(value)
    assert differs(unequal), (value, unequal)


@pytest.mark.fault("A13")
@pytest.mark.parametrize(
    ("path", "value", "answered"),
    [
        ("retries", 1, 1.0),
        ("cycles.filter_tags", ["a", "b"], ["b", "a"]),
        ("cycles.filter_tags", [], None),
        ("description", "", None),
        ("scheduling.mon", WINDOW, {**WINDOW, "startTime": "9:00", "stopTime": "18:00:00"}),
        ("scheduling.mon", {"active": False}, None),
        ("cycles.schedule_start_date", "2026-01-05", "2026-01-05T00:00:00Z"),
    ],
)
def test_one_value_may_be_spelled_in_two_ways(path: str, value: Any, answered: Any) -> None:
    """Spellings that are known to be equal are not a difference."""
    (definition,) = desire((7,), **{path: value}).definitions
    live = LiveCampaign(7, {path: BY_PATH[path].kind.canonical(answered)})

    assert patch(diff(definition, live)) == {}


@pytest.mark.fault("A13")
def test_composed_and_decomposed_accents_are_two_texts() -> None:
    """A text is sent byte for byte as written; another Unicode composition is a difference."""
    (definition,) = desire((7,), name="ma\u00f1ana").definitions

    changes = diff(definition, LiveCampaign(7, {"name": "man\u0303ana"}))

    assert patch(changes) == {"name": "ma\u00f1ana"}


class TestRiskyFields:
    """Row A14: a change to a campaign that is calling now."""

    @pytest.fixture
    def guarded(self, folder: Path) -> Path:
        (folder / "campaignsync.yaml").write_text(
            "version: 1\ndefinitions: campaigns\n"
            "guards: {risky-fields: [scheduling, cycles.cooldown_minutes]}\n"
            "environments: {production: {api: altur, api_key_env: ALTUR_API_KEY}}\n"
        )
        return folder

    @pytest.mark.fault("A14")
    @pytest.mark.usefixtures("guarded")
    def test_a_risky_field_requires_allow(self, cs: Command, server: Sandbox) -> None:
        """A guarded field of an active campaign is shown, and changed only with --allow."""
        server.edit(1236, {"status": "active"})
        place = "campaigns/overdue-60.yaml"

        planned = cs("plan", place, "--format", "json")
        assert planned.code == 6
        (campaign,) = planned.json["campaigns"]
        assert campaign["status"] == "active"
        assert {blocked["field"] for blocked in campaign["blocked"]} >= {"cycles.cooldown_minutes"}
        assert cs("apply", place, "--auto-approve").code == 6
        assert server.writes == ()

        assert cs("apply", place, "--auto-approve", "--allow", "risky-fields").code == 0
        assert methods_for(1236, server.writes) == ["PATCH"]
        assert server.campaigns()[1236]["status"] == "active"

    @pytest.mark.fault("A14")
    @pytest.mark.usefixtures("guarded")
    def test_the_plan_names_the_state_of_the_campaign(self, cs: Command, server: Sandbox) -> None:
        """The plan still says that the campaign is active, if the guard is disabled."""
        server.edit(1236, {"status": "active"})

        ran = cs("plan", "campaigns/overdue-60.yaml", "--allow", "risky-fields")

        assert "1236 Overdue 60 days  active" in ran.out
