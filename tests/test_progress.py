"""Progress of long work: what is done, how much is left, and what it waits for."""

import asyncio
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command, Ran, run_program
from support.faults import Fault, Quirks, Sandbox
from support.forges import GitHub, respond_with, variables
from support.loopback import Loopback
from support.plans import a_plan, campaign
from support.preloaded import preloaded
from support.servers import HookedSandbox, client, desire, run_to_end, seed
from support.terminals import erased_lines, final_screen, run_in_terminal

from campaignsync.apply.journal import with_checksum
from campaignsync.apply.lock import locked
from campaignsync.cli.progress import Work, facts, line
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Desired
from campaignsync.report.format import format_named
from campaignsync.sandbox.routes import ApiRequest

MANY = 400
SOON = {"CAMPAIGNSYNC_PROGRESS_AFTER": "0.1"}
"""The environment of a run that shows its progress after a tenth of a second."""
DEFINITION = """\
id: {id}
name: Campaign {id} of many
description: A reminder, friendly, without a word of fees.
timezone: America/Mexico_City
retries: 1
scheduling: {{mon-fri: 09:00-18:00, sat: 10:00-14:00, sun: closed}}
first_message: Buenas tardes, le llamo por su saldo pendiente, referencia {id}.
cycles: {{max_iterations: 7, cooldown_minutes: 720, filter_statuses: [busy, voicemail]}}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a workspace of many definitions; the one in the middle needs git to be read."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "campaigns").mkdir()
    for id_ in range(1, MANY + 1):
        text = DEFINITION.format(id=id_)
        if id_ == MANY // 2:
            text = re.sub("first_message: .*", "first_message: {file: hello.txt}", text)
        (folder / "campaigns" / f"{id_:05}.yaml").write_text(text)
    (folder / "hello.txt").write_text("Buenas tardes.\n")
    (folder / "campaignsync.yaml").write_text("version: 1\ndefinitions: campaigns\n")
    return folder


@pytest.fixture(scope="module")
def slow_git(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which git takes half a second, and progress is shown earlier."""
    git = tmp_path_factory.mktemp("bin") / "git"
    git.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(0.5)\nraise SystemExit(1)\n")
    git.chmod(0o755)
    return {**SOON, "PATH": f"{git.parent}:{os.environ['PATH']}"}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Write eight definitions whose details must all be read."""
    for id_ in range(1, 9):
        (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\nmessage_limit: 7\n")
    return tmp_path


def work(done: int, of: int, rate: float | None = None, waits: str = "") -> Work:
    return Work("reading", lambda: (done, of), "requests", rate, lambda: waits)


@pytest.mark.parametrize(
    ("done", "of", "rate", "text"),
    [
        (1, 0, 11, "1 request"),
        (7, 0, 11, "7 requests"),
        (0, 1, 11, "0 of 1 request, 0 s left"),
        (12, 300, 11, "12 of 300 requests, 26 s left"),
        (0, 2000, 11, "0 of 2,000 requests, 3 min 2 s left"),
        (0, 60, 0.5, "0 of 60 requests, 2 min 0 s left"),
        (12, 300, None, "12 of 300 requests"),
        (4120, 10_000, None, "4,120 of 10,000 requests"),
        (300, 300, 11, "300 requests"),
        (301, 300, 11, "301 requests"),
        (3, 10**400, 11, f"3 of {10**400:,} requests"),
    ],
)
def test_the_rate_determines_the_time_left(
    done: int, of: int, rate: float | None, text: str
) -> None:
    """If the rate is known, the time left is that of the remaining requests."""
    assert line([work(done, of, rate)]) == f"reading: {text}"


def test_an_unknown_total_is_not_shown() -> None:
    """While the total is unknown, no total is shown."""
    assert line([work(0, 0, 11)]) == "reading"


def test_parallel_work_is_shown_as_one_line() -> None:
    """With several environments the slowest determines the time left and the reason."""
    works = [work(10, 20, 10), work(30, 300, 10, "no response for 9 s")]

    assert line(works) == "reading: 40 of 320 requests, 27 s left"
    works[0].is_over = True
    assert line(works) == "reading: 40 of 320 requests, no response for 9 s"
    assert facts(works) == {
        "done": 40,
        "of": 320,
        "unit": "requests",
        "waits": "no response for 9 s",
    }
    works[1].is_over = True
    assert line(works) == "reading: 40 of 320 requests"


@pytest.mark.slow
def test_how_fast_it_goes_is_seen() -> None:
    """If the rate is unknown, the last seconds determine it, without standstills."""
    done, why = [0], [""]
    progress = Work("reading", lambda: (done[0], 100), "files", None, lambda: why[0])
    started = time.monotonic()
    for _ in range(12):
        progress.record()
        time.sleep(0.1)
        done[0] += 5
    text = line([progress])
    took = time.monotonic() - started
    left = re.fullmatch(r"reading: 60 of 100 files, (\d+) s left", text)
    assert left
    assert 0 <= int(left[1]) <= took * 40 / 60 + 1
    why[0] = "waiting 9 s: it is late"
    progress.record()
    why[0] = ""
    assert line([progress]) == "reading: 60 of 100 files"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "doing"),
    [
        ("validate", "reading"),
        ("render -o out.txt", "reading"),
        ("fmt --check", "formatting"),
        ("plan --select 1", "reading"),
        ("list", "reading"),
        ("adopt 2 --all", "reading"),
    ],
)
def test_reading_many_definitions_is_seen(
    many: Path, slow_git: dict[str, str], command: str, doing: str
) -> None:
    """A command shows how many definitions it has read, and erases the line at the end."""
    with Sandbox({"campaigns": [{"id": 1}]}, rate=None) as server:
        _, output = run_in_terminal(
            server, many, 100, *command.split(), NO_COLOR="1", more=slow_git
        )

    some = rf"{doing}: (\d+) of {MANY} definitions(, \d+ s left)?"
    shown = [re.fullmatch(some, text) for text in erased_lines(output)]
    numbers = [int(match[1]) for match in shown if match]
    assert numbers
    assert numbers == sorted(numbers)
    assert f"{doing}: " not in final_screen(output)


@pytest.mark.slow
def test_quiet_is_quiet(many: Path, slow_git: dict[str, str]) -> None:
    """-q hides progress on a terminal, too."""
    code, output = run_in_terminal(None, many, 100, "validate", "-q", NO_COLOR="1", more=slow_git)

    assert (code, output) == (0, f"{MANY} definitions are valid.\n")


@pytest.mark.slow
def test_a_job_or_a_pipe_shows_no_progress(many: Path, slow_git: dict[str, str]) -> None:
    """In a job or a pipe, no progress is shown."""
    ran = run_program("validate", folder=many, **slow_git)

    assert ran == Ran(0, f"{MANY} definitions are valid.\n", "")


@pytest.mark.slow
def test_a_program_reads_how_far_it_is(many: Path, slow_git: dict[str, str]) -> None:
    """`--log-format json` reports once a second how many definitions have been read."""
    ran = preloaded().run("validate", "--log-format", "json", folder=many, **slow_git)
    lines = [json.loads(text) for text in ran.err.splitlines()]
    records = [one for one in lines if "unit" in one]

    assert records
    assert {(one["level"], one["message"], one["unit"]) for one in records} == {
        ("progress", "reading", "definitions")
    }
    known = [one for one in records if one.get("of")]  # before that, files are still being searched
    assert known
    assert all(0 <= one["done"] <= one["of"] == MANY for one in known)


@pytest.mark.slow
class TestStandingStill:
    def test_a_wait_after_a_429_is_shown(self, few: Path) -> None:
        """After a 429 the line shows the wait and its length."""
        busy = Quirks(faults=(Fault(5, "503"),), retry_after="2")
        with Sandbox(seed(8, message_limit=7), rate=None, quirks=busy) as server:
            code, output = run_in_terminal(server, few, 100, "plan", more=SOON)

        waits = [text for text in erased_lines(output) if "waiting" in text]
        assert code == 0
        assert re.fullmatch(
            r"reading: \d+ of 8 requests, waiting [12] s: requested by the API", waits[0]
        )

    def test_a_wait_without_a_response_is_shown(self, few: Path) -> None:
        """Requests without a response do not count as done, and the wait is shown."""
        with Sandbox(seed(8, message_limit=7), rate=None, quirks=Quirks(latency=3.5)) as server:
            _, output = run_in_terminal(server, few, 100, "plan", more=SOON)

        stalled = r"reading: 0 of 8 requests, no response for [23] s"
        assert any(re.fullmatch(stalled, text) for text in erased_lines(output))

    def test_the_reason_of_a_retry_is_shown(self) -> None:
        """The reason of a retry is shown while the next response is awaited."""

        async def read(server: Sandbox) -> str:
            async with client(server, deadline=60) as api:
                reading = asyncio.create_task(api.campaign(1))
                await asyncio.sleep(2.3)
                reading.cancel()
                return api.traffic.describe_stall()

        faults = (Fault(1, "503"), Fault(2, "hang"))
        with Sandbox(seed(1), rate=None, quirks=Quirks(faults=faults)) as server:
            why = run_to_end(read(server))

        assert re.fullmatch(r"no response for \d s, retried: status 503", why)

    def test_another_apply_is_under_way(self, few: Path) -> None:
        """The wait for a lock shows what it waits for, and how long at most."""
        state = few / ".campaignsync" / "lock"
        with (
            Sandbox(seed(8, message_limit=7), rate=None) as server,
            locked(state, "default", timeout=0, started="now"),
        ):
            command = ("apply", "--auto-approve", "--lock-timeout", "2")
            code, output = run_in_terminal(server, few, 100, *command, more=SOON)

        assert code == 10
        wait = r"locking: waiting [12] s: another apply of default is running"
        assert any(re.fullmatch(wait, text) for text in erased_lines(output))

    def test_a_wait_for_the_forge_is_shown(self, tmp_path: Path) -> None:
        """A comment that has to wait shows the wait."""
        (tmp_path / "plan.json").write_text(format_named("json").plan(a_plan(campaign(1, "Wave"))))
        (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
        forge = GitHub()
        forge.faults = [respond_with(429, **{"Retry-After": "2"})]
        with Loopback(forge) as server:
            job = variables(forge, f"http://127.0.0.1:{server.port}")
            job["GITHUB_EVENT_PATH"] = str(tmp_path / "event.json")
            code, output = run_in_terminal(
                None, tmp_path, 100, "comment", "plan.json", more={**job, **SOON}
            )

        assert code == 0
        wait = r"commenting: waiting [12] s: requested by the forge"
        assert any(re.fullmatch(wait, text) for text in erased_lines(output))


@pytest.mark.slow
def test_reading_the_git_history_is_shown(
    few: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`drift` shows for how many campaigns it has read the history."""
    slow = tmp_path_factory.mktemp("bin") / "git"
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(0.05)\nraise SystemExit(1)\n")
    slow.chmod(0o755)
    with Sandbox(seed(8, message_limit=8), rate=None) as server:
        path = f"{slow.parent}:{os.environ['PATH']}"
        code, output = run_in_terminal(server, few, 100, "drift", PATH=path, more=SOON)

    assert code == 0
    counts = r"reading git history: \d+ of 8 campaigns"
    assert any(re.match(counts, text) for text in erased_lines(output))


