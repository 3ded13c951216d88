"""The jobs that `init --ci` writes do what they promise, run from their own files."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import kubernetes, pod_of
from commandline import Command
from ruamel.yaml import YAML
from runners import Forge, Runner, forge, parsed

from campaignsync.sandbox import Sandbox

WORKFLOWS = ("validate", "plan", "apply", "drift")


BOTH = pytest.mark.parametrize("repo", [(), ("--shards", "4")], indirect=True, ids=["one", "four"])
"""Jobs as they are, and in parts."""


@pytest.fixture
def repo(tmp_path: Path, cs: Command, request: pytest.FixtureRequest) -> Path:
    """Make a repo with all jobs, in parts where a test asks for them."""
    places = ("github", "gitlab", "kubernetes", "cron")
    options = [word for place in places for word in ("--ci", place)]
    assert cs("init", tmp_path / "repo", *options, *getattr(request, "param", ())).code == 0
    return tmp_path / "repo"


@pytest.fixture
def runner(repo: Path, tmp_path: Path) -> Iterator[Runner]:
    Forge.arrived.clear()
    with Sandbox(seed=repo / "sandbox.json", rate=None) as server:
        for address in forge():
            yield Runner(repo, server, address, tmp_path / "home")


def edit(repo: Path, old: str, new: str) -> None:
    file = repo / "campaigns" / "example.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


class TestGitHub:
    def test_a_change_goes_from_the_pull_request_to_live(self, runner: Runner) -> None:
        """What was edited is validated, planned, applied after the merge, and does not drift."""
        assert runner.github("validate").code == 0

        assert runner.github("plan").code == 0
        assert runner.server.writes == ()

        runner.merged("c0ffee", "4711")
        assert runner.github("apply", event="push").code == 0
        assert len(runner.server.writes) == 1

        assert runner.github("drift", event="schedule").code == 0
        runner.server.edit(1234, {"retries": 5})
        assert runner.github("drift", event="schedule").code == 2

    def test_the_plan_is_put_on_the_pull_request(self, runner: Runner) -> None:
        """Reviewers read the plan where they review, one that was refused, too."""
        assert runner.github("plan").code == 0
        edit(runner.repo, "id: 1234", "id: 999")
        assert runner.github("plan").code == 6

        assert len(Forge.arrived) == 2

    def test_the_artifact_is_the_plan_and_then_the_journal(self, runner: Runner) -> None:
        """The plan waits for the merge, and what undo works from outlives the machine."""
        runner.github("plan")
        runner.merged("c0ffee", "4711")
        runner.github("apply", event="push")

        assert set(runner.artifacts) == {"campaigns-plan", "campaigns-journal-1"}

    def test_a_merge_whose_plan_nobody_saw_is_not_applied(self, runner: Runner) -> None:
        """Without a reviewed plan nothing is sent, and the job says what to do."""
        applied = runner.github("apply", event="push")

        assert applied.code == 1
        assert "::error::No reviewed plan." in list(applied.steps.values())[-1].out
        assert runner.server.writes == ()

    def test_a_plan_that_does_not_fit_what_was_merged_is_refused(self, runner: Runner) -> None:
        """An edit after the review is not applied with it."""
        runner.github("plan")
        edit(runner.repo, "retries: 2", "retries: 4")
        runner.merged("c0ffee", "4711")

        assert runner.github("apply", event="push").code == 7
        assert runner.server.writes == ()

    def test_a_blocked_plan_fails_the_check_and_is_kept(self, runner: Runner) -> None:
        """What the API would refuse is a red check, with the plan to read."""
        edit(runner.repo, "id: 1234", "id: 999")

        assert runner.github("plan").code == 6
        assert "campaigns-plan" in runner.artifacts

    def test_a_run_given_by_hand_is_a_number(self, runner: Runner) -> None:
        """Nothing that is typed into the form is run."""
        runner.github("plan")
        applied = runner.github("apply", event="workflow_dispatch", given="1; touch /tmp/x\nrun=2")

        assert applied.code == 1
        assert runner.server.writes == ()
        runner.merged("", "")
        assert runner.github("apply", event="workflow_dispatch", given="4711").code == 0

    def test_signals_reach_the_program(self, runner: Runner) -> None:
        """No shell stays between the runner and what it tells to end."""
        runner.imitate("campaignsync", "cat /proc/$PPID/comm")
        runner.merged("c0ffee", "4711")
        runner.artifacts["campaigns-plan"] = b"{}"

        for name in ("plan", "apply", "drift"):
            assert runner.github(name).steps[name.capitalize()].out != "bash\n", name

    @BOTH
    @pytest.mark.parametrize("name", WORKFLOWS)
    def test_a_workflow_is_of_the_safe_form(self, repo: Path, name: str) -> None:
        """Pinned actions, least permissions, a time limit, and nothing put into a shell line."""
        text = (repo / ".github" / "workflows" / f"campaigns-{name}.yml").read_text()
        workflow = parsed(repo / ".github" / "workflows" / f"campaigns-{name}.yml")
        (job,) = workflow["jobs"].values()

        assert "pull_request_target" not in workflow["on"]
        assert workflow["permissions"] == {}
        assert job["permissions"]["contents"] == "read"
        assert job["timeout-minutes"] <= 60
        used = re.findall(r"uses: (.*)", text)
        assert all(
            re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", it) for it in used
        )
        assert job["steps"][0]["with"]["persist-credentials"] is False
        assert not any("${{" in step.get("run", "") for step in job["steps"])

    @BOTH
    def test_validate_knows_no_secret(self, repo: Path) -> None:
        """A fork's pull request is checked, and finds nothing to steal."""
        text = (repo / ".github" / "workflows" / "campaigns-validate.yml").read_text()

        assert "secrets." not in text
        assert "if:" not in text

    @BOTH
    def test_plan_leaves_forks_out(self, repo: Path) -> None:
        """The key is not handed to what a stranger wrote."""
        workflow = parsed(repo / ".github" / "workflows" / "campaigns-plan.yml")

        assert "head.repo.full_name == github.repository" in workflow["jobs"]["plan"]["if"]

    @BOTH
    def test_apply_is_never_cancelled_midway(self, repo: Path) -> None:
        """One apply after the other, of main alone."""
        workflow = parsed(repo / ".github" / "workflows" / "campaigns-apply.yml")

        assert workflow["concurrency"] == {"group": "campaigns-apply", "cancel-in-progress": False}
        assert workflow["on"]["push"]["branches"] == ["main"]
        assert workflow["jobs"]["apply"]["if"] == "github.ref == 'refs/heads/main'"


