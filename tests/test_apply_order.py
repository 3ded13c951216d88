"""The time between a campaign's last reading and its PATCH, and which writes go alone."""

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from support.commandline import counting_turns
from support.fake_clock import run_without_waiting
from support.faults import Quirks, Sandbox
from support.servers import connect_to, desire, seed
from support.wire import Arrival, Wire, gaps, most_in_a_second

from campaignsync.api.client import ApiClient
from campaignsync.api.pace import Pace
from campaignsync.apply.journal import Journal
from campaignsync.apply.run import POLL_DELAYS, Apply
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Desired
from campaignsync.plan import make_plan
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.http_server import Reply, error_reply
from campaignsync.sandbox.routes import PREFIX, ApiRequest
from campaignsync.sandbox.rules import Refusal

WINDOW = {"startTime": "09:00", "stopTime": "18:00", "active": True}
LATER = {**WINDOW, "startTime": "10:00"}

Latency = Callable[[Arrival], float]
"""Returns the server's time for a request, in seconds."""
Meddle = Callable[[Arrival], Reply | None]
"""May respond in place of the server."""


async def applied(
    wire: Wire,
    server: Sandbox,
    desired: Desired,
    folder: Path,
    *,
    rate: float = 12,
    meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> Apply:
    """Plan and apply over a simulated network with real delays and pace."""
    async with ApiClient(server.url, server.key, pace=Pace(rate), transport=wire) as api:
        live = await LiveReader(api).read(desired)
        plan = make_plan(
            desired, live, environment="e", base_url="b", created_at="2026-01-01T00:00:00Z"
        )
        wire.log.clear()
        journal = Journal.begin(folder, "run", {"environment": "e", "base_url": "b"})
        run = Apply(plan, desired, api, LiveReader(api), journal)
        other = asyncio.create_task(meanwhile()) if meanwhile else None
        await run.run()
        if other:
            other.cancel()
    return run


def refuse_patches(*numbers: int, seconds: int) -> Meddle:
    """Answer these PATCHes, counted from 1, with a 429 that asks for a pause."""
    count = 0

    def hook(arrival: Arrival) -> Reply | None:
        nonlocal count
        count += arrival.method == "PATCH"
        if arrival.method == "PATCH" and count in numbers:
            quirks = Quirks(retry_after=str(seconds))
            return error_reply(Refusal(429, "RATE_LIMITED", "too many"), quirks)
        return None

    return hook


def slow_reading(number: int, seconds: float) -> Latency:
    """Take 0.1 s for each request, and longer for one reading of a campaign."""
    count = 0

    def latency(arrival: Arrival) -> float:
        nonlocal count
        count += arrival.method == "GET"
        return seconds if arrival.method == "GET" and count == number else 0.1

    return latency


def any_latency(low: float, high: float) -> Latency:
    random = Random(2)  # noqa: S311 - no secret depends on it
    return lambda _: random.uniform(low, high)


def steady(seconds: float) -> Latency:
    return lambda _: seconds


def nothing(_: Arrival) -> Reply | None:
    return None


Case = tuple[int, int, Callable[[], Latency], Callable[[], Meddle]]
CASES: Mapping[str, Case] = {
    "20 ms": (40, 12, lambda: steady(0.02), lambda: nothing),
    "100 ms": (40, 12, lambda: steady(0.1), lambda: nothing),
    "300 ms": (40, 12, lambda: steady(0.3), lambda: nothing),
    "1000 ms": (40, 12, lambda: steady(1.0), lambda: nothing),
    "20 to 1000 ms": (40, 12, lambda: any_latency(0.02, 1.0), lambda: nothing),
    "--rate 1": (8, 1, lambda: steady(0.2), lambda: nothing),
    "--rate 3": (20, 3, lambda: any_latency(0.02, 1.0), lambda: nothing),
    "held for 15 s": (40, 12, lambda: steady(0.3), lambda: refuse_patches(1, 20, seconds=15)),
    "held often": (
        40,
        12,
        lambda: steady(0.1),
        lambda: refuse_patches(*range(9, 99, 9), seconds=1),
    ),
    "a slow answer": (40, 12, lambda: slow_reading(30, 5.0), lambda: nothing),
}
"""By name: the number of changed campaigns, the rate, and the server."""


@pytest.mark.slow
@pytest.mark.fault("H1", "R4")
@pytest.mark.parametrize("case", CASES)
def test_a_patch_leaves_in_the_next_turn_after_its_reading(case: str, tmp_path: Path) -> None:
    """Each campaign is read immediately before its write, however many campaigns change."""
    count, rate, latency, hook = CASES[case]
    desired = desire(range(1, count + 1), description="v2")
    with Sandbox(seed(count), rate=None) as server:
        wire = Wire(server, latency(), hook())
        run = run_without_waiting(applied(wire, server, desired, tmp_path, rate=rate))

    assert {outcome.outcome for outcome in run.outcomes.by_id.values()} == {"updated"}
    assert len(gaps(wire.log)) == count
    assert max(gaps(wire.log)) <= 1 / rate + 0.3
    assert most_in_a_second([arrival.at for arrival in wire.log]) <= rate


@pytest.mark.fault("A5", "H1")
def test_many_refused_campaigns_of_a_slow_api_are_all_refused(tmp_path: Path) -> None:
    """Each campaign gets the API's own reason, however long it waits for the others' refusals."""

    def refuse(arrival: Arrival) -> Reply | None:
        if arrival.method == "PATCH":
            return error_reply(Refusal(400, "INVALID_REQUEST", "no"), Quirks())
        return None

    desired = desire(range(1, 41), description="v2")
    with Sandbox(seed(40), rate=None) as server:
        wire = Wire(server, steady(1.0), refuse)
        run = run_without_waiting(applied(wire, server, desired, tmp_path))

    outcomes = run.outcomes.by_id.values()
    assert {outcome.error and outcome.error.code for outcome in outcomes} == {"INVALID_REQUEST"}
    assert run.outcomes.exit_code() == 1


@pytest.mark.slow
@pytest.mark.fault("H1", "R1")
@pytest.mark.parametrize(
    ("case", "partial"),
    [(case, False) for case in CASES]
    + [(case, True) for case in ("300 ms", "--rate 1", "held for 15 s")],
)
def test_an_edit_half_a_second_before_the_patch_is_detected(
    case: str,
    tmp_path: Path,
    partial: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A dashboard edit is overwritten only if it is made in the last half second.

    The same holds if the campaign's detail leaves the field out, and only the list has it. One
    request per second is too slow for that: the wait for a slot and the reading take longer.
    """
    count, rate, latency, hook = CASES[case]
    desired = desire(range(1, count + 1), description="v2")
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS) if partial else Quirks()
    edits: dict[int, float] = {}
    random = Random(3)  # noqa: S311 - no secret depends on it

    async def edit() -> None:
        for id_ in random.sample(range(1, count + 1), count // 2):
            await asyncio.sleep(random.uniform(0, 5 / rate))
            edits[id_] = asyncio.get_running_loop().time()
            server.edit(id_, {"description": "v5"})

    with Sandbox(seed(count), rate=None, quirks=quirks) as server:
        wire = Wire(server, latency(), hook())
        run = run_without_waiting(
            applied(wire, server, desired, tmp_path, rate=rate, meanwhile=edit)
        )

    done = [arrival for arrival in wire.log if arrival.method == "PATCH" and arrival.status == 200]
    allowed = 0.5 if rate > 1 else 1 / rate + 0.3
    assert not [each for each in done if each.at - edits.get(each.id or 0, each.at) > allowed]
    assert done
    assert "stale" in {outcome.outcome for outcome in run.outcomes.by_id.values()}


@pytest.mark.slow
@pytest.mark.fault("H1")
@pytest.mark.parametrize(("page", "detail"), [(1.5, 0.1), (0.1, 1.5), (1.5, 0.8)])
def test_the_older_of_two_readings_counts(page: float, detail: float, tmp_path: Path) -> None:
    """If a list page and a detail take different times, neither is old at the PATCH."""
    count, rate = 12, 12
    read: dict[int | None, float] = {}
    ages: list[float] = []

    def latency(arrival: Arrival) -> float:
        if arrival.method == "PATCH":
            ages.append(arrival.at - min(read[None], read[arrival.id]))
            return 0.1
        took = detail if arrival.id else page
        read[arrival.id] = arrival.at + took
        return took

    desired = desire(range(1, count + 1), description="v2")
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
    with Sandbox(seed(count), rate=None, quirks=quirks) as server:
        run = run_without_waiting(
            applied(Wire(server, latency), server, desired, tmp_path, rate=rate)
        )

    assert {outcome.outcome for outcome in run.outcomes.by_id.values()} == {"updated"}
    # One more turn than after a single reading: that of the second request.
    assert max(ages) <= 2 / rate + 0.3


@pytest.mark.fault("H1")
def test_an_edit_after_a_lost_response_is_not_overwritten(tmp_path: Path) -> None:
    """A PATCH is sent again only soon after the older of the two readings that check for it."""
    server = Sandbox(seed(1), rate=None, quirks=Quirks(detail_keys=REFERENCE_DETAIL_KEYS))
    patches = pages = 0

    def lose_the_first_write(arrival: Arrival) -> Reply | None:
        nonlocal patches
        patches += arrival.method == "PATCH"
        if arrival.method == "PATCH" and patches == 1:
            raise httpx.ReadError("closed")
        return None

    def edit_during_the_list_page(arrival: Arrival) -> float:
        nonlocal pages
        if arrival.method == "GET" and arrival.id is None and patches == 1:
            pages += 1
            if pages == len(POLL_DELAYS):
                server.edit(1, {"name": "Edited in the dashboard"})
                return 1.5
        return 0.1

    desired = desire([1], name="v2", description="v2")
    with server:
        wire = Wire(server, edit_during_the_list_page, lose_the_first_write)
        run = run_without_waiting(applied(wire, server, desired, tmp_path))

        assert pages >= len(POLL_DELAYS)
        assert run.outcomes.by_id[1].outcome == "stale"
        assert server.campaigns()[1]["name"] == "Edited in the dashboard"


@pytest.mark.fault("N2")
def test_a_lost_write_that_shows_late_and_in_part_is_reported(tmp_path: Path) -> None:
    """If a lost PATCH shows only before it is sent again, the run does not say "nothing sent"."""
    server = Sandbox(seed(1), rate=None)
    patches = 0

    def lose_then_refuse(arrival: Arrival) -> Reply | None:
        nonlocal patches
        if arrival.method != "PATCH":
            return None
        patches += 1
        if patches == 1:
            raise httpx.ReadError("closed")
        server.edit(1, {"name": "v2", "description": "by hand"})
        return error_reply(Refusal(429, "RATE_LIMITED", "too many"), Quirks())

    desired = desire([1], name="v2", description="v2")
    with server:
        wire = Wire(server, steady(0.1), lose_then_refuse)
        run = run_without_waiting(applied(wire, server, desired, tmp_path))

        assert patches == 2
        assert run.outcomes.exit_code() == 8
        assert (error := run.outcomes.by_id[1].error)
        assert (error.code, error.field) == ("NOT_TAKEN", "description")
        assert server.campaigns()[1]["description"] == "by hand"


@pytest.mark.slow
@pytest.mark.fault("H1")
def test_a_list_page_read_for_another_campaign_does_not_count_as_new(tmp_path: Path) -> None:
    """An edit is not overwritten if a page came seconds before the detail that needed it."""
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS, page_size_cap=2)
    server = Sandbox(seed(6), rate=None, quirks=quirks)
    is_writing, edited = asyncio.Event(), asyncio.Event()

    def latency(arrival: Arrival) -> float:
        if arrival.method == "PATCH":
            is_writing.set()
        if arrival.method == "GET" and arrival.id == 3 and is_writing.is_set():
            return 0.1 if edited.is_set() else 5.0
        return 0.1

    async def edit() -> None:
        await is_writing.wait()
        await asyncio.sleep(3)
        server.edit(3, {"description": "Edited in the dashboard"})
        edited.set()

    desired = desire([1, 3, 5], name="v2", description="v2")
    with server:
        wire = Wire(server, latency)
        run = run_without_waiting(applied(wire, server, desired, tmp_path, meanwhile=edit))

        outcomes = {id_: outcome.outcome for id_, outcome in run.outcomes.by_id.items()}
        assert outcomes == {1: "updated", 3: "stale", 5: "updated"}
        assert server.campaigns()[3]["description"] == "Edited in the dashboard"


@pytest.mark.fault("N2", "A10")
def test_the_damage_of_a_write_that_is_applied_late_is_reported(tmp_path: Path) -> None:
    """A PATCH without a response counts as updated only if nothing else has changed."""
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS, schedule_merge="replace")
    server = Sandbox(seed(1, scheduling={"mon": WINDOW, "tue": WINDOW}), rate=None, quirks=quirks)
    lost: list[bytes] = []
    pages = 0

    def lose_the_first_write(arrival: Arrival) -> Reply | None:
        if arrival.method == "PATCH" and not lost:
            lost.append(arrival.body)
            raise httpx.ReadError("closed")
        return None

    def apply_it_during_the_last_page(arrival: Arrival) -> float:
        nonlocal pages
        if lost and arrival.method == "GET" and arrival.id is None:
            pages += 1
            return 1.5 if pages == len(POLL_DELAYS) else 0.1
        if pages == len(POLL_DELAYS):
            patch = ApiRequest("PATCH", f"{PREFIX}/campaigns/1", {}, lost[0], None)
            server.answer(patch, f"api-key {server.key}")
        return 0.1

    desired = desire([1], description="v2", **{"scheduling.mon": LATER})
    with server:
        wire = Wire(server, apply_it_during_the_last_page, lose_the_first_write)
        run = run_without_waiting(applied(wire, server, desired, tmp_path))

        [outcome] = run.outcomes.by_id.values()
        assert server.campaigns()[1]["scheduling"] == {"mon": LATER}
        assert (outcome.outcome, run.outcomes.exit_code()) == ("failed", 8)
        assert outcome.error
        assert outcome.error.code == "CHANGED_UNASKED"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
def test_a_run_that_ends_between_two_readings_prints_no_warning(
    seconds: float, tmp_path: Path
) -> None:
    """If a run is stopped while a reading waits for a slower one, Python has nothing to report."""
    desired = desire(range(1, 41), description="v2")

    async def stopped(server: Sandbox) -> None:
        wire = Wire(server, lambda arrival: 0.1 if arrival.id else 1.5)
        async with asyncio.timeout(seconds):
            await applied(wire, server, desired, tmp_path, rate=12)

    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
    with Sandbox(seed(40), rate=None, quirks=quirks) as server, pytest.raises(TimeoutError):
        run_without_waiting(stopped(server))
    # A coroutine that never started is reported when it is collected; pytest fails on it.
    gc.collect()


def of_kinds(**values: Any) -> Desired:
    """Let three campaigns change their description, and the next twelve other values."""
    few = desire(range(1, 4), description="v2")
    many = desire(range(4, 16), **values)
    return Desired((*few.definitions, *many.definitions))


LIVE = {
    "scheduling": dict.fromkeys(("mon", "tue", "wed"), WINDOW),
    "cycles": {
        "enabled": True,
        "mode": "scheduled",
        "max_iterations": 7,
        "filter_tags": ["a"],
        "schedule": dict.fromkeys(("mon", "tue", "wed"), WINDOW),
    },
}


class TestTheFirstWriteOfABlockGoesAlone:
    @pytest.mark.slow
    @pytest.mark.fault("H4", "A10")
    @pytest.mark.parametrize("latency", [0.05, 0.6, 1.0])
    @pytest.mark.parametrize("block", ["scheduling", "cycles.schedule"])
    @pytest.mark.parametrize("answer", ["whole", "silent"])
    def test_a_server_that_replaces_weeks_harms_one_campaign(
        self, block: str, latency: float, answer: str, tmp_path: Path
    ) -> None:
        """The first write is verified even without a week, or if the response has no campaign."""
        desired = of_kinds(**{f"{block}.mon": LATER})
        seeded = seed(15, **LIVE)
        with Replacing(seeded, rate=None, quirks=Quirks(schedule_merge="replace")) as server:
            server.silent = answer == "silent"
            before = server.campaigns()
            wire = Wire(server, steady(latency))
            run = run_without_waiting(applied(wire, server, desired, tmp_path))
            after = server.campaigns()

        harmed = [id_ for id_ in before if len(week(after[id_], block)) < 3]
        assert len(harmed) == 1
        error = run.outcomes.by_id[harmed[0]].error
        assert error
        assert error.code == "CHANGED_UNASKED"
        assert run.outcomes.by_id[15].outcome == "skipped"

    @pytest.mark.slow
    @pytest.mark.fault("H4")
    def test_blocks_that_merge_as_expected_cost_one_lone_write_each(self, tmp_path: Path) -> None:
        """Four kinds of block are verified in a few round trips; then writes run in parallel."""
        values: list[dict[str, Any]] = [
            {"description": "v2"},
            {"scheduling.mon": LATER},
            {"cycles.max_iterations": 9},
            {"cycles.schedule.mon": LATER},
        ]
        definitions = [
            desire([id_], **values[(id_ - 1) // 20]).definitions[0] for id_ in range(1, 81)
        ]
        with Sandbox(seed(80, **LIVE), rate=None) as server:
            wire = Wire(server, steady(0.6))
            run = run_without_waiting(applied(wire, server, Desired(tuple(definitions)), tmp_path))

        assert {outcome.outcome for outcome in run.outcomes.by_id.values()} == {"updated"}
        first: dict[str, Arrival] = {}
        for write in (arrival for arrival in wire.log if arrival.method == "PATCH"):
            block = kind_of(json.loads(write.body))
            prover = first.setdefault(block, write)
            assert write is prover or write.at > (prover.answered or 0.0)
        took = max(arrival.answered or 0.0 for arrival in wire.log) - wire.log[0].at
        # Two waits for each of four single writes, and the pace of 160 requests.
        assert took <= 1.08 * len(wire.log) / 12 + 4 * 2 * 0.65
        assert len(wire.log) <= 160 + 4 * 6

    @pytest.mark.fault("H4")
    def test_a_campaign_of_several_blocks_verifies_them_all(self, tmp_path: Path) -> None:
        """The campaign that changes the most blocks goes first, and no other one goes alone."""
        whole = {"description": "v2", "scheduling.mon": LATER, "cycles.max_iterations": 9}
        desired = Desired(
            (*of_kinds(**{"scheduling.mon": LATER}).definitions, *desire([16], **whole).definitions)
        )
        with Sandbox(seed(16, **LIVE), rate=None) as server:
            wire = Wire(server, steady(0.2))
            run_without_waiting(applied(wire, server, desired, tmp_path))

        writes = [arrival for arrival in wire.log if arrival.method == "PATCH"]
        assert writes[0].id == 16
        assert len(wire.log) == 2 * 16
        assert min(write.at for write in writes[1:]) > (writes[0].answered or 0.0)
        # The second and third PATCHes change other blocks, and do not wait for one another.
        assert writes[2].at < (writes[1].answered or 0.0)

    def test_a_refused_write_verifies_no_block(self, tmp_path: Path) -> None:
        """If the server refuses the first week, the next week goes alone in its place."""
        desired = of_kinds(**{"scheduling.mon": LATER})
        refusals = iter(range(3))

        def hook(arrival: Arrival) -> Reply | None:
            if arrival.method == "PATCH" and b"scheduling" in arrival.body:
                for _ in refusals:
                    return error_reply(Refusal(400, "INVALID_REQUEST", "not that week"), Quirks())
            return None

        with Sandbox(
            seed(15, **LIVE), rate=None, quirks=Quirks(schedule_merge="replace")
        ) as server:
            wire = Wire(server, steady(0.3), hook)
            run_without_waiting(applied(wire, server, desired, tmp_path))
            after = server.campaigns()

        assert len([id_ for id_ in after if len(week(after[id_], "scheduling")) < 3]) == 1


class Replacing(Sandbox):
    """A server whose responses to PATCHes may contain only the campaign's id."""

    silent = False

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        reply = super().answer(request, authorization)
        if self.silent and request.method == "PATCH" and reply.status == 200:
            id_ = int(request.path.rpartition("/")[2])
            content = json.dumps({"success": True, "campaign": {"id": id_}}).encode()
            return Reply(200, content)
        return reply


def week(campaign: dict[str, Any], block: str) -> dict[str, Any]:
    """Return the days that a campaign's week contains."""
    value = campaign
    for key in block.split("."):
        value = value[key]
    return {day: hours for day, hours in value.items() if hours}


def kind_of(body: dict[str, Any]) -> str:
    [key] = body
    return "cycles.schedule" if key == "cycles" and "schedule" in body[key] else key


@pytest.mark.fault("H8")
def test_the_phases_of_an_apply_share_one_pace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request of `apply PATH` waits for its turn at the same pace."""
    for id_ in range(1, 10):
        (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\ndescription: v2\nmessage_limit: 7\n")
    monkeypatch.chdir(tmp_path)
    cs, turns = counting_turns(capsys)
    with Sandbox(seed(9), rate=None) as server:
        connect_to(server, monkeypatch)
        ran = cs("apply", tmp_path, "--auto-approve")

    assert ran.code == 0
    assert len(server.writes) == 9
    assert turns() == [len(server.log)]
