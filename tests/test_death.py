"""Interrupted runs: killed, stopped by a signal, crashed by a bug, or hanging at a server."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.commandline import PROGRAM, ROOT, Command, Unpaced
from support.faults import Fault, Quirks, Sandbox
from support.processes import World, define, wait_for
from support.servers import HookedSandbox, connect_to, seed

from campaignsync.api.client import ApiClient
from campaignsync.apply.in_flight import GRACE
from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.run import Apply
from campaignsync.cli import concurrency
from campaignsync.errors import OutcomeUnknown, Stopped
from campaignsync.live import LiveReader
from campaignsync.load import load
from campaignsync.load.files import find
from campaignsync.plan import make_plan
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS

pytestmark = pytest.mark.slow

NOW = "2026-01-01T00:00:00Z"
APPLY = ("apply", "--auto-approve")
REQUESTS = 7
"""Requests of an undisturbed apply of three campaigns: the list, then a GET and a PATCH each."""
LATENCY = 0.08


@pytest.fixture(params=[3])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Three campaigns, or as many as a test asks for."""
    count: int = request.param
    define(tmp_path, count)
    monkeypatch.chdir(tmp_path)
    with HookedSandbox(seed(count), rate=None, quirks=Quirks(latency=LATENCY)) as server:
        connect_to(server, monkeypatch)
        yield World(server, tmp_path, count)


SIGNALS = [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]

eight = pytest.mark.parametrize("world", [8], indirect=True)


@pytest.mark.fault("P1")
@pytest.mark.parametrize(
    ("requests", "later"),
    [
        (1, 0.0),
        (2, 0.0),
        (3, 0.0),
        (3, LATENCY),
        (4, LATENCY),
        (REQUESTS, 0.0),
        (REQUESTS, LATENCY),
    ],
)
def test_a_killed_apply_ends_as_an_undisturbed_one(
    cs: Command, world: World, requests: int, later: float
) -> None:
    """After a kill at any point, the next apply reports the known state and completes the work."""
    running = world.fork(*APPLY)
    wait_for(lambda: len(world.server.log) >= requests)
    time.sleep(later)
    running.kill()
    running.communicate()
    cut_off = [record for record in world.records if record.is_unfinished]
    unresolved = [intent.id for record in cut_off for intent in record.unresolved]

    ran = cs(*APPLY)

    assert ran.code == 0
    assert len(cut_off) <= 1
    assert all(f"run {record.run} did not finish" in ran.err for record in cut_off)
    assert all(f"campaign {id_}: its write was " in ran.err for id_ in unresolved)
    assert world.is_as_desired
    assert max(Counter(world.written).values()) <= 2
    assert set(Counter(world.written)) - set(unresolved) <= {
        id_ for id_, times in Counter(world.written).items() if times == 1
    }
    assert not any(record.is_unfinished for record in world.records)
    done = len(world.written)
    again = cs(*APPLY)
    assert (again.code, "did not come" in again.err) == (0, False)
    assert len(world.written) == done


@eight
@pytest.mark.fault("P2", "P3")
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_starts_nothing_new(
    world: World, number: signal.Signals, code: int, cs: Command
) -> None:
    """A stopped apply finishes its requests in flight, and the next apply does the rest."""
    running = world.fork(*APPLY)
    wait_for(lambda: world.written)
    start = time.monotonic()
    running.send_signal(number)
    out, err = running.communicate(timeout=20)

    assert running.returncode == code
    assert time.monotonic() - start < 7
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("Applied: ")
    assert len(world.written) < world.count
    [record] = world.records
    assert record.exit_code == code
    assert record.unresolved == ()
    assert set(record.intents) == set(world.written)
    assert cs(*APPLY).code == 0
    assert world.is_as_desired
    assert len(world.written) == world.count


@pytest.mark.fault("P2")
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_second_signal_leaves_at_once(
    world: World, number: signal.Signals, code: int, cs: Command
) -> None:
    """A second signal ends the run at once; the journal records what was sent."""
    world.server.quirks = Quirks(faults=(Fault("all", "hang", frozenset({"PATCH"})),))
    running = world.fork(*APPLY)
    wait_for(lambda: world.written)
    running.send_signal(number)
    wait_for(lambda: "Stopping" in running.errors)
    start = time.monotonic()
    running.send_signal(number)
    running.communicate(timeout=20)

    assert running.returncode == code
    assert time.monotonic() - start < GRACE
    [record] = world.records
    assert record.exit_code is None
    assert [intent.id for intent in record.unresolved] == world.written
    world.server.quirks = Quirks()
    assert "its write was not applied" in cs(*APPLY).err
    assert world.is_as_desired


