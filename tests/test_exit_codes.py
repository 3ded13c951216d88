"""The exit code says whether anything was written: 3 to 7 nothing, 8 some, 9 unknown."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command
from support.faults import Quirks
from support.loopback import CannedResponse, Loopback
from support.servers import ApplyResult, HookedSandbox, apply, desire, plan_of, run_to_end, seed

from campaignsync.sandbox.http_server import error_reply
from campaignsync.sandbox.rules import Refusal


def applied(
    server: HookedSandbox, ids: tuple[int, ...], folder: Path, answers: dict[int, Any]
) -> ApplyResult:
    """Apply `description: v2` to campaigns; PATCHes of some return a status and a code."""
    desired = desire(ids, description="v2")
    plan = run_to_end(plan_of(server, desired))

    def hook(request: Any) -> Any:
        id_ = int(request.path.rpartition("/")[2])
        if request.method != "PATCH" or id_ not in answers:
            return None
        status, error_code = answers[id_]
        return error_reply(Refusal(status, error_code, "no"), Quirks())

    server.hook = hook
    result: ApplyResult = run_to_end(apply(server, plan, desired, folder))
    return result


FINISHED, INVALID = (409, "CAMPAIGN_FINISHED"), (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("ids", "answers", "code"),
    [
        ((1, 2), {}, 0),
        ((1, 99), {}, 8),
        ((99,), {}, 6),
        ((1, 2), {1: FINISHED}, 8),
        ((1,), {1: FINISHED}, 7),
        ((1, 99), {1: FINISHED}, 7),
        ((1, 2), {2: INVALID}, 8),
        ((1,), {1: INVALID}, 1),
        ((1, 99), {1: INVALID}, 6),
        ((1,), {1: (401, "UNAUTHORIZED")}, 4),
    ],
    ids=str,
)
def test_an_apply_with_3_to_7_has_written_nothing(
    ids: tuple[int, ...], answers: dict[int, Any], code: int, tmp_path: Path
) -> None:
    """A write beside a blocked, stale or failed campaign is 8; without a write the cause counts."""
    with HookedSandbox(seed(2), rate=None) as server:
        result = applied(server, ids, tmp_path, answers)

        written = [
            id_ for id_, campaign in server.campaigns().items() if campaign["description"] == "v2"
        ]
        assert result.code == code
        assert bool(written) == (code in (0, 8))
        assert result.record.exit_code == code


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("command", "status"),
    [
        *(("plan", status) for status in (200, 400, 405, 409, 418, 422)),
        *((command, 400) for command in ("drift", "export 1", "list")),
    ],
)
def test_a_refused_read_is_not_reported_as_partly_applied(
    cs: Command, monkeypatch: pytest.MonkeyPatch, command: str, status: int
) -> None:
    """A GET that the API refuses exits with 1: a command that only reads wrote nothing."""
    body = json.dumps({"success": False, "code": "ODD"}).encode()
    with Loopback(lambda _: CannedResponse(status, body)) as loopback:
        monkeypatch.setenv("ALTUR_BASE_URL", loopback.url)
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-reading")

        ran = cs(*command.split())

        assert ran.code == 1, ran.err
        assert f"the API returned {status} ODD" in ran.err
        assert {seen.method for seen in loopback.log} == {"GET"}


WORKSPACE = """\
version: 1
environments:
  north: {api: sandbox, seed: seed.json}
  south: {api: sandbox, seed: seed.json}
"""


@pytest.mark.parametrize(("ids", "code"), [((1, 2), 0), ((1, 99), 8), ((99, 1), 8), ((99, 98), 6)])
def test_environments_share_the_table(
    cs: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ids: tuple[int, int], code: int
) -> None:
    """A write in one environment and a blocked change in another exit with 8."""
    (tmp_path / "campaignsync.yaml").write_text(WORKSPACE)
    (tmp_path / "seed.json").write_text(json.dumps(seed(2)))
    (tmp_path / "campaigns").mkdir()
    definition = f"id: {{north: {ids[0]}, south: {ids[1]}}}\ndescription: v2\n"
    (tmp_path / "campaigns" / "one.yaml").write_text(definition)
    monkeypatch.chdir(tmp_path)

    ran = cs("apply", "-e", "north", "-e", "south", "--auto-approve")

    assert ran.code == code, ran.err + ran.out
