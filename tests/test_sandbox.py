"""The sandbox as a server: keys, rate, state, start and stop."""

import base64
import json
import os
import socket
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commandline import Command, copy_example
from support.faults import Fault, Quirks, Sandbox
from support.processes import wait_for

import campaignsync.sandbox as package

SEED: dict[str, Any] = {"campaigns": [{"id": 7, "name": "Seven"}, {"name": "No id"}]}


@pytest.fixture
def call(http: httpx.Client) -> Callable[..., httpx.Response]:
    """Return a function that calls a sandbox with its own key."""

    def call(sandbox: Sandbox, method: str, path: str, **options: Any) -> httpx.Response:
        key = {"Authorization": f"api-key {sandbox.key}"}
        return http.request(method, sandbox.url + path, headers=key, **options)

    return call


Call = Callable[..., httpx.Response]


def test_the_package_exports_what_it_lists() -> None:
    """The package exports what its docstring lists."""
    assert set(package.__all__) == {"REFERENCE_DETAIL_KEYS", "Quirks", "Request", "Sandbox"}
    assert all(hasattr(package, name) for name in package.__all__)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_it_listens_on_loopback_only(host: str) -> None:
    """A sandbox listens on loopback only."""
    with pytest.raises(ValueError, match=r"loopback|IPv4"):
        Sandbox(SEED, host=host)


