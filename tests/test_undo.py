"""Undo: what it restores, what it leaves unchanged, and what it reports."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import Command
from support.faults import Fault, Quirks, Sandbox
from support.hypothesis_profiles import examples
from support.servers import (
    HookedSandbox,
    apply,
    client,
    connect_to,
    desire,
    plan_of,
    run_to_end,
    seed,
)

from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.saved_plan import refuse_unless_it_fits
from campaignsync.apply.undo import left_by, undo, undo_of
from campaignsync.errors import Source
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Desired, Live, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Intent, Record
from campaignsync.plan import make_plan
from campaignsync.sandbox.http_server import Reply, error_reply
from campaignsync.sandbox.routes import ApiRequest
from campaignsync.sandbox.rules import Refusal

CLOSED = {"startTime": "09:00", "stopTime": "18:00", "active": False}
SCHEDULED = {"enabled": True, "mode": "scheduled"}
WEEKS = ("scheduling", "cycles.schedule")
HEADER = {"environment": "test", "base_url": "http://127.0.0.1"}


def seed_of(week: str, day: Any) -> dict[str, Any]:
    """Return one campaign whose Saturday is `day`."""
    if week == "scheduling":
        return seed(1, scheduling={"sat": day}, cycles=SCHEDULED)
    return seed(1, cycles={**SCHEDULED, "schedule": {"sat": day}})


def saturday(server: Sandbox, week: str) -> Any:
    campaign = server.campaigns()[1]
    return (campaign if week == "scheduling" else campaign["cycles"])[week.rpartition(".")[2]][
        "sat"
    ]


async def undone(server: Sandbox, record: Record) -> tuple[Desired, tuple[str, ...], Plan]:
    """Plan the undo of a run like the command, and check that its saved plan is accepted."""
    async with client(server) as api:
        live = await LiveReader(api).read(left_by(record))
    desired, notes = undo(record, live)
    plan = make_plan(
        desired, live, environment="test", base_url=server.url, created_at="2026-01-01T00:00:00Z"
    )
    again = undo_of(record, plan)
    refuse_unless_it_fits(plan, again, environment="test", base_url=server.url)
    return desired, notes, plan


def run_of(folder: Path, intent: Intent, **collateral: tuple[Value, Value]) -> Record:
    """Return the journal of a run that sent one PATCH."""
    journal = Journal.begin(folder, "run", HEADER)
    journal.record_intent(intent)
    if collateral:
        journal.record_collateral(intent.id, collateral)
    journal.record_outcome(intent.id, "updated")
    journal.end(0)
    return read_journal(journal.path)


def intent(before: Mapping[str, Value], after: Mapping[str, Value]) -> Intent:
    return Intent(7, "A", (), before, after, Source("run.jsonl", 2))


def live_of(values: Mapping[str, Value]) -> Live:
    return Live({7: LiveCampaign(7, values)})


class Clearing(Sandbox):
    """A sandbox whose weeks hold a closed day in a `form` of their own; None leaves it out."""

    def __init__(self, form: str | None, **values: Any) -> None:
        super().__init__(seed(1, **values), rate=None)
        self._form = form

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        reply = super().answer(request, authorization)
        day = re.escape(json.dumps(CLOSED))
        pattern = rf'(, )?"\w+": {day}' if self._form is None else day
        content = re.sub(pattern, self._form or "", reply.content.decode())
        return replace(reply, content=content.encode())


class TestClosedDays:
    FORMS = (
        "null",
        '{"active": false}',
        '{"startTime": null, "stopTime": null, "active": false}',
        '{"startTime": "00:00", "stopTime": "00:00", "active": false}',
    )

    @pytest.mark.fault("A9", "H3", "N2")
    @pytest.mark.parametrize("week", WEEKS)
    @pytest.mark.parametrize("form", [*FORMS, None])
    @pytest.mark.parametrize("faults", [(), (Fault(1, "drop-after", frozenset({"PATCH"})),)])
    def test_a_day_that_loses_its_times_when_closed(
        self, faults: tuple[Fault, ...], form: str | None, week: str, tmp_path: Path
    ) -> None:
        """If the API clears the times of a closed day, closing it succeeds, and can be undone."""
        open_day = {**CLOSED, "active": True}
        days = {"mon": open_day, "sat": open_day}
        values = {"scheduling": days, "cycles": {**SCHEDULED, "schedule": days}}
        with Clearing(form, **values) as server:
            desired = desire((1,), description="v2", **{f"{week}.sat": {"active": False}})
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(faults=faults)

            result = run_to_end(apply(server, plan, desired, tmp_path / "apply"))

            assert (result.code, result.errors) == (0, {})
            assert saturday(server, week) == CLOSED
            definitions, notes, back = run_to_end(undone(server, result.record))
            assert notes == ()
            assert run_to_end(apply(server, back, definitions, tmp_path / "undo")).code == 0
            assert saturday(server, week) == open_day

    @pytest.mark.fault("A9", "H3")
    @pytest.mark.parametrize("week", WEEKS)
    def test_the_last_open_day_of_a_week_is_closed(self, week: str, tmp_path: Path) -> None:
        """If the API leaves out closed days, the only open day can be closed and opened again."""
        open_day = {**CLOSED, "active": True}
        empty = {"scheduling": None, "cycles": {**SCHEDULED, "schedule": None}}
        with Clearing(None, **empty) as server:
            server.edit(1, {"scheduling": {"sat": open_day}})
            server.edit(1, {"cycles": {"schedule": {"sat": open_day}}})
            desired = desire((1,), **{f"{week}.sat": {"active": False}})
            plan = run_to_end(plan_of(server, desired))

            result = run_to_end(apply(server, plan, desired, tmp_path / "apply"))

            assert (result.code, result.outcomes) == (0, {1: "updated"})
            definitions, _, back = run_to_end(undone(server, result.record))
            assert run_to_end(apply(server, back, definitions, tmp_path / "undo")).code == 0
            assert saturday(server, week) == open_day

    @pytest.mark.fault("A9", "H3")
    @pytest.mark.parametrize("week", WEEKS)
    @pytest.mark.parametrize("form", FORMS)
    def test_an_opened_day_is_closed_without_its_times(
        self, form: str, week: str, tmp_path: Path
    ) -> None:
        """If the API clears the times of a closed day, an undo that closes it succeeds."""
        days = {"mon": {**CLOSED, "active": True}, "sat": CLOSED}
        values = {"scheduling": days, "cycles": {**SCHEDULED, "schedule": days}}
        with Clearing(form, **values) as server:
            desired = desire((1,), **{f"{week}.sat": {**CLOSED, "active": True}})
            plan = run_to_end(plan_of(server, desired))
            record = run_to_end(apply(server, plan, desired, tmp_path / "apply")).record

            definitions, _, back = run_to_end(undone(server, record))
            result = run_to_end(apply(server, back, definitions, tmp_path / "undo"))

            assert (result.code, result.errors) == (0, {})
            assert saturday(server, week)["active"] is False

    @pytest.mark.fault("H3")
    @pytest.mark.parametrize("week", WEEKS)
    @pytest.mark.parametrize(
        ("day", "restored", "kept"),
        [
            (None, CLOSED, "startTime 09:00 and stopTime 18:00"),
            (
                {"startTime": None, "stopTime": None, "active": False},
                CLOSED,
                "startTime 09:00 and stopTime 18:00",
            ),
            (
                {"startTime": "10:00", "stopTime": None, "active": False},
                {**CLOSED, "startTime": "10:00"},
                "stopTime 18:00",
            ),
            (
                {"startTime": "20:00", "stopTime": None, "active": False},
                CLOSED,
                "startTime 09:00 and stopTime 18:00",
            ),
        ],
    )
    def test_a_day_without_earlier_times_keeps_the_new_ones(
        self, week: str, day: Any, restored: Any, kept: str, tmp_path: Path
    ) -> None:
        """An undo restores a closed day as far as the API allows, and names the times it keeps."""
        with Sandbox(seed_of(week, day), rate=None) as server:
            desired = desire((1,), description="v2", **{f"{week}.sat": CLOSED})
            plan = run_to_end(plan_of(server, desired))
            record = run_to_end(apply(server, plan, desired, tmp_path / "apply")).record
            assert saturday(server, week) == CLOSED

            definitions, notes, back = run_to_end(undone(server, record))
            result = run_to_end(apply(server, back, definitions, tmp_path / "undo"))

            assert (result.code, result.outcomes) == (0, {1: "updated"})
            assert server.campaigns()[1]["description"] == "v1"
            assert saturday(server, week) == restored
            assert [f"{week}.sat keeps {kept}: " in note for note in notes] == [True]

    @pytest.mark.fault("H3")
    @pytest.mark.parametrize("week", WEEKS)
    def test_an_undo_of_times_only_can_be_applied(
        self, cs: Command, tmp_path: Path, week: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If only times were added to a closed day the undo plan is empty, and can be applied."""
        group, _, key = week.rpartition(".")
        days = {key: {"sat": CLOSED}}
        definition = {"id": 1, **({group: days} if group else days)}
        (tmp_path / "a.yaml").write_text(json.dumps(definition))
        monkeypatch.chdir(tmp_path)
        with Sandbox(seed_of(week, None), rate=None) as server:
            connect_to(server, monkeypatch)
            assert cs("apply", "--auto-approve").code == 0

            ran = cs("undo", "last", "--out", "undo.json")

            assert ran.code == 0
            assert f"campaign 1: {week}.sat keeps startTime 09:00 and stopTime 18:00" in ran.err
            assert cs("apply", "undo.json", "--auto-approve").code == 0
            assert len(server.writes) == 1

    @pytest.mark.slow
    @pytest.mark.fault("H3")
    @settings(deadline=None, max_examples=examples(60))
    @given(data=st.data())
    def test_an_undo_of_any_day_can_be_applied(self, data: st.DataObject) -> None:
        """The undo plan of any unusual day is accepted, and applying it leaves nothing to undo."""
        times = st.sampled_from([None, "09:00", "20:00"])
        odd = st.none() | st.fixed_dictionaries(
            {"startTime": times, "stopTime": times, "active": st.booleans()}
        )
        before, after = (LiveCampaign(7, {"scheduling.sat": _read(data.draw(odd))}) for _ in "ab")
        record = Record("run", Path("run.jsonl"), intents={7: intent(before.values, after.values)})

        desired, _ = undo(record, Live({7: after}))
        plan = make_plan(
            desired,
            Live({7: after}),
            environment="test",
            base_url="b",
            created_at="2026-01-01T00:00:00Z",
        )

        refuse_unless_it_fits(plan, undo_of(record, plan), environment="test", base_url="b")
        for definition in desired.definitions:
            restored = definition.settled(after.values)
            assert restored != after.values
            assert undo(record, live_of(restored))[0].definitions == ()


