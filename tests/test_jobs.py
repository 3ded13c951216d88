"""The jobs that `init --ci` writes work, run from their own files."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.ci_runners import HEAD, Forge, Runner, forge, forged, parse, set_production_id
from support.commandline import Command
from support.faults import Sandbox
from support.kubernetes import kubernetes, pod_of

pytestmark = pytest.mark.slow

WORKFLOWS = ("validate", "plan", "apply", "drift")


BOTH = pytest.mark.parametrize("repo", [(), ("--shards", "4")], indirect=True, ids=["one", "four"])
"""Jobs without parts, and with."""


@pytest.fixture
def repo(tmp_path: Path, cs: Command, request: pytest.FixtureRequest) -> Path:
    """Make a repo with all jobs, split into parts if a test requires it."""
    places = ("github", "gitlab", "kubernetes", "cron")
    options = [word for place in places for word in ("--ci", place)]
    assert cs("init", tmp_path / "repo", *options, *getattr(request, "param", ())).code == 0
    set_production_id(tmp_path / "repo")
    edit(tmp_path / "repo", "retries: 2", "description: v2")
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


def files_of(repo: Path) -> list[Path]:
    """Return the files of a checkout, without git's own."""
    return [path for path in repo.rglob("*") if path.is_file() and ".git" not in path.parts]


def edit_workspace(repo: Path, old: str, new: str) -> None:
    file = repo / "campaignsync.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def protect(runner: Runner) -> None:
    """Protect the example's campaign, on main."""
    edit_workspace(runner.repo, "version: 1\n", "version: 1\nguards: {protected: [1234]}\n")
    runner.commit()