@pytest.mark.slow
def test_the_start_of_a_sandbox_is_shown(tmp_path: Path) -> None:
    """Loading a large seed shows what is waited for."""
    (tmp_path / "campaignsync.yaml").write_text(
        "version: 1\nenvironments: {sandbox: {api: sandbox, seed: seed.json}}\n"
    )
    os.mkfifo(tmp_path / "seed.json")

    def write_late() -> None:
        with (tmp_path / "seed.json").open("w") as seed_file:
            time.sleep(1.7)
            seed_file.write('{"campaigns": [{}, {}]}')

    writer = threading.Thread(target=write_late)
    writer.start()
    code, output = run_in_terminal(None, tmp_path, 100, "sandbox", "reset", more=SOON)
    writer.join()

    assert "starting the sandbox: 1 s" in erased_lines(output)
    assert (code, final_screen(output)) == (0, "Reset the sandbox to its seed: 2 campaigns.\n")


@pytest.mark.slow
def test_runs_that_are_read_are_counted(few: Path) -> None:
    """`history` with many journals shows how many it has read."""
    folder = few / ".campaignsync" / "journal"
    folder.mkdir(parents=True)
    text = a_journal(1000)
    for number in range(40):
        (folder / f"20260101T0000{number:02}.000Z-aaaaaa.jsonl").write_bytes(text)
    code, output = run_in_terminal(None, few, 100, "history", more=SOON)

    assert code == 0
    assert any(re.match(r"reading: \d+ of 40 runs", text) for text in erased_lines(output))