def test_the_sandbox_listens_on_ipv6_loopback(call: Call) -> None:
    """A sandbox on ::1 gives a URL that works."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with Sandbox(SEED, host="::1") as sandbox:
        assert call(sandbox, "GET", "/campaigns").status_code == 200


@pytest.mark.parametrize(
    "header",
    [None, "sk-test-sandbox", "Bearer sk-test-sandbox", "api-key", "api-key sk-test-other",
     "api-key  sk-test-sandbox", "API-KEY sk-test-sandbox", "api-key sk-test-sandbox2"],
)  # fmt: skip
def test_a_wrong_key_is_refused(http: httpx.Client, header: str | None) -> None:
    """Only `api-key` with the right key is accepted."""
    with Sandbox(SEED) as sandbox:
        headers = {"Authorization": header} if header else {}
        answer = http.get(f"{sandbox.url}/campaigns", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_without_a_key_setting_any_key_is_accepted(http: httpx.Client) -> None:
    """With `key=None` every key is accepted, but a missing one is not."""
    with Sandbox(SEED, key=None) as sandbox:
        url = f"{sandbox.url}/campaigns"

        assert http.get(url, headers={"Authorization": "api-key sk-test-x"}).status_code == 200
        assert http.get(url).status_code == 401


@pytest.mark.slow
def test_past_the_rate_is_a_429(call: Call) -> None:
    """A request beyond the rate gets a 429 with one second, and succeeds a second later."""
    with Sandbox(SEED, rate=3) as sandbox:
        answers = [call(sandbox, "GET", "/campaigns") for _ in range(5)]
        time.sleep(max(0.0, sandbox.log[0].at + 1.02 - time.monotonic()))
        later = call(sandbox, "GET", "/campaigns")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "RATE_LIMITED"
    assert answers[-1].headers["Retry-After"] == "1"
    assert later.status_code == 200
    assert [request.status for request in sandbox.log] == [200, 200, 200, 429, 429, 200]


@pytest.mark.slow
def test_the_rate_holds_in_any_second_over_all_connections() -> None:
    """Eight clients together get exactly the rate in any second."""

    def hammer(sandbox: Sandbox) -> None:
        key = {"Authorization": f"api-key {sandbox.key}"}
        with httpx.Client(trust_env=False, headers=key) as http:
            while time.monotonic() < end:
                http.get(f"{sandbox.url}/campaigns/7")
                time.sleep(0.02)

    end = time.monotonic() + 1.6
    with Sandbox(SEED, rate=12) as sandbox, ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, [sandbox] * 8))

    arrivals = [request.at for request in sandbox.log]
    let_in = [request.at for request in sandbox.log if request.status == 200]
    assert arrivals == sorted(arrivals)
    assert all(later - first >= 1 for first, later in zip(let_in, let_in[12:], strict=False))
    assert len(let_in) >= 12


def test_faulty_requests_count_towards_the_rate(call: Call) -> None:
    """A fault does not allow requests beyond the rate."""
    with Sandbox(SEED, rate=2, quirks=Quirks(faults=(Fault("all", "503"),))) as sandbox:
        statuses = [call(sandbox, "GET", "/campaigns").status_code for _ in range(4)]

    assert statuses == [503, 503, 429, 429]


def test_the_log_has_each_request_in_order(call: Call) -> None:
    """The log contains each request as sent, with its status, or None if it was dropped."""
    with Sandbox(SEED, quirks=Quirks(faults=(Fault(2, "drop-after"),))) as sandbox:
        started = time.monotonic()
        call(sandbox, "GET", "/campaigns?pageSize=1&cursor=")
        with pytest.raises(httpx.TransportError):
            call(sandbox, "PATCH", "/campaigns/7", json={"retries": 1})
        call(sandbox, "POST", "/campaigns/7/dance", content=b"{no json")
        log, writes = sandbox.log, sandbox.writes

    assert [(r.method, r.path, r.query, r.body, r.status) for r in log] == [
        ("GET", "/api/v1.0/campaigns", {"pageSize": "1", "cursor": ""}, None, 400),
        ("PATCH", "/api/v1.0/campaigns/7", {}, {"retries": 1}, None),
        ("POST", "/api/v1.0/campaigns/7/dance", {}, None, 400),
    ]
    assert writes == log[1:]
    assert started <= log[0].at <= log[-1].at <= time.monotonic()


def test_without_a_seed_it_is_empty(call: Call) -> None:
    """A sandbox without a seed starts empty."""
    with Sandbox() as sandbox:
        assert call(sandbox, "GET", "/campaigns").json()["total_count"] == 0


def test_an_edit_bypasses_rules_and_log(call: Call) -> None:
    """An edit changes any field, bypasses every rule, and is not in the log."""
    with Sandbox(SEED) as sandbox:
        sandbox.edit(7, {"status": "finished", "archived": True, "agent": {"id": "agt_9"}})
        sandbox.edit(7, {"scheduling": {"mon": {"active": True}}})
        log, live = sandbox.log, call(sandbox, "GET", "/campaigns/7").json()["campaign"]
        with pytest.raises(KeyError):
            sandbox.edit(99, {})

    assert log == ()
    assert (live["status"], live["archived"]) == ("finished", True)
    assert live["agent"] == {"id": "agt_9", "name": "Agent"}
    assert live["scheduling"]["mon"] == {"startTime": "09:00", "stopTime": "18:00", "active": True}


def test_a_seed_is_completed_with_defaults() -> None:
    """A seed sets what matters to a test; the rest is a plausible campaign."""
    seed = {
        "campaigns": [
            {"name": "No id"},
            {"id": 1, "cycles": {"enabled": True, "mode": "scheduled"}},
            {"id": 3, "integration_type": "whatsapp", "scheduling": {"mon": {"active": True}}},
        ]
    }
    with Sandbox(seed) as sandbox:
        held = sandbox.campaigns()

    assert list(held) == [1, 2, 3]
    assert held[2]["name"] == "No id"
    assert held[1]["cycles"]["max_iterations"] == 7
    assert list(held[1]["cycles"]["schedule"]) == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert held[3]["integration"] == {"id": "int_whatsapp_1"}
    assert held[3]["scheduling"]["mon"]["startTime"] == "09:00"
    assert not held[3]["cycles"]["enabled"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"campaigns": {}}', '{"campaigns": [1]}', '{"campaigns": [{"id": "x"}]}',
     '{"campaigns": [{"id": -1}]}', '{"campaigns": [{"id": 1}, {"id": 1}]}', "[" * 100_000, "\x00"],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_an_invalid_seed_is_named(tmp_path: Path, text: str) -> None:
    """An invalid seed is an error with its path, and creates no database."""
    seed = tmp_path / "seed.json"
    seed.write_text(text)

    with pytest.raises(ValueError, match=r"seed\.json"):
        Sandbox(seed, tmp_path / "state" / "sandbox.db")
    assert not (tmp_path / "state").exists()


def test_a_missing_seed_is_named(tmp_path: Path) -> None:
    """A missing seed is an error with its path."""
    with pytest.raises(ValueError, match=r"gone\.json"):
        Sandbox(tmp_path / "gone.json")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the example, and make it the current folder."""
    copy_example(tmp_path / "workspace")
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.mark.parametrize(
    ("broken", "reason", "hint"),
    [
        ("seed", "invalid sandbox seed: sandbox.json: No such file or directory", "`seed`"),
        ("folder", ".campaignsync: File exists", "make .campaignsync/ a writable folder"),
        ("port", "Address already in use", "pass another --port"),
    ],
)
def test_a_sandbox_that_cannot_start_is_explained(
    cs: Command, workspace: Path, broken: str, reason: str, hint: str
) -> None:
    """A missing seed, a file in place of the folder and a port in use each name their remedy."""
    if broken == "seed":
        (workspace / "sandbox.json").unlink()
    if broken == "folder":
        (workspace / ".campaignsync").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = cs("sandbox", "serve", "--port", str(taken.getsockname()[1]))

    assert ran.code == 3
    assert "[Errno" not in ran.err
    assert reason in ran.err
    assert hint in ran.err


