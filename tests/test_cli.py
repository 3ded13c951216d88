"""The commands as a user runs them: exit codes, streams, saved plans, refusals."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.commandline import EXAMPLE, Command, copy_example
from support.faults import Fault, Quirks, Sandbox
from support.plans import body_of
from support.servers import apply, plan_of, run_to_end

from campaignsync.load import load
from campaignsync.load.files import find
from campaignsync.model.plan import Plan, seal
from campaignsync.schema import schema


@pytest.mark.usefixtures("folder")
class TestPlan:
    def test_plan_makes_no_write(self, cs: Command, server: Sandbox) -> None:
        """`plan` only reads, and changes nothing."""
        ran = cs("plan")

        assert ran.code == 0
        assert ran.out.splitlines()[-1] == "Plan: 3 to update, 1 frozen, 1 unchanged."
        assert server.writes == ()

    def test_detailed_exitcode_says_that_changes_are_pending(
        self, cs: Command, server: Sandbox
    ) -> None:
        """A check can distinguish pending changes (2) from none (0)."""
        assert cs("plan", "--detailed-exitcode").code == 2
        assert cs("apply", "--auto-approve").code == 0
        assert cs("plan", "--detailed-exitcode").code == 0
        assert len(server.writes) == 3

    @pytest.mark.usefixtures("server")
    def test_strict_refuses_frozen_campaigns_that_differ(self, cs: Command) -> None:
        """With --strict a finished campaign that differs fails the check."""
        assert cs("plan", "--strict").code == 6

    @pytest.mark.usefixtures("server")
    def test_the_json_is_as_published(self, cs: Command) -> None:
        """The plan's JSON validates against the schema that `schema plan` prints."""
        plan = cs("plan", "--format", "json")
        published = cs("schema", "plan").json

        jsonschema.validate(plan.json, published)
        assert plan.json["summary"] == {
            "update": 3, "unchanged": 1, "blocked": 0, "frozen": 1, "unknown_fields": 0,
            "left_out": 0,
        }  # fmt: skip
        assert plan.json["environments"][0]["requests"]["write"] == 3

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_the_same_world_gives_the_same_plan(self, cs: Command, folder: Path) -> None:
        """Comments, file names and the order of keys do not change a plan."""
        before = cs("plan", "--format", "json").json
        for file in sorted((folder / "campaigns").glob("*.yaml")):
            file.write_text(f"# a comment\n\n{file.read_text()}")
            file.rename(file.with_name(f"renamed-{file.name}"))
        after = cs("plan", "--format", "json").json

        assert before["environments"][0]["definitions"] == after["environments"][0]["definitions"]
        assert [c["requests"] for c in before["campaigns"]] == [
            c["requests"] for c in after["campaigns"]
        ]


