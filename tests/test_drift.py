"""Which side is ahead where live and the definitions differ: the rules and their evidence."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.commandline import Command, Ran
from support.faults import Sandbox
from support.servers import connect_to, desire

from campaignsync.drift import CommittedValue, EarlierValues, FieldHistory, LastWrite, drift
from campaignsync.load.git import MOST_VERSIONS, history
from campaignsync.model.definitions import Live, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.model.results import Drift
from campaignsync.plan import make_plan
from campaignsync.report import prometheus
from campaignsync.report.format import format_named
from campaignsync.schema import schema

AHEAD = {state: f"{state} ahead" for state in ("repo", "live", "both")}


def judged(
    definition_value: Value,
    live: Value,
    known: EarlierValues,
    path: str = "message_limit",
    environment: str = "test",
) -> Drift:
    """Compare one definition with one campaign."""
    desired = desire([1], **{path: definition_value})
    campaign = LiveCampaign(1, {"name": "Wave", path: live})
    plan = make_plan(
        desired,
        Live({1: campaign}),
        environment=environment,
        base_url="http://127.0.0.1",
        created_at="2026-01-01T00:00:00Z",
    )
    return drift(desired, plan, known)


def by_git(*values: Value, whole: bool = True, path: str = "message_limit") -> EarlierValues:
    """Return the values in commits, newest first; None for a commit without the field."""
    versions = tuple(
        CommittedValue(f"c{number}", "2026-01-02", value is not None, value)
        for number, value in enumerate(values)
    )
    return EarlierValues(histories={(1, path): FieldHistory(versions, whole)})


def by_journal(value: Value, path: str = "message_limit") -> EarlierValues:
    return EarlierValues(writes={(1, path): LastWrite(value, "20260101T000000", "2026-01-01")})


@pytest.mark.parametrize(
    ("known", "ahead", "by", "reference"),
    [
        (by_journal(1), "repo", "journal", "20260101T000000"),
        (by_journal(2), "live", "journal", "20260101T000000"),
        (by_journal(3), "both", "journal", "20260101T000000"),
        (by_git(2, 1), "repo", "git", "c1"),
        (by_git(2, 3, 1, whole=False), "repo", "git", "c2"),
        (by_git(1), "repo", "git", "c0"),
        (by_git(2), "live", "git", "c0"),
        (by_git(2, 2, 3), "live", "git", "c1"),
        (by_git(2, 2, None), "live", "git", "c1"),
        (by_git(3), "both", "git", "c0"),
        (by_git(None, 3), "both", "git", "c0"),
        (by_git(None, None), "repo", "git", "c0"),
        (by_git(2, whole=False), "unknown", "git", "c0"),
        (by_git(3, whole=False), "unknown", "git", "c0"),
        (by_git(), "unknown", None, None),
        (EarlierValues(), "unknown", None, None),
    ],
)
def test_each_rule(known: EarlierValues, ahead: str, by: str | None, reference: str | None) -> None:
    """The definition has 2, live has 1: the history decides which side is ahead."""
    verdict = judged(2, 1, known)

    (field,) = verdict.campaigns[0].fields
    assert (field.ahead, field.evidence.by, field.evidence.reference) == (ahead, by, reference)
    assert verdict.campaigns[0].state == ahead
    assert format_named("text").drift(verdict).endswith(f"Drift: 1 {AHEAD.get(ahead, ahead)}.")


@given(st.lists(st.sampled_from(["edit", "apply", "dashboard"]), max_size=12))
def test_the_side_that_changed_is_named(events: list[str]) -> None:
    """With a journal, the side that changed is always named; git never names the wrong side."""
    versions, live, left = [0], 0, 0
    for value, event in enumerate(events, start=1):
        if event == "edit":
            versions.insert(0, value)
        elif event == "dashboard":
            live = value
        else:
            live = left = versions[0]
    truth = {(True, True): "both", (True, False): "repo", (False, True): "live"}
    who = truth.get((versions[0] != left, live != left), "in_sync")

    assert judged(versions[0], live, by_journal(left)).campaigns[0].state == who
    seen = judged(versions[0], live, by_git(*versions)).campaigns[0].state
    # Once live has changed, git cannot show that an edit was not applied.
    assert seen == ("live" if who == "both" else who)


def test_the_journal_wins_over_git() -> None:
    """The journal wins over git, because the program wrote it."""
    known = EarlierValues(by_journal(2).writes, by_git(2, 1).histories)

    assert judged(2, 1, known).campaigns[0].state == "live"


def test_a_closed_day_is_closed_at_any_time() -> None:
    """`closed` leaves a day's times unmanaged, in the definition and in the history."""
    path = "scheduling.sun"
    times = {"startTime": "09:00", "stopTime": "12:00"}
    later = {"startTime": "10:00", "stopTime": "12:00"}
    evidence = by_journal({**times, "active": False}, path)

    verdict = judged({"active": False}, {**later, "active": True}, evidence, path)

    assert verdict.campaigns[0].state == "live"


