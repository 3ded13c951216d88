"""Recovery: an apply settles the writes that an earlier one left with an unknown outcome."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command
from support.faults import Fault, FaultKind, Quirks, Sandbox
from support.plans import patch
from support.processes import World, define
from support.servers import (
    HookedSandbox,
    apply,
    client,
    connect_to,
    desire,
    methods_for,
    plan_of,
    run_to_end,
    seed,
)

from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.recovery import Recovered, recover
from campaignsync.errors import Source
from campaignsync.live import LiveReader
from campaignsync.model.kind import Value
from campaignsync.model.runs import Intent, Record
from campaignsync.sandbox.quirks import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.routes import ApiRequest

APPLY = ("apply", "--auto-approve")
READS = frozenset({"GET"})
WRITES = frozenset({"PATCH"})
MIDNIGHT = {"startTime": "00:00", "stopTime": "00:00"}
DAY = {"startTime": "09:00", "stopTime": "18:00", "active": True}


def cut_off(
    server: Sandbox,
    folder: Path,
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    siblings: Mapping[str, Value] | None = None,
) -> Record:
    """Return the journal of a run that was killed after it announced one PATCH."""
    header = {"environment": "test", "base_url": server.url}
    journal = Journal.begin(folder, "run", header)
    place = Source("a.yaml", 1)
    intent = Intent(1, "A", patch(1, dict(after)), before, after, place, siblings or {})
    journal.record_intent(intent)
    journal.close()
    return read_journal(journal.path)


def settle(server: Sandbox, record: Record) -> Recovered:
    """Recover a run, and return the outcome of its only write."""
    settled = asyncio.run(recovering(server, record))
    assert settled
    [recovered] = settled.values()
    assert server.writes == ()
    return recovered


async def recovering(server: Sandbox, record: Record) -> dict[int, Recovered] | None:
    async with client(server) as api:
        return await recover(record, LiveReader(api))


@pytest.mark.fault("N2")
class TestOneWrite:
    """Only the live state decides whether a write is reported as done."""

    @pytest.mark.parametrize(
        ("live", "outcome", "message"),
        [
            ("v2", "updated", "its write was applied"),
            ("v1", "failed", "its write was not applied"),
            ("v5", "stale", "changed by someone else since its write"),
        ],
    )
    def test_the_live_state_decides_the_outcome(
        self, live: str, outcome: str, message: str, tmp_path: Path
    ) -> None:
        """The new values mean done, the old ones not done, any other value someone else's edit."""
        with Sandbox(seed(1), rate=None) as server:
            server.edit(1, {"description": live})
            record = cut_off(server, tmp_path, {"description": "v1"}, {"description": "v2"})

            recovered = settle(server, record)

            assert (recovered.outcome, recovered.message) == (outcome, message)
            settled = read_journal(record.path)
            assert (settled.is_unfinished, settled.exit_code) == (False, 8)
            assert settled.outcomes[1] == {"id": 1, "outcome": outcome, "recovered": True}

    def test_a_partly_visible_write_is_stale(self, tmp_path: Path) -> None:
        """If one field has its new value and another its old one, the write is not done."""
        with Sandbox(seed(1, name="New"), rate=None) as server:
            before = {"description": "v1", "name": "Old"}
            record = cut_off(server, tmp_path, before, {"description": "v2", "name": "New"})

            assert settle(server, record).outcome == "stale"

    def test_a_day_that_its_week_leaves_out_is_closed(self, tmp_path: Path) -> None:
        """If the API leaves closed days out of a week, a write that closed a day is done."""
        day = {"startTime": "09:00", "stopTime": "18:00", "active": True}
        with Sandbox(seed(1, scheduling=None), rate=None) as server:
            server.edit(1, {"scheduling": {"mon": day}})
            before, after = {"scheduling.sat": day}, {"scheduling.sat": {"active": False}}
            record = cut_off(server, tmp_path, before, after)

            assert settle(server, record) == Recovered("updated", "its write was applied")

    def test_a_campaign_that_is_gone_was_not_written(self, tmp_path: Path) -> None:
        """A deleted campaign is neither done nor not done, and the run counts as settled."""
        with Sandbox(seed(0), rate=None) as server:
            record = cut_off(server, tmp_path, {"description": "v1"}, {"description": "v2"})

            assert settle(server, record) == Recovered("stale", "it no longer exists")
            assert not read_journal(record.path).is_unfinished

    @pytest.mark.parametrize("kind", ["drop-before", "500", "503", "html", "401"])
    def test_an_unreadable_campaign_stays_unknown(self, kind: FaultKind, tmp_path: Path) -> None:
        """While the server does not respond, the outcome stays unknown and the run unfinished."""
        with Sandbox(seed(1), rate=None) as server:
            record = cut_off(server, tmp_path, {"description": "v1"}, {"description": "v2"})
            server.quirks = Quirks(faults=(Fault("all", kind, READS),), retry_after="0")

            recovered = settle(server, record)

            assert recovered.outcome == "unknown"
            assert recovered.message.startswith("the outcome of its write is still unknown: ")
            unfinished = read_journal(record.path)
            assert [each.id for each in unfinished.unresolved] == [1]
            assert unfinished.exit_code == 9
            server.quirks = Quirks()
            assert settle(server, unfinished).outcome == "failed"
            assert not read_journal(record.path).is_unfinished

    @pytest.mark.parametrize(
        ("before", "after", "reason"),
        [
            ({"message_limit": 10}, {"message_limit": 20}, "no longer returns message_limit"),
            ({}, {"message_limit": 20}, "its fields were not readable before the run"),
            ({}, {"description": "v1"}, "its fields were not readable before the run"),
            (
                {"description": "v1", "message_limit": 10},
                {"description": "v2", "message_limit": 20},
                "no longer returns message_limit",
            ),
        ],
    )
    def test_unreadable_fields_leave_the_outcome_unknown(
        self,
        before: Mapping[str, Value],
        after: Mapping[str, Value],
        reason: str,
        tmp_path: Path,
    ) -> None:
        """A write is unknown if a field of it is not readable, now or before the run."""
        quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
        with Sandbox(seed(1), rate=None, quirks=quirks) as server:
            record = cut_off(server, tmp_path, before, after)

            recovered = settle(server, record)

            assert recovered.outcome == "unknown"
            assert reason in recovered.message
            assert read_journal(record.path).is_unfinished


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HookedSandbox]:
    with HookedSandbox(seed(3), rate=None) as server:
        connect_to(server, monkeypatch)
        yield server