@pytest.mark.usefixtures("folder")
class TestSavedPlan:
    def test_exactly_the_saved_plan_is_applied(self, cs: Command, server: Sandbox) -> None:
        """Apply sends exactly the reviewed requests."""
        cs("plan", "--out", "plan.json")
        plan = json.loads(Path("plan.json").read_text())

        ran = cs("apply", "plan.json", "--auto-approve")

        planned = [body_of(c) for c in plan["campaigns"] if c["action"] == "update"]
        assert ran.code == 0
        assert ran.out.splitlines()[-1].startswith("Applied: 3 updated, 0 failed")
        assert sorted(map(str, (w.body for w in server.writes))) == sorted(map(str, planned))

    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize("format_", ["text", "json", "markdown"])
    def test_show_renders_a_saved_plan_offline(self, cs: Command, format_: str) -> None:
        """`show` prints the same as `plan`, offline."""
        planned = cs("plan", "--out", "plan.json", "--format", format_)
        os.environ["ALTUR_BASE_URL"] = "http://127.0.0.1:9"

        assert cs("show", "plan.json", "--format", format_).out == planned.out

    def test_an_edited_plan_is_refused(self, cs: Command, server: Sandbox) -> None:
        """A plan that was edited after the review is refused."""
        cs("plan", "--out", "plan.json")
        plan = Path("plan.json")
        plan.write_text(plan.read_text().replace("Second reminder", "As forged"))

        assert cs("apply", "plan.json", "--auto-approve").code == 7
        assert server.writes == ()

    @pytest.mark.fault("R6")
    @pytest.mark.slow
    def test_no_flipped_byte_is_applied(self, cs: Command, server: Sandbox) -> None:
        """If any byte of a saved plan is damaged, nothing is sent."""
        cs("plan", "campaigns/overdue-60.yaml", "--out", "plan.json")
        content = Path("plan.json").read_bytes()
        for offset in range(0, len(content), 7):
            if content[offset : offset + 1].isspace():
                continue
            Path("plan.json").write_bytes(
                content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :]
            )
            assert cs("apply", "plan.json", "--auto-approve").code == 7, offset
        assert server.writes == ()

    @pytest.mark.fault("R5")
    def test_changed_definitions_make_a_plan_stale(
        self, cs: Command, server: Sandbox, folder: Path
    ) -> None:
        """A plan is refused if the definitions changed after the review."""
        cs("plan", "--out", "plan.json")
        with (folder / "campaigns" / "survey.yaml").open("a") as file:
            file.write("description: new\n")

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 7
        assert "definitions have changed" in ran.err
        assert server.log[-1].method == "GET"

    @pytest.mark.slow
    @pytest.mark.fault("R5", "N13")
    @pytest.mark.parametrize(
        ("made", "why"),
        [
            ("167", ""),
            ("168.1", "OLD_PLAN"),
            ("-0.07", ""),
            ("-0.09", "FUTURE_PLAN"),
            ("-1000000", "FUTURE_PLAN"),
            ("2026-01-05T12:00:00", "EDITED_PLAN"),
            ("somewhen", "EDITED_PLAN"),
        ],
    )
    def test_a_plan_is_applied_within_a_week(
        self, cs: Command, server: Sandbox, made: str, why: str
    ) -> None:
        """A plan that is older than a week, or dated in the future, is refused."""
        cs("plan", "--out", "plan.json")
        plan = Plan.from_json(Path("plan.json").read_bytes())
        if why != "EDITED_PLAN":
            made = (datetime.now(UTC) - timedelta(hours=float(made))).isoformat()
        aged = seal(plan.model_copy(update={"created_at": made}))
        Path("plan.json").write_text(aged.model_dump_json())

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == (7 if why else 0)
        assert f"[{why}]" in ran.err or not why
        assert bool(server.writes) == (not why)

    @pytest.mark.fault("N13")
    def test_a_plan_that_grew_old_while_it_was_approved_is_refused(
        self, cs: Command, server: Sandbox
    ) -> None:
        """The age is checked when writing begins, not only when the plan is read."""
        ran = cs("apply", "--auto-approve", "--max-age", "0")

        assert ran.code == 7
        assert server.writes == ()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("adopt overdue", "'overdue' is not a valid whole number"),
            ("init --shards two", "--shards: 'two' is not a valid whole number"),
            ("apply --rate fast", "--rate: 'fast' is not a valid number"),
        ],
    )
    def test_a_word_in_place_of_a_number(
        self, cs: Command, server: Sandbox, arguments: str, message: str
    ) -> None:
        """A word in place of a number is a usage error that names what is expected."""
        ran = cs(*arguments.split())

        assert ran.code == 3
        assert message in ran.err
        assert server.log == ()

    def test_a_timeout_is_a_number(self, cs: Command, server: Sandbox) -> None:
        """`--lock-timeout nan` is a usage error, and makes no request."""
        ran = cs("apply", "--auto-approve", "--lock-timeout", "nan")

        assert ran.code == 3
        assert "invalid value for --lock-timeout: nan is not a number" in ran.err
        assert server.log == ()

    def test_a_definition_that_is_gone_makes_a_plan_stale(
        self, cs: Command, server: Sandbox, folder: Path
    ) -> None:
        """A plan whose definition was deleted is refused."""
        cs("plan", "--out", "plan.json")
        (folder / "campaigns" / "survey.yaml").unlink()

        assert cs("apply", "plan.json", "--auto-approve").code == 7
        assert server.writes == ()


