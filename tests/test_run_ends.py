"""A run that cannot go on ends with the truth about each campaign, on a simulated clock."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commandline import Unpaced
from support.fake_clock import at_once
from support.servers import PREFIX, desire
from support.small_disk import no_file_grows_past

from campaignsync.api import Api
from campaignsync.api.pace import Pace
from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.run import Apply
from campaignsync.errors import Inconsistent
from campaignsync.live import LiveReader
from campaignsync.model.runs import Record
from campaignsync.plan import make_plan

STOP = Inconsistent("stop")


class Server(httpx.AsyncBaseTransport):
    """Campaigns 1 and 2 with `description: v1`; a PATCH's response does not show its values.

    `hook` is awaited before each response; it receives the request's method.
    """

    def __init__(self) -> None:
        self.live: dict[str, dict[str, Any]] = {
            id_: {"id": int(id_), "name": id_, "description": "v1"} for id_ in ("1", "2")
        }
        self.writes: list[str] = []
        self.hook: Callable[[str], Awaitable[None]] = lambda _: asyncio.sleep(0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        id_ = request.url.path.rpartition("/")[2]
        shown = self.live.get(id_)
        if request.method == "PATCH" and shown:
            self.writes.append(id_)
            shown.update(json.loads(request.content))
            shown = {"id": int(id_)}
        await self.hook(request.method)
        if shown:
            return httpx.Response(200, json={"success": True, "campaign": shown})
        pagination = {"has_next": False, "next_cursor": None}
        listed = {"campaigns": [*self.live.values()], "pagination": pagination}
        return httpx.Response(200, json={"success": True, **listed})


class Late(Unpaced):
    """A pace whose turn for a write always comes a second late."""

    async def turn(self, *, urgent: bool = False) -> None:
        await asyncio.sleep(1 if urgent else 0)


Prepare = Callable[[Apply], None]


def applied(
    server: Server, folder: Path, prepare: Prepare = lambda _: None, pace: Pace | None = None
) -> tuple[Apply, Record]:
    """Apply `description: v2` to both campaigns; `prepare` receives the apply before it runs."""
    desired = desire((1, 2), description="v2")
    journal = Journal.begin(folder, "run", {"environment": "e", "base_url": "b"})

    async def applying() -> Apply:
        async with Api(
            f"http://x{PREFIX}", "sk-test-key", pace=pace or Unpaced(12), transport=server
        ) as api:
            live = await LiveReader(api).read(desired)
            plan = make_plan(
                desired, live, environment="e", base_url="b", created_at="2026-01-01T00:00:00Z"
            )
            run = Apply(plan, desired, api, LiveReader(api), journal)
            prepare(run)
            await run.run()
            return run

    return at_once(applying()), read_journal(journal.path)


def outcomes(run: Apply) -> list[str]:
    return [run.outcomes.by_id[id_].outcome for id_ in (1, 2)]


@pytest.mark.fault("H1")
def test_a_write_that_never_gets_its_turn_in_time_is_not_sent(tmp_path: Path) -> None:
    """If no reading is young enough at the PATCH's turn, nothing is sent: exit 5."""
    server = Server()

    run, record = applied(server, tmp_path, pace=Late(12))

    assert (server.writes, record.intents) == ([], {})
    assert outcomes(run) == ["failed", "skipped"]
    assert run.outcomes.exit_code() == 5
    error = run.outcomes.by_id[1].error
    assert error
    assert "could not send the PATCH soon enough" in error.message


@pytest.mark.fault("P2")
def test_a_stop_while_a_write_is_read_back_is_unknown(tmp_path: Path) -> None:
    """If the run is stopped before a read shows the write, its outcome is unknown: exit 9."""
    server = Server()

    def prepare(run: Apply) -> None:
        async def hang(method: str) -> None:
            if method == "GET" and server.writes:
                run.stop(STOP)
                await asyncio.sleep(1000)

        server.hook = hang

    run, record = applied(server, tmp_path, prepare)

    assert server.writes == ["1"]
    assert outcomes(run) == ["unknown", "skipped"]
    assert run.outcomes.exit_code() == 9
    assert [intent.id for intent in record.unresolved] == [1]


@pytest.mark.fault("P2")
def test_a_stop_before_the_first_write_sends_nothing(tmp_path: Path) -> None:
    """A stop during the last readings cancels them, and no PATCH is sent."""
    server = Server()

    def prepare(run: Apply) -> None:
        async def stop(method: str) -> None:
            assert method == "GET"
            asyncio.get_running_loop().call_soon(run.stop, STOP)
            await asyncio.sleep(1000)

        server.hook = stop

    run, record = applied(server, tmp_path, prepare)

    assert (server.writes, record.intents) == ([], {})
    assert outcomes(run) == ["skipped", "skipped"]


@pytest.mark.fault("P2")
def test_a_cancelled_run_is_not_a_stopped_one(tmp_path: Path) -> None:
    """A cancellation from outside ends the run; it is not recorded as an outcome."""
    server = Server()

    def prepare(run: Apply) -> None:
        task = asyncio.current_task()
        assert task

        async def cancel(_: str) -> None:
            task.cancel()
            await asyncio.sleep(1000)

        server.hook = cancel
        del run

    with pytest.raises(asyncio.CancelledError):
        applied(server, tmp_path, prepare)
    assert server.writes == []


@pytest.mark.fault("F1")
@pytest.mark.parametrize(
    ("lines", "writes", "words", "code"),
    [(1, [], ["skipped", "skipped"], 1), (2, ["1"], ["updated", "skipped"], 8)],
)
def test_a_full_disk_ends_the_run(
    lines: int, writes: list[str], words: list[str], code: int, tmp_path: Path
) -> None:
    """Nothing is sent that the journal cannot announce; an outcome it cannot hold is reported."""
    applied(Server(), tmp_path / "whole")
    whole = (tmp_path / "whole" / "run.jsonl").read_bytes().splitlines(keepends=True)
    server = Server()

    with no_file_grows_past(len(b"".join(whole[:lines])) + 1):
        run, record = applied(server, tmp_path)

    assert (server.writes, outcomes(run), run.outcomes.exit_code()) == (writes, words, code)
    assert [str(id_) for id_ in record.intents] == writes
    assert record.outcomes == {}
    unrecorded = [json.loads(line)["kind"] for line in run.outcomes.unrecorded]
    assert unrecorded == [*(["outcome"] if writes else []), "end"]
