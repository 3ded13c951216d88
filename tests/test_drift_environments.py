"""Drift of several environments in one run: separate evidence, one report, one exit code."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.commandline import Command
from support.faults import Sandbox
from support.plans import a_drift_about
from support.two_environments import BOTH, two_environments

from campaignsync.drift import merge_drift
from campaignsync.report.format import format_named, names_for
from campaignsync.report.markdown_parts import COMMENT

Git = Callable[..., str]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Git) -> Iterator[Sandbox]:
    """Serve two environments of a repository; one commit set what differs."""
    with two_environments(tmp_path, monkeypatch) as sandbox:
        (tmp_path / ".gitignore").write_text(".campaignsync/\n")
        git("init", "-q", "-b", "main")
        git("add", ".")
        git("commit", "-qm", "the first")
        yield sandbox


@pytest.fixture
def without_a_key(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Remove the key of production."""
    monkeypatch.delenv("ALTUR_API_KEY_PRODUCTION")
    return server


@pytest.fixture
def in_sync(server: Sandbox) -> Sandbox:
    """Make live match the definitions in both environments."""
    for id_, description in ((1, "v3"), (11, "v3"), (13, "v5")):
        server.edit(id_, {"description": description})
    return server


class TestReport:
    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize(
        ("options", "adopted"), [(("-e", "staging"), "-e staging"), (BOTH, "-e NAME")]
    )
    def test_the_proposed_commands_are_for_these_environments(
        self, cs: Command, options: tuple[str, ...], adopted: str
    ) -> None:
        """The `plan` and `adopt` that `drift` proposes name the environments that it compared."""
        edited = "id: {staging: 1, production: 11}\ndescription: v9\n"
        (Path("campaigns") / "both.yaml").write_text(edited)

        ran = cs("drift", *options)

        assert f"`campaignsync plan {' '.join(options)} --out plan.json`" in ran.err
        assert f"`campaignsync adopt {adopted}`" in ran.err

    @pytest.mark.usefixtures("server")
    @pytest.mark.parametrize("options", [BOTH, ("--all-environments",)])
    def test_environments_are_compared_in_one_run(
        self, cs: Command, options: tuple[str, ...]
    ) -> None:
        """Each environment has its drift, and the report counts them together."""
        report = cs("drift", *options, "--format", "json").json

        assert report["kind"] == "drift"
        assert [each["name"] for each in report["environments"]] == ["staging", "production"]
        states = [
            {
                campaign["id"]: campaign["state"]
                for campaign in report["campaigns"]
                if campaign["environment"] == name
            }
            for name in ("staging", "production")
        ]
        assert states == [
            {1: "live", 2: "in_sync", 3: "in_sync"},
            {11: "live", 13: "live"},
        ]
        assert (report["summary"]["live"], report["summary"]["in_sync"]) == (3, 2)
        assert [each["error"] for each in report["environments"]] == [None, None]

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_the_json_has_one_shape_for_one_or_several_environments(self, cs: Command) -> None:
        """The JSON has the same shape for one and for several environments."""
        both = cs("drift", *BOTH, "--format", "json").json
        alone = [
            cs("drift", "-e", name, "--format", "json").json for name in ("staging", "production")
        ]

        assert {each["kind"] for each in (both, *alone)} == {"drift"}
        for key in ("environments", "campaigns"):
            assert both[key] == [each_value for each in alone for each_value in each[key]]

    def test_the_text_shows_one_environment_after_the_other(
        self, cs: Command, server: Sandbox
    ) -> None:
        """The text shows each environment with its own summary, and ends with the total."""
        server.edit(1, {"description": "v3"})
        lines = cs("drift", *BOTH).out.splitlines()

        named = [line.split()[1] for line in lines if line.startswith("Environment ")]
        assert named == ["staging", "production"]
        assert [line for line in lines if line.startswith(("Drift: ", "No drift: "))] == [
            "No drift: 3 in sync.",
            "Drift: 2 live ahead.",
            "Drift: 2 live ahead, 3 in sync.",
        ]
        assert lines[-1] == "Drift: 2 live ahead, 3 in sync."

    @pytest.mark.usefixtures("without_a_key")
    def test_every_format_shows_every_environment(self, cs: Command) -> None:
        """Every report names every environment, and the ones that failed."""
        cs("drift", *BOTH, *(f"--report={format_}={format_}.out" for format_ in names_for("drift")))

        for format_ in names_for("drift"):
            text = Path(f"{format_}.out").read_text()
            assert "staging" in text, format_
            assert "production" in text, format_
            assert "KEY_MISSING" in text, format_

    @pytest.mark.slow
    def test_a_cut_comment_has_a_share_of_each_environment(self) -> None:
        """In a comment that is cut, each environment has its share."""
        many = merge_drift([a_drift_about("x" * 1500, environment=f"{n}") for n in range(12)], {})
        text = format_named("markdown").drift(many)

        assert len(text.encode()) <= COMMENT
        assert text.count("### Drift: 4 live ahead.") == 12

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_verbose_steps_name_their_environment(self, cs: Command) -> None:
        """-v prints what is read from where; -q prints only the result."""
        steps = cs("drift", *BOTH, "-v").err

        for name in ("staging", "production"):
            assert f"{name}: reading " in steps
            assert f"{name}: read with 1 request" in steps
        assert cs("drift", *BOTH, "-q").err == ""

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_an_empty_shard_is_reported(self, cs: Command) -> None:
        """An empty shard is reported in words, like any other."""
        texts = [cs("drift", *BOTH, "--shard", f"{part}/9").out for part in range(1, 10)]

        assert any(each.endswith("\n\nNo drift: 0 in sync.\n") for each in texts)