def test_a_campaign_in_sync_is_not_drift() -> None:
    """If nothing differs, neither side is ahead."""
    verdict = judged(2, 2, by_journal(1))

    assert format_named("text").drift(verdict).endswith("No drift: 1 in sync.")


class Repo:
    """A workspace in git with one campaign, 1, and its account."""

    def __init__(self, folder: Path, git: Callable[..., str], server: Sandbox, cs: Command) -> None:
        self.folder = folder
        self.git = git
        self.server = server
        self.cs = cs
        git("init", "-q", "-b", "main")
        (folder / ".gitignore").write_text(".campaignsync/\n")
        self.write("campaignsync.yaml", "version: 1\ndefinitions: campaigns\n")

    def write(self, file: str, text: str) -> None:
        (self.folder / file).parent.mkdir(exist_ok=True)
        (self.folder / file).write_text(text)

    def commit(self, **values: object) -> None:
        """Commit everything, after changing the definition if values are given."""
        if values:
            self.say(**values)
        self.git("add", ".")
        self.git("commit", "-qm", "an edit")

    def say(self, **values: object) -> None:
        lines = [f"{key}: {value}\n" for key, value in {"id": 1, **values}.items()]
        self.write("campaigns/a.yaml", "".join(lines))

    def drift(self, *options: str | Path) -> Ran:
        return self.cs("drift", "--format", "json", *options)

    def state(self, *options: str | Path) -> str:
        (campaign,) = self.drift(*options).json["campaigns"]
        return str(campaign["state"])


@pytest.fixture
def repo(
    tmp_path: Path, git: Callable[..., str], cs: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repo]:
    monkeypatch.chdir(tmp_path)
    seed = {"campaigns": [{"id": 1, "name": "Wave", "description": "v1", "first_message": "Hola"}]}
    with Sandbox(seed=seed, rate=None) as server:
        connect_to(server, monkeypatch)
        yield Repo(tmp_path, git, server, cs)


