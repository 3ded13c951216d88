"""What an apply does in cases that are rare: a stop, a full disk, a server that contradicts itself.

Tests of whole processes cover most of this, too; these run in one process and on a fake clock, and
state what each branch is for.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.fake_clock import run_without_waiting
from support.faults import Fault, FaultKind, Quirks, Sandbox
from support.servers import (
    HookedSandbox,
    apply,
    client,
    desire,
    methods_for,
    plan_of,
    run_to_end,
    seed,
)
from support.small_disk import no_file_grows_past
from support.wire import Arrival, Wire

from campaignsync.api.client import ApiClient
from campaignsync.api.pace import Pace, Traffic
from campaignsync.apply.in_flight import GRACE, Interrupted, Stopping
from campaignsync.apply.journal import Journal, read_journal, with_checksum
from campaignsync.apply.lock import locked
from campaignsync.apply.run import Apply
from campaignsync.errors import (
    CampaignSyncError,
    ConfigurationError,
    Inconsistent,
    JournalDamaged,
    LockHeld,
    Stopped,
)
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Desired
from campaignsync.plan import make_plan
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.http_server import Reply, error_reply
from campaignsync.sandbox.routes import ApiRequest
from campaignsync.sandbox.rules import Refusal

SIGTERM = 15
WRITES = frozenset({"PATCH"})
HEADER = {"environment": "e", "base_url": "b"}
CHANGE = desire((1, 2), description="v2")
"""The change of most tests: campaigns 1 and 2 get another description."""


async def applied(
    wire: Wire,
    server: Sandbox,
    desired: Desired,
    folder: Path,
    *,
    meanwhile: Callable[[Apply], Any] | None = None,
    pace: Pace | None = None,
) -> Apply:
    """Plan and apply on the loop's clock; `meanwhile` runs beside the apply."""
    async with ApiClient(server.url, server.key, pace=pace or Pace(12), transport=wire) as api:
        live = await LiveReader(api).read(desired)
        plan = make_plan(
            desired, live, environment="e", base_url="b", created_at="2026-01-01T00:00:00Z"
        )
        wire.log.clear()
        run = Apply(plan, desired, api, LiveReader(api), Journal.begin(folder, "run", HEADER))
        other = asyncio.create_task(meanwhile(run)) if meanwhile else None
        await run.run()
        if other:
            await other
    return run


def stop_after(seconds: float, reason: CampaignSyncError | None = None) -> Callable[[Apply], Any]:
    async def stop(run: Apply) -> None:
        await asyncio.sleep(seconds)
        run.stopping.stop(reason or Stopped(SIGTERM))

    return stop


def written(wire: Wire) -> list[int | None]:
    """Return the campaign of each PATCH that arrived."""
    return [arrival.id for arrival in wire.log if arrival.method == "PATCH"]


def outcomes_of(run: Apply) -> list[str]:
    """Return the outcomes of all campaigns, in the order of their ids."""
    return [outcome.outcome for _, outcome in sorted(run.outcomes.by_id.items())]