class TestEvidence:
    def test_the_history_is_read_for_each_environment(
        self, cs: Command, server: Sandbox, tmp_path: Path, git: Git
    ) -> None:
        """A file's history is read for each environment: two may both be ahead."""
        file = tmp_path / "campaigns" / "differs.yaml"
        file.write_text(
            file.read_text().replace(
                "production: {description: v5}", "production: {description: v4}"
            )
        )
        git("commit", "-qam", "an edit for production")
        server.edit(3, {"description": "v2"})
        server.edit(13, {"description": "v5"})
        campaigns = cs("drift", *BOTH, "--format", "json").json["campaigns"]
        states = {each["environment"]: each["state"] for each in campaigns if each["id"] in (3, 13)}

        assert states == {"staging": "live", "production": "repo"}

    @pytest.mark.slow
    def test_a_journal_is_evidence_for_its_environment_only(
        self, cs: Command, server: Sandbox
    ) -> None:
        """The journal of one environment is not evidence for another."""
        cs("apply", "-e", "staging", "--auto-approve")
        server.edit(1, {"description": "v9"})
        campaigns = cs("drift", *BOTH, "--format", "json").json["campaigns"]
        evidence = {
            each["environment"]: each["fields"][0]["evidence"]["by"]
            for each in campaigns
            if each["id"] in (1, 11)
        }

        assert evidence == {"staging": "journal", "production": "git"}

    @pytest.mark.usefixtures("server")
    def test_the_history_of_a_file_is_read_once(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The history of a file is read once for all environments."""
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "git").write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\nexec {shutil.which("git")} "$@"\n'
        )
        (tools / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(tools), prepend=":")
        cs("drift", *BOTH)

        calls = (tmp_path / "calls").read_text().splitlines()
        files = ("both.yaml", "differs.yaml")
        assert [sum(" log " in line and file in line for line in calls) for file in files] == [1, 1]


class TestFailures:
    @pytest.mark.usefixtures("without_a_key")
    def test_a_failed_environment_does_not_hide_the_others(self, cs: Command) -> None:
        """Without a key for production staging is compared; the run fails, and says why."""
        ran = cs("drift", *BOTH, "--format", "json")

        assert ran.code == 4
        staging, production = ran.json["environments"]
        assert (staging["name"], staging["error"]) == ("staging", None)
        assert {each["environment"] for each in ran.json["campaigns"]} == {"staging"}
        assert (production["name"], production["error"]["code"]) == ("production", "KEY_MISSING")
        assert production["error"]["exit_code"] == 4
        assert production["base_url"] == ""
        assert not any(production["summary"].values())
        assert "no key for environment production" in ran.err
        assert cs("drift", *BOTH).out.splitlines()[-1].startswith("Not compared: production. ")

    @pytest.mark.usefixtures("in_sync", "without_a_key")
    def test_a_failed_environment_is_not_reported_as_in_sync(self, cs: Command) -> None:
        """If one environment fails, the last line does not read as if all agreed."""
        ran = cs("drift", *BOTH, "--detailed-exitcode")

        assert ran.code == 4
        assert ran.out.splitlines()[-1] == "Not compared: production. No drift: 3 in sync."

    @pytest.mark.slow
    def test_the_most_severe_exit_code_counts(
        self, cs: Command, in_sync: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The exit code is the most severe one of all environments."""
        detailed = ("drift", *BOTH, "--detailed-exitcode")
        assert cs(*detailed).code == 0
        in_sync.edit(13, {"description": "v1"})
        assert cs(*detailed).code == 2
        assert cs("drift", *BOTH).code == 0
        monkeypatch.setenv("ALTUR_API_KEY_PRODUCTION", "sk-test-unused")
        assert cs(*detailed).code == 4
        (tmp_path / "campaigns" / "gone.yaml").write_text("id: {staging: 99}\ndescription: v1\n")
        assert cs(*detailed).code == 6

    def test_drift_fails_if_every_environment_fails(
        self, cs: Command, without_a_key: Sandbox
    ) -> None:
        """If no environment could be compared, the most severe error counts."""
        nowhere = ("--base-url", "http://127.0.0.1:9/api/v1.0")
        ran = cs("drift", *BOTH, "--format", "json", *nowhere)

        assert ran.code == 5
        assert (ran.json["kind"], ran.json["code"]) == ("error", "UNREACHABLE")
        assert "staging: " in ran.err
        assert "production: " in ran.err
        assert not without_a_key.log

    def test_nothing_is_written(self, cs: Command, server: Sandbox, tmp_path: Path) -> None:
        """Drift of several environments sends no PATCH and writes no journal."""
        assert cs("drift", *BOTH).code == 0

        assert {seen.method for seen in server.log} == {"GET"}
        assert not (tmp_path / ".campaignsync").exists()


class TestMetrics:
    @pytest.mark.usefixtures("server")
    def test_one_metrics_file_covers_all_environments(self, cs: Command) -> None:
        """One Prometheus file has every environment, and each metric once."""
        assert cs("drift", *BOTH, "--metrics", "altur.prom").code == 0

        text = Path("altur.prom").read_text()
        families = {each.name: each for each in text_string_to_metric_families(text)}
        counts = {
            (sample.labels["environment"], sample.labels["state"]): sample.value
            for sample in families["campaignsync_drift_campaigns"].samples
        }
        assert len(counts) == 14
        assert {place: value for place, value in counts.items() if value} == {
            ("staging", "live"): 1,
            ("staging", "in_sync"): 2,
            ("production", "live"): 2,
        }
        moments = families["campaignsync_last_success_timestamp_seconds"].samples
        assert [each.labels["environment"] for each in moments] == ["staging", "production"]
        for head in ("# HELP", "# TYPE"):
            named = [line.split()[2] for line in text.splitlines() if line.startswith(head)]
            assert named == list(families)

    @pytest.mark.usefixtures("without_a_key")
    def test_one_that_fails_leaves_the_old_file(self, cs: Command) -> None:
        """If an environment failed, the Prometheus file gets old, so an alert fires."""
        ran = cs("drift", *BOTH, "--metrics", "altur.prom")
        assert "note: altur.prom was not written: production could not be compared" in ran.err
        assert not Path("altur.prom").exists()

        Path("altur.prom").write_text("old\n")
        ran = cs("drift", *BOTH, "--metrics", "altur.prom")

        assert ran.code == 4
        assert Path("altur.prom").read_text() == "old\n"
        assert (
            "note: altur.prom is from an earlier run: production could not be compared" in ran.err
        )

    @pytest.mark.usefixtures("without_a_key")
    @pytest.mark.parametrize("options", [("-e", "production"), BOTH])
    def test_a_failed_run_keeps_and_names_the_old_metrics_file(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
    ) -> None:
        """If nothing could be compared, the old Prometheus file stays and is named."""
        monkeypatch.delenv("ALTUR_API_KEY")
        Path("altur.prom").write_text("old\n")
        ran = cs("drift", *options, "--metrics", "altur.prom")

        assert ran.code == 4
        assert Path("altur.prom").read_text() == "old\n"
        assert "note: altur.prom is from an earlier run: this run stopped with an error" in ran.err