class TestByGit:
    def test_an_unapplied_edit_means_the_repo_is_ahead(self, repo: Repo) -> None:
        """A merge that is not applied yet: the repo is ahead."""
        repo.commit(description="v1")
        repo.commit(description="v2")

        assert repo.state() == "repo"

    def test_an_edit_that_is_not_committed(self, repo: Repo) -> None:
        """An uncommitted edit: the repo is ahead."""
        repo.commit(description="v1")
        repo.say(description="v3")

        assert repo.state() == "repo"

    def test_a_change_in_the_dashboard(self, repo: Repo) -> None:
        """A live value that was never in git was changed elsewhere: live is ahead."""
        repo.commit(description="v1")
        repo.server.edit(1, {"description": "v5"})

        assert repo.state() == "live"

    def test_an_edit_and_a_change_in_the_dashboard(self, repo: Repo) -> None:
        """If both sides changed, apply would overwrite someone else's change."""
        repo.commit(description="v1")
        repo.server.edit(1, {"description": "v5"})
        repo.say(description="v3")

        assert repo.state() == "both"

    def test_two_fields_moved_on_two_sides(self, repo: Repo) -> None:
        """A campaign with a changed field on each side is ahead on both."""
        repo.commit(description="v1", name="Wave")
        repo.commit(description="v2", name="Wave")
        repo.server.edit(1, {"name": "Welle"})

        assert repo.state() == "both"

    def test_a_file_was_renamed(self, repo: Repo) -> None:
        """A definition keeps its history when it is renamed."""
        repo.commit(description="v1", name="Wave", first_message="Hola")
        repo.git("mv", "campaigns/a.yaml", "campaigns/b.yaml")
        repo.commit()
        text = (repo.folder / "campaigns" / "b.yaml").read_text()
        repo.write("campaigns/b.yaml", text.replace("description: v1", "description: v2"))
        repo.commit()

        assert repo.state() == "repo"

    @pytest.mark.slow
    def test_a_merge_resolved_by_hand_counts_as_a_version(self, repo: Repo) -> None:
        """A merge commit that was resolved by hand counts as a version."""
        repo.commit(description="v0", name="Wave")
        repo.git("checkout", "-qb", "other")
        repo.commit(description="v3", name="Wave")
        repo.git("checkout", "-q", "main")
        repo.commit(description="v4", name="Wave")
        repo.git("merge", "-q", "-s", "ours", "--no-commit", "other")
        repo.commit(description="v1", name="Wave")
        repo.commit(description="v2", name="Wave")

        assert repo.state() == "repo"

    def test_a_shallow_clone_is_not_evidence(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A shallow clone blames neither side."""
        repo.commit(description="v1")
        repo.commit(description="v2")
        repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}", "shallow")
        monkeypatch.chdir(repo.folder / "shallow")

        assert repo.state() == "unknown"

    def test_a_default_of_the_workspace(self, repo: Repo) -> None:
        """The history of a value in campaignsync.yaml is that of campaignsync.yaml."""
        workspace = "version: 1\ndefinitions: campaigns\ndefaults: {{description: v{}}}\n"
        repo.write("campaignsync.yaml", workspace.format(1))
        repo.commit(name="Wave")
        repo.write("campaignsync.yaml", workspace.format(2))
        repo.commit()

        assert repo.state() == "repo"
        repo.server.edit(1, {"description": "v5"})
        assert repo.state() == "live"

    def test_a_value_that_became_a_default(self, repo: Repo) -> None:
        """If a value moved to the workspace, the definition's history counts, too."""
        repo.commit(name="Wave", description="v1")
        workspace = "version: 1\ndefinitions: campaigns\ndefaults: {description: v2}\n"
        repo.write("campaignsync.yaml", workspace)
        repo.commit(name="Wave")

        assert repo.state() == "repo"

    def test_a_text_with_a_file_of_its_own(self, repo: Repo) -> None:
        """The history of a text in a file is that of the text file."""
        repo.write("hello.txt", "Hola\n")
        repo.commit(integration_type="phone_call", first_message="{file: hello.txt}")
        repo.write("hello.txt", "Buenas tardes\n")
        repo.commit()

        assert repo.state() == "repo"

    def test_a_version_that_was_wrong(self, repo: Repo) -> None:
        """A version that cannot be read may have had any value."""
        repo.commit(retries="[")
        repo.commit(description="v2")

        assert repo.state() == "unknown"

    def test_another_campaign_in_the_same_file(self, repo: Repo) -> None:
        """Values of another campaign in the same file do not count."""
        repo.write("campaigns/a.yaml", "id: 2\ndescription: v1\n")
        repo.commit()
        repo.commit(description="v2")

        assert repo.state() == "live"

    def test_a_value_of_one_environment(self, repo: Repo) -> None:
        """In an environment, the values of that environment count."""
        repo.write(
            "campaignsync.yaml",
            "version: 1\ndefinitions: campaigns\n"
            "default_environment: a\nenvironments: {a: , b: }\n",
        )
        repo.commit(description="v0", environments="{a: {description: v1}, b: {description: v4}}")
        repo.commit(description="v0", environments="{a: {description: v2}, b: {description: v4}}")

        assert repo.state() == "repo"

    def test_without_git_the_state_is_unknown(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without git or a repository the state is unknown, and the reason is reported."""
        repo.commit(description="v2")
        monkeypatch.setenv("PATH", "/nonexistent")

        ran = repo.drift("--detailed-exitcode")

        assert ran.code == 2
        (campaign,) = ran.json["campaigns"]
        assert campaign["state"] == "unknown"
        assert "git is not installed" in campaign["fields"][0]["evidence"]["message"]

    def test_git_refuses(self, repo: Repo) -> None:
        """The message of git about a repository that it cannot read is shown."""
        repo.commit(description="v2")
        (repo.folder / ".git" / "HEAD").write_text("nonsense\n")

        (campaign,) = repo.drift().json["campaigns"]

        assert campaign["state"] == "unknown"
        assert "git: fatal: " in campaign["fields"][0]["evidence"]["message"]

    def test_an_uncommitted_file_has_no_history(self, repo: Repo) -> None:
        """A file that was never committed has no history."""
        repo.git("commit", "-q", "--allow-empty", "-m", "nothing")
        repo.say(description="v2")

        assert repo.state() == "unknown"


class TestByJournal:
    def test_from_edit_to_apply_to_drift(self, repo: Repo) -> None:
        """Later drift is compared with what apply wrote."""
        repo.say(description="v2")
        assert repo.cs("apply", "--auto-approve").code == 0
        assert repo.drift("--detailed-exitcode").code == 0

        repo.server.edit(1, {"description": "v5"})
        assert repo.state() == "live"
        repo.say(description="v3")
        assert repo.state() == "both"
        repo.server.edit(1, {"description": "v2"})
        assert repo.state() == "repo"
        assert len(repo.server.writes) == 1

    def test_the_journal_of_another_account(self, repo: Repo) -> None:
        """The journal of another account does not count."""
        repo.say(description="v2")
        repo.cs("apply", "--auto-approve")
        (journal,) = (repo.folder / ".campaignsync" / "journal").iterdir()
        with Sandbox(seed={"campaigns": [{"id": 1, "description": "v5"}]}, rate=None) as other:
            ran = repo.drift("--base-url", other.url)

        assert journal.exists()
        assert ran.json["campaigns"][0]["state"] == "unknown"


SIGNER = """\
#!/bin/sh
cat >/dev/null
echo '[GNUPG:] SIG_CREATED ' >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'
"""


@pytest.mark.slow
def test_a_repository_cannot_make_git_run_programs(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository can make git neither run its programs nor read another folder."""
    trap = repo.folder / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repo.folder}/sprung\n")
    trap.chmod(0o755)
    signer = repo.folder / "signer"
    signer.write_text(SIGNER)
    signer.chmod(0o755)
    repo.write(".gitattributes", "*.yaml diff=trap\n")
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "gpg.program", str(signer))
    repo.commit(description="v1")
    repo.commit(description="v2")
    settings = (
        "core.fsmonitor", "core.pager", "pager.log", "diff.external", "diff.trap.textconv",
        "diff.trap.command", "gpg.program", "core.sshCommand", "core.askPass", "core.editor",
    )  # fmt: skip
    for setting in settings:
        repo.git("config", setting, str(trap))
    repo.git("config", "log.showSignature", "true")
    repo.git("config", "core.hooksPath", str(repo.folder))
    repo.git("-c", "core.pager=cat", "--no-pager", "log")
    assert (repo.folder / "sprung").exists(), "a signature that is looked at springs the trap"
    (repo.folder / "sprung").unlink()
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(trap))

    assert repo.state() == "repo"
    assert not (repo.folder / "sprung").exists()


