"""The number of requests: rows L1 to L4 in short form, counted at the server."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
from support.commandline import Command
from support.fake_clock import run_without_waiting
from support.faults import Sandbox
from support.memory import MEBIBYTE, run_measured
from support.servers import (
    ApplyResult,
    apply,
    client,
    connect_to,
    desire,
    plan_of,
    run_to_end,
    seed,
)
from support.wire import Arrival, Wire, most_in_a_second

from campaignsync.live import LiveReader
from campaignsync.model.definitions import Live, LiveCampaign
from campaignsync.model.plan import Plan
from campaignsync.plan import make_plan
from campaignsync.report import json as documents


class TestThePace:
    @pytest.mark.fault("L1")
    def test_parallel_requests_never_exceed_the_rate(self) -> None:
        """Forty parallel requests, with retries, never exceed twelve in any second."""

        def reset_some(_: Arrival) -> None:
            if len(wire.log) in (3, 4, 5, 17):
                raise httpx.ReadError("connection reset")

        async def read() -> None:
            async with client(server, paced=True, transport=wire) as api:
                await LiveReader(api).read(desire(range(1, 41), message_limit=7))

        with Sandbox(seed(40), rate=None) as server:
            wire = Wire(server, hook=reset_some, late=0.06)
            run_without_waiting(read())

        assert len(wire.log) == 44
        assert most_in_a_second([arrival.at for arrival in wire.log]) <= 12

    @pytest.mark.slow
    @pytest.mark.fault("L2")
    def test_two_runs_share_a_key(self, tmp_path: Path) -> None:
        """A plan and an apply with one key at the same time both finish."""
        written = range(1, 5)

        async def plan() -> None:
            async with client(server, paced=True, backoff=0.5) as api:
                live = await LiveReader(api).read(desire(range(1, 13), message_limit=7))
            assert len(live.campaigns) == 12

        async def both() -> ApplyResult:
            desired = desire(written, description="v2")
            saved = await plan_of(server, desired)
            work = apply(server, saved, desired, tmp_path, paced=True, backoff=0.5)
            result, _ = await asyncio.gather(work, plan())
            return result

        with Sandbox(seed(12), rate=12) as server:
            result: ApplyResult = run_to_end(both())

            assert result.code == 0
            assert result.outcomes == dict.fromkeys(written, "updated")
            assert [server.campaigns()[id_]["description"] for id_ in written] == ["v2"] * 4
            # Each PATCH is executed once: those with a 429 did nothing.
            done = [request for request in server.writes if request.status == 200]
            assert len(done) == 4


@pytest.mark.slow
@pytest.mark.fault("L3")
def test_a_thousand_campaigns_are_ten_requests(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large account without changes costs one request per hundred campaigns."""
    for id_ in range(1, 1001):
        (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\ndescription: v1\nname: Campaign {id_}\n")
    with Sandbox(seed(1000), rate=12) as server:
        connect_to(server, monkeypatch)

        ran = cs("plan", tmp_path)

        assert ran.out.endswith("No changes. 1000 campaigns match their definitions.\n")
        assert ran.code == 0
        assert len(server.log) == 10
        assert server.writes == ()


@pytest.mark.slow
@pytest.mark.fault("L3")
def test_a_plan_of_a_thousand_takes_little_memory(tmp_path: Path) -> None:
    """A thousand campaigns take less than 150 MiB, and at most 60 KiB each."""
    one, many = tmp_path / "one", tmp_path / "many"
    for folder, count in ((one, 1), (many, 1000)):
        folder.mkdir()
        for id_ in range(1, count + 1):
            text = f"id: {id_}\ndescription: v2\nname: Campaign {id_}\n"
            (folder / f"{id_}.yaml").write_text(text)
    with Sandbox(seed(1000), rate=None) as server:
        variables = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
        few = run_measured("plan", ".", folder=one, **variables)
        thousand = run_measured("plan", ".", folder=many, **variables)

    assert (few.code, thousand.code) == (0, 6)  # the guard `mass-change`
    assert thousand.peak < 150 * MEBIBYTE
    assert (thousand.peak - few.peak) / 1000 < 60 * 1024


@pytest.mark.slow
@pytest.mark.fault("L3")
def test_the_work_grows_with_the_number_of_campaigns() -> None:
    """Four times the campaigns take four times the steps to compare and to save, not sixteen."""

    def steps(count: int) -> int:
        """Return the number of calls, which does not depend on the machine's load."""
        calls = 0

        def counted(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        desired = desire(range(1, count + 1), description="v2", name="A")
        live = Live(
            {id_: LiveCampaign(id_, {"description": "v1"}) for id_ in range(1, count + 1)}, 1
        )
        sys.setprofile(counted)
        try:
            plan = make_plan(
                desired, live, environment="e", base_url="b", created_at="2026-01-01T00:00:00Z"
            )
            assert Plan.from_json(documents.dump(plan).encode()) == plan
        finally:
            sys.setprofile(None)
        return calls

    steps(1)  # imports and caches
    assert steps(400) < 4.2 * steps(100)


@pytest.mark.slow
@pytest.mark.fault("L4")
@pytest.mark.usefixtures("folder")
def test_a_workspace_in_sync_is_not_written(cs: Command, server: Sandbox) -> None:
    """Once live matches the definitions, no plan and no apply writes anything."""
    assert cs("apply", "--auto-approve").code == 0
    written = server.writes
    state = server.campaigns()

    for _ in range(4):
        assert cs("plan", "--detailed-exitcode").code == 0
        assert cs("apply", "--auto-approve").code == 0

    assert server.writes == written
    assert server.campaigns() == state


@pytest.mark.slow
@pytest.mark.fault("L4")
def test_an_idle_plan_makes_the_fewest_requests() -> None:
    """Repeated plans make the same requests, and only read."""
    with Sandbox(seed(30), rate=None) as server:
        for _ in range(20):
            run_to_end(plan_of(server, desire(range(1, 31), description="v1")))

        assert len(server.log) == 20
        assert {request.method for request in server.log} == {"GET"}
