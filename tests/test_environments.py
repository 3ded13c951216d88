"""Several environments in one run: in parallel, one report, one exit code."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commandline import Command, counting_turns
from support.faults import Quirks, Sandbox
from support.preloaded import preloaded
from support.processes import wait_for
from support.two_environments import BOTH, DEFINITIONS, WORKSPACE, two_environments

from campaignsync.apply.journal import journals, read_journal
from campaignsync.apply.lock import locked
from campaignsync.model.plan import Plan, merge, seal
from campaignsync.report.format import format_named, names_for


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with two_environments(tmp_path, monkeypatch) as sandbox:
        yield sandbox


@pytest.fixture
def without_a_key(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Remove the key of production."""
    monkeypatch.delenv("ALTUR_API_KEY_PRODUCTION")
    return server


class TestPlan:
    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize("options", [BOTH, ("--all-environments",)])
    def test_environments_are_planned_in_one_run(
        self, cs: Command, options: tuple[str, ...]
    ) -> None:
        """Each environment has its plan, and the report counts them together."""
        plan = cs("plan", *options, "--format", "json").json

        assert plan["kind"] == "plan"
        assert [each["name"] for each in plan["environments"]] == ["staging", "production"]
        updates = [
            (campaign["environment"], campaign["id"])
            for campaign in plan["campaigns"]
            if campaign["action"] == "update"
        ]
        assert updates == [("staging", 1), ("production", 11), ("production", 13)]
        assert [each["summary"]["update"] for each in plan["environments"]] == [1, 2]
        assert plan["summary"]["update"] == 3
        assert plan["summary"]["unchanged"] == 2
        assert [each["error"] for each in plan["environments"]] == [None, None]

    @pytest.mark.usefixtures("server")
    def test_the_text_shows_one_environment_after_the_other(self, cs: Command) -> None:
        """The text shows each environment with its own summary, and ends with the total."""
        lines = cs("plan", *BOTH).out.splitlines()

        named = [line.split()[1] for line in lines if line.startswith("Environment ")]
        assert named == ["staging", "production"]
        assert [line for line in lines if line.startswith("Plan: ")] == [
            "Plan: 1 to update, 2 unchanged.",
            "Plan: 2 to update, 0 unchanged, 1 not in production.",
            "Plan: 3 to update, 2 unchanged, 1 not in every environment.",
        ]
        assert lines[-1] == "Plan: 3 to update, 2 unchanged, 1 not in every environment."

    @pytest.mark.usefixtures("without_a_key")
    def test_a_failed_environment_does_not_hide_the_others(self, cs: Command) -> None:
        """Without a key for production staging is planned; the run fails, and says why."""
        ran = cs("plan", *BOTH, "--format", "json")

        assert ran.code == 4
        staging, production = ran.json["environments"]
        assert (staging["name"], staging["error"]) == ("staging", None)
        assert {each["environment"] for each in ran.json["campaigns"]} == {"staging"}
        assert (production["name"], production["error"]["code"]) == ("production", "KEY_MISSING")
        assert production["error"]["exit_code"] == 4
        assert production["base_url"] == ""
        assert not any(production["summary"].values())
        assert "no key for environment production" in ran.err
        assert cs("plan", *BOTH).out.splitlines()[-1].startswith("Not planned: production. ")

    def test_a_failed_environment_is_not_reported_as_in_sync(
        self, cs: Command, without_a_key: Sandbox
    ) -> None:
        """If one environment fails, the last line does not read `No changes`."""
        assert cs("apply", "-e", "staging", "--auto-approve").code == 0
        ran = cs("plan", *BOTH, "--detailed-exitcode")

        assert ran.code == 4
        assert ran.out.splitlines()[-1].startswith("Not planned: production. No changes. ")
        assert without_a_key.writes

    @pytest.mark.usefixtures("server")
    def test_changes_in_one_are_pending(self, cs: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        """The exit code is the most severe one of all environments."""
        assert cs("apply", "-e", "staging", "--auto-approve").code == 0

        assert cs("plan", "-e", "staging", "--detailed-exitcode").code == 0
        assert cs("plan", *BOTH, "--detailed-exitcode").code == 2
        monkeypatch.setenv("ALTUR_API_KEY_PRODUCTION", "sk-test-unused")
        assert cs("plan", *BOTH, "--detailed-exitcode").code == 4

    def test_plan_fails_if_every_environment_fails(
        self, cs: Command, without_a_key: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If no environment could be planned, the run fails as for one."""
        monkeypatch.delenv("ALTUR_API_KEY")
        ran = cs("plan", *BOTH, "--format", "json")

        assert ran.code == 4
        assert ran.json["kind"] == "error"
        assert "staging: " in ran.err
        assert "production: " in ran.err
        assert not without_a_key.log

    @pytest.mark.slow
    @pytest.mark.usefixtures("without_a_key")
    def test_every_format_shows_every_environment(self, cs: Command, tmp_path: Path) -> None:
        """Every report names every environment, and the ones that failed."""
        reports = [f"--report={format_}={format_}.out" for format_ in names_for("plan")]
        cs("apply", "-e", "staging", "--auto-approve")
        (tmp_path / "campaigns" / "both.yaml").write_text("id: {staging: 1}\ndescription: v4\n")
        cs("plan", *BOTH, *reports)
        texts = {format_: Path(f"{format_}.out").read_text() for format_ in names_for("plan")}

        for format_ in ("text", "json", "markdown", "step-summary", "html", "junit"):
            assert "staging" in texts[format_], format_
            assert "KEY_MISSING" in texts[format_], format_
        assert json.loads(texts["gitlab-widget"])["update"] == 1
        assert [each["check_name"] for each in json.loads(texts["gitlab"])] == ["CHANGE"]
        assert "::notice file=campaigns/both.yaml" in texts["github"]
        assert 'tests="3" failures="0"' in texts["junit"]
        assert 'tests="1" failures="1"' in texts["junit"]

    @pytest.mark.parametrize("command", ["plan", "drift"])
    def test_environments_with_one_key_share_its_pace(
        self,
        capsys: pytest.CaptureFixture[str],
        server: Sandbox,
        tmp_path: Path,
        command: str,
    ) -> None:
        """Two environments with one key share the API's rate."""
        cs, turns = counting_turns(capsys)
        for number in range(1, 9):
            text = f"id: {number}\nmessage_limit: 7\n"
            (tmp_path / "campaigns" / f"more-{number}.yaml").write_text(text)
        for path in DEFINITIONS:
            (tmp_path / "campaigns" / f"{path}.yaml").unlink()

        ran = cs(command, *BOTH)

        assert ran.code == 0
        assert len(server.log) == 16
        assert turns() == [16]


class TestChoosing:
    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize("command", ["plan", "apply", "drift"])
    def test_environment_and_all_environments_exclude_each_other(
        self, cs: Command, command: str
    ) -> None:
        """-e and --all-environments together are an error."""
        ran = cs(command, "-e", "staging", "--all-environments")

        assert ran.code == 3
        assert "-e and --all-environments exclude each other" in ran.err

    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize(
        ("variables", "typed", "planned"),
        [
            ({"CAMPAIGNSYNC_ENVIRONMENT": "staging"}, (), "staging"),
            ({"CAMPAIGNSYNC_ENVIRONMENT": "staging production"}, (), "staging production"),
            (
                {"CAMPAIGNSYNC_ENVIRONMENT": "staging"},
                ("--all-environments",),
                "staging production",
            ),
            ({"CAMPAIGNSYNC_ALL_ENVIRONMENTS": "1"}, (), "staging production"),
            ({"CAMPAIGNSYNC_ALL_ENVIRONMENTS": "1"}, ("-e", "production"), "production"),
        ],
    )
    def test_an_option_wins_over_a_variable(
        self,
        cs: Command,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        typed: tuple[str, ...],
        planned: str,
    ) -> None:
        """A job's variables select environments; flags win over them."""
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        plan = cs("plan", *typed, "--format", "json").json

        assert " ".join(each["name"] for each in plan["environments"]) == planned

    def test_all_environments_without_environments_is_refused(
        self, cs: Command, server: Sandbox, tmp_path: Path
    ) -> None:
        """Without environments in the workspace --all-environments is an error."""
        (tmp_path / "campaignsync.yaml").write_text("version: 1\ndefinitions: campaigns\n")
        (tmp_path / "campaigns" / "both.yaml").write_text("id: 1\ndescription: v3\n")
        for name in ("elsewhere", "differs"):
            (tmp_path / "campaigns" / f"{name}.yaml").unlink()
        ran = cs("plan", "--all-environments")

        assert ran.code == 3
        assert "defines no accounts" in ran.err
        assert not server.log

    @pytest.mark.usefixtures("server")
    def test_all_environments_leave_the_sandbox_out(self, cs: Command, tmp_path: Path) -> None:
        """--all-environments uses accounts and leaves out sandboxes."""
        sandbox = "  sandbox: {api: sandbox}\n"
        (tmp_path / "campaignsync.yaml").write_text(WORKSPACE + sandbox)
        ran = cs("plan", "--all-environments", "--format", "json")

        assert ran.code == 0, ran.err
        assert [(each["name"], each["error"]) for each in ran.json["environments"]] == [
            ("staging", None),
            ("production", None),
        ]

    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize("choice", [(), ("--shard", "1/1")])
    def test_an_environment_without_ids_does_not_hide_the_others(
        self, cs: Command, tmp_path: Path, choice: tuple[str, ...]
    ) -> None:
        """If no definition has an id for an account, this is reported; the others are planned."""
        account = "  europe: {api: altur}\n"
        (tmp_path / "campaignsync.yaml").write_text(WORKSPACE + account)
        ran = cs("plan", "--all-environments", "--format", "json", *choice)

        assert ran.code == 3
        *planned, europe = ran.json["environments"]
        assert [(each["name"], each["error"]) for each in planned] == [
            ("staging", None),
            ("production", None),
        ]
        assert (europe["name"], europe["error"]["code"]) == ("europe", "NO_DEFINITION")
        drifted = cs("drift", "--all-environments", "--format", "json", *choice)
        assert drifted.code == 3
        assert [bool(each["error"]) for each in drifted.json["environments"]] == [
            False,
            False,
            True,
        ]

    def test_nothing_is_applied_beside_an_environment_without_ids(
        self, cs: Command, server: Sandbox, tmp_path: Path
    ) -> None:
        """Apply writes nothing unless every environment could be planned."""
        account = "  europe: {api: altur}\n"
        (tmp_path / "campaignsync.yaml").write_text(WORKSPACE + account)

        assert cs("apply", "--all-environments", "--auto-approve").code == 3
        assert not server.writes


class TestApply:
    @pytest.mark.fault("D12", "R8")
    def test_environments_of_one_account_must_agree(
        self, cs: Command, server: Sandbox, tmp_path: Path
    ) -> None:
        """If two environments with one key want other values of one campaign, apply refuses: 3."""
        definition = tmp_path / "campaigns" / "same.yaml"
        shared = "id: 5\nretries: 3\nmessage_limit: 4000\n"
        definition.write_text(f"{shared}environments: {{staging: {{message_limit: 10}}}}\n")
        for name in BOTH[1::2]:
            assert cs("plan", "-e", name, "--out", f"{name}.json").code == 0
        plans = [Plan.from_json((tmp_path / f"{name}.json").read_bytes()) for name in BOTH[1::2]]
        (tmp_path / "both.json").write_text(seal(merge(plans, {})).model_dump_json())
        reads = len(server.log)

        for command in (
            ("plan", *BOTH),
            ("apply", "--auto-approve", *BOTH),
            ("apply", "both.json"),
        ):
            ran = cs(*command)

            assert ran.code == 3
            assert "campaign 5 has two values of `message_limit`" in ran.err
        assert len(server.log) == reads
        definition.write_text(shared)
        assert cs("apply", "--auto-approve", *BOTH).code == 0

    @pytest.mark.usefixtures("server")
    def test_each_sandbox_is_an_account_of_its_own(self, cs: Command, tmp_path: Path) -> None:
        """Two sandboxes may want other values of one id: each has its own database."""
        sandboxes = "{staging: {api: sandbox}, production: {api: sandbox}}"
        (tmp_path / "campaignsync.yaml").write_text(f"version: 1\nenvironments: {sandboxes}\n")
        definition = tmp_path / "campaigns" / "same.yaml"
        definition.write_text("id: 5\nretries: 2\nenvironments: {staging: {retries: 4}}\n")

        plan = cs("plan", *BOTH, definition, "--format", "json").json

        assert [each["environment"] for each in plan["campaigns"]] == ["staging", "production"]

    def test_environments_are_applied_in_one_run(self, cs: Command, server: Sandbox) -> None:
        """Each environment gets its own values and its own journal; then nothing is left."""
        ran = cs("apply", *BOTH, "--auto-approve", "--format", "json")

        assert ran.code == 0
        assert ran.json["kind"] == "apply"
        assert ran.json["summary"]["updated"] == 3
        assert [each["name"] for each in ran.json["environments"]] == ["staging", "production"]
        assert [each["summary"]["updated"] for each in ran.json["environments"]] == [1, 2]
        live = {id_: campaign["description"] for id_, campaign in server.campaigns().items()}
        assert (live[1], live[11], live[13], live[3]) == ("v3", "v3", "v5", "v1")
        names = {read_journal(path).environment for path in journals(Path(".campaignsync/journal"))}
        assert names == {"staging", "production"}
        assert cs("plan", *BOTH).out.splitlines()[-1].startswith("No changes. ")

    @pytest.mark.usefixtures("server")
    def test_apply_shows_the_plan_of_every_environment_first(self, cs: Command) -> None:
        """Before anything is sent, the plan of every environment is shown, with a total."""
        stderr = cs("apply", *BOTH, "--auto-approve").err

        shown = [line.split()[1] for line in stderr.splitlines() if line.startswith("Environment ")]
        assert shown == ["staging", "production"]
        assert "\nPlan: 3 to update, 2 unchanged, 1 not in every environment.\n" in stderr

    def test_nothing_is_written_unless_all_is_planned(
        self, cs: Command, without_a_key: Sandbox
    ) -> None:
        """If one environment cannot be planned, the others are not written."""
        ran = cs("apply", *BOTH, "--auto-approve")

        assert ran.code == 4
        assert without_a_key.writes == ()

    def test_the_plans_that_were_reviewed_are_applied(self, cs: Command, server: Sandbox) -> None:
        """One file contains the plans of all environments, and is applied whole."""
        assert cs("plan", *BOTH, "--out", "plans.json").code == 0
        assert cs("show", "plans.json").out.count("Environment ") == 2
        ran = cs("apply", "plans.json", "--auto-approve")

        assert ran.code == 0
        assert ran.out.splitlines()[-1] == "Applied: 3 updated, 0 failed, 2 unchanged."
        assert len(server.writes) == 3

    @pytest.mark.parametrize("edit", ["one taken out", "one changed", "counted anew"])
    def test_plans_that_were_edited_are_refused(
        self, cs: Command, server: Sandbox, edit: str
    ) -> None:
        """A plan of several environments is applied neither in part nor after an edit."""
        cs("plan", *BOTH, "--out", "plans.json")
        document = json.loads(Path("plans.json").read_text())
        if edit == "one taken out":
            del document["environments"][1]
        elif edit == "one changed":
            document["campaigns"][0]["requests"][0]["body"] = {"description": "v4"}
        else:
            document["summary"]["update"] = 0
        # With a matching fingerprint: the edit is found by deriving the plan again.
        plan = seal(Plan.model_validate_json(json.dumps(document)))
        Path("plans.json").write_text(format_named("json").plan(plan))
        ran = cs("apply", "plans.json", "--auto-approve")

        assert ran.code == 7
        assert server.writes == ()

    def test_plans_without_one_of_them_are_refused(
        self, cs: Command, without_a_key: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A plan that was saved although one environment failed is refused."""
        assert cs("plan", *BOTH, "--out", "plans.json").code == 4
        monkeypatch.setenv("ALTUR_API_KEY_PRODUCTION", without_a_key.key)
        ran = cs("apply", "plans.json", "--auto-approve")

        assert ran.code == 6
        assert "production" in ran.err
        assert without_a_key.writes == ()

    def test_a_part_of_a_saved_plan_is_refused(self, cs: Command, server: Sandbox) -> None:
        """-e cannot select one environment from a saved plan of several."""
        cs("plan", *BOTH, "--out", "plans.json")
        ran = cs("apply", "plans.json", "-e", "staging", "--auto-approve")

        assert ran.code == 7
        assert server.writes == ()

    def test_a_locked_environment_blocks_the_others(self, cs: Command, server: Sandbox) -> None:
        """While another apply holds the lock of one environment, none is written."""
        with locked(Path(".campaignsync/lock"), "production", timeout=0, started="now"):
            ran = cs("apply", *BOTH, "--auto-approve")

        assert ran.code == 10
        assert server.writes == ()

    @pytest.mark.slow
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal_ends_all_of_them_cleanly(
        self, server: Sandbox, tmp_path: Path, number: signal.Signals, code: int
    ) -> None:
        """When stopped, every environment finishes its requests and closes its journal."""
        server.quirks = Quirks(latency=0.4)
        command = ("apply", *BOTH, "--auto-approve")
        running = preloaded().start(*command, folder=tmp_path, **os.environ)
        wait_for(lambda: server.writes)
        running.send_signal(number)
        out, err = running.communicate(timeout=20)

        assert running.returncode == code
        assert "Traceback" not in err
        assert "Applied: " in out.splitlines()[-1]
        records = [read_journal(path) for path in journals(tmp_path / ".campaignsync/journal")]
        assert [record.unresolved for record in records] == [()] * len(records)
        assert {record.exit_code for record in records} == {code}
        assert len(server.writes) < 3