def a_journal(count: int) -> bytes:
    """Return the lines of a run with this many writes."""
    lines: list[dict[str, Any]] = [{"kind": "run", "run": "r", "environment": "e", "base_url": "b"}]
    for id_ in range(1, count + 1):
        field = {"retries": 1}
        values = {"before": field, "after": field, "siblings": {}}
        intent = {"id": id_, "name": "n", "requests": [], **values}
        lines += [
            {"kind": "intent", **intent},
            {"kind": "outcome", "id": id_, "outcome": "updated"},
        ]
    return b"".join(with_checksum({"n": n, **each}) for n, each in enumerate(lines, start=1))


@pytest.mark.parametrize(
    ("listed", "detailed", "requests"),
    [(1, 0, 1), (0, 1, 1), (100, 0, 1), (101, 0, 2), (0, 30, 30), (50, 3, 4), (120, 5, 7)],
)
def test_the_number_of_requests_is_estimated(listed: int, detailed: int, requests: int) -> None:
    """If nothing differs, the number of requests is the one that was estimated."""
    some = desire(range(1, listed + 1), description="v1").definitions
    others = desire(range(listed + 1, listed + detailed + 1), message_limit=7).definitions
    desired = Desired(some + others)

    async def read() -> None:
        async with client(server) as api:
            await LiveReader(api).read(desired)

    with Sandbox(seed(listed + detailed, message_limit=7), rate=None) as server:
        run_to_end(read())

        assert LiveReader.fewest_requests(desired) == requests
        assert len(server.log) == requests


@pytest.mark.slow
def test_the_first_page_gives_the_number_of_pages() -> None:
    """Once the API returns the number of campaigns, the remaining pages are known."""
    progress: list[tuple[int, int]] = []

    async def read(server: HookedSandbox) -> None:
        async with client(server) as api:
            reader = LiveReader(api)

            def look(_: ApiRequest) -> None:
                progress.append((reader.listed.pages_read, reader.listed.pages_left))

            server.hook = look
            await reader.read_all()
            await reader.listed.read_channels()

    with HookedSandbox(seed(250), rate=None) as server:
        run_to_end(read(server))

    assert progress == [(0, 0), (1, 2), (2, 1), (3, 0), (4, 2), (5, 1), (6, 0)]


@pytest.mark.usefixtures("folder", "server")
def test_verbose_plans_print_the_number_of_requests(cs: Command) -> None:
    """`plan -v` prints how many requests it will make, and how many it made."""
    ran = cs("plan", "-v")

    assert "requests or more, " in ran.err
    assert "read with " in ran.err
    assert "requests or more" not in cs("plan").err
