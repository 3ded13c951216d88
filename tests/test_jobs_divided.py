"""The jobs of `init --ci … --shards 4`: the parts together do the same as one job."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ci_runners import Forge, Job, Runner, forge, forged
from support.commandline import Command
from support.faults import Sandbox
from support.kubernetes import pods

from campaignsync.cli.init import DIVISIBLE, MOST_PARTS

pytestmark = pytest.mark.slow

OF = 4
IN_PARTS = {1: (9, 10, 12), 2: (), 3: (2, 4, 7), 4: (3, 5, 6)}
"""Campaigns by the part that their ids fall into; nothing is in the second."""
IN_SYNC = IN_PARTS[4]
SHARDS = [f"{part}/{OF}" for part in IN_PARTS]
TO_UPDATE = sorted(IN_PARTS[1] + IN_PARTS[3])
SEED = {
    "campaigns": [
        {"id": id_, "description": "v2" if id_ in IN_SYNC else "v1"}
        for part in IN_PARTS.values()
        for id_ in part
    ]
}


@pytest.fixture
def repo(tmp_path: Path, cs: Command) -> Path:
    """Make a repo with divided jobs, and two parts with changes."""
    options = [word for place in DIVISIBLE for word in ("--ci", place)]
    assert cs("init", tmp_path / "repo", *options, "--shards", str(OF)).code == 0
    (tmp_path / "repo" / "campaigns" / "example.yaml").unlink()
    for id_ in (id_ for part in IN_PARTS.values() for id_ in part):
        define(tmp_path / "repo", id_, "v2")
    return tmp_path / "repo"


@pytest.fixture
def runner(repo: Path, tmp_path: Path) -> Iterator[Runner]:
    Forge.arrived.clear()
    with Sandbox(seed=SEED, rate=None) as server:
        for address in forge():
            yield Runner(repo, server, address, tmp_path / "home")


def define(repo: Path, id_: int, description: str) -> None:
    (repo / "campaigns" / f"{id_}.yaml").write_text(f"id: {id_}\ndescription: {description}\n")


def is_as_one_apply_leaves_it(runner: Runner) -> bool:
    """Return whether each campaign was written once, and live is as after one job."""
    written = sorted(int(write.path.rpartition("/")[2]) for write in runner.server.writes)
    with Sandbox(seed=SEED, rate=None) as other:
        ran = runner.run(
            *("campaignsync", "apply", "--auto-approve", "-e", "production"),
            ALTUR_BASE_URL=other.url,
            ALTUR_API_KEY=other.key,
        )
        assert ran.code == 0
        return written == TO_UPDATE and runner.server.campaigns() == other.campaigns()


def codes(job: Job, step: str) -> list[int]:
    """Return the exit code of a step in each part."""
    return [job.steps[f"{step} {part}"].code for part in IN_PARTS]


def commented() -> list[str]:
    """Return the parts that have a comment on the request, in order."""
    return re.findall(r"<!-- campaignsync: plan of production, shard (\S+) -->", str(Forge.arrived))


class TestGitHub:
    def test_the_parts_do_what_one_job_does(self, runner: Runner) -> None:
        """Each part's plan is applied after the merge, and then nothing is drift.

        Each part's plan is stored until the merge, and each part's journal outlives its
        machine.
        """
        planned = runner.github("plan")
        assert codes(planned, "Plan") == [0, 0, 0, 0]
        assert runner.server.writes == ()

        runner.merged("c0ffee", "4711")
        applied = runner.github("apply", event="push")
        assert codes(applied, "Apply") == [0, 0, 0, 0]
        plans, journals = sorted(runner.artifacts)[2:], sorted(runner.artifacts)[:2]
        assert plans == [f"campaigns-plan-7-{part}-of-4" for part in IN_PARTS]
        assert [json.loads(runner.artifacts[name])["shard"] for name in plans] == SHARDS
        assert journals == ["campaigns-journal-1-of-4", "campaigns-journal-3-of-4"]
        assert is_as_one_apply_leaves_it(runner)

        assert codes(runner.github("drift", event="schedule"), "Drift") == [0, 0, 0, 0]
        runner.server.edit(IN_PARTS[3][0], {"description": "v5"})
        assert codes(runner.github("drift", event="schedule"), "Drift") == [0, 0, 2, 0]

    def test_each_part_has_its_comment(self, runner: Runner) -> None:
        """No part's plan replaces another's, and a part without changes has none."""
        planned = runner.github("plan")

        assert commented() == ["1/4", "3/4"]
        output = planned.steps["Comment 3"].out
        assert output.startswith("Comment posted on ")
        assert output.endswith(" for shard 3/4.\n")

    def test_each_part_is_sealed_and_checked_with_the_guards_of_main(self, runner: Runner) -> None:
        """A forged part is refused, the others are applied; no part can loosen a guard."""
        runner.secrets["CAMPAIGNSYNC_PLAN_KEY"] = "k" * 32
        runner.merged("c0ffee", "4711")
        runner.github("plan")
        third = "campaigns-plan-7-3-of-4"
        runner.artifacts[third] = forged(runner.artifacts[third], seal=None)
        assert codes(runner.github("apply", event="push"), "Apply") == [0, 0, 7, 0]
        assert len(runner.server.writes) == len(IN_PARTS[1])

        workspace = runner.repo / "campaignsync.yaml"
        text = workspace.read_text()
        workspace.write_text(f"{text}guards: {{protected: [{IN_PARTS[3][0]}]}}\n")
        runner.commit()
        workspace.write_text(text)
        planned = runner.github("plan")
        assert codes(planned, "Plan") == [0, 0, 6, 0]
        assert "loosens `guards.protected`" in planned.steps["Plan 3"].out

    def test_a_part_that_is_blocked_fails_and_stops_no_other(self, runner: Runner) -> None:
        """If one part fails, the check fails, and the other parts are planned anyway."""
        (runner.repo / "campaigns" / "9.yaml").write_text("id: 9\nagent_id: agt_other\n")
        runner.server.edit(9, {"agent": {"id": "agt_here"}})

        assert codes(runner.github("plan"), "Plan") == [6, 0, 0, 0]
        assert commented() == ["1/4", "3/4"]


class TestGitLab:
    def test_the_parts_do_what_one_job_does(self, runner: Runner) -> None:
        """Each part's plan is applied by the same part, and then nothing is drift."""
        assert codes(runner.gitlab("plan", CI_MERGE_REQUEST_IID="7"), "script") == [0, 0, 0, 0]
        assert commented() == ["1/4", "3/4"]
        assert runner.server.writes == ()

        assert codes(runner.gitlab("apply"), "script") == [0, 0, 0, 0]
        assert is_as_one_apply_leaves_it(runner)
        journals = [name for name in runner.artifacts if name.startswith("apply")]
        assert [name.partition(":")[0] for name in journals] == ["apply 1", "apply 3"]

        runner.server.edit(IN_PARTS[3][0], {"description": "v5"})
        assert codes(runner.gitlab("drift"), "script") == [0, 0, 2, 0]


