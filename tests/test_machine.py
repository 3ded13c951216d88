"""Random sequences of edits, plans, applies, undos, lost answers, outages and crashes.

In any order nothing is lost, nothing is sent twice without a reading in between, and every reported
outcome is what the server's own state says.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.commandline import Unpaced
from support.faults import Fault, Quirks, Sandbox

from campaignsync.api.client import ApiClient
from campaignsync.apply.journal import Journal, journals, read_journal
from campaignsync.apply.recovery import recover
from campaignsync.apply.run import Apply
from campaignsync.apply.saved_plan import refuse_unless_it_fits
from campaignsync.apply.undo import left_by, undo
from campaignsync.errors import StalePlan
from campaignsync.live import LiveReader
from campaignsync.load import load
from campaignsync.model.definitions import Desired
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Intent
from campaignsync.plan import make_plan

pytestmark = pytest.mark.slow

LONG = bool(os.environ.get("CAMPAIGNSYNC_LONG"))
"""20,000 lives of 100 events, for long runs: see CONTRIBUTING.md."""
LIVES = {"dev": 5, "ci": 30, "long": 125}
"""Lives of each of the four machines, by Hypothesis's profile: `HYPOTHESIS_PROFILE`."""

IDS = (1, 2, 3)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "retries": st.integers(0, 2),
    "message_limit": st.sampled_from([10, 20]),
    "description": st.sampled_from(["", "one", "two"]),
    "scheduling.mon": st.sampled_from(["09:00-18:00", "10:00-12:00", "closed"]),
    "cycles.filter_tags": st.sampled_from([[], ["a"], ["a", "b"]]),
}
LOSSES = ("drop-before", "drop-after", "500", "502-after", "half", "html", "empty")
OUTAGES = ("drop-before", "503", "html")
WRITES, READS = frozenset({"PATCH"}), frozenset({"GET"})

NOW = "2026-01-01T00:00:00Z"
HEADER = {"environment": "e", "base_url": "b"}

ids = st.sampled_from(IDS)
fields = st.sampled_from(sorted(VALUES))


class Killed(BaseException):
    """The process is dead: none of our code runs after it."""


class Mortal(ApiClient):
    """Dies at the n-th request from now."""

    dies_at: int | None = None

    async def _attempt(self, *args: Any, **named: Any) -> Any:
        if self.dies_at is not None:
            self.dies_at -= 1
            if self.dies_at < 0:
                raise Killed
        return await super()._attempt(*args, **named)


def nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value  # type: ignore[no-any-return] # a path has at least one key


def live_value(path: str, value: Any) -> Any:
    """Spell a value like the API."""
    if path != "scheduling.mon":
        return value
    if value == "closed":
        return {"active": False}
    start, stop = value.split("-")
    return {"startTime": start, "stopTime": stop, "active": True}


