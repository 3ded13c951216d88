"""The pace: as close to the limit as possible without a 429."""

import asyncio
import sys
import time
from collections.abc import Callable
from itertools import product
from random import Random

import pytest
from support.commandline import Unpaced, in_process
from support.fake_clock import run_without_waiting
from support.faults import Sandbox
from support.wire import most_in_a_second

from campaignsync.api.client import ApiClient
from campaignsync.api.pace import MOST, Pace, run_concurrently, share
from campaignsync.cli.account import Timing
from campaignsync.cli.plan import command

REQUESTS = 300


def sent(pace: Pace, way: Callable[[int], float], back: float) -> tuple[float, list[float]]:
    """Send requests that take these seconds there and back; return the time and arrivals."""
    arrived: list[float] = []

    async def one(place: int, turn_of: asyncio.Semaphore) -> None:
        async with turn_of:
            await pace.turn()
            await asyncio.sleep(way(place))
            arrived.append(asyncio.get_running_loop().time())
            await asyncio.sleep(back)

    async def all_() -> float:
        turn_of = asyncio.Semaphore(32)
        await asyncio.gather(*(one(place, turn_of) for place in range(REQUESTS)))
        return asyncio.get_running_loop().time()

    return run_without_waiting(all_()), sorted(arrived)


def lateness(seed: int, most: float) -> Callable[[], float]:
    """Return a function that returns the delay of the next request in seconds."""
    random = Random(seed)  # noqa: S311 - no secret depends on it
    return lambda: random.uniform(0, most)


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.02, 0.3])
@pytest.mark.parametrize(("jitter", "seed"), [(0.0, 0), *((0.06, seed) for seed in range(4))])
def test_it_comes_close_to_the_limit(latency: float, jitter: float, seed: int) -> None:
    """300 requests take at most 1.12 times the minimum, and none is refused."""
    late = lateness(seed, jitter)

    wall, arrived = sent(Pace(), lambda _: latency / 2 + late(), latency / 2)

    assert most_in_a_second(arrived) <= 12
    assert wall <= 1.12 * REQUESTS / 12


@pytest.mark.slow
def test_new_connections_are_allowed_for() -> None:
    """The first requests, which open connections, do not collide with later ones."""
    _, arrived = sent(Pace(), lambda place: 0.05 + 0.2 * (place < 4), 0.05)

    assert most_in_a_second(arrived) <= 12


@pytest.mark.slow
def test_a_hanging_request_does_not_delay_others() -> None:
    """A request without a response does not delay the others."""
    wall, _ = sent(Pace(), lambda place: 20.0 if place == 10 else 0.01, 0.01)
    whole, _ = sent(Pace(), lambda _: 0.01, 0.01)

    assert wall <= whole


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1.0, 3.0, 5.0, 12.0])
@pytest.mark.parametrize("seed", range(3))
def test_parts_of_the_rate_fit_together(rate: float, seed: int) -> None:
    """No second has more requests of a run than its rate, so runs can share a key."""
    late = lateness(seed, 0.06)

    _, arrived = sent(Pace(rate), lambda _: 0.05 + late(), 0.05)

    assert most_in_a_second(arrived) <= rate


@pytest.mark.parametrize("users", range(2, int(MOST) + 1))
def test_independent_runs_of_one_key_stay_within_its_rate(users: int) -> None:
    """Runs that share a key stay within the API's rate, even at their busiest.

    One request may arrive up to 60 ms later than another.
    """

    async def take() -> list[float]:
        pace, came = Pace(share(users)), list[float]()
        for burst, pause in product(range(1, 9), (0.3, 0.9, 1.1, 2.5)):
            for _ in range(burst):
                await pace.turn()
                came.append(asyncio.get_running_loop().time())
            await asyncio.sleep(pause)
        return came

    came = run_without_waiting(take())
    busiest = max(sum(start <= moment <= start + 1.06 for moment in came) for start in came)

    assert users * busiest <= MOST


