"""Cases as data: each folder of `tests/cases` is planned, applied, and planned again.

A case holds
    campaigns/*.yaml   the definitions, as a user wrote them
    live.json          (optional) the live campaigns: the values that differ from the base
    quirks.json         (optional) the quirks of the server
    options.txt        (optional) further arguments of `plan` and `apply`, on one line
    plan.txt           what `plan` prints, then its exit code
    requests.json      every write that `apply` sends, in the order of ids, and its exit code

`base.json` holds the base campaign, and its cycles for those cases that name `cycles`. Without a
live.json that campaign alone is live. `null` takes a field of the base out.
"""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.commandline import QUICK
from support.faults import Quirks, Sandbox
from support.servers import connect_to

from campaignsync.cli import run
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
BASE = json.loads((FOLDER / "base.json").read_text())


@pytest.fixture(params=CASES, ids=lambda path: path.name)
def case(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def server(case: Path) -> Iterator[Sandbox]:
    quirks = case / "quirks.json"
    settings = json.loads(quirks.read_text()) if quirks.exists() else {}
    with Sandbox(live_in(case), rate=None, quirks=quirks_of(settings)) as sandbox:
        yield sandbox


def live_in(case: Path) -> dict[str, Any]:
    """Return the sandbox's seed of a case."""
    file = case / "live.json"
    overrides = json.loads(file.read_text()) if file.exists() else [{}]
    return {"campaigns": [live_campaign(override) for override in overrides]}


def live_campaign(override: dict[str, Any]) -> dict[str, Any]:
    """Return the base campaign with other values; those of a group are merged key by key."""
    cycles = {"cycles": BASE["cycles"]} if "cycles" in override else {}
    campaign: dict[str, Any] = {**BASE["campaign"], **cycles}
    for key, value in override.items():
        is_group = isinstance(value, dict) and isinstance(campaign.get(key), dict)
        campaign[key] = {**campaign[key], **value} if is_group else value
    return {key: value for key, value in campaign.items() if value is not None}


def quirks_of(settings: dict[str, Any]) -> Quirks:
    """Read lists as the sets that the sandbox wants; "reference" are the reference's own keys."""
    given: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in settings.items()
    }
    if given.get("detail_keys") == "reference":
        given["detail_keys"] = REFERENCE_DETAIL_KEYS
    return Quirks(**given)


@pytest.fixture
def workspace(case: Path, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the definitions away: a case is never changed by its run."""
    shutil.copytree(case / "campaigns", tmp_path / "campaigns")
    monkeypatch.chdir(tmp_path)
    connect_to(server, monkeypatch)
    return tmp_path


def words(case: Path) -> list[str]:
    options = case / "options.txt"
    return shlex.split(options.read_text()) if options.exists() else []


def expect(path: Path, text: str, *, write: bool) -> None:
    if write:
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.usefixtures("workspace")
def test_the_plan_prints_the_expected_text_and_sends_nothing(
    case: Path, server: Sandbox, capsys: pytest.CaptureFixture[str], *, write_cases: bool
) -> None:
    """Planning prints exactly what the case expects, and makes no write."""
    code = run(["plan", "campaigns", *words(case)], QUICK)

    out, err = capsys.readouterr()
    printed = out.replace(server.url, "SERVER") + err.replace(server.url, "SERVER")
    expect(case / "plan.txt", f"{printed}exit {code}\n", write=write_cases)
    assert server.writes == ()


@pytest.mark.slow
@pytest.mark.usefixtures("workspace")
def test_apply_sends_what_was_planned_and_the_next_plan_is_empty(
    case: Path, server: Sandbox, capsys: pytest.CaptureFixture[str], *, write_cases: bool
) -> None:
    """Applying sends exactly the expected bodies; where it succeeds, nothing is left to send."""
    code = run(["apply", "campaigns", "--auto-approve", *words(case)], QUICK)

    sent = sorted(
        ({"request": f"{w.method} {w.path}", "body": w.body} for w in server.writes),
        key=lambda write: str(write["request"]),
    )
    document = json.dumps({"exit": code, "writes": sent}, indent=2, ensure_ascii=False)
    expect(case / "requests.json", f"{document}\n", write=write_cases)

    out, _ = capsys.readouterr()
    succeeded = code in (0, 6, 8) and ", 0 failed" in out.splitlines()[-1]
    before = len(server.writes)
    run(["plan", "campaigns", "--format", "json", *words(case)], QUICK)
    out, _ = capsys.readouterr()
    again = json.loads(out)
    if succeeded and "--send-unreadable" not in words(case):
        assert again["summary"]["update"] == 0
    assert len(server.writes) == before