@pytest.mark.usefixtures("folder")
class TestApply:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("",), "the argument after `--auto-approve` is empty"),
            (("-e", ""), "the argument after `-e` is empty"),
            (("--shard", ""), "the argument after `--shard` is empty"),
            (("--shard=",), "`--shard` has an empty value"),
            (("--guards-from", ""), "the argument after `--guards-from` is empty"),
            (("--base-url=",), "`--base-url` has an empty value"),
            (("--rate", ""), "the argument after `--rate` is empty"),
            (("--journal", ""), "the argument after `--journal` is empty"),
        ],
    )
    def test_an_unset_shell_variable_does_not_widen_an_apply(
        self, cs: Command, server: Sandbox, arguments: tuple[str, ...], named: str
    ) -> None:
        """`apply "$plan"` with an unset variable is refused, and does not apply everything."""
        ran = cs("apply", "--auto-approve", *arguments)

        assert (ran.code, ran.out) == (3, "")
        assert ran.err == (
            f"Error: {named}\n  → check that the shell variable is set, or remove the argument\n"
        )
        assert server.log == ()

    def test_apply_without_a_terminal_requires_auto_approve(
        self, cs: Command, server: Sandbox
    ) -> None:
        """Without a terminal, nothing is sent without --auto-approve."""
        ran = cs("apply")

        assert ran.code == 3
        assert "--auto-approve" in ran.err
        assert server.writes == ()

    @pytest.mark.usefixtures("server")
    def test_the_json_is_as_published(self, cs: Command) -> None:
        """The JSON of apply validates against the schema that `schema apply` prints."""
        ran = cs("apply", "--auto-approve", "--format", "json")

        jsonschema.validate(ran.json, schema("apply"))
        assert ran.json["summary"]["updated"] == 3

    @pytest.mark.fault("R1")
    def test_a_field_that_moved_since_the_plan_is_not_overwritten(
        self, cs: Command, server: Sandbox
    ) -> None:
        """A dashboard edit after the review is kept and reported."""
        cs("plan", "--out", "plan.json")
        server.edit(1236, {"description": "By hand"})

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 8
        assert server.campaigns()[1236]["description"] == "By hand"
        assert "/campaigns/1236" not in {w.path.removeprefix("/api/v1.0") for w in server.writes}
        assert 'changed since the plan: was "", is "By hand"' in ran.out

    @pytest.mark.slow
    @pytest.mark.fault("R2")
    def test_a_field_that_is_not_managed_may_move(self, cs: Command, server: Sandbox) -> None:
        """A live change of a field that the YAML does not manage is kept, and apply continues."""
        cs("plan", "--out", "plan.json")
        server.edit(1236, {"name": "By hand"})

        assert cs("apply", "plan.json", "--auto-approve").code == 0
        assert server.campaigns()[1236]["name"] == "By hand"

    @pytest.mark.fault("R3")
    def test_a_campaign_that_already_matches_is_not_sent(
        self, cs: Command, server: Sandbox
    ) -> None:
        """If live already matches the definition, no request is sent."""
        cs("plan", "--out", "plan.json")
        server.edit(1238, {"template": "cita_recordatorio_v2"})

        ran = cs("apply", "plan.json", "--auto-approve", "--format", "json")

        assert ran.code == 0
        assert {c["id"]: c["outcome"] for c in ran.json["campaigns"]}[1238] == "unchanged"
        assert len(server.writes) == 2

    @pytest.mark.slow
    @pytest.mark.fault("A6")
    def test_a_campaign_that_finished_meanwhile_is_stale(
        self, cs: Command, server: Sandbox
    ) -> None:
        """A campaign that finished after the plan is not changed."""
        cs("plan", "--out", "plan.json")
        server.edit(1236, {"status": "finished"})

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 8
        assert len(server.writes) == 2

    @pytest.mark.slow
    @pytest.mark.fault("A3")
    def test_a_campaign_that_was_archived_meanwhile_is_stale(
        self, cs: Command, server: Sandbox
    ) -> None:
        """A campaign that was archived after the plan is not changed."""
        cs("plan", "--out", "plan.json")
        server.edit(1236, {"archived": True})

        assert cs("apply", "plan.json", "--auto-approve").code == 8
        assert len(server.writes) == 2

    @pytest.mark.slow
    @pytest.mark.fault("A9")
    def test_a_value_that_did_not_take_is_a_failure(self, server: Sandbox, folder: Path) -> None:
        """A server that accepts a PATCH without effect is detected, with both values."""
        server.quirks = Quirks(ignore_fields=frozenset({"description"}))
        desired = load(find([folder / "campaigns"]))
        plan = run_to_end(plan_of(server, desired))

        result = run_to_end(apply(server, plan, desired, folder))

        assert result.code == 8
        [error] = result.errors.values()
        assert 'description sent "Second reminder", is ""' in error.message
        assert Counter(result.outcomes.values())["updated"] == 2
        assert Counter(result.outcomes.values())["failed"] == 1

    @pytest.mark.fault("A10")
    def test_an_unexpected_change_stops_the_run(self, cs: Command, server: Sandbox) -> None:
        """Unexpected changes are limited to the first campaign."""
        server.quirks = Quirks(clobber={"timezone": "Europe/Madrid"})

        ran = cs("apply", "--auto-approve")

        assert ran.code == 8
        assert len(server.writes) == 1
        assert 'timezone was "America/Mexico_City", is "Europe/Madrid"' in ran.out

    @pytest.mark.parametrize(("kind", "code"), [("401", 4), ("403", 4)])
    def test_a_refused_key_stops_everything(
        self, cs: Command, server: Sandbox, kind: Any, code: int
    ) -> None:
        """After the key was refused, nothing more is sent."""
        server.quirks = Quirks(faults=(Fault("all", kind, frozenset({"PATCH"})),))

        assert cs("apply", "--auto-approve").code == code
        assert len(server.writes) == 1

    @pytest.mark.fault("A8")
    def test_a_billing_limit_stops_everything(self, cs: Command, server: Sandbox) -> None:
        """When the billing limit is reached, the other campaigns are not tried."""
        server.quirks = Quirks(faults=(Fault(2, "402", frozenset({"PATCH"})),))

        ran = cs("apply", "--auto-approve")

        assert ran.code == 8
        assert "BILLING_LIMIT_REACHED" in ran.out

    @pytest.mark.slow
    @pytest.mark.fault("A5")
    def test_one_refused_campaign_does_not_block_the_others(
        self, cs: Command, server: Sandbox
    ) -> None:
        """A campaign that the API refuses fails alone, with the API's own code."""
        cs("plan", "--out", "plan.json")
        server.edit(1236, {"cycles": {"enabled": False}})

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 8
        assert "CYCLES_NOT_ENABLED" in ran.out
        assert "Applied: 2 updated" in ran.out