class Life(RuleBasedStateMachine):
    """The model is small: the values in the YAML; the server's state is the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        cycles = {"enabled": True, "mode": "cooldown", "filter_tags": ["a"]}
        campaigns = {"campaigns": [{"id": id_, "cycles": cycles} for id_ in IDS]}
        self.sandbox = Sandbox(campaigns, rate=None)
        self.sandbox.start()
        self.runner = asyncio.Runner()
        pace = Unpaced(12)
        self.api = Mortal(self.sandbox.url, self.sandbox.key, backoff=0, deadline=5, pace=pace)
        self.runner.run(self.api.__aenter__())
        self.yaml: dict[int, dict[str, Any]] = {id_: {} for id_ in IDS}
        self.plan: Plan | None = None
        self.planned: Desired | None = None
        self.runs = 0

    def teardown(self) -> None:
        self.runner.run(self.api.__aexit__(None, None, None))
        self.runner.close()
        self.sandbox.stop()
        for file in sorted(self.folder.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        self.folder.rmdir()

    @rule(id_=ids, field=fields, data=st.data())
    def edit_yaml(self, id_: int, field: str, data: st.DataObject) -> None:
        self.yaml[id_][field] = data.draw(VALUES[field])

    @rule(id_=ids, field=fields)
    def stop_managing(self, id_: int, field: str) -> None:
        self.yaml[id_].pop(field, None)

    @rule(id_=ids, field=fields, data=st.data())
    def edit_live(self, id_: int, field: str, data: st.DataObject) -> None:
        value = live_value(field, data.draw(VALUES[field]))
        self.sandbox.edit(id_, nested(field, value))

    @rule()
    def make_a_plan(self) -> None:
        before = len(self.sandbox.writes)
        self.planned = self.desired()
        self.plan = self.runner.run(self.planning(self.planned))
        assert len(self.sandbox.writes) == before

    @precondition(lambda self: self.plan is not None)
    @rule()
    def apply_it(self) -> None:
        self.apply()

    @precondition(lambda self: self.plan is not None)
    @rule(kind=st.sampled_from(LOSSES), on=st.integers(1, 3))
    def apply_and_lose_an_answer(self, kind: Any, on: int) -> None:
        self.sandbox.quirks = Quirks(faults=(Fault(on, kind, WRITES),))
        self.apply()

    @precondition(lambda self: self.plan is not None)
    @rule(kind=st.sampled_from(LOSSES), on=st.integers(1, 3), down=st.integers(2, 6))
    def apply_and_lose_an_answer_and_the_server(self, kind: Any, on: int, down: int) -> None:
        # From reading number `down` on there is no response, so a lost write cannot be read.
        hidden = Fault(frozenset(range(down, 99)), "drop-before", READS)
        self.sandbox.quirks = Quirks(faults=(Fault(on, kind, WRITES), hidden))
        self.apply(outage=True)

    @rule(kind=st.sampled_from(OUTAGES))
    def recover_while_the_server_is_down(self, kind: Any) -> None:
        self.sandbox.quirks = Quirks(faults=(Fault("all", kind, READS),), retry_after="0")
        self.recover(outage=True)
        self.sandbox.quirks = Quirks()

    @precondition(lambda self: self.plan is not None)
    @rule(kind=st.sampled_from(OUTAGES), until=st.integers(1, 12))
    def apply_while_the_server_comes_up(self, kind: Any, until: int) -> None:
        down = Fault(frozenset(range(1, until + 1)), kind, READS)
        self.sandbox.quirks = Quirks(faults=(down,), retry_after="0")
        self.apply(outage=True)

    @precondition(lambda self: self.plan is not None)
    @rule(on=st.integers(1, 4))
    def apply_and_be_throttled(self, on: int) -> None:
        self.sandbox.quirks = Quirks(faults=(Fault(on, "429"),), retry_after="0")
        self.apply()

    @precondition(lambda self: self.plan is not None)
    @rule(after=st.integers(0, 6))
    def apply_and_be_killed(self, after: int) -> None:
        self.api.dies_at = after
        self.apply()

    @precondition(lambda self: self.plan is not None)
    @rule(id_=ids, field=fields, data=st.data())
    def apply_after_an_edit_by_hand(self, id_: int, field: str, data: st.DataObject) -> None:
        # A value that someone set since the plan is kept.
        assert self.plan
        value = live_value(field, data.draw(VALUES[field]))
        self.sandbox.edit(id_, nested(field, value))
        theirs = self.state()[id_][field]
        planned = [
            change
            for campaign in self.plan.campaigns
            for change in campaign.changes
            if (campaign.id, change.field) == (id_, field)
        ]

        self.apply()

        for change in planned:
            if theirs not in (change.before, change.after):
                assert self.state()[id_][field] == theirs

    @rule()
    def put_the_last_run_back(self) -> None:
        if not (paths := list(journals(self.folder / "journal"))):
            return
        record = read_journal(paths[-1])
        if record.is_unfinished:
            return

        async def undoing() -> tuple[Desired, Plan]:
            live = await LiveReader(self.api).read(left_by(record))
            desired, _ = undo(record, live)
            return desired, make_plan(desired, live, environment="e", base_url="b", created_at=NOW)

        self.planned, self.plan = self.runner.run(undoing())
        sent = {intent.id: set(intent.after) for intent in record.intents.values()}
        for campaign in self.plan.campaigns:
            assert {change.field for change in campaign.changes} <= sent[campaign.id]

    def desired(self) -> Desired:
        files = []
        for id_, values in self.yaml.items():
            document: dict[str, Any] = {"id": id_}
            for path, value in values.items():
                group = document
                *parents, key = path.split(".")
                for parent in parents:
                    group = group.setdefault(parent, {})
                group[key] = value
            file = self.folder / f"{id_}.yaml"
            file.write_text(json.dumps(document))  # JSON is YAML
            files.append(file)
        return load(files)

    def state(self) -> dict[int, dict[str, Any]]:
        """Return the server's state of the fields in this test."""
        state: dict[int, dict[str, Any]] = {}
        for id_, campaign in self.sandbox.campaigns().items():
            cycles, days = campaign["cycles"], campaign["scheduling"]
            state[id_] = {
                **{name: campaign[name] for name in ("retries", "message_limit", "description")},
                "scheduling.mon": days["mon"],
                "cycles.filter_tags": cycles["filter_tags"],
            }
        return state

    async def planning(self, desired: Desired) -> Plan:
        live = await LiveReader(self.api).read(desired)
        return make_plan(desired, live, environment="e", base_url="b", created_at=NOW)

    def apply(self, *, outage: bool = False) -> None:
        """Apply the plan like the program, and compare the outcome with the server's state."""
        try:
            self.recover(outage=outage)
            self.apply_recovered()
        except Killed:
            return
        finally:
            self.api.dies_at, self.sandbox.quirks = None, Quirks()

    def apply_recovered(self) -> None:
        assert self.plan
        assert self.planned
        desired = self.planned
        try:
            refuse_unless_it_fits(self.plan, desired, environment="e", base_url="b")
        except StalePlan:
            return
        before, log = self.state(), len(self.sandbox.writes)
        self.runs += 1
        journal = Journal.begin(self.folder / "journal", f"run-{self.runs:06}", HEADER)
        apply = Apply(
            self.plan, desired, self.api, LiveReader(self.api), journal, poll_delays=(0, 0)
        )
        try:
            self.runner.run(apply.run())
        except Killed:
            return
        finally:
            journal.close()  # like the operating system: the lock ends with the process
            self.api.dies_at, self.sandbox.quirks = None, Quirks()
        code = apply.outcomes.exit_code()
        self.check_announced(journal.path, log)
        self.check(apply, code, before, log)
        self.check_unknown(apply, journal.path, before)

    def recover(self, *, outage: bool = False) -> None:
        """Settle unfinished runs, and compare each outcome with the server's state."""
        for path in journals(self.folder / "journal"):
            record = read_journal(path)
            if not record.is_unfinished:
                continue
            before = len(self.sandbox.writes)
            recovered = self.runner.run(recover(record, LiveReader(self.api)))
            assert recovered is not None
            assert len(self.sandbox.writes) == before
            for id_, each in recovered.items():
                assert each.outcome == self.truth(record.intents[id_]) or (
                    outage and each.outcome == "unknown"
                )
            unknown = {id_ for id_, each in recovered.items() if each.outcome == "unknown"}
            assert {intent.id for intent in read_journal(path).unresolved} == unknown
            assert read_journal(path).is_unfinished == bool(unknown)

    def truth(self, intent: Intent) -> str:
        """Return the outcome of a write according to the server's state."""
        state = self.state()[intent.id]
        if all(state[path] == value for path, value in intent.after.items()):
            return "updated"
        if all(state[path] == value for path, value in intent.before.items()):
            return "failed"
        return "stale"

    def check_unknown(self, apply: Apply, journal: Path, before: dict[int, dict[str, Any]]) -> None:
        """Assert that unknown outcomes are as before or as planned, and are left to recovery."""
        assert self.plan
        after, record = self.state(), read_journal(journal)
        unknown = {id_ for id_, each in apply.outcomes.by_id.items() if each.outcome == "unknown"}
        assert {intent.id for intent in record.unresolved} == unknown
        for campaign in self.plan.campaigns:
            if campaign.id in unknown:
                planned = {change.field: change.after for change in campaign.changes}
                old = before[campaign.id]
                assert after[campaign.id] in (old, {**old, **planned})

    def check_announced(self, journal: Path, log: int) -> None:
        """Every change on the server has an intent on disk, and every intent an outcome."""
        record = read_journal(journal)
        written = {int(write.path.rpartition("/")[2]) for write in self.sandbox.writes[log:]}
        assert written <= set(record.intents)
        assert set(record.intents) <= set(record.outcomes)

    def check(self, apply: Apply, code: int, before: dict[int, dict[str, Any]], log: int) -> None:
        assert self.plan
        assert self.planned
        after = self.state()
        desired = {
            planned_definition.id: planned_definition
            for planned_definition in self.planned.definitions
        }
        writes = [int(w.path.rpartition("/")[2]) for w in self.sandbox.writes[log:]]
        for campaign in self.plan.campaigns:
            outcome = apply.outcomes.by_id[campaign.id].outcome
            planned = {change.field for change in campaign.changes}
            for field, value in after[campaign.id].items():
                if field not in planned:
                    assert value == before[campaign.id][field], "unmanaged fields stay"
            if outcome in ("updated", "unchanged"):
                for change in campaign.changes:
                    assert after[campaign.id][change.field] == change.after
            elif outcome in ("failed", "stale", "skipped", "blocked", "frozen"):
                assert after[campaign.id] == before[campaign.id]
            assert writes.count(campaign.id) <= 3
        # Campaigns without a change are not read again, and may have changed since.
        updates = [c.id for c in self.plan.campaigns if c.action == "update"]
        if code == 0:
            for id_, definition in ((id_, desired[id_]) for id_ in updates):
                values = definition.settled(after[id_])
                assert {path: after[id_][path] for path in values} == values
            targets = Desired(tuple(desired[id_] for id_ in updates))
            assert self.runner.run(self.planning(targets)).summary.update == 0


@pytest.mark.timeout(0 if LONG else 600)
@pytest.mark.parametrize("number", range(4))
def test_every_reported_outcome_matches_the_server(number: int) -> None:
    """Every reported outcome matches the server's state, in hundreds of lives of 50 events."""
    life = seed(number)(type(f"Life{number}", (Life,), {}))
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=5000 if LONG else LIVES[settings.get_current_profile_name()],
            stateful_step_count=100 if LONG else 50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