def test_a_long_history_is_cut(repo: Repo) -> None:
    """Drift stays fast for files with many versions; older ones are not read."""
    edits = "".join(
        f"commit refs/heads/main\ncommitter t <t@example.com> {n} +0000\ndata 0\n"
        f"M 644 inline campaigns/a.yaml\ndata <<X\nid: 1\ndescription: v2\n# {n}\nX\n"
        for n in range(MOST_VERSIONS + 1)
    )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=repo.folder, check=True,
        input=edits.encode(),
    )  # fmt: skip
    repo.say(description="v2")

    values = history(repo.folder / "campaigns" / "a.yaml")

    assert (len(values.versions), values.is_whole) == (MOST_VERSIONS, False)
    assert repo.state() == "unknown"


class TestMetrics:
    def test_a_textfile_for_prometheus(self, repo: Repo) -> None:
        """The Prometheus file has the number of campaigns by state, and the time of the run."""
        repo.commit(description="v2")
        file = repo.folder / "altur.prom"
        before = os.umask(0o077)
        try:
            assert repo.drift("--metrics", file).code == 0
        finally:
            os.umask(before)

        families = {each.name: each for each in text_string_to_metric_families(file.read_text())}
        samples = families["campaignsync_drift_campaigns"].samples
        assert {s.labels["state"]: s.value for s in samples if s.value} == {"live": 1}
        assert {s.labels["environment"] for s in samples} == {"default"}
        assert len(samples) == 7
        (success,) = families["campaignsync_last_success_timestamp_seconds"].samples
        assert success.value > 1e9
        assert all(each.type == "gauge" and each.documentation for each in families.values())
        assert file.stat().st_mode & 0o777 == 0o644

    def test_a_failed_run_leaves_the_file(self, repo: Repo) -> None:
        """A failed run keeps the old time in the Prometheus file."""
        repo.say(description="v2")
        (repo.folder / "altur.prom").write_text("old\n")

        ran = repo.drift("--metrics", "altur.prom", "--base-url", "http://127.0.0.1:9")

        assert ran.code == 5
        assert (repo.folder / "altur.prom").read_text() == "old\n"

    def test_any_environment_name_is_a_valid_label(self) -> None:
        """Any environment name is a valid label."""
        name = 'a"} 1\n# b\\'
        verdict = judged(2, 1, EarlierValues(), environment=name)

        families = list(text_string_to_metric_families(prometheus.drift(verdict)))

        assert {s.labels["environment"] for each in families for s in each.samples} == {name}