class TestGitLab:
    def test_a_change_goes_from_the_merge_request_to_live(self, runner: Runner) -> None:
        """What was edited is validated, planned, applied with its plan, and does not drift."""
        assert runner.gitlab("validate", ALTUR_API_KEY="").code == 0
        assert runner.gitlab("plan", CI_MERGE_REQUEST_IID="7").code == 0
        assert runner.server.writes == ()
        assert runner.gitlab("apply").code == 0
        assert len(runner.server.writes) == 1
        assert runner.gitlab("drift").code == 0

        runner.server.edit(1234, {"retries": 5})
        assert runner.gitlab("drift").code == 2

    def test_the_plan_is_put_on_the_merge_request(self, runner: Runner) -> None:
        """Reviewers read the plan where they review."""
        assert runner.gitlab("plan", CI_MERGE_REQUEST_IID="7").code == 0

        assert len(Forge.arrived) == 1

    @BOTH
    def test_apply_waits_for_a_person_and_for_other_applies(self, repo: Path) -> None:
        """Somebody has read the plan, and one apply runs at a time, to its end."""
        config = parsed(repo / ".gitlab-ci.yml")

        assert config["apply"]["rules"][-1]["when"] == "manual"
        alone = "-$CI_NODE_INDEX" if "parallel" in config["apply"] else ""
        assert config["apply"]["resource_group"] == f"campaigns-apply{alone}"
        assert config["apply"]["interruptible"] is False


@pytest.mark.writes_the_key
class TestKubernetes:
    def test_the_jobs_watch_and_apply(self, runner: Runner) -> None:
        """Drift fails its job until apply has run, and writes nothing beside its checkout."""
        before = sorted(runner.repo.rglob("*"))
        assert kubernetes(runner, "campaigns-drift").code == 2
        assert sorted(runner.repo.rglob("*")) == before
        assert kubernetes(runner, "campaigns-apply").code == 0
        assert kubernetes(runner, "campaigns-drift").code == 0

        beside = {path.relative_to(runner.repo).parts[0] for path in runner.repo.rglob("*")}
        assert beside - {path.relative_to(runner.repo).parts[0] for path in before} == {
            ".campaignsync"
        }

    def test_its_logs_are_json(self, runner: Runner) -> None:
        """What a cluster collects can be searched by field."""
        (runner.repo / "campaignsync.yaml").write_text("version: 2\n")
        ran = kubernetes(runner, "campaigns-drift")

        assert ran.code == 3
        assert all(line.startswith('{"time": ') for line in ran.err.splitlines())

    @BOTH
    @pytest.mark.parametrize("name", ["campaigns-drift", "campaigns-apply"])
    def test_a_job_is_of_the_safe_form(self, repo: Path, name: str) -> None:
        """One at a time, in a zone, with deadlines, without rights, and with a key in a file."""
        documents = YAML(typ="safe").load_all(repo / "kubernetes" / "campaigns.yaml")
        (found,) = (each["spec"] for each in documents if each["metadata"]["name"] == name)
        pod = pod_of({"spec": found})
        (container,) = pod["containers"]

        assert found["concurrencyPolicy"] == "Forbid"
        assert {"timeZone", "startingDeadlineSeconds"} <= set(found)
        job = found["jobTemplate"]["spec"]
        limit = "backoffLimitPerIndex" if "completionMode" in job else "backoffLimit"
        assert job[limit] == 0
        assert "activeDeadlineSeconds" in job
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "ALTUR_API_KEY" not in {each["name"] for each in container["env"]}


@pytest.mark.writes_the_key
class TestCron:
    NIGHTLY, WORKDAYS = 0, 1

    def test_it_mails_drift_and_nothing_else(self, runner: Runner) -> None:
        """Cron is silent where all is well, and mails who is ahead where it is not."""
        assert "Drift: 1 unknown." in runner.cron(self.NIGHTLY).out
        assert runner.cron(self.WORKDAYS).code == 0
        assert runner.cron(self.NIGHTLY) == (0, "", "")

    def test_it_mails_what_it_could_not_do(self, runner: Runner) -> None:
        """A key that is gone is no silence."""
        assert "(exit 4)" in runner.cron(self.NIGHTLY, with_key=False).out