class TestGitHub:
    def test_a_change_goes_from_the_pull_request_to_live(self, runner: Runner) -> None:
        """An edit is validated, planned, applied after the merge, and then is not drift."""
        assert runner.github("validate").code == 0

        assert runner.github("plan").code == 0
        assert runner.server.writes == ()

        runner.merged("c0ffee", "4711")
        assert runner.github("apply", event="push").code == 0
        assert len(runner.server.writes) == 1

        assert runner.github("drift", event="schedule").code == 0
        runner.server.edit(1234, {"description": "v5"})
        assert runner.github("drift", event="schedule").code == 2

    def test_the_plan_is_put_on_the_pull_request(self, runner: Runner) -> None:
        """Reviewers see the plan on the request, also a blocked one."""
        assert runner.github("plan").code == 0
        edit(runner.repo, "id: 1234", "id: 999")
        assert runner.github("plan").code == 6

        assert len(Forge.arrived) == 2

    def test_the_artifact_is_the_plan_and_then_the_journal(self, runner: Runner) -> None:
        """The plan is stored until the merge, and journals outlive the machine."""
        runner.github("plan")
        runner.merged("c0ffee", "4711")
        runner.github("apply", event="push")

        assert set(runner.artifacts) == {"campaigns-plan-7", "campaigns-journal"}

    def test_a_merge_without_a_reviewed_plan_is_not_applied(self, runner: Runner) -> None:
        """Without a reviewed plan nothing is sent, and the job says what to do."""
        applied = runner.github("apply", event="push")

        assert applied.code == 1
        assert "::error::No reviewed plan." in list(applied.steps.values())[-1].out
        assert runner.server.writes == ()

    def test_a_merge_that_changes_no_campaign_needs_no_plan(self, runner: Runner) -> None:
        """A merge without changes of campaigns, such as a dependency update, succeeds."""
        runner.server.edit(
            1234, {"description": "v2", "scheduling": {"fri": {"stopTime": "18:00"}}}
        )
        edit(runner.repo, "description: v2", "description: v2  # as live")

        applied = runner.github("apply", event="push")

        assert applied.code == 0, applied
        assert "No changes." in applied.steps["Check that nothing is pending"].out
        assert "Apply" not in applied.steps

    def test_a_merge_of_a_text_alone_is_applied(self, runner: Runner) -> None:
        """A change of `messages/hello.txt` starts the apply, as any merge into main does."""
        workflow = parse(runner.repo / ".github" / "workflows" / "campaigns-apply.yml")
        assert workflow["on"]["push"] == {"branches": ["main"]}

    def test_nothing_in_a_plans_artifact_replaces_a_file_of_the_checkout(
        self, runner: Runner
    ) -> None:
        """The reviewed plan is unpacked outside the checkout, and applied from there."""
        runner.github("plan")
        runner.merged("c0ffee", "4711")
        before = {path: path.read_bytes() for path in files_of(runner.repo)}
        before = {path: it for path, it in before.items() if path.name != "plan.json"}
        assert runner.github("apply", event="push").code == 0

        after = set(files_of(runner.repo))
        assert {path.relative_to(runner.repo).parts[0] for path in after - set(before)} == {
            ".campaignsync"
        }
        assert all(path.read_bytes() == content for path, content in before.items())

    def test_the_next_apply_has_the_journal_of_the_one_before(self, runner: Runner) -> None:
        """A killed run is settled by the next one, and `undo` finds every earlier run."""
        runner.github("plan")
        runner.merged("c0ffee", "4711")
        runner.github("apply", event="push")
        (first,) = (runner.repo / ".campaignsync" / "journal").iterdir()

        edit(runner.repo, "description: v2", "description: v4")
        runner.github("plan")
        assert runner.github("apply", event="push").code == 0

        kept = sorted((runner.home / "artifacts" / "campaigns-journal").iterdir())
        assert len(kept) == 2
        assert kept[0].name == first.name

    def test_plans_are_sealed_where_there_is_a_key(self, runner: Runner) -> None:
        """With the secret set both jobs have it; an unset one is not exported."""
        runner.imitate(
            "campaignsync", 'echo "key: ${CAMPAIGNSYNC_PLAN_KEY-unset}"; echo {} > plan.json'
        )
        runner.merged("c0ffee", "4711")

        for job in ("plan", "apply"):
            name = job.capitalize()
            runner.secrets.clear()
            assert runner.github(job).steps[name].out == "key: unset\n"
            runner.secrets["CAMPAIGNSYNC_PLAN_KEY"] = "k" * 32
            assert runner.github(job).steps[name].out == f"key: {'k' * 32}\n"

    def test_a_sealed_plan_is_applied_and_no_other(self, runner: Runner) -> None:
        """With the plan key set, the reviewed plan is applied, and an unsealed one is refused."""
        runner.secrets["CAMPAIGNSYNC_PLAN_KEY"] = "k" * 32
        runner.merged("c0ffee", "4711")
        runner.github("plan")
        reviewed = runner.artifacts["campaigns-plan-7"]

        for seal in (None, "0" * 64):
            runner.artifacts["campaigns-plan-7"] = forged(reviewed, seal=seal)
            applied = runner.github("apply", event="push")
            assert applied.code == 7
            assert "[PLAN_SEAL]" in applied.steps["Apply"].err
        assert runner.server.writes == ()

        runner.artifacts["campaigns-plan-7"] = reviewed
        assert runner.github("apply", event="push").code == 0
        assert len(runner.server.writes) == 1

    def test_a_request_cannot_loosen_the_guards_of_its_own_plan(self, runner: Runner) -> None:
        """A pull request that removes a guard fails its check; its plan says so at the top."""
        protect(runner)
        edit_workspace(runner.repo, "[1234]", "[]")

        planned = runner.github("plan")

        assert planned.code == 6
        lines = planned.steps["Plan"].out.splitlines()
        message = "! the workspace loosens `guards.protected` compared with origin/main"
        assert lines[2].startswith(message)
        assert "GUARD_PROTECTED" in planned.steps["Plan"].out
        assert len(Forge.arrived) == 1

        runner.commit()  # merged: from now on the guard is off
        assert runner.github("plan", event="workflow_dispatch").code == 0

    def test_a_plan_that_does_not_fit_what_was_merged_is_refused(self, runner: Runner) -> None:
        """An edit after the review is not applied."""
        runner.github("plan")
        edit(runner.repo, "description: v2", "description: v4")
        runner.merged("c0ffee", "4711")

        assert runner.github("apply", event="push").code == 7
        assert runner.server.writes == ()

    def test_a_file_of_the_checkout_is_not_used_as_the_plan(self, runner: Runner) -> None:
        """A plan.json that a request contains is not used for its comment."""
        runner.imitate("pip", "echo '{}' > plan.json")
        edit(runner.repo, "description: v2", "description: [v2]")

        assert runner.github("plan").code == 3

        assert Forge.arrived == []
        assert runner.artifacts == {}

    def test_a_blocked_plan_fails_the_check_and_is_kept(self, runner: Runner) -> None:
        """A change that the API would refuse fails the check, and the plan is shown."""
        edit(runner.repo, "id: 1234", "id: 999")

        assert runner.github("plan").code == 6
        assert "campaigns-plan-7" in runner.artifacts

    def test_a_run_given_by_hand_is_a_number(self, runner: Runner) -> None:
        """Text in the form's fields is not executed."""
        runner.github("plan", event="workflow_dispatch")
        applied = runner.github("apply", event="workflow_dispatch", given="1; touch /tmp/x\nrun=2")

        assert applied.code == 1
        assert runner.server.writes == ()
        runner.merged("", "")
        assert runner.github("apply", event="workflow_dispatch", given="4711").code == 0

    def test_signals_reach_the_program(self, runner: Runner) -> None:
        """Signals reach campaignsync without a shell in between."""
        runner.imitate("campaignsync", "cat /proc/$PPID/comm")
        runner.merged("c0ffee", "4711")
        runner.artifacts["campaigns-plan-7"] = b"{}"

        for name in ("plan", "apply", "drift"):
            assert runner.github(name).steps[name.capitalize()].out != "bash\n", name

    @pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
    def test_the_plan_is_that_of_the_request_that_was_merged_into_main(self, repo: Path) -> None:
        """A second request of the same head into another base never supplies the plan."""
        pulls = [
            _pull(8, base="release"),
            _pull(9, merged=False),
            _pull(10, merge="beef" * 10),
            _pull(11, repository="fork/campaigns"),
            _pull(7),
        ]
        assert _chosen(repo, r"--jq '(\s+\[\.\[\] .*?)'\)", pulls) == "7 c0ffee"
        assert _chosen(repo, r"--jq '(\s+\[\.\[\] .*?)'\)", pulls[:4]) == ""

    @pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
    @pytest.mark.parametrize("name", ["apply", "drift"])
    def test_the_journal_is_the_last_one_of_main(self, repo: Path, name: str) -> None:
        """A branch or fork cannot supply a journal, and an expired one is not downloaded."""
        runs = [
            _artifact(7, day=1),
            _artifact(6, day=3),  # run again after run 7
            _artifact(5, day=2),
            _artifact(8, day=4, branch="feature"),
            _artifact(9, day=5, repository=2),
            _artifact(10, day=6, expired=True),
        ]
        query = r"--jq '(\s+\[\.artifacts.*?)'\)"
        assert _chosen(repo, query, {"artifacts": runs}, name) == "6"
        assert _chosen(repo, query, {"artifacts": []}, name) == ""

    @BOTH
    @pytest.mark.parametrize("name", WORKFLOWS)
    def test_a_workflow_is_secure(self, repo: Path, name: str) -> None:
        """Actions are pinned, permissions minimal, times limited, and scripts hold no inputs."""
        text = (repo / ".github" / "workflows" / f"campaigns-{name}.yml").read_text()
        workflow = parse(repo / ".github" / "workflows" / f"campaigns-{name}.yml")
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
    def test_validate_has_no_secret(self, repo: Path) -> None:
        """A fork's pull request is checked without access to secrets."""
        text = (repo / ".github" / "workflows" / "campaigns-validate.yml").read_text()

        assert "secrets." not in text
        assert "if:" not in text

    @BOTH
    def test_plan_leaves_forks_out(self, repo: Path) -> None:
        """Jobs that run a stranger's code have no key."""
        workflow = parse(repo / ".github" / "workflows" / "campaigns-plan.yml")

        assert "head.repo.full_name == github.repository" in workflow["jobs"]["plan"]["if"]

    @BOTH
    def test_apply_is_never_cancelled_midway(self, repo: Path) -> None:
        """Applies run one by one, on main only; of three quick merges none is cancelled."""
        workflow = parse(repo / ".github" / "workflows" / "campaigns-apply.yml")

        assert workflow["concurrency"] == {
            "group": "campaigns-apply",
            "cancel-in-progress": False,
            "queue": "max",
        }
        assert workflow["on"]["push"]["branches"] == ["main"]
        assert workflow["jobs"]["apply"]["if"] == "github.ref == 'refs/heads/main'"