class TestWrongUse:
    @pytest.mark.usefixtures("folder")
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["plan", "--bogus"], 3),
            (["plam"], 3),
            (["plan", "nowhere"], 3),
            (["plan", "-e", "nowhere"], 3),
            (["plan", "--rate", "13"], 3),
            (["plan", "--base-url", "http://example.com"], 3),
            (["plan", "--base-url", "https://u:p@example.com"], 3),
            (["plan"], 4),
            (["show", "nowhere.json"], 3),
            (["apply", "nowhere.json"], 3),
            (["validate", "--format", "yaml"], 3),
        ],
    )
    def test_a_usage_error_is_printed_with_its_exit_code(
        self, cs: Command, arguments: list[str], code: int
    ) -> None:
        """Every usage error prints a one-line cause on stderr, and nothing on stdout."""
        ran = cs(*arguments)

        assert ran.code == code
        assert ran.out == ""
        assert ran.err.startswith("Error: ")
        assert "Traceback" not in ran.err

    @pytest.mark.usefixtures("folder")
    def test_an_error_is_one_json_document(self, cs: Command) -> None:
        """A program that requests JSON gets JSON for errors, too."""
        for arguments in (["plan"], ["plan", "--bogus"], ["plan", "nowhere"]):
            ran = cs(*arguments, "--format", "json")

            jsonschema.validate(ran.json, schema("error"))
            assert ran.json["exit_code"] == ran.code

    @pytest.mark.usefixtures("folder")
    @pytest.mark.fault("S1")
    @pytest.mark.parametrize(
        "key",
        ["", " ", "your-api-key", "<key>", "sk-test-1\n", "sk test", "“sk-test-1”", '"sk-test-1"',
         "api-key sk-test-1", "xxxx"],
    )  # fmt: skip
    def test_a_malformed_key_is_refused_before_any_request(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        """A malformed key is reported by its variable's name, never by its value."""
        monkeypatch.setenv("ALTUR_API_KEY", key)

        ran = cs("plan")

        assert ran.code == 4
        assert "ALTUR_API_KEY" in ran.err
        assert len(key.strip()) < 4 or key.strip() not in ran.err.replace("`api-key `", "")
        assert server.log == ()

    @pytest.mark.usefixtures("folder")
    def test_a_wrong_key_exits_with_4(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key that the API refuses exits with 4, after one request."""
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-wrong")

        ran = cs("plan", "campaigns/survey.yaml")

        assert ran.code == 4
        assert "sk-test-wrong" not in ran.err
        assert len(server.log) == 1

    @pytest.mark.writes_the_key
    @pytest.mark.usefixtures("folder")
    def test_a_key_can_come_from_a_file(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A job can pass the key as the path of a mounted file."""
        (tmp_path / "key").write_text(f"{server.key}\n")
        monkeypatch.delenv("ALTUR_API_KEY")
        monkeypatch.setenv("ALTUR_API_KEY_FILE", str(tmp_path / "key"))

        assert cs("plan").code == 0


class TestSandboxEnvironment:
    @pytest.mark.slow
    def test_the_example_needs_no_key(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A new user can plan, apply and plan again without an account."""
        workspace = tmp_path / "example"
        copy_example(workspace)
        monkeypatch.chdir(tmp_path)

        assert "3 to update" in cs("plan", "example").out
        assert cs("apply", "example", "--auto-approve").code == 0
        assert "No changes." in cs("plan", "example").out
        assert (workspace / ".campaignsync").stat().st_mode & 0o777 == 0o700
        assert cs("sandbox", "reset", "example").code == 0
        assert "3 to update" in cs("plan", "example").out

    @pytest.mark.slow
    def test_a_saved_plan_of_the_sandbox_is_applied(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sandbox listens on another port each time, but remains the same account."""
        copy_example(tmp_path / "x")
        monkeypatch.chdir(tmp_path / "x")
        cs("plan", "--out", "plan.json")

        assert cs("apply", "plan.json", "--auto-approve").code == 0


@pytest.mark.parametrize("line", ["validate", "plan", "plan --out", "apply", "drift --metrics"])
def test_a_file_name_that_is_too_long_is_refused(cs: Command, line: str) -> None:
    """A name that no file can have is a plain usage error, not an internal one."""
    ran = cs(*line.split(), "n" * 300)

    assert ran.code == 3
    assert "file name too long: nnn" in ran.err


@pytest.mark.slow
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    """`campaignsync … | head` prints no traceback."""
    copy_example(tmp_path / "x")
    command = f"{sys.executable} -m campaignsync validate x/campaigns --format json | true"
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(EXAMPLE.parent)},
        check=False,
    )

    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr


def test_no_colour_reaches_a_file(cs: Command, tmp_path: Path) -> None:
    """Output to a file or a pipe has no colour."""
    shutil.copytree(EXAMPLE / "campaigns", tmp_path / "c")

    cs("validate", tmp_path / "c", "-o", tmp_path / "out.txt")

    assert (tmp_path / "out.txt").read_text() == "9 definitions are valid.\n"


def test_force_color_enables_colour(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORCE_COLOR enables colour without a terminal; NO_COLOR and --no-color win over it."""
    shutil.copytree(EXAMPLE / "campaigns", tmp_path / "c")
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = cs("validate", tmp_path / "c").out
    plain = cs("validate", tmp_path / "c", "--no-color").out
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    assert cs("validate", tmp_path / "c").out == plain