class TestCommand:
    def test_the_json_fits_its_schema(self, repo: Repo) -> None:
        """The JSON of drift validates against `schema drift`."""
        repo.commit(description="v2")

        jsonschema.validate(repo.drift().json, schema("drift"))
        assert repo.cs("schema", "drift").json == schema("drift")

    def test_exit_codes_are_those_of_plan(self, repo: Repo) -> None:
        """With --detailed-exitcode drift exits with 2; a missing campaign exits with 6."""
        repo.commit(description="v2")
        assert repo.drift().code == 0
        assert repo.drift("--detailed-exitcode").code == 2

        repo.write("campaigns/gone.yaml", "id: 99\ndescription: v1\n")
        ran = repo.cs("drift", "--detailed-exitcode")
        assert ran.code == 6
        assert ran.out.splitlines()[-1] == "Drift: 1 live ahead, 1 missing."

    def test_a_guard_does_not_hide_drift(self, repo: Repo) -> None:
        """Guards concern writes, so drift ignores them."""
        repo.write(
            "campaignsync.yaml", "version: 1\ndefinitions: campaigns\nguards: {protected: [1]}\n"
        )
        repo.commit(description="v2")

        assert repo.drift("--detailed-exitcode").code == 2

    @pytest.mark.parametrize("format_", ["text", "json", "markdown"])
    def test_nothing_is_written(self, repo: Repo, format_: str) -> None:
        """Drift sends no PATCH."""
        repo.commit(description="v2")

        assert repo.cs("drift", "--format", format_).code == 0
        assert repo.server.writes == ()
        assert {seen.method for seen in repo.server.log} == {"GET"}

    def test_markdown_is_for_reviewers(self, repo: Repo) -> None:
        """The Markdown is a table of campaigns, each with its evidence."""
        repo.commit(description="v1")
        repo.commit(description="v2")

        out = repo.cs("drift", "--format", "markdown").out

        assert "| 1 Wave | **repo ahead** | `description` |" in out
        assert "| `description` | `v1` | `v2` |" in out