class TestStopping:
    @pytest.mark.fault("P2", "P3")
    def test_a_patch_without_an_answer_is_unknown(self, tmp_path: Path) -> None:
        """A PATCH that is running at a stop has the grace period, and no more."""

        def latency(arrival: Arrival) -> float:
            return 60 if arrival.method == "PATCH" else 0.1

        with Sandbox(seed(40), rate=None) as server:
            desired = desire(range(1, 41), description="v2")
            wire = Wire(server, latency)
            run = run_without_waiting(
                applied(wire, server, desired, tmp_path, meanwhile=stop_after(1))
            )

        outcomes = [outcome.outcome for outcome in run.outcomes.by_id.values()]
        assert sorted(outcomes) == ["skipped"] * 39 + ["unknown"]
        assert len(written(wire)) == 1
        assert run.outcomes.exit_code() == 128 + SIGTERM
        assert max(each.at for each in wire.log) <= 1 + GRACE

    @pytest.mark.fault("P2")
    def test_a_stop_while_a_write_is_read_back_is_unknown(self, tmp_path: Path) -> None:
        """If the run is stopped before a read shows the write, its outcome is unknown: exit 9."""
        quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
        patched: list[float] = []

        def latency(arrival: Arrival) -> float:
            if arrival.method == "PATCH":
                patched.append(arrival.at)
            return 1000 if patched and arrival.method == "GET" else 0.1

        with Sandbox(seed(2), rate=None, quirks=quirks) as server:
            stop = stop_after(3, Inconsistent("stop"))
            wire = Wire(server, latency)
            run = run_without_waiting(applied(wire, server, CHANGE, tmp_path, meanwhile=stop))

        assert written(wire) == [1]
        assert outcomes_of(run) == ["unknown", "skipped"]
        assert run.outcomes.exit_code() == 9
        assert [each.id for each in read_journal(tmp_path / "run.jsonl").unresolved] == [1]

    @pytest.mark.fault("P2")
    def test_a_stop_before_the_first_write_sends_nothing(self, tmp_path: Path) -> None:
        """A stop during the last readings cancels them, and no PATCH is sent."""
        planned: list[Apply] = []

        def latency(_: Arrival) -> float:
            return 1000 if planned else 0.1

        async def stop(run: Apply) -> None:
            planned.append(run)
            await stop_after(1)(run)

        with Sandbox(seed(2), rate=None) as server:
            wire = Wire(server, latency)
            work = applied(wire, server, CHANGE, tmp_path, meanwhile=stop)
            run = run_without_waiting(asyncio.wait_for(work, 10))

        assert written(wire) == []
        assert outcomes_of(run) == ["skipped", "skipped"]
        assert read_journal(tmp_path / "run.jsonl").intents == {}

    @pytest.mark.fault("P2")
    def test_a_cancelled_run_is_not_a_stopped_one(self, tmp_path: Path) -> None:
        """A cancellation from outside ends the run; it is not recorded as an outcome."""

        async def cancelled(wire: Wire) -> None:
            planned = asyncio.Event()

            async def note(_: Apply) -> None:
                planned.set()

            task = asyncio.create_task(applied(wire, server, CHANGE, tmp_path, meanwhile=note))
            await planned.wait()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with Sandbox(seed(2), rate=None) as server:
            wire = Wire(server, lambda _: 0.1)
            run_without_waiting(cancelled(wire))

        assert written(wire) == []
        assert read_journal(tmp_path / "run.jsonl").outcomes == {}

    def test_no_patch_is_announced_during_a_stop(self) -> None:
        """A task whose turn comes after the stop sends nothing."""

        async def commit() -> None:
            stopping = Stopping()
            stopping.stop(Stopped(SIGTERM))
            with pytest.raises(Interrupted) as interrupted:
                stopping.commit()
            assert not interrupted.value.sent

        asyncio.run(commit())

    @pytest.mark.fault("P4")
    @pytest.mark.parametrize("way", ["cancellable", "within_grace"])
    def test_another_cancellation_is_not_a_stop(self, way: str) -> None:
        """A bug in another task cancels this one: that is not reported as a clean stop."""

        async def work(stopping: Stopping) -> None:
            if way == "within_grace":
                await stopping.within_grace(asyncio.sleep(60))
            with stopping.cancellable():
                await asyncio.sleep(60)

        async def cancel() -> None:
            task = asyncio.create_task(work(Stopping()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel())


class Hesitant(Pace):
    """Lets a write wait for longer than its reading is valid."""

    async def turn(self, *, urgent: bool = False) -> None:
        await asyncio.sleep(1 if urgent else 0)


class TestOneWrite:
    @pytest.mark.fault("H1")
    def test_a_patch_that_is_always_late_is_not_sent(self, tmp_path: Path) -> None:
        """If no PATCH gets its turn soon enough after a reading, nothing is sent: exit 5."""
        with Sandbox(seed(2), rate=None) as server:
            wire = Wire(server)
            run = run_without_waiting(applied(wire, server, CHANGE, tmp_path, pace=Hesitant(12)))

        assert written(wire) == []
        assert read_journal(tmp_path / "run.jsonl").intents == {}
        assert outcomes_of(run) == ["failed", "skipped"]
        error = run.outcomes.by_id[1].error
        assert error
        assert "could not send the PATCH soon enough after a read, 12 times" in error.message
        assert run.outcomes.exit_code() == 5

    @pytest.mark.fault("N7")
    def test_a_patch_that_is_always_throttled_is_given_up(self, tmp_path: Path) -> None:
        """Three answers of 429 end the run with 5, and nothing was written."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(retry_after="0", faults=(Fault("all", "429", WRITES),))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.errors[1].code) == (5, "RATE_LIMITED")
            assert methods_for(1, server.writes) == ["PATCH"] * 3

    @pytest.mark.fault("N3")
    @pytest.mark.parametrize("kind", ["drop-before", "html"])
    def test_a_write_that_is_lost_twice_is_given_up(self, kind: FaultKind, tmp_path: Path) -> None:
        """A PATCH that was not done is sent once more, and not a third time."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(faults=(Fault("all", kind, WRITES),))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (5, {1: "failed"})
            assert "the write failed twice" in result.errors[1].message
            assert methods_for(1, server.writes) == ["PATCH"] * 2

    @pytest.mark.fault("N2", "A11")
    @pytest.mark.parametrize(
        "replies",
        [
            [Reply(202, b'{"success": true}')] * 2,
            [Reply(202, b""), Reply(502, b"")],
            [Reply(502, b""), Reply(204, b"")],
        ],
    )
    def test_an_accepted_write_that_does_not_show_is_unknown(
        self, replies: list[Reply], tmp_path: Path
    ) -> None:
        """If the API accepts a PATCH for later, it is not reported as failed: exit 9."""
        left = iter(replies)
        with HookedSandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.hook = lambda request: next(left) if request.method == "PATCH" else None

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (9, {1: "unknown", 2: "skipped"})
            assert [intent.id for intent in result.record.unresolved] == [1]
            assert methods_for(1, server.log).count("PATCH") == 2

    @pytest.mark.fault("N2", "A11")
    def test_an_api_that_answers_each_write_with_204(self, tmp_path: Path) -> None:
        """If each PATCH is stored and answered without a body, one reading shows it: exit 0."""

        class Silent(Sandbox):
            def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
                reply = super().answer(request, authorization)
                return Reply(204, b"") if request.method == "PATCH" else reply

        with Silent(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            planned = len(server.log)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "updated", 2: "updated"})
            for id_ in (1, 2):
                assert methods_for(id_, server.log[planned:]) == ["GET", "PATCH", "GET"]

    @pytest.mark.fault("N2", "A11")
    def test_a_lost_write_that_shows_late_is_updated(self, tmp_path: Path) -> None:
        """Readings lag, and the second PATCH is refused with a 429: then the first one shows."""
        with HookedSandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            writes = 0

            def hook(request: ApiRequest) -> Reply | None:
                nonlocal writes
                if request.method != "PATCH":
                    return None
                writes += 1
                if writes == 1:
                    return Reply(502, b"gone")
                server.edit(1, {"description": "v2"})
                return error_reply(Refusal(429, "RATE_LIMITED", "no"), Quirks(retry_after="0"))

            server.hook = hook
            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "updated"})
            assert writes == 2

    @pytest.mark.fault("R1")
    def test_a_field_that_someone_else_set_is_named(self, tmp_path: Path) -> None:
        """If one of two planned changes is live already, the plan is stale, and says why."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2", name="New")
            plan = run_to_end(plan_of(server, desired))
            server.edit(1, {"description": "v2"})

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (7, {1: "stale"})
            assert "is the definition's value" in result.errors[1].message


@pytest.fixture
def full_disk() -> Iterator[Callable[[Path], None]]:
    """Return a function after which a file does not grow; undone at the end of the test."""
    with ExitStack() as limits:
        yield lambda file: limits.enter_context(no_file_grows_past(file.stat().st_size))


class TestTheJournal:
    @pytest.mark.fault("F1", "F2")
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_full_disk_stops_the_run(
        self, when: str, full_disk: Callable[[Path], None], tmp_path: Path
    ) -> None:
        """Without room for the intent nothing is sent; without room for the outcome nothing more.

        The outcome that is not on disk is kept for the report.
        """
        with HookedSandbox(seed(2), rate=None) as server:
            plan = run_to_end(plan_of(server, CHANGE))

            def hook(request: ApiRequest) -> None:
                if request.method == ("GET" if when == "before" else "PATCH"):
                    full_disk(tmp_path / "run.jsonl")

            server.hook = hook

            async def applying() -> Apply:
                journal = Journal.begin(tmp_path, "run", HEADER)
                async with client(server) as api:
                    run = Apply(plan, CHANGE, api, LiveReader(api), journal, poll_delays=(0.0,))
                    await run.run()
                return run

            run = run_to_end(applying())
        before = when == "before"
        record = read_journal(tmp_path / "run.jsonl")
        unrecorded = [json.loads(line)["kind"] for line in run.outcomes.unrecorded]
        assert sorted(outcomes_of(run)) == ["skipped", "skipped" if before else "updated"]
        assert len(server.writes) == len(record.intents) == (0 if before else 1)
        assert record.outcomes == {}
        assert unrecorded == (["end"] if before else ["outcome", "end"])
        assert run.outcomes.exit_code() == (1 if before else 8)

    @pytest.mark.fault("F7")
    def test_an_intent_without_valid_requests_is_corrupt(self, tmp_path: Path) -> None:
        """A line with a checksum and without a valid request is refused, with its number."""
        path = tmp_path / "run.jsonl"
        values: dict[str, Any] = {"before": {}, "after": {}, "siblings": {}}
        intent = {"id": 1, "name": "A", **values, "requests": [{"method": "GET"}]}
        path.write_bytes(
            with_checksum({"n": 1, "kind": "run", **HEADER})
            + with_checksum({"n": 2, "kind": "intent", **intent})
        )

        with pytest.raises(JournalDamaged, match=r"run\.jsonl:2: the journal is corrupt"):
            read_journal(path)

    @pytest.mark.fault("F5")
    def test_a_journal_that_cannot_be_opened_again(self, tmp_path: Path) -> None:
        """A run is not settled if its journal can be read and not written."""
        program = shutil.which("sleep")
        assert program
        path = tmp_path / "run.jsonl"
        Journal.begin(tmp_path, "run", HEADER).close()
        record = read_journal(path)
        shutil.copy(program, path)
        # The system refuses to open the file of a running program for writing.
        running = subprocess.Popen([path, "30"])
        try:
            with pytest.raises(ConfigurationError, match="cannot write the journal"):
                Journal.resume(record)
        finally:
            running.kill()
            running.wait()

    @pytest.mark.fault("R8")
    @pytest.mark.parametrize("owner", ["", "[]", "{}", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
    def test_a_lock_with_an_unreadable_owner_is_still_locked(
        self, owner: str, tmp_path: Path
    ) -> None:
        """Damage to the file that names the holder does not open the lock."""
        with locked(tmp_path, "production", timeout=0, started="now"):
            (tmp_path / "production.json").write_text(owner, encoding="latin-1")
            with (
                pytest.raises(LockHeld) as held,
                locked(tmp_path, "production", timeout=0, started="now"),
            ):
                pass
        assert held.value.message == "another apply of production is running"


class TestTheClient:
    def test_waiting_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The progress display says whether the API asked for a pause, or does not respond."""
        now = 100.0
        monkeypatch.setattr("campaignsync.api.pace.monotonic", lambda: now)
        pace = Pace(12)
        traffic = Traffic(pace)
        assert traffic.describe_stall() == ""
        with traffic.in_flight():
            assert traffic.describe_stall() == ""
            now += 5
            assert traffic.describe_stall() == "no response for 5 s"
            traffic.record_failure("answered 502")
            assert traffic.describe_stall() == "no response for 5 s, retried: answered 502"
            pace.held_until = now + 9
            assert traffic.describe_stall() == "waiting 9 s: requested by the API"