def _read(day: Any) -> Value:
    """Return a day as the API returns it."""
    with Sandbox(seed_of("scheduling", day), rate=None) as server:
        return run_to_end(_live(server)).values["scheduling.sat"]


async def _live(server: Sandbox) -> LiveCampaign:
    async with client(server) as api:
        (definition,) = desire((1,), description="v1").definitions
        return (await LiveReader(api).reread(definition))[0]


class TestWhatStays:
    """Fields that an undo does not restore are named, with the reason."""

    @pytest.mark.parametrize(
        ("path", "before", "after", "reason"),
        [
            ("cycles.mode", "cooldown", "scheduled", "a PATCH cannot change it"),
            ("cycles.schedule_start_date", None, "2026-01-05", "it was empty before the run"),
            ("timezone", None, "America/Lima", "it was empty before the run"),
            ("name", "", "New", "it was empty before the run"),
            ("cycles.max_iterations", "3", 2, "its value before the run was not valid"),
            (
                "scheduling.mon",
                {"startTime": None, "stopTime": None, "active": True},
                CLOSED,
                "its time window was incomplete before the run",
            ),
            ("scheduling.mon", {**CLOSED, "startTime": 9}, CLOSED, "its time window was"),
            ("scheduling.mon", {**CLOSED, "active": "1"}, CLOSED, "its time window was"),
        ],
    )
    def test_a_value_that_cannot_be_sent_stays(
        self, path: str, before: Value, after: Value, reason: str, tmp_path: Path
    ) -> None:
        """A change that the API would refuse is not planned, and the report says why."""
        record = run_of(
            tmp_path, intent({"message_limit": 5}, {"message_limit": 6}), **{path: (before, after)}
        )

        desired, notes = undo(record, live_of({"message_limit": 6, path: after}))

        assert [definition.values for definition in desired.definitions] == [{"message_limit": 5}]
        assert len(notes) == 1
        assert notes[0].startswith(f"campaign 7: {path} stays as it is: {reason}")

    @pytest.mark.parametrize(
        ("path", "before", "after"),
        [
            ("description", "", "New"),
            ("cycles.filter_tags", [], ["a"]),
            ("cycles.max_iterations", 0, 2),
            ("scheduling.mon", {**CLOSED, "active": True}, CLOSED),
        ],
    )
    def test_an_empty_value_is_restored_if_the_api_accepts_it(
        self, path: str, before: Value, after: Value, tmp_path: Path
    ) -> None:
        """Texts and lists that were empty are emptied again."""
        record = run_of(tmp_path, intent({path: before}, {path: after}))

        desired, notes = undo(record, live_of({path: after}))

        assert ([definition.values for definition in desired.definitions], notes) == (
            [{path: before}],
            (),
        )

    @pytest.mark.parametrize(
        ("live", "note"),
        [
            (
                {"description": "v5"},
                "description was changed by someone else since; it stays as it is",
            ),
            ({}, "the API no longer returns description; it stays as it is"),
            ({"description": "v1"}, None),
        ],
    )
    def test_a_field_that_is_not_as_the_run_left_it_stays(
        self, live: Mapping[str, Value], note: str | None, tmp_path: Path
    ) -> None:
        """Only values that are unchanged since the run are restored; the others are reported."""
        record = run_of(tmp_path, intent({"description": "v1"}, {"description": "v2"}))

        desired, notes = undo(record, live_of(live))

        assert desired.definitions == ()
        assert notes == ((f"campaign 7: {note}",) if note else ())

    def test_a_field_that_was_not_readable_stays(self, tmp_path: Path) -> None:
        """A field without a known value before the run cannot be restored."""
        record = run_of(tmp_path, intent({}, {"message_limit": 6}))

        desired, notes = undo(record, live_of({"message_limit": 6}))

        assert desired.definitions == ()
        assert notes == (
            "campaign 7: message_limit was not readable before the run; it stays as it is",
        )

    @pytest.mark.fault("H6")
    def test_a_refused_write_is_not_undone(self, tmp_path: Path) -> None:
        """If someone makes the change that a run could not make, undo leaves it alone."""
        desired = desire((1, 2), description="v2")
        with HookedSandbox(seed(2), rate=None) as server:
            plan = run_to_end(plan_of(server, desired))
            refusal = error_reply(Refusal(400, "INVALID_REQUEST", "no"), Quirks())
            server.hook = lambda request: (
                refusal if request.method == "PATCH" and request.path.endswith("/1") else None
            )
            result = run_to_end(apply(server, plan, desired, tmp_path))
            server.hook = lambda _: None
            server.edit(1, {"description": "v2"})

            definitions, notes, back = run_to_end(undone(server, result.record))

        assert result.outcomes == {1: "failed", 2: "updated"}
        assert [definition.id for definition in definitions.definitions] == [2]
        assert (notes, back.summary.update) == ((), 1)

    @pytest.mark.parametrize(
        ("outcome", "details", "is_undone"),
        [
            ("failed", {"recovered": True}, False),
            ("stale", {"code": "STALE"}, False),
            ("skipped", {"code": None}, False),
            ("unchanged", {"code": None}, False),
            ("failed", {"code": "NOT_TAKEN"}, True),
            ("stale", {"recovered": True}, True),
            ("unknown", {"code": "OUTCOME_UNKNOWN"}, True),
        ],
    )
    def test_what_may_have_been_written_is_undone(
        self,
        outcome: str,
        details: dict[str, Any],
        is_undone: bool,  # noqa: FBT001 - a parameter
        tmp_path: Path,
    ) -> None:
        """Undo restores the value before a write, unless it is known that nothing was written."""
        journal = Journal.begin(tmp_path, "run", HEADER)
        journal.record_intent(intent({"description": "v1"}, {"description": "v2"}))
        journal.record_outcome(7, outcome, **details)
        journal.end(8)

        desired, _ = undo(read_journal(journal.path), live_of({"description": "v2"}))

        assert bool(desired.definitions) is is_undone

    def test_a_campaign_that_is_gone_is_named(self, tmp_path: Path) -> None:
        """A campaign that was deleted since is not restored."""
        record = run_of(tmp_path, intent({"description": "v1"}, {"description": "v2"}))

        assert undo(record, Live({})) == (Desired(()), ("campaign 7 no longer exists",))


