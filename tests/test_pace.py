"""The pace: as close to the limit as can be without being refused, whatever the way is like."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import product
from random import Random

import pytest
from clockwork import at_once

from campaignsync.api import Api, Pace
from campaignsync.api.pace import LATEST, MOST, share
from campaignsync.cli.plan import command
from campaignsync.sandbox import Sandbox

REQUESTS = 300


def sent(pace: Pace, way: Callable[[int], float], back: float) -> tuple[float, list[float]]:
    """Send requests, of which each takes its `way` there, and `back`, in seconds.

    Gives how long it all took, and when each arrived.
    """
    arrived: list[float] = []

    async def one(place: int, turn_of: asyncio.Semaphore) -> None:
        async with turn_of:
            turn = await pace.turn()
            await asyncio.sleep(way(place))
            arrived.append(asyncio.get_running_loop().time())
            await asyncio.sleep(back)
            pace.answered(turn)

    async def all_() -> float:
        turn_of = asyncio.Semaphore(32)
        await asyncio.gather(*(one(place, turn_of) for place in range(REQUESTS)))
        return asyncio.get_running_loop().time()

    return at_once(all_()), sorted(arrived)


def lateness(seed: int, most: float) -> Callable[[], float]:
    """Give what says by how many seconds the next request is late."""
    random = Random(seed)  # noqa: S311 - no secret depends on it
    return lambda: random.uniform(0, most)


def most_in_a_second(arrived: Sequence[float]) -> int:
    """Count the arrivals in the busiest second."""
    return max(bisect_left(arrived, start + 1) - place for place, start in enumerate(arrived))


@pytest.mark.parametrize("latency", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.06])
@pytest.mark.parametrize("seed", range(5))
def test_it_comes_close_to_the_limit(latency: float, jitter: float, seed: int) -> None:
    """300 requests take at most 1.12 times what the limit allows, and none could be refused."""
    late = lateness(seed, jitter)

    wall, arrived = sent(Pace(), lambda _: latency / 2 + late(), latency / 2)

    assert most_in_a_second(arrived) <= 12
    assert wall <= 1.12 * REQUESTS / 12


@pytest.mark.parametrize("seed", range(5))
def test_a_bad_line_makes_it_slower(seed: int) -> None:
    """Where requests are late by up to a fifth of a second they are given that time.

    Hardly any could be refused: those of the first second, in which nobody knows of the line.
    """
    late = lateness(seed, 0.2)

    wall, arrived = sent(Pace(), lambda _: 0.05 + late(), 0.05)

    after = [moment for moment in arrived if moment > 2]
    assert most_in_a_second(arrived) <= 13
    assert most_in_a_second(after) <= 12
    assert wall <= 1.2 * REQUESTS / 12


def test_what_takes_the_server_longer_is_not_late() -> None:
    """Reads of 10 ms and writes of 300 ms in turn keep the pace of reads alone."""

    async def one(kind: str, server: float, pace: Pace, turn_of: asyncio.Semaphore) -> None:
        async with turn_of:
            turn = await pace.turn(kind)
            await asyncio.sleep(0.05 + server)
            pace.answered(turn)

    async def all_() -> float:
        pace, turn_of = Pace(), asyncio.Semaphore(32)
        kinds = [("read", 0.01), ("write", 0.3)] * (REQUESTS // 2)
        await asyncio.gather(*(one(kind, server, pace, turn_of) for kind, server in kinds))
        return asyncio.get_running_loop().time()

    assert at_once(all_()) <= 1.06 * REQUESTS / 12


def test_new_connections_are_allowed_for() -> None:
    """The first requests, which open connections on the way, do not run into those behind them."""
    _, arrived = sent(Pace(), lambda place: 0.05 + 0.2 * (place < 4), 0.05)

    assert most_in_a_second(arrived) <= 12


def test_one_that_is_never_answered_holds_nobody_up() -> None:
    """A request that hangs costs half a second at the most, not what it hangs."""
    wall, _ = sent(Pace(), lambda place: 30.0 if place == 100 else 0.01, 0.01)
    whole, _ = sent(Pace(), lambda _: 0.01, 0.01)

    assert wall <= max(100 / 12 + 31, whole + 2 * 12 * LATEST)


@pytest.mark.parametrize("rate", [1.0, 3.0, 5.0, 12.0])
@pytest.mark.parametrize("seed", range(3))
def test_parts_of_the_rate_fit_together(rate: float, seed: int) -> None:
    """No second has more requests of a run than its rate: runs can share a key by numbers."""
    late = lateness(seed, 0.06)

    _, arrived = sent(Pace(rate), lambda _: 0.05 + late(), 0.05)

    assert most_in_a_second(arrived) <= rate


@pytest.mark.parametrize("users", range(2, int(MOST) + 1))
def test_users_of_a_key_that_know_nothing_of_each_other_keep_within_it(users: int) -> None:
    """Even where all of them are at their busiest at once, the API's rate is enough.

    That the way holds one request up, and hurries another, by 90 ms is allowed for.
    """

    async def take() -> list[float]:
        pace, came = Pace(share(users)), list[float]()
        for burst, pause in product(range(1, 9), (0.3, 0.9, 1.1, 2.5)):
            for _ in range(burst):
                came.append((await pace.turn()).went)
            await asyncio.sleep(pause)
        return came

    came = at_once(take())
    busiest = max(sum(start <= moment <= start + 1.09 for moment in came) for start in came)

    assert users * busiest <= MOST


def test_it_is_never_refused() -> None:
    """Thirty requests of thirty tasks pass a server that refuses the 13th of any second."""
    with Sandbox({"campaigns": [{"id": 1}]}, rate=12) as sandbox:

        async def reading() -> None:
            async with Api(sandbox.url, sandbox.key) as api:
                await asyncio.gather(*(api.campaign(1) for _ in range(30)))

        asyncio.run(reading())
        arrivals = [request.at for request in sandbox.log]

    assert {request.status for request in sandbox.log} <= {200, 429}
    assert len(arrivals) <= 32


def test_a_crowded_key_slows_us_down_and_not_for_ever() -> None:
    """After a 429 the pace is 0.6 of what it was, and wins back half a request with each second."""

    async def take() -> float:
        clock, pace = asyncio.get_running_loop().time, Pace(4)
        await pace.turn()
        pace.give_way()
        pace.give_way()  # what was under way with it is the same news
        first = (await pace.turn()).went
        for _ in range(11):
            await pace.turn()
        return clock() - first

    assert 11 / 4 + 0.2 < at_once(take()) < 11 / (4 * 0.6) - 0.3


def test_the_rate_unless_told_otherwise_is_that_of_the_help() -> None:
    """What `--help` says of --rate is what the client does."""
    [option] = [found for found in command.params if found.name == "rate"]
    assert option.default == MOST


def test_time_spent_waiting_for_answers_is_made_up_for() -> None:
    """After a pause of half a second twice the pace is kept until the window is full again."""

    async def take() -> list[float]:
        pace, went = Pace(), []
        for place in range(30):
            turn = await pace.turn()
            pace.answered(turn)
            went.append(turn.went)
            await asyncio.sleep(0.5 if place == 10 else 0)
        return went

    went = at_once(take())

    assert went[-1] - went[0] < 29 / 12 + 0.35
    assert all(late - early >= 1 for early, late in zip(went, went[12:], strict=False))
