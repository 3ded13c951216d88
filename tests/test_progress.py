"""Long work is seen: how far it is, how long it takes, and what it will ask of the API."""

import pytest
from commandline import Command
from worlds import client, desire, once, seed

from campaignsync.cli.progress import Work, how_far
from campaignsync.live import Reader
from campaignsync.model.values import Desired
from campaignsync.sandbox import Sandbox


@pytest.mark.parametrize(
    ("done", "of", "rate", "said"),
    [
        (0, 0, 11, "0 requests"),
        (7, 0, 11, "7 requests"),
        (12, 300, 11, "12 of 300 requests, 26 s left"),
        (0, 2000, 11, "0 of 2000 requests, 3 min 2 s left"),
        (0, 60, 0.5, "0 of 60 requests, 2 min 0 s left"),
        (300, 300, 11, "300 requests"),
        (301, 300, 11, "301 requests"),
    ],
)
def test_what_is_left_is_told_by_the_rate(done: int, of: int, rate: float, said: str) -> None:
    """The time that is left is that of the requests that are left, at the rate they may go at."""
    assert how_far([Work(lambda: done, of, rate)]) == said


@pytest.mark.parametrize(
    ("listed", "detailed", "requests"),
    [(1, 0, 1), (0, 1, 1), (100, 0, 1), (101, 0, 2), (0, 30, 30), (50, 3, 4), (120, 5, 7)],
)
def test_a_plan_says_beforehand_what_it_will_ask(listed: int, detailed: int, requests: int) -> None:
    """Where nothing differs, as many requests are made as were said, and no more."""
    some = desire(range(1, listed + 1), retries=1).definitions
    others = desire(range(listed + 1, listed + detailed + 1), message_limit=7).definitions
    desired = Desired(some + others)

    async def read() -> None:
        async with client(server) as api:
            await Reader(api).read(desired)

    with Sandbox(seed(listed + detailed, message_limit=7), rate=None) as server:
        once(read())

        assert Reader.least(desired) == requests
        assert len(server.log) == requests


@pytest.mark.usefixtures("folder", "server")
def test_it_is_said_where_steps_are(cs: Command) -> None:
    """`plan -v` tells how many requests it will make, and how many it made."""
    ran = cs("plan", "-v")

    assert "requests or more, " in ran.err
    assert "read with " in ran.err
    assert "requests or more" not in cs("plan").err