class TestCollateral:
    @pytest.fixture
    def week(self) -> Iterator[HookedSandbox]:
        open_day = {**CLOSED, "active": True}
        days = {"mon": open_day, "tue": open_day}
        with HookedSandbox(seed(1, scheduling=days), rate=None) as server:
            yield server

    @pytest.mark.fault("A10")
    def test_a_lost_weekday_is_restored(self, week: HookedSandbox, tmp_path: Path) -> None:
        """Weekdays that a server dropped because of another one are restored by an undo."""
        before = week.campaigns()[1]["scheduling"]
        record = self.harm(week, tmp_path)
        assert set(week.campaigns()[1]["scheduling"]) == {"mon"}

        desired, notes, plan = run_to_end(undone(week, record))
        result = run_to_end(apply(week, plan, desired, tmp_path / "undo"))

        assert (notes, result.code) == ((), 0)
        now = week.campaigns()[1]["scheduling"]
        assert {day: now[day] for day in ("mon", "tue")} == {
            day: before[day] for day in ("mon", "tue")
        }

    @pytest.mark.fault("A10")
    def test_a_lost_weekday_alone_needs_a_flag(self, week: HookedSandbox, tmp_path: Path) -> None:
        """If nothing readable is left to restore, the report names --send-unreadable."""
        record = self.harm(week, tmp_path)
        week.edit(1, {"scheduling": {"mon": {"startTime": "07:00"}}})

        desired, notes, plan = run_to_end(undone(week, record))

        assert plan.summary.update == 0
        assert "scheduling.tue" in desired.definitions[0].values
        assert "scheduling.mon was changed by someone else since" in notes[0]
        assert "pass --send-unreadable to restore it" in notes[1]

    def harm(self, server: HookedSandbox, folder: Path) -> Record:
        """Change Monday on a server that replaces the whole week."""
        desired = desire((1,), **{"scheduling.mon": {**CLOSED, "startTime": "08:00"}})
        plan = run_to_end(plan_of(server, desired))
        server.quirks = Quirks(schedule_merge="replace")
        result = run_to_end(apply(server, plan, desired, folder / "apply"))
        server.quirks = Quirks()
        assert (result.code, result.errors[1].code) == (8, "CHANGED_UNASKED")
        return result.record  # type: ignore[no-any-return] # what `once` runs is not known here

    @pytest.mark.fault("H6", "R4")
    @pytest.mark.parametrize(
        ("theirs", "field"),
        [
            ({"name": "By hand"}, "name"),
            ({"scheduling": {"tue": {"startTime": "07:00"}}}, "scheduling.tue"),
            ({"timezone": "America/Lima"}, "timezone"),
        ],
    )
    def test_an_edit_by_someone_else_is_reported_and_kept(
        self, week: HookedSandbox, tmp_path: Path, theirs: dict[str, Any], field: str
    ) -> None:
        """Someone else's edit of another field during our PATCH is kept."""
        desired = desire((1,), description="v2")
        plan = run_to_end(plan_of(week, desired))

        def edit(request: ApiRequest) -> None:
            if request.method == "PATCH":
                week.edit(1, theirs)

        week.hook = edit
        result = run_to_end(apply(week, plan, desired, tmp_path / "apply"))
        week.hook = lambda _: None
        edited = week.campaigns()[1]

        assert (result.code, result.outcomes) == (8, {1: "failed"})
        assert (result.errors[1].code, result.errors[1].field) == ("CHANGED_MEANWHILE", field)
        assert "someone else changed the campaign" in result.errors[1].message
        assert result.record.collateral == {}

        definitions, _, back = run_to_end(undone(week, result.record))
        run_to_end(apply(week, back, definitions, tmp_path / "undo"))
        assert week.campaigns()[1] == {**edited, "description": "v1"}

    @pytest.mark.fault("H6")
    def test_an_edit_since_the_list_was_read_is_kept(self, tmp_path: Path) -> None:
        """Someone else's edit of a field of the list alone, made before our PATCH, is kept."""
        detail = {"id", "integration_type", "cycles.enabled", "cycles.max_iterations"}
        quirks = Quirks(detail_keys=frozenset(detail))
        cycles = {"enabled": True, "max_iterations": 1, "filter_tags": ["a"]}
        change = {"cycles.max_iterations": 2}
        first, others = desire((1,), description="v2", **change), desire((2, 3), **change)
        desired = Desired((*first.definitions, *others.definitions))
        with HookedSandbox(seed(3, cycles=cycles), rate=None, quirks=quirks) as server:
            plan = run_to_end(plan_of(server, desired))

            def edit(request: ApiRequest) -> None:
                if request.method == "PATCH" and request.path.endswith("/1"):
                    server.edit(2, {"cycles": {"filter_tags": ["theirs"]}})

            server.hook = edit
            result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, set(result.outcomes.values())) == (0, {"updated"})
        assert result.record.collateral == {}

    @pytest.mark.fault("H6")
    def test_damage_is_restored_and_an_edit_is_kept(
        self, week: HookedSandbox, tmp_path: Path
    ) -> None:
        """A dropped weekday is restored; an edit of the name at the same moment is kept."""
        desired = desire((1,), **{"scheduling.mon": {**CLOSED, "startTime": "08:00"}})
        plan = run_to_end(plan_of(week, desired))
        week.quirks = Quirks(schedule_merge="replace", clobber={"name": "By hand"})
        result = run_to_end(apply(week, plan, desired, tmp_path / "apply"))

        assert result.errors[1].code == "CHANGED_UNASKED"
        assert "someone else changed: name was" in result.errors[1].message
        assert "scheduling.tue" in result.record.collateral[1]
        assert "name" not in result.record.collateral[1]