@pytest.fixture
def world(server: HookedSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    define(tmp_path, 3)
    monkeypatch.chdir(tmp_path)
    return World(server, tmp_path, 3)


def go_down_after_a_write(server: HookedSandbox) -> None:
    """Execute the first PATCH, lose its response, and refuse every reading from then on."""

    def hook(request: ApiRequest) -> None:
        if request.method == "PATCH":
            server.quirks = Quirks(faults=(Fault("all", "503", READS),), retry_after="0")

    server.hook = hook
    server.quirks = Quirks(faults=(Fault(1, "drop-after", WRITES),))


def come_up(server: HookedSandbox) -> None:
    server.hook = lambda _: None
    server.quirks = Quirks()


class TestTheNextApply:
    @pytest.mark.fault("N2", "P1")
    def test_the_next_apply_settles_an_unknown_outcome(
        self, cs: Command, server: HookedSandbox, world: World
    ) -> None:
        """After exit 9 the next apply reads first, reports the outcome, and sends nothing twice."""
        go_down_after_a_write(server)
        first = cs(*APPLY)
        assert (first.code, world.written[0]) == (9, 1)
        assert world.records[0].exit_code == 9
        come_up(server)

        ran = cs(*APPLY)

        assert ran.code == 0
        assert f"run {world.records[0].run} has writes with an unknown outcome" in ran.err
        assert "campaign 1: its write was applied" in ran.err
        assert world.is_as_desired
        assert sorted(world.written) == [1, 2, 3]
        assert not any(record.is_unfinished for record in world.records)
        assert "unknown outcome" not in cs(*APPLY).err

    @pytest.mark.slow
    @pytest.mark.fault("P1")
    def test_a_server_that_is_down_settles_nothing(
        self, cs: Command, server: HookedSandbox, world: World
    ) -> None:
        """If the server is down during recovery, the run stays unfinished; nothing is written."""
        go_down_after_a_write(server)
        cs(*APPLY)
        writes = len(server.writes)

        down = cs(*APPLY)

        assert down.code == 5
        assert "campaign 1: the outcome of its write is still unknown" in down.err
        assert len(server.writes) == writes
        [record] = world.records
        assert [intent.id for intent in record.unresolved] == [1]
        come_up(server)
        assert "campaign 1: its write was applied" in cs(*APPLY).err
        assert world.is_as_desired
        assert methods_for(1, server.writes) == ["PATCH"]


@pytest.mark.fault("A10", "P1")
@pytest.mark.parametrize(
    "lines", [2, 3, 4], ids=["after its PATCH", "before its outcome", "before its end"]
)
def test_a_killed_run_that_changed_other_days(
    lines: int, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a killed run's PATCH cleared other days, apply stops, and undo restores them."""
    monkeypatch.chdir(tmp_path)
    for id_ in (1, 2):
        (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\nscheduling: {{mon: 10:00-12:00}}\n")
    day = {"startTime": "09:00", "stopTime": "18:00", "active": True}
    with Sandbox(seed(2, scheduling={"mon": day, "tue": day}), rate=None) as server:
        monkeypatch.setenv("ALTUR_BASE_URL", server.url)
        monkeypatch.setenv("ALTUR_API_KEY", server.key)
        server.quirks = Quirks(schedule_merge="replace")
        assert cs(*APPLY).code == 8
        [journal] = (tmp_path / ".campaignsync/journal").iterdir()
        whole = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(whole[:lines]))

        ran = cs(*APPLY)

        assert ran.code == 8
        assert f"a PATCH of run {journal.stem} cleared fields that it did not send" in ran.err
        assert ("scheduling.tue was" in ran.err) == (lines < 4)
        assert methods_for(2, server.writes) == []
        server.quirks = Quirks()
        cs("undo", journal.stem, "--out", "undo.json")
        assert cs("apply", "undo.json", "--auto-approve").code == 0
        restored = server.campaigns()[1]["scheduling"]
        assert (restored["mon"], restored["tue"]) == (day, day)
        assert cs(*APPLY).code == 0


@pytest.mark.fault("A10", "H6")
def test_only_the_blocks_of_a_patch_can_be_its_harm(tmp_path: Path) -> None:
    """The journal holds what a PATCH must keep: the other days of a sent week, and no other field.

    Someone may clear a field of another block between a kill and the next apply.
    """
    with Sandbox(seed(1, scheduling={"mon": DAY, "tue": DAY}), rate=None) as server:
        desired = desire((1,), **{"scheduling.mon": {**DAY, "startTime": "10:00"}})
        plan = run_to_end(plan_of(server, desired))

        record = run_to_end(apply(server, plan, desired, tmp_path)).record

        assert record.intents[1].siblings.keys() == {
            f"scheduling.{day}" for day in ("tue", "wed", "thu", "fri", "sat", "sun")
        }
        assert record.intents[1].siblings["scheduling.tue"] == DAY


@pytest.mark.fault("A10", "H6")
def test_an_edit_after_a_killed_run_is_not_that_run_s(tmp_path: Path) -> None:
    """Other hours that someone set since a killed run's PATCH are not taken for its change."""
    day = {"startTime": "09:00", "stopTime": "18:00", "active": True}
    edited = {**day, "startTime": "10:00"}
    with Sandbox(seed(1, scheduling={"mon": edited, "tue": edited}), rate=None) as server:
        before, after = {"scheduling.mon": day}, {"scheduling.mon": edited}
        record = cut_off(server, tmp_path, before, after, {"scheduling.tue": day})

        assert settle(server, record) == Recovered("updated", "its write was applied")
        assert read_journal(record.path).collateral == {}


@pytest.mark.fault("A10", "N2")
@pytest.mark.parametrize(
    ("path", "before", "now"),
    [
        ("scheduling.tue", DAY, {"scheduling": {"tue": {**MIDNIGHT, "active": False}}}),
        ("cycles.schedule.tue", DAY, {"cycles": {"schedule": {"tue": None}}}),
        ("cycles.max_iterations", 7, {"cycles": {"max_iterations": 0}}),
        ("cycles.filter_tags", ["a"], {"cycles": {"filter_tags": []}}),
        ("cycles.enabled", True, {"cycles": {"enabled": False}}),
    ],
)
@pytest.mark.parametrize("outcome", ["updated", "stale", "failed"])
def test_what_a_killed_run_cleared_is_recorded(
    path: str, before: Value, now: dict[str, Any], outcome: str, tmp_path: Path
) -> None:
    """An empty value beside those of a killed run's PATCH is its harm, unless it was not applied.

    The API may reset a day to midnight, or a number to 0, and someone may edit a field since.
    """
    retries = {"updated": 2, "stale": 3, "failed": 1}[outcome]
    with Sandbox(seed(1, retries=retries), rate=None) as server:
        server.edit(1, now)
        record = cut_off(server, tmp_path, {"retries": 1}, {"retries": 2}, {path: before})

        recovered = settle(server, record)

        harm = {path} if outcome != "failed" else set()
        assert (recovered.outcome, set(recovered.collateral)) == (outcome, harm)
        assert set(read_journal(record.path).collateral.get(1, {})) == harm


def cut_off_after_harm(world: World, run: str, ids: tuple[int, ...]) -> None:
    """Write the journal of a run that was killed after it recorded harm to its first campaign."""
    header = {"environment": "default", "base_url": world.server.url}
    journal = Journal.begin(world.journals, run, header)
    for id_ in ids:
        place, after = Source("a.yaml", id_), {"retries": 2}
        journal.record_intent(Intent(id_, "A", patch(id_, after), {}, after, place))
    journal.record_collateral(ids[0], {"scheduling.tue": (DAY, None)})
    journal.record_outcome(ids[0], "failed", code="CHANGED_UNASKED")
    journal.close()


@pytest.mark.fault("A10", "P1")
def test_harm_is_reported_while_another_write_is_unknown(cs: Command, world: World) -> None:
    """Apply reports once the harm of a killed run, though the outcome of a write stays unknown."""
    cut_off_after_harm(world, "run", (1, 2))

    ran = cs(*APPLY)

    assert (ran.code, world.written) == (8, [])
    assert "campaign 2: the outcome of its write is still unknown" in ran.err
    assert "a PATCH of run run cleared fields that it did not send" in ran.err
    again = cs(*APPLY)
    assert (again.code, sorted(world.written)) == (0, [1, 2, 3])
    assert "campaign 2: the outcome of its write is still unknown" in again.err


@pytest.mark.fault("A10", "N2")
def test_harm_that_only_the_list_shows(tmp_path: Path) -> None:
    """If the detail leaves out a field beside those of a killed run's PATCH, the list is read."""
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS - {"cycles.filter_tags"})
    with Sandbox(seed(1), rate=None, quirks=quirks) as server:
        server.edit(1, {"cycles": {"cooldown_minutes": 60, "filter_tags": []}})
        path, siblings = "cycles.cooldown_minutes", {"cycles.filter_tags": ["a"]}
        record = cut_off(server, tmp_path, {path: 720}, {path: 60}, siblings)

        assert settle(server, record).collateral == {"cycles.filter_tags": (["a"], [])}


@pytest.mark.fault("A10", "P1")
def test_the_harm_of_each_killed_run_is_reported(cs: Command, world: World) -> None:
    """If two killed runs did harm, apply reports one, and the next apply the other one."""
    runs = ("first", "second")
    for run in runs:
        cut_off_after_harm(world, run, (1,))

    for run in runs:
        ran = cs(*APPLY)

        assert (ran.code, world.written) == (8, [])
        assert f"`campaignsync undo {run}`" in ran.err


@pytest.mark.fault("F7", "R8")
def test_a_run_that_has_finished_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """A run of another workspace that finishes before its journal is locked is not settled."""
    with Sandbox(seed(1)) as server:
        record = cut_off(server, tmp_path, {"retries": 1}, {"retries": 2})
        finished = Journal.resume(record)
        finished.record_outcome(1, "updated")
        finished.end(0)
        content = finished.path.read_bytes()

        assert asyncio.run(recovering(server, record)) is None

        assert server.log == ()
        assert finished.path.read_bytes() == content