@pytest.mark.slow
def test_the_pace_passes_a_strict_server() -> None:
    """Thirty parallel requests pass a server that refuses the 13th in any second.

    A busy machine may delay some by more than the pace allows for. These are sent again.
    """
    with Sandbox({"campaigns": [{"id": 1}]}, rate=12) as sandbox:

        async def reading() -> None:
            async with ApiClient(sandbox.url, sandbox.key) as api:
                await asyncio.gather(*(api.campaign(1) for _ in range(30)))

        asyncio.run(reading())
        statuses = [request.status for request in sandbox.log]

    assert statuses.count(200) == 30
    assert statuses.count(429) < 30 - 12


def test_the_pace_falls_after_a_429_and_recovers() -> None:
    """After a 429 the pace falls to 60 %, and recovers by half a request per second."""

    async def take() -> float:
        clock, pace = asyncio.get_running_loop().time, Pace(4)
        for _ in range(4):
            await pace.turn()
        pace.give_way()
        pace.give_way()  # requests under way at the first 429 are the same event
        await pace.turn()
        first = clock()
        for _ in range(11):
            await pace.turn()
        return clock() - first

    assert 11 / 4 + 0.2 < run_without_waiting(take()) < 11 / (4 * 0.6) - 0.3


def test_the_default_rate_matches_the_help() -> None:
    """The help of --rate matches the client."""
    [option] = [parameter for parameter in command.params if parameter.name == "rate"]
    assert option.default == MOST


@pytest.mark.usefixtures("folder", "server")
def test_a_run_keeps_to_its_share_of_the_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CAMPAIGNSYNC_RATE, as in the parts of a divided job, and `--rate` set the pace of a run."""
    rates: list[float] = []

    def make_pace(rate: float) -> Pace:
        rates.append(rate)
        return Unpaced(rate)

    cs = in_process(capsys, Timing(make_pace))
    monkeypatch.setenv("CAMPAIGNSYNC_RATE", "3")
    for options in ((), ("--rate", "2")):
        assert cs("plan", *options).code == 0

    assert rates == [3, 2]


def test_urgent_requests_leave_before_all_others() -> None:
    """A PATCH whose campaign has been read does not wait behind readings."""
    left: list[str] = []

    async def take(name: str, *, urgent: bool) -> None:
        await pace.turn(urgent=urgent)
        left.append(name)

    async def all_() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(take(f"read {number}", urgent=False))
            await asyncio.sleep(0.15)
            for number in range(2):
                group.create_task(take(f"write {number}", urgent=True))

    pace = Pace()
    run_without_waiting(all_())

    assert left == ["read 0", "read 1", "write 0", "write 1", "read 2", "read 3", "read 4"]


def test_a_request_that_gives_up_leaves_its_turn_to_the_next() -> None:
    """A request that is cancelled in the queue delays no other one."""

    async def all_() -> float:
        pace = Pace()
        await pace.turn()
        waiting = [asyncio.create_task(pace.turn()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting[:4]:
            task.cancel()
        await waiting[4]
        return asyncio.get_running_loop().time()

    assert run_without_waiting(all_()) < 0.25


@pytest.mark.slow
def test_a_pace_goes_on_in_the_next_event_loop() -> None:
    """All phases of a command share a pace, although each one has its own event loop."""
    pace = Pace()
    began = time.monotonic()
    for _ in range(2):
        asyncio.run(asyncio.wait_for(several(pace), 10))

    assert time.monotonic() - began >= 5 / 12


async def several(pace: Pace) -> None:
    await asyncio.gather(*(pace.turn() for _ in range(3)))


def test_a_job_cannot_end_the_program() -> None:
    """`sys.exit` in a job, such as in a library, is an error of the run, not its exit code."""

    async def job() -> None:
        sys.exit(0)

    with pytest.raises(RuntimeError, match="ended the program"):
        asyncio.run(run_concurrently([job()]))