@pytest.mark.fault("P3")
def test_a_write_without_an_answer_is_given_up_in_time(world: World) -> None:
    """A cancelled job ends within 7 seconds, even if the server does not respond."""
    world.server.quirks = Quirks(faults=(Fault("all", "hang", frozenset({"PATCH"})),))
    running = world.fork(*APPLY)
    wait_for(lambda: world.written)
    start = time.monotonic()
    running.terminate()
    out, err = running.communicate(timeout=20)

    assert running.returncode == 143
    assert time.monotonic() - start < 7
    assert "Traceback" not in err
    assert "1 outcome unknown" in out or "1 unknown" in out
    [record] = world.records
    assert (record.exit_code, len(record.unresolved)) == (143, 1)


@pytest.mark.fault("H9")
def test_a_write_that_was_refused_is_not_unknown(world: World) -> None:
    """A run that is stopped while a 429 makes it wait reports that nothing was done."""
    refusal = Fault("all", "429", frozenset({"PATCH"}))
    world.server.quirks = Quirks(faults=(refusal,), retry_after="50")
    running = world.fork(*APPLY)
    wait_for(lambda: world.server.writes and world.server.writes[0].status == 429)
    # The response was read, and the pause has begun.
    time.sleep(0.3)
    start = time.monotonic()
    running.terminate()
    out, err = running.communicate(timeout=20)

    assert running.returncode == 143
    assert time.monotonic() - start < 4
    assert "Traceback" not in err
    assert "unknown" not in out
    [record] = world.records
    assert (record.exit_code, record.unresolved) == (143, ())
    assert {outcome["outcome"] for outcome in record.outcomes.values()} == {"skipped"}


@pytest.mark.fault("P3")
def test_a_reading_without_an_answer_is_given_up_in_time(world: World) -> None:
    """A stopped run also ends in time while it waits for a reading that confirms a write.

    The first write, which verifies how the API merges, has been confirmed by then.
    """
    server, silent = world.server, Fault("all", "hang", frozenset({"GET"}))

    def hang_after_the_last_write(_: object) -> None:
        if len(world.written) == world.count:
            server.quirks = Quirks(faults=(silent,), detail_keys=REFERENCE_DETAIL_KEYS)

    assert isinstance(server, HookedSandbox)
    server.hook = hang_after_the_last_write
    server.quirks = Quirks(latency=0.05, detail_keys=REFERENCE_DETAIL_KEYS)
    running = world.fork(*APPLY)
    wait_for(lambda: len(world.written) == world.count)
    start = time.monotonic()
    running.terminate()
    running.communicate(timeout=20)

    assert running.returncode == 143
    assert time.monotonic() - start < 7
    [record] = world.records
    assert record.exit_code == 143
    outcomes = sorted(outcome["outcome"] for outcome in record.outcomes.values())
    assert outcomes == ["unknown", "unknown", "updated"]


@pytest.mark.fault("P3")
def test_a_job_hands_the_signal_on(world: World) -> None:
    """`exec campaignsync apply` in a job's script receives the job's signal."""
    script = world.folder / "job.sh"
    script.write_text('echo "the job begins"\nexec "$@"\n')
    running = world.start(*APPLY, through=("bash", "-e", str(script)))
    wait_for(lambda: world.written)
    running.terminate()
    running.communicate(timeout=20)

    assert running.returncode == 143
    assert [record.exit_code for record in world.records] == [143]


@pytest.mark.fault("P2", "P3")
@pytest.mark.parametrize(
    ("number", "code", "later"),
    [(*SIGNALS[0], 0.0), (*SIGNALS[1], 0.1), (*SIGNALS[2], 0.0), (*SIGNALS[2], 0.1)],
)
def test_a_signal_ends_planning(
    world: World, number: signal.Signals, code: int, later: float
) -> None:
    """A stopped plan ends quickly, with one line."""
    world.server.quirks = Quirks(latency=10.0)
    running = world.fork("plan")
    wait_for(lambda: world.server.log)
    time.sleep(later)
    start = time.monotonic()
    running.send_signal(number)
    _, err = running.communicate(timeout=20)

    assert running.returncode == code
    assert time.monotonic() - start < 7
    assert len(err.splitlines()) == 1
    assert not (world.folder / ".campaignsync").exists()


@pytest.mark.fault("P3")
def test_a_signal_inside_a_library_call_stops_the_run() -> None:
    """A signal inside a library call is not reported as that library's error."""
    done: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("went on")
        except BaseException:  # noqa: BLE001 - as a library that cleans up behind itself
            done.append("was disturbed")
        await asyncio.sleep(5)

    with pytest.raises(Stopped) as stopped:
        concurrency.run(work())

    assert stopped.value.exit_code == 143
    assert done == ["went on"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


@pytest.mark.fault("P3")
def test_nohup_keeps_an_apply_running(world: World) -> None:
    """An apply started with nohup finishes after its terminal is closed."""
    running = world.start(*APPLY, through=("nohup",))
    wait_for(lambda: world.written)
    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=20)

    assert running.returncode == 0
    assert world.is_as_desired