def test_a_database_keeps_what_was_done(call: Call, tmp_path: Path) -> None:
    """Changes of one run are kept for the next one, also when the seed has changed."""
    seed, database = tmp_path / "seed.json", tmp_path / "state" / "sandbox.db"
    seed.write_text(json.dumps(SEED))
    new = {"name": "N", "agent_id": "a", "integration_id": "i", "integration_type": "whatsapp"}
    with Sandbox(seed, database) as sandbox:
        call(sandbox, "PATCH", "/campaigns/7", json={"name": "Kept"})
        created = call(sandbox, "POST", "/campaigns", json=new).json()["campaign"]["id"]
    seed.write_text('{"campaigns": [{"id": 1, "name": "Other"}]}')
    with Sandbox(seed, database) as sandbox:
        kept = sandbox.campaigns()
        sandbox.reset()
        assert sandbox.campaigns().keys() == {1}

    assert kept.keys() == {1, 7, created}
    assert kept[7]["name"] == "Kept"


def test_a_database_of_before_is_taken_up(call: Call, tmp_path: Path) -> None:
    """A database of the earlier format is listed correctly."""
    database = tmp_path / "sandbox.db"
    with Sandbox(SEED, database) as sandbox:
        sandbox.edit(7, {"archived": True})
    with closing(sqlite3.connect(database)) as kept, kept:
        kept.execute("DROP TABLE filter_values")
    with Sandbox(SEED, database) as sandbox:
        listed = call(sandbox, "GET", "/campaigns?archived=true").json()

    assert [item["id"] for item in listed["campaigns"]] == [7]
    assert listed["total_count"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "&integration=phone_call", "&archived=false&status=pending"])
def test_a_page_costs_the_same_in_a_large_list(call: Call, query: str) -> None:
    """A page out of thousands takes no longer than one out of a few."""

    def cost(count: int) -> float:
        with Sandbox({"campaigns": [{}] * count}, rate=None) as sandbox:
            half = base64.urlsafe_b64encode(f"after:{count // 2}".encode()).decode()
            runs = []
            for _ in range(5):
                start = time.process_time()
                page = call(sandbox, "GET", f"/campaigns?pageSize=20&cursor={half}{query}").json()
                runs.append(time.process_time() - start)
            assert len(page["campaigns"]) == 20
            assert page["total_count"] == count
        return min(runs)

    assert cost(4000) < 4 * cost(40)