class TestDefinitionsThatStay:
    """After an undo the YAML still has the old value: the next apply would send it again."""

    @pytest.fixture
    def repo(
        self, tmp_path: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> Path:
        (tmp_path / "campaigns").mkdir()
        (tmp_path / "campaignsync.yaml").write_text(
            "version: 1\ndefinitions: campaigns\nenvironments: {live: {api: altur}}\n"
        )
        git("init", "-q")
        for description in ("v1", "v3"):
            self.define(tmp_path, description)
            git("add", ".")
            git("commit", "-qm", f"description {description}")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.fixture
    def account(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
        with Sandbox(seed(2), rate=None) as server:
            connect_to(server, monkeypatch)
            yield server

    def define(self, repo: Path, description: str) -> None:
        for id_ in (1, 2):
            file = repo / "campaigns" / f"{id_}.yaml"
            file.write_text(f"id: {id_}\ndescription: {description}\n")

    @pytest.mark.slow
    @pytest.mark.usefixtures("account")
    def test_the_commit_to_revert_is_named(
        self, cs: Command, repo: Path, git: Callable[..., str]
    ) -> None:
        """`undo`, and `apply` of its plan, name the commit to revert."""
        cs("apply", "--auto-approve")
        commit = git("rev-parse", "HEAD")[:10]

        undo = cs("undo", "last", "--out", "undo.json")
        applied = cs("apply", "undo.json", "--auto-approve")

        for ran in (undo, applied):
            assert "campaigns/1.yaml:2:14, campaigns/2.yaml:2:14: the undone values" in ran.err
            assert f"run `git revert {commit}`, or " in ran.err
            assert "`campaignsync adopt 1 2 --field description -e live`" in ran.err
        assert "after the undo is applied" in undo.err
        assert cs("plan", "--detailed-exitcode").code == 2
        git("revert", "--no-edit", commit)
        assert (repo / "campaigns" / "1.yaml").read_text() == "id: 1\ndescription: v1\n"
        assert cs("plan", "--detailed-exitcode").code == 0

    @pytest.mark.slow
    @pytest.mark.usefixtures("account")
    def test_adopt_completes_an_undo(self, cs: Command, repo: Path) -> None:
        """The `adopt` command in the note leaves nothing to do, also without commits."""
        self.define(repo, "v4")
        cs("apply", "--auto-approve")
        cs("undo", "last", "--out", "undo.json")

        err = cs("apply", "undo.json", "--auto-approve").err

        assert "git revert" not in err
        assert "edit the file, or `campaignsync adopt 1 2 --field description -e live`" in err
        assert cs("adopt", "1", "2", "--field", "description").code == 0
        assert cs("plan", "--detailed-exitcode").code == 0

    @pytest.mark.usefixtures("account")
    def test_a_reverted_definition_gets_no_note(self, cs: Command, repo: Path) -> None:
        """If the definitions were reverted first, the undo has no note about them."""
        cs("apply", "--auto-approve")
        self.define(repo, "v1")

        ran = cs("undo", "last", "--out", "undo.json")

        assert "undone values are still" not in ran.err
        assert "the undone values" not in cs("apply", "undo.json", "--auto-approve").err

    @pytest.mark.usefixtures("repo")
    def test_campaigns_that_an_undo_leaves_alone_are_named(
        self, cs: Command, account: Sandbox
    ) -> None:
        """If a saved undo does not restore every campaign of its run, apply names the others."""
        cs("apply", "--auto-approve")
        cs("undo", "last", "--out", "whole.json")
        account.edit(2, {"description": "by hand"})
        cs("undo", "last", "--out", "part.json")

        part, whole = (cs("apply", f"{name}.json", "--auto-approve") for name in ("part", "whole"))

        assert part.code == 0, part.err
        assert re.search("the plan leaves 1 campaign of run .* alone: 2", part.err)
        assert "leaves" not in whole.err

    @pytest.mark.usefixtures("account")
    def test_broken_definitions_do_not_stop_an_undo(self, cs: Command, repo: Path) -> None:
        """An undo works if definitions cannot be loaded, and says that it did not check them."""
        cs("apply", "--auto-approve")
        (repo / "campaigns" / "1.yaml").write_text("id: 1\nretries: many\n")

        ran = cs("undo", "last", "--out", "undo.json")

        assert ran.code == 0
        assert "cannot check the definitions for the undone values" in ran.err
        assert cs("apply", "undo.json", "--auto-approve").code == 0