@pytest.mark.writes_the_key
def test_each_pod_has_its_journal(runner: Runner) -> None:
    """Each part has its own journal, for undo and for the run after a killed one."""
    pods(runner, "campaigns-apply")
    pods(runner, "campaigns-apply")

    journals = sorted((runner.home / "volume").glob("part-*/journal/*"))
    assert [path.parts[-3] for path in journals] == ["part-0", "part-2"]


@pytest.mark.writes_the_key
class TestKubernetes:
    def test_the_pods_do_what_one_job_does(self, runner: Runner) -> None:
        """Parallel parts do not wait for each other's lock."""
        drifted = pods(runner, "campaigns-drift")
        assert [each.code for each in drifted] == [2, 0, 2, 0]

        applied = pods(runner, "campaigns-apply")
        assert [each.code for each in applied] == [0, 0, 0, 0]
        assert is_as_one_apply_leaves_it(runner)

        assert [each.code for each in pods(runner, "campaigns-drift")] == [0, 0, 0, 0]


class TestInit:
    @pytest.mark.parametrize("shards", [2, 5, 7, MOST_PARTS])
    def test_each_part_has_its_share_of_the_rate(
        self, tmp_path: Path, cs: Command, shards: int
    ) -> None:
        """All parts run, and together they make no more requests than one job."""
        for place in DIVISIBLE:
            cs("init", tmp_path / place, "--ci", place, "--shards", str(shards))
            jobs = [path for path in (tmp_path / place).rglob("*") if path.is_file()]
            text = "\n".join(path.read_text() for path in jobs)
            rates = re.findall(r'CAMPAIGNSYNC_RATE(?::| #.*\n +value:) "([\d.]+)"', text)

            assert len(rates) == {"github": 4, "gitlab": 3, "kubernetes": 2}[place]
            assert all(0 < shards * float(rate) <= 12 for rate in rates)
            assert f"in {shards} parts" in text
            assert not re.search(r"@[A-Z]+@|#@", text)

    def test_cron_stays_whole_beside_others(self, tmp_path: Path, cs: Command) -> None:
        """With cron and another place, the crontab is the one without parts."""
        cs("init", tmp_path / "a", "--ci", "cron")
        assert (
            cs("init", tmp_path / "b", "--ci", "cron", "--ci", "github", "--shards", "2").code == 0
        )

        crontab = Path("cron", "crontab")
        assert (tmp_path / "a" / crontab).read_text() == (tmp_path / "b" / crontab).read_text()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--shards", "4"], "no job was requested"),
            (["--ci", "cron", "--shards", "4"], "cron cannot split its jobs"),
        ],
    )
    def test_what_cannot_be_divided_is_an_error(
        self, tmp_path: Path, cs: Command, options: list[str], message: str
    ) -> None:
        """--shards without a job that can be divided is an error, and nothing is made."""
        ran = cs("init", tmp_path / "repo", *options)

        assert ran.code == 3
        assert message in ran.err
        assert "→ add --ci github, gitlab or kubernetes" in ran.err
        assert not (tmp_path / "repo").exists()

    @pytest.mark.parametrize("shards", ["1", "13", "x"])
    def test_a_number_of_parts_has_bounds(self, tmp_path: Path, cs: Command, shards: str) -> None:
        """One part or thirteen are refused: the rate would be too low for thirteen."""
        assert cs("init", tmp_path / "repo", "--ci", "github", "--shards", shards).code == 3
        assert not (tmp_path / "repo").exists()

    def test_jobs_that_are_there_undivided_are_named(self, tmp_path: Path, cs: Command) -> None:
        """Existing undivided jobs are reported as lacking their parts."""
        cs("init", tmp_path, "--ci", "github", "--ci", "gitlab")
        ran = cs("init", tmp_path, "--ci", "github", "--ci", "gitlab", "--shards", "4")

        named = re.findall(r"(\S+) exists and lacks: jobs in 4 parts", ran.err)
        assert [Path(path).name for path in named] == [
            "campaigns-plan.yml",
            "campaigns-apply.yml",
            "campaigns-drift.yml",
            ".gitlab-ci.yml",
        ]

    def test_divided_jobs_are_complete(self, repo: Path, cs: Command) -> None:
        """A second run of the same command reports no missing parts."""
        assert "lacks" not in cs("init", repo, "--ci", "github", "--shards", str(OF)).err