class Faulty(ApiClient):
    """Has a bug that occurs at the third PATCH."""

    error: BaseException
    patches = 0

    async def patch(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        self.patches += 1
        if self.patches == 3:
            raise self.error
        return await super().patch(*arguments, **named)


async def apply_with(world: World, api: ApiClient) -> Apply:
    """Plan and apply like the program, over the test's own connection."""
    desired = load(find([world.folder / "campaigns"]))
    header = {"environment": "e", "base_url": "b"}
    async with api:
        live = await LiveReader(api).read(desired)
        plan = make_plan(desired, live, environment="e", base_url="b", created_at=NOW)
        journal = Journal.begin(world.journals, "run", header)
        apply = Apply(plan, desired, api, LiveReader(api), journal, poll_delays=(0,))
        world.server.quirks = BENT.get(type(api), Quirks())
        await apply.run()
        return apply


class Patient(ApiClient):
    """Waits for a third of a second at most."""

    def __init__(self, server: Sandbox) -> None:
        pace = Unpaced(12)
        super().__init__(server.url, server.key, pace=pace, deadline=0.3, backoff=0)


BENT: Mapping[type[ApiClient], Quirks] = {Patient: Quirks(faults=(Fault("all", "hang"),))}


@eight
@pytest.mark.fault("P4")
@pytest.mark.parametrize("error", [RuntimeError("?"), MemoryError(), RecursionError()])
def test_a_mistake_of_ours_stops_all_writes(world: World, error: BaseException) -> None:
    """If one write reveals a bug, no other write is started."""
    api = Faulty(world.server.url, world.server.key, pace=Unpaced(12))
    api.error = error

    with pytest.raises(type(error)):
        asyncio.run(apply_with(world, api))

    record = read_journal(world.journals / "run.jsonl")
    assert record.is_unfinished
    assert set(world.written) <= set(record.intents)
    assert len(record.intents) < world.count


BROKEN_LIBRARY = """
import sys
here = sys.path.pop(0)
del sys.modules["deepdiff"]
import deepdiff
from deepdiff import DeepDiff as Real
calls = 0
class DeepDiff(Real):
    def __init__(self, *a, **k):
        global calls
        calls += 1
        if calls > {sound}:
            raise {error}
        super().__init__(*a, **k)
deepdiff.DeepDiff = DeepDiff
"""


@pytest.mark.fault("P4")
@pytest.mark.parametrize("error", ["RuntimeError('?')", "MemoryError()", "SystemExit(0)"])
def test_a_failing_library_exits_with_1(world: World, cs: Command, error: str) -> None:
    """An apply in which a library fails exits with 1 and one line, and the next one continues."""
    library = world.folder / "broken"
    library.mkdir()
    # It works for the plan of three campaigns, and for the first reading before a write.
    (library / "deepdiff.py").write_text(BROKEN_LIBRARY.format(sound=4, error=error))
    ran = subprocess.run(
        [*PROGRAM, *APPLY],
        cwd=world.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{library}:{ROOT}",
            **world.environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert len(world.written) == 1
    assert cs(*APPLY).code == 0
    assert world.is_as_desired
    assert len(world.written) == world.count


@pytest.mark.fault("P5")
def test_a_silent_server_ends_the_run_at_its_deadline(world: World) -> None:
    """A run ends at its deadline, and the journal shows where it hung."""
    world.server.quirks = Quirks()
    began = time.monotonic()

    apply = asyncio.run(apply_with(world, Patient(world.server)))

    assert time.monotonic() - began < 5
    assert apply.outcomes.exit_code() == 5
    assert world.written == []


@pytest.mark.fault("P5")
def test_a_write_without_a_response_is_in_the_journal(world: World) -> None:
    """If the server stops responding after a PATCH, the journal names that campaign."""

    class Silent(Patient):
        async def patch(self, *arguments: Any, **named: Any) -> dict[str, Any]:
            world.server.quirks = Quirks(faults=(Fault("all", "hang"),))
            return await super().patch(*arguments, **named)

    world.server.quirks = Quirks()

    apply = asyncio.run(apply_with(world, Silent(world.server)))

    assert apply.outcomes.exit_code() == OutcomeUnknown.exit_code
    record = read_journal(world.journals / "run.jsonl")
    assert [intent.id for intent in record.unresolved] == [1] == world.written
    assert record.exit_code == 9