def test_a_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Only the owner can read the file and its new folder, whatever the umask."""
    database = tmp_path / "state" / "sandbox.db"
    before = os.umask(0)
    try:
        with Sandbox(SEED, database):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    """A broken database is an error with its path, and is not overwritten."""
    database = tmp_path / "sandbox.db"
    database.write_text("no database at all, but long enough to look at" * 40)

    with pytest.raises(ValueError, match=r"sandbox\.db"):
        Sandbox(SEED, database)
    assert database.read_text().startswith("no database")


def test_reset_goes_back_to_the_seed(call: Call) -> None:
    """A reset restores the seed, also for reads that lag behind."""
    with Sandbox(SEED, quirks=Quirks(read_lag=5)) as sandbox:
        seeded = sandbox.campaigns()
        sandbox.edit(7, {"name": "Edited"})
        call(sandbox, "PATCH", "/campaigns/7", json={"name": "Patched"})
        sandbox.reset()
        seen = call(sandbox, "GET", "/campaigns/7").json()["campaign"]["name"]

        assert sandbox.campaigns() == seeded
        assert seen == "Seven"


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Let threads switch so often that they overlap everywhere."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_hasty")
def test_concurrent_writes_lose_nothing() -> None:
    """If eight clients change one campaign at once, no change is lost."""

    def patch(place: tuple[str, str]) -> list[bool]:
        day, key = place
        kept = []
        with httpx.Client(trust_env=False, headers=headers, timeout=10) as http:
            for minute in range(10, 20):
                body = {"scheduling": {day: {key: f"10:{minute}"}}}
                assert http.patch(url, json=body).status_code == 200
                kept.append(sandbox.campaigns()[7]["scheduling"][day][key] == f"10:{minute}")
        return kept

    places = list(product(("mon", "tue", "wed", "thu"), ("startTime", "stopTime")))
    # Ballast: slow writes are more likely to overlap.
    seed = {"campaigns": [{"id": 7, "x_ballast": list(range(3000))}]}
    with Sandbox(seed, rate=None) as sandbox, ThreadPoolExecutor(8) as pool:
        url, headers = f"{sandbox.url}/campaigns/7", {"Authorization": f"api-key {sandbox.key}"}
        kept = list(pool.map(patch, places))

    assert kept == [[True] * 10] * 8
    assert len(sandbox.log) == 80


def test_stopping_closes_connections_and_threads(call: Call) -> None:
    """A stop closes idle and hanging connections, and leaves no thread behind."""
    before = threading.active_count()
    hangs = Quirks(faults=(Fault(1, "hang"),))
    with socket.socket() as idle:
        sandbox = Sandbox(SEED, quirks=hangs)
        sandbox.start()
        idle.connect(("127.0.0.1", int(sandbox.url.split(":")[2].split("/")[0])))
        with pytest.raises(httpx.ReadTimeout):
            call(sandbox, "GET", "/campaigns", timeout=0.05)
        call(sandbox, "GET", "/campaigns")
        sandbox.stop()  # would never end if it waited for its clients

    assert threading.active_count() == before


def test_an_unstarted_sandbox_can_be_closed() -> None:
    """A sandbox that was never started can be closed."""
    Sandbox(SEED).stop()


@pytest.mark.slow
def test_a_disconnected_client_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Clients that disconnect print nothing; half a request does nothing."""
    with Sandbox(SEED, quirks=Quirks(latency=0.02)) as sandbox:
        address = ("127.0.0.1", int(sandbox.url.split(":")[2].split("/")[0]))
        head = (
            "PATCH /api/v1.0/campaigns/7 HTTP/1.1\r\n"
            f"Authorization: api-key {sandbox.key}\r\nContent-Length: 20\r\n\r\n"
        ).encode()
        for content in (b"", b"GET", b"\x00\xff\r\n\r\n", head, head + b'{"name": "New"}'):
            with socket.create_connection(address) as client:
                client.sendall(content)
        time.sleep(0.05)
        halves = sandbox.campaigns()[7]["name"]
        with socket.create_connection(address) as client:
            client.sendall(head + b'{"name": "New"}     ')
        wait_for(lambda: sandbox.campaigns()[7]["name"] == "New")

        assert halves == "Seven"
    assert capfd.readouterr() == ("", "")


def test_it_describes_itself_without_a_key(http: httpx.Client) -> None:
    """The OpenAPI document is at the root, costs no request, and lists the five endpoints."""
    with Sandbox(SEED, rate=0) as sandbox:
        answer = http.get(sandbox.url.replace("/api/v1.0", "/openapi.json"))

    document = answer.json()
    calls = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert document["openapi"].startswith("3.1")
    assert calls == {
        "GET /campaigns", "POST /campaigns", "GET /campaigns/{id}", "PATCH /campaigns/{id}",
        "POST /campaigns/{id}/{action}",
    }  # fmt: skip
    assert sandbox.log == ()