def _pull(
    number: int,
    *,
    base: str = "main",
    merged: bool = True,
    merge: str = HEAD,
    repository: str = "acme/campaigns",
) -> dict[str, object]:
    """Return a pull request as GitHub lists it for a commit."""
    return {
        "number": number,
        "merged_at": "2026-01-05T10:00:00Z" if merged else None,
        "merge_commit_sha": merge,
        "base": {"ref": base},
        "head": {"sha": "c0ffee", "repo": {"full_name": repository}},
    }


def _artifact(
    run: int, *, day: int, branch: str = "main", repository: int = 1, expired: bool = False
) -> dict[str, object]:
    """Return an artifact as GitHub lists it."""
    source = {"id": run, "head_branch": branch, "repository_id": 1}
    return {
        "created_at": f"2026-01-0{day}T10:00:00Z",
        "expired": expired,
        "workflow_run": source | {"head_repository_id": repository},
    }


def _chosen(repo: Path, query: str, answer: object, name: str = "apply") -> str:
    """Return what a job's own jq filter chooses from an answer of GitHub."""
    workflow = parse(repo / ".github" / "workflows" / f"campaigns-{name}.yml")
    script = "\n".join(step.get("run", "") for step in workflow["jobs"][name]["steps"])
    match = re.search(query, script, re.DOTALL)
    assert match
    return subprocess.run(
        ["/usr/bin/env", "jq", "-r", match[1]],
        input=json.dumps(answer),
        env={"GITHUB_SHA": HEAD, "GH_REPO": "acme/campaigns", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


class TestOwnWorkspace:
    def test_the_jobs_are_those_of_the_workspace_that_is_there(
        self, tmp_path: Path, cs: Command
    ) -> None:
        """Jobs that are added later use the workspace's environment, key variable and folders."""
        repo = tmp_path / "repo"
        (repo / "outbound").mkdir(parents=True)
        (repo / "outbound" / "a.yaml").write_text("id: {prod: 1234}\ndescription: v2\n")
        (repo / "campaignsync.yaml").write_text(
            "version: 1\ndefinitions: outbound\nenvironments:\n  test: {api: sandbox}\n"
            "  prod: {api: altur, api_key_env: ALTUR_API_KEY_PROD}\n"
        )
        ran = cs("init", repo, "--ci", "github", "--ci", "kubernetes", "--ci", "cron")
        assert "the jobs use the environment `prod` and ALTUR_API_KEY_PROD" in ran.err

        with Sandbox(seed={"campaigns": [{"id": 1234, "description": "v1"}]}, rate=None) as server:
            for address in forge():
                runner = Runner(repo, server, address, tmp_path / "home")
                runner.secrets["ALTUR_API_KEY_PROD"] = server.key
                assert runner.github("plan").code == 0
                runner.merged("c0ffee", "4711")
                assert runner.github("apply", event="push").code == 0
                assert [write.path[-5:] for write in server.writes] == ["/1234"]

        assert not (repo / "sandbox.json").exists()
        assert not (repo / "campaigns").exists()
        made = files_of(repo)
        texts = {path: path.read_text() for path in made if "journal" not in str(path)}
        assert not [path for path, text in texts.items() if re.search(r"(?<!~/)\bcampaigns/", text)]
        assert not [
            path for path, text in texts.items() if re.search(r"ENVIRONMENT\W+production", text)
        ]
        assert not [path for path, text in texts.items() if re.search(r"@[A-Z]+@", text)]

    def test_a_workspace_without_an_account_gets_no_jobs(self, tmp_path: Path, cs: Command) -> None:
        """Jobs that could only fail are not made, and the error says what is missing."""
        (tmp_path / "campaignsync.yaml").write_text(
            "version: 1\nenvironments: {test: {api: sandbox}}\n"
        )
        ran = cs("init", tmp_path, "--ci", "github")

        assert ran.code == 3
        assert "defines no account" in ran.err
        assert [path.name for path in tmp_path.iterdir()] == ["campaignsync.yaml"]

    def test_a_broken_workspace_is_reported_before_files_are_made(
        self, tmp_path: Path, cs: Command
    ) -> None:
        """An invalid workspace is reported at its place, and no file is made."""
        (tmp_path / "campaignsync.yaml").write_text("version: 1\ndefinition: x\n")
        ran = cs("init", tmp_path, "--ci", "github")

        assert ran.code == 3
        assert "did you mean `definitions`" in ran.out + ran.err
        assert [path.name for path in tmp_path.iterdir()] == ["campaignsync.yaml"]


class TestGitLab:
    def test_the_journal_goes_from_one_apply_to_the_next(self, repo: Path) -> None:
        """A killed apply is settled by the next, and drift names the run that applied."""
        config = parse(repo / ".gitlab-ci.yml")

        for job in ("apply", "drift"):
            assert config[job]["cache"]["key"] == "campaigns-journal"
            assert config[job]["cache"]["paths"] == [".campaignsync/journal"]
        assert config["apply"]["cache"]["when"] == "always"

    def test_a_change_goes_from_the_merge_request_to_live(self, runner: Runner) -> None:
        """An edit is validated, planned, applied with its plan, and then is not drift."""
        assert runner.gitlab("validate", ALTUR_API_KEY="").code == 0
        assert runner.gitlab("plan", CI_MERGE_REQUEST_IID="7").code == 0
        assert runner.server.writes == ()
        assert runner.gitlab("apply").code == 0
        assert len(runner.server.writes) == 1
        assert runner.gitlab("drift").code == 0

        runner.server.edit(1234, {"description": "v5"})
        assert runner.gitlab("drift").code == 2

    def test_the_plan_is_put_on_the_merge_request(self, runner: Runner) -> None:
        """Reviewers see the plan on the merge request."""
        assert runner.gitlab("plan", CI_MERGE_REQUEST_IID="7").code == 0

        assert len(Forge.arrived) == 1

    def test_a_request_cannot_loosen_the_guards_of_its_own_plan(self, runner: Runner) -> None:
        """A merge request that removes a guard fails its plan, which says so at the top."""
        protect(runner)
        edit_workspace(runner.repo, "[1234]", "[]")

        planned = runner.gitlab("plan", CI_MERGE_REQUEST_IID="7")

        assert planned.code == 6
        assert "\n! the workspace loosens `guards.protected`" in planned.steps["script"].out
        runner.commit()
        assert runner.gitlab("plan").code == 0

    def test_a_sealed_plan_is_applied_and_no_other(self, runner: Runner) -> None:
        """With the variable set, a plan without its seal is refused."""
        key = {"CAMPAIGNSYNC_PLAN_KEY": "k" * 32}
        runner.gitlab("plan", **key)
        reviewed = runner.artifacts["plan: plan.json"]

        runner.artifacts["plan: plan.json"] = forged(reviewed, seal=None)
        assert runner.gitlab("apply", **key).code == 7
        assert runner.server.writes == ()

        runner.artifacts["plan: plan.json"] = reviewed
        assert runner.gitlab("apply", **key).code == 0

    def test_a_file_of_the_checkout_is_not_used_as_the_plan(self, runner: Runner) -> None:
        """A plan.json that a merge request contains is not used for its comment."""
        runner.imitate("pip", "echo '{}' > plan.json")
        edit(runner.repo, "description: v2", "description: [v2]")

        assert runner.gitlab("plan", CI_MERGE_REQUEST_IID="7").code == 3

        assert Forge.arrived == []
        assert runner.artifacts == {}

    @BOTH
    def test_apply_waits_for_a_person_and_for_other_applies(self, repo: Path) -> None:
        """Apply needs a person to start it; one runs at a time, and is not cancelled."""
        config = parse(repo / ".gitlab-ci.yml")

        assert config["apply"]["rules"][-1]["when"] == "manual"
        alone = "-$CI_NODE_INDEX" if "parallel" in config["apply"] else ""
        assert config["apply"]["resource_group"] == f"campaigns-apply{alone}"
        assert config["apply"]["interruptible"] is False


@pytest.mark.writes_the_key
class TestKubernetes:
    def test_the_jobs_watch_and_apply(self, runner: Runner) -> None:
        """Drift fails its job until apply has run, and writes nothing outside its checkout."""
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
        """The cluster's logs are JSON, so they can be searched by field."""
        (runner.repo / "campaignsync.yaml").write_text("version: 2\n")
        ran = kubernetes(runner, "campaigns-drift")

        assert ran.code == 3
        assert all(line.startswith('{"time": ') for line in ran.err.splitlines())

    @BOTH
    @pytest.mark.parametrize("name", ["campaigns-drift", "campaigns-apply"])
    def test_a_job_is_secure(self, repo: Path, name: str) -> None:
        """Jobs run one at a time, in a zone, with deadlines, without rights, and a key file."""
        documents = YAML(typ="safe").load_all(repo / "kubernetes" / "campaigns.yaml")
        (cron_job,) = (each["spec"] for each in documents if each["metadata"]["name"] == name)
        pod = pod_of({"spec": cron_job})
        (container,) = pod["containers"]

        assert cron_job["concurrencyPolicy"] == "Forbid"
        assert {"timeZone", "startingDeadlineSeconds"} <= set(cron_job)
        job = cron_job["jobTemplate"]["spec"]
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

    def test_cron_mails_drift_only(self, runner: Runner) -> None:
        """Cron prints nothing if all is in sync, and otherwise mails the drift report."""
        assert "Drift: 1 live ahead." in runner.cron(self.NIGHTLY).out
        assert runner.cron(self.WORKDAYS).code == 0
        assert runner.cron(self.NIGHTLY) == (0, "", "")

    def test_cron_mails_errors(self, runner: Runner) -> None:
        """A missing key file is mailed as an error."""
        assert "(exit 4)" in runner.cron(self.NIGHTLY, with_key=False).out
