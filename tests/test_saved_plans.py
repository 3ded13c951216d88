"""A saved plan is verified: apply derives it again from the workspace."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import Command, copy_example
from support.faults import Sandbox
from support.servers import connect_to, seed
from support.strategies import pairs

from campaignsync.apply.journal import with_checksum
from campaignsync.apply.saved_plan import refuse_unless_derived
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.plan import TOOL, make_plan

COUNT = 20
KEY = "sk-test-plan-0123456789abcdef"
OTHER_KEY = "sk-test-plan-fedcba9876543210"
APPLY = ("apply", "plan.json", "--auto-approve")
WORKSPACE = """\
version: 1
definitions: campaigns
guards:
  protected: [3]
  mass-change: {percent: 50, at_least: 2}
"""

Document = dict[str, Any]
Edit = Callable[[Document], None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve campaigns 1 to 20, all with `description: v1`."""
    with Sandbox(seed(COUNT), rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        yield sandbox


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a workspace of 20 definitions; that of campaign 1 has a change."""
    root = tmp_path / "repo"
    (root / "campaigns").mkdir(parents=True)
    (root / "campaignsync.yaml").write_text(WORKSPACE)
    for id_ in range(1, COUNT + 1):
        (root / "campaigns" / f"c{id_:02}.yaml").write_text(f"id: {id_}\ndescription: v1\n")
    define(root, 1, description="v2")
    monkeypatch.chdir(root)
    return root


def define(root: Path, id_: int, **values: Any) -> None:
    lines = "".join(f"{key}: {value}\n" for key, value in values.items())
    (root / "campaigns" / f"c{id_:02}.yaml").write_text(f"id: {id_}\n{lines}")


def edit(file: Path, change: Edit) -> None:
    """Edit a saved plan, and recompute its fingerprint, which needs no key."""
    document = json.loads(file.read_text())
    change(document)
    del document["fingerprint"]
    file.write_text(json.dumps({**document, "fingerprint": fingerprint(document)}))


def recount(plan: Document, *, write: int | None = None, **counts: int) -> None:
    """Set counts of a saved plan for one environment, in its parts and in the total."""
    [environment] = plan["environments"]
    for summary in (plan["summary"], environment["summary"]):
        summary.update(counts)
    if write is not None:
        environment["requests"]["write"] = write


def sent(body: Document) -> list[Document]:
    """Return the requests of campaign 1 with another body."""
    return [{"method": "PATCH", "path": "/campaigns/1", "body": body}]


def fingerprint(document: Any) -> str:
    """Compute a fingerprint, as anyone can."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def campaign(document: Document, id_: int) -> Document:
    planned: Document = next(each for each in document["campaigns"] if each["id"] == id_)
    return planned


class TestForgeries:
    """Six ways to edit a plan's file, each with a matching fingerprint."""

    @pytest.fixture(autouse=True, params=["", KEY], ids=["no key", "key"])
    def _key(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if request.param:
            monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", request.param)

    def refused(
        self, cs: Command, server: Sandbox, *why: str, code: int = 7, sealed: str = "PLAN_SEAL"
    ) -> None:
        """Apply; with a key the seal never matches."""
        ran = cs(*APPLY)
        if os.environ.get("CAMPAIGNSYNC_PLAN_KEY"):
            code, why = 7, (sealed,)
        assert ran.code == code, ran.err
        for part in why:
            assert part in ran.err
        assert server.writes == ()

    @pytest.mark.fault("H2")
    def test_a_plan_of_a_file_elsewhere(
        self, cs: Command, server: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """(a) A plan made from other definitions is not applied past `protected`."""
        elsewhere = repo.parent / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "c.yaml").write_text("id: 3\ndescription: v5\n")
        monkeypatch.chdir(elsewhere)
        assert cs("plan", "c.yaml", "--out", repo / "plan.json").code == 0
        monkeypatch.chdir(repo)
        for named in ("../elsewhere/c.yaml", str(elsewhere / "c.yaml"), "campaigns/../c.yaml"):
            edit(repo / "plan.json", lambda plan, named=named: point_at(plan, named))  # type: ignore[misc] # each name in turn
            self.refused(cs, server, "PLAN_SOURCE", named)

    @pytest.mark.fault("H2")
    def test_a_link_out_of_the_definitions(
        self, cs: Command, server: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """(a) A link among the definitions cannot add a file from outside."""
        elsewhere = repo.parent / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "c.yaml").write_text("id: 4\ndescription: v5\n")
        monkeypatch.chdir(elsewhere)
        cs("plan", "c.yaml", "--out", repo / "plan.json")
        monkeypatch.chdir(repo)
        (repo / "campaigns" / "link.yaml").symlink_to(elsewhere / "c.yaml")
        (repo / "campaigns" / "folder").symlink_to(elsewhere)
        for named in ("campaigns/link.yaml", "campaigns/folder/c.yaml"):
            edit(repo / "plan.json", lambda plan, named=named: point_at(plan, named))  # type: ignore[misc] # each name in turn
            self.refused(cs, server, "PLAN_SOURCE")

    @pytest.mark.fault("H2")
    def test_a_plan_that_brings_its_own_workspace(
        self, cs: Command, server: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """(b) A `campaignsync.yaml` beside the plan's definition loosens no guard."""
        nested = repo / "campaigns" / "nested"
        nested.mkdir()
        (nested / "campaignsync.yaml").write_text("version: 1\n")
        (nested / "c.yaml").write_text("id: 3\ndescription: v5\n")
        monkeypatch.chdir(nested)
        assert cs("plan", "--out", repo / "plan.json").code == 0
        monkeypatch.chdir(repo)
        edit(repo / "plan.json", lambda plan: point_at(plan, "campaigns/nested/c.yaml"))

        self.refused(cs, server, "PLAN_SOURCE", "another workspace")

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    def test_a_definition_outside_of_definitions(
        self, cs: Command, server: Sandbox, repo: Path
    ) -> None:
        """A file of the workspace outside its `definitions` is not applied from a plan."""
        (repo / "draft.yaml").write_text("id: 4\ndescription: v5\n")
        ran = cs("plan", "draft.yaml", "--out", "plan.json")
        assert (ran.code, "PLAN_SOURCE" in ran.err) == (3, True)
        assert not Path("plan.json").exists()
        (repo / "campaigns" / "draft.yaml").write_text("id: 4\ndescription: v5\n")
        cs("plan", "campaigns/draft.yaml", "--out", "plan.json")
        edit(repo / "plan.json", lambda plan: point_at(plan, "draft.yaml"))

        self.refused(cs, server, "PLAN_SOURCE", "draft.yaml")

    @pytest.mark.fault("H2")
    def test_the_guards_are_those_of_the_folder_of_apply(
        self, cs: Command, server: Sandbox, repo: Path
    ) -> None:
        """(b) A plan of a looser copy of the workspace is checked by the checkout's guards."""
        define(repo, 1, description="v1")
        define(repo, 3, description="v5")
        loose = repo.parent / "loose"
        shutil.copytree(repo, loose)
        (loose / "campaignsync.yaml").write_text("version: 1\ndefinitions: campaigns\n")
        assert cs("-C", loose, "plan", "--out", repo / "plan.json").code == 0

        ran = cs(*APPLY)

        assert (ran.code, "GUARD_PROTECTED" in ran.err) == (6, True)
        assert server.writes == ()

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    def test_a_hand_written_journal(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """(c) A forged journal cannot send text to a campaign."""
        journal = repo.parent / "20260101T000000.000Z-abcdef.jsonl"
        header: Document = {"environment": "default", "base_url": server.url, "plan": ""}
        intent: Document = {"id": 7, "name": "x", "requests": [], "after": {"name": "Campaign 7"}}
        lines = [
            {"kind": "run", "run": journal.stem, "tool": TOOL, "started": "", **header},
            {"kind": "intent", **intent, "before": {"name": "Pay at once"}, "siblings": {}},
            {"kind": "outcome", "id": 7, "outcome": "updated", "code": None},
            {"kind": "end", "exit_code": 0},
        ]
        numbered = ({"n": number, **line} for number, line in enumerate(lines, start=1))
        journal.write_bytes(b"".join(map(with_checksum, numbered)))
        ran = cs("undo", journal.stem, "--journal", repo.parent, "--out", "plan.json")
        assert ran.code == 0
        assert "Pay at once" in Path("plan.json").read_text()

        ran = cs(*APPLY)
        assert (ran.code, "UNDO_ELSEWHERE" in ran.err) == (7, True)
        assert "--allow undo-elsewhere" in ran.err
        assert server.writes == ()

        assert cs(*APPLY, "--allow", "undo-elsewhere").code == 0
        assert server.campaigns()[7]["name"] == "Pay at once"

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    def test_an_undo_of_another_persons_edit(
        self, cs: Command, server: Sandbox, repo: Path
    ) -> None:
        """An undo plan does not name an edit made since the run as the value to take back."""
        assert cs("apply", "--auto-approve").code == 0
        assert cs("undo", "last", "--out", "plan.json").code == 0
        server.edit(1, {"description": "v4"})

        def start_from_the_edit(plan: Document) -> None:
            [campaign] = plan["campaigns"]
            campaign["changes"][0]["before"] = 4

        edit(repo / "plan.json", start_from_the_edit)

        assert cs(*APPLY).code == 7
        assert server.campaigns()[1]["description"] == "v4"

    @pytest.mark.fault("H2")
    def test_an_understated_summary(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """(d) `summary.update: 1` does not bypass the guard `mass-change`."""
        for id_ in range(1, COUNT + 1):
            if id_ != 3:
                define(repo, id_, description="v2")
        cs("plan", "--out", "plan.json", "--allow", "mass-change")
        edit(repo / "plan.json", lambda plan: recount(plan, update=1, unchanged=19))

        self.refused(cs, server, "EDITED_PLAN", "`summary.update` is 1, and the plan has 19")

    @pytest.mark.fault("H2")
    def test_a_plan_from_the_future(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """(e) `created_at: 2999` does not bypass the age limit."""
        cs("plan", "--out", "plan.json")
        edit(repo / "plan.json", lambda plan: plan.update(created_at="2999-01-01T00:00:00Z"))

        self.refused(cs, server, "FUTURE_PLAN", "2999-01-01T00:00:00Z")

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    @pytest.mark.parametrize("stripped", [False, True], ids=["changes kept", "changes removed"])
    @pytest.mark.parametrize("action", ["unchanged", "frozen"])
    def test_a_hidden_update_is_refused(
        self, cs: Command, server: Sandbox, repo: Path, action: str, *, stripped: bool
    ) -> None:
        """(f) An update that was changed to `unchanged` or `frozen` is not silently skipped."""
        define(repo, 2, description="v2")
        cs("plan", "--out", "plan.json")

        def hide(plan: Document) -> None:
            campaign(plan, 1).update(action=action, requests=[])
            if action == "frozen":
                campaign(plan, 1).update(status="finished")
            elif stripped:
                campaign(plan, 1).update(changes=[])
            counts = {"unchanged": 18, "frozen": 0}
            recount(plan, write=1, update=1, **{**counts, action: counts[action] + 1})

        edit(repo / "plan.json", hide)

        self.refused(cs, server, "campaign 1")

    @pytest.mark.slow
    @pytest.mark.fault("H2", "R6")
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"action": "blocked", "requests": []}, "its action is `blocked`"),
            ({"requests": sent({"description": "v3"})}, "its requests do not follow"),
            (
                {"requests": sent({"description": "v2", "name": "gift"})},
                "its requests do not follow",
            ),
            ({"requests": []}, "its requests do not follow"),
            ({"changes": []}, "its action is `update`"),
        ],
    )
    def test_actions_requests_and_changes_are_derived_again(
        self, cs: Command, server: Sandbox, repo: Path, change: Document, why: str
    ) -> None:
        """No action, body or change is taken from the file if the definition determines it."""
        cs("plan", "--out", "plan.json")

        def forge(plan: Document) -> None:
            campaign(plan, 1).update(change)
            if change.get("action") == "blocked":
                recount(plan, write=0, update=0, blocked=1)

        edit(repo / "plan.json", forge)

        self.refused(cs, server, "EDITED_PLAN", why)

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    @pytest.mark.parametrize(("field", "value"), [("after", "v5"), ("before", "v2")])
    def test_a_change_from_or_to_something_else(
        self, cs: Command, server: Sandbox, repo: Path, field: str, value: str
    ) -> None:
        """A change that does not follow from the definition is refused."""
        cs("plan", "--out", "plan.json")
        edit(
            repo / "plan.json",
            lambda plan: campaign(plan, 1)["changes"][0].update({field: value}),
        )

        self.refused(cs, server, "EDITED_PLAN", "campaign 1")

    @pytest.mark.fault("H2")
    @pytest.mark.parametrize("place", ["changes", "requests"])
    def test_a_number_of_another_type(
        self, cs: Command, server: Sandbox, repo: Path, place: str
    ) -> None:
        """The number 2.0 does not match the definition's 2, in a change or in a request."""
        define(repo, 1, message_limit=2)
        cs("plan", "--out", "plan.json")

        def forge(plan: Document) -> None:
            if place == "changes":
                campaign(plan, 1)["changes"][0]["after"] = 2.0
            else:
                campaign(plan, 1)["requests"] = sent({"message_limit": 2.0})

        edit(repo / "plan.json", forge)

        self.refused(cs, server, "EDITED_PLAN", "campaign 1")

    @pytest.mark.fault("H2")
    def test_a_reason_that_the_definition_does_not_have(
        self, cs: Command, server: Sandbox, repo: Path
    ) -> None:
        """A campaign is blocked only for reasons that follow from its definition."""
        define(repo, 1, description="v1", integration_type="whatsapp")
        assert cs("plan", "--out", "plan.json").code == 6
        edit(
            repo / "plan.json",
            lambda plan: campaign(plan, 1)["blocked"][0].update(code="INVALID_REQUEST"),
        )

        self.refused(cs, server, "EDITED_PLAN", "its blocked reasons do not follow")


def point_at(plan: Document, file: str) -> None:
    """Make every source of a plan a file."""
    for each in plan["campaigns"]:
        for place in (each, *each["changes"], *each["blocked"]):
            place["source"]["file"] = file


class TestHonestPlans:
    """Every plan that the program made is accepted."""

    @pytest.mark.fault("H2")
    def test_the_example_with_every_kind_of_campaign(self, cs: Command, tmp_path: Path) -> None:
        """Plans with updates, frozen and blocked campaigns, and unreadable fields are applied."""
        root = tmp_path / "x"
        copy_example(root)
        (root / "campaigns" / "gone.yaml").write_text("id: 999\nname: Gone\ndescription: v2\n")
        (root / "campaigns" / "cycles.yaml").write_text(
            "id: 1243\nagent_id: agt_other\ncycles: {max_iterations: 3}\n"
        )
        seeded = json.loads((root / "sandbox.json").read_text())
        template = dict(seeded["campaigns"][0], id=1243)
        template["cycles"] = {**template.get("cycles", {}), "enabled": False}
        seeded["campaigns"].append(template)
        (root / "sandbox.json").write_text(json.dumps(seeded))
        planned = cs("plan", "-C", root, "--out", "plan.json", "--format", "json").json
        assert planned["summary"]["blocked"] == 2
        codes = {reason["code"] for each in planned["campaigns"] for reason in each["blocked"]}
        assert codes == {"NOT_FOUND", "IMMUTABLE_FIELD", "CYCLES_NOT_ENABLED"}

        ran = cs("-C", root, *APPLY, "--format", "json")

        assert ran.json["summary"]["updated"] == planned["summary"]["update"] > 0

    @pytest.mark.slow
    @pytest.mark.usefixtures("repo")
    @pytest.mark.parametrize(
        "more", [("--select", "1"), ("--shard", "1/2"), ("campaigns/c01.yaml",)]
    )
    def test_a_part_of_the_workspace(
        self, cs: Command, server: Sandbox, more: tuple[str, ...]
    ) -> None:
        """A plan of some definitions is applied; the note names the others."""
        cs("plan", "--out", "plan.json", *more)
        ran = cs(*APPLY)

        assert ran.code == 0, ran.err
        is_part = "--shard" in more
        assert ("the plan does not cover 19 definitions of default: 2, 3" in ran.err) == (
            not is_part
        )
        planned = {each["id"] for each in json.loads(Path("plan.json").read_text())["campaigns"]}
        assert len(server.writes) == (1 in planned)

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    def test_a_plan_from_which_a_campaign_was_removed(
        self, cs: Command, server: Sandbox, repo: Path
    ) -> None:
        """A campaign that was removed from the plan and its digest is named by apply."""
        define(repo, 2, description="v2")
        cs("plan", "--out", "plan.json", "--exclude", "2")

        ran = cs(*APPLY)

        assert "the plan does not cover 1 definition of default: 2" in ran.err
        assert [write.path[-2:] for write in server.writes] == ["/1"]

    @pytest.mark.fault("H2")
    def test_a_plan_without_any_campaign(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """A plan without campaigns does nothing, and missing definitions are counted."""
        cs("plan", "--out", "plan.json", "--select", "1")

        def empty(plan: Document) -> None:
            plan["campaigns"] = []
            recount(plan, write=0, update=0, unchanged=0)
            plan["environments"][0]["definitions"] = fingerprint([])

        edit(repo / "plan.json", empty)
        ran = cs(*APPLY)

        assert (ran.code, server.writes) == (0, ())
        assert "the plan does not cover 20 definitions of default" in ran.err

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    def test_live_moved_under_an_unchanged_campaign(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, repo: Path
    ) -> None:
        """Without a key, an edit of an unchanged campaign is detected by reading it again."""
        assert cs("-C", repo, "plan", "--out", "plan.json").code == 0
        server.edit(5, {"description": "v4"})
        ran = cs(*APPLY)
        assert (ran.code, server.writes) == (7, ())
        assert "campaign 5 is `unchanged` in the plan, and description must change now" in ran.err

        server.edit(5, {"description": "v1"})
        monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", KEY)
        cs("plan", "--out", "plan.json")
        server.edit(5, {"description": "v4"})
        read = len(server.log)
        assert cs(*APPLY).code == 0
        assert server.campaigns()[5]["description"] == "v4"
        # A sealed plan needs no further reading: one campaign is read and written.
        assert [request.method for request in server.log[read:]] == ["GET", "PATCH"]

    @pytest.mark.slow
    def test_several_environments(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """Plans of several environments are derived one by one, with a total."""
        (repo / "campaignsync.yaml").write_text(
            "version: 1\ndefinitions: campaigns\nenvironments:\n"
            "  one: {api_key_env: ALTUR_API_KEY}\n  two: {api_key_env: ALTUR_API_KEY}\n"
        )
        both = ("--all-environments", "--out", "plan.json")
        cs("plan", *both)
        edit(repo / "plan.json", lambda plan: plan["summary"].update(update=1))
        ran = cs(*APPLY)
        assert (ran.code, "EDITED_PLAN" in ran.err) == (7, True)
        assert server.writes == ()

        cs("plan", *both)
        assert cs(*APPLY).code == 0

    @pytest.mark.slow
    def test_an_undo_plan_requires_the_account_of_its_run(
        self, cs: Command, server: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An undo plan is applied in the workspace and account of its run only."""
        cs("apply", "--auto-approve")
        assert server.campaigns()[1]["description"] == "v2"
        cs("undo", "last", "--out", "plan.json")
        [journal] = (repo / ".campaignsync" / "journal").iterdir()
        kept = journal.read_bytes()
        header, *lines = kept.decode().splitlines()
        edited = {**json.loads(header), "base_url": "https://other.example/api/v1.0"}
        del edited["checksum"]
        of_another_account = with_checksum(edited) + "".join(f"{line}\n" for line in lines).encode()
        for content in (of_another_account, b""):
            journal.write_bytes(content)
            ran = cs(*APPLY)
            assert (ran.code, "OTHER_PLAN" in ran.err) == (7, True)

        journal.write_bytes(kept)
        (repo / "campaigns" / "sub").mkdir()
        monkeypatch.chdir(repo / "campaigns" / "sub")
        assert cs("apply", "../../plan.json", "--auto-approve").code == 0
        assert server.campaigns()[1]["description"] == "v1"

    @pytest.mark.usefixtures("repo", "server")
    def test_allow_undo_elsewhere_without_effect_is_an_error(self, cs: Command) -> None:
        """`--allow undo-elsewhere` without effect is an error, as for any guard."""
        cs("plan", "--out", "plan.json")
        for command in (APPLY, ("apply", "--auto-approve")):
            ran = cs(*command, "--allow", "undo-elsewhere")
            assert (ran.code, "UNUSED_ALLOW" in ran.err) == (3, True)


@pytest.mark.usefixtures("repo")
class TestSeal:
    """`CAMPAIGNSYNC_PLAN_KEY` seals plans with an HMAC, and apply accepts no other."""

    @pytest.fixture(autouse=True)
    def _key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", KEY)

    @pytest.mark.usefixtures("server")
    def test_a_page_names_the_fingerprint_of_the_saved_plan(
        self, repo: Path, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The HTML report of a plan and the saved plan have one fingerprint, from any folder."""
        monkeypatch.chdir(repo / "campaigns")
        files = ("--out", str(repo / "plan.json"), "--report", f"html={repo / 'plan.html'}")
        assert cs("plan", *files).code == 0

        saved = json.loads((repo / "plan.json").read_text())
        assert saved["fingerprint"] in (repo / "plan.html").read_text()

    @pytest.mark.fault("H2")
    def test_a_sealed_plan_is_applied(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """With the same key, from a variable or a file, the plan is applied."""
        (repo.parent / "key").write_text(f"{KEY}\n")
        assert cs("plan", "--out", "plan.json").code == 0
        assert json.loads(Path("plan.json").read_text())["seal"].startswith("hmac-sha256:")
        os.environ["CAMPAIGNSYNC_PLAN_KEY"] = ""
        os.environ["CAMPAIGNSYNC_PLAN_KEY_FILE"] = str(repo.parent / "key")

        assert cs(*APPLY).code == 0
        assert len(server.writes) == 1

    @pytest.mark.fault("H2")
    @pytest.mark.parametrize("key", ["", OTHER_KEY], ids=["unsealed", "another key"])
    def test_a_plan_without_the_seal_is_refused(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        """A plan that was made without the key, or with another one, is refused."""
        if key:
            monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", key)
        else:
            monkeypatch.delenv("CAMPAIGNSYNC_PLAN_KEY")
        cs("plan", "--out", "plan.json")
        monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", KEY)
        ran = cs(*APPLY)

        assert (ran.code, "[PLAN_SEAL]" in ran.err) == (7, True)
        assert server.writes == ()

    @pytest.mark.fault("H2")
    def test_a_sealed_plan_needs_the_key(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An apply job without the key refuses a sealed plan."""
        cs("plan", "--out", "plan.json")
        monkeypatch.delenv("CAMPAIGNSYNC_PLAN_KEY")
        ran = cs(*APPLY)

        assert (ran.code, "CAMPAIGNSYNC_PLAN_KEY is not set" in ran.err) == (7, True)
        assert server.writes == ()
        assert cs("show", "plan.json").code == 0

    @pytest.mark.fault("H2")
    def test_the_seal_of_another_plan(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """A seal belongs to one plan: it does not match another one."""
        cs("plan", "--out", "plan.json")
        kept = json.loads(Path("plan.json").read_text())["seal"]
        define(repo, 1, description="v5")
        cs("plan", "--out", "plan.json")
        edit(repo / "plan.json", lambda plan: plan.update(seal=kept))
        ran = cs(*APPLY)

        assert (ran.code, "[PLAN_SEAL]" in ran.err) == (7, True)
        assert server.writes == ()

    @pytest.mark.slow
    def test_an_undo_plan_is_sealed_too(self, cs: Command, server: Sandbox) -> None:
        """`undo` seals its plan like `plan` does."""
        cs("apply", "--auto-approve")
        cs("undo", "last", "--out", "plan.json")

        assert cs(*APPLY).code == 0
        assert server.campaigns()[1]["description"] == "v1"

    @pytest.mark.parametrize("key", ["", "  ", "sk-test-short"])
    def test_a_key_that_can_be_guessed(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        """An empty or short key is an error before any request, and never shown."""
        cs("plan", "--out", "plan.json")
        read = len(server.log)
        monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY", key)
        for command in (("plan", "--out", "other.json"), APPLY):
            ran = cs(*command)
            assert (ran.code, "[PLAN_KEY]" in ran.err) == (4, True)
            assert key.strip() == "" or key not in ran.out + ran.err
        assert len(server.log) == read

    @pytest.mark.parametrize("content", [None, b"", b"\xff" * 40, b"short"])
    def test_a_key_file_without_a_key_is_an_error(
        self,
        cs: Command,
        repo: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: bytes | None,
    ) -> None:
        """A key file that is missing, empty, binary or short is an error."""
        monkeypatch.delenv("CAMPAIGNSYNC_PLAN_KEY")
        monkeypatch.setenv("CAMPAIGNSYNC_PLAN_KEY_FILE", str(repo.parent / "key"))
        if content is not None:
            (repo.parent / "key").write_bytes(content)
        ran = cs("plan", "--out", "plan.json")

        assert (ran.code, "[PLAN_KEY]" in ran.err) == (4, True)
        assert "CAMPAIGNSYNC_PLAN_KEY" in ran.err

    @pytest.mark.slow
    @pytest.mark.fault("S2")
    def test_the_key_is_not_in_outputs(self, cs: Command, server: Sandbox, repo: Path) -> None:
        """The plan key is in no plan, report, journal or message."""
        ran = [cs("plan", "--out", "plan.json", "--report", "html=plan.html", "-v")]
        ran.append(cs("show", "plan.json"))
        ran.append(cs(*APPLY, "-v"))
        edit(repo / "plan.json", lambda plan: plan["summary"].update(update=7))
        ran.append(cs(*APPLY, "-v"))
        files = [path.read_bytes() for path in repo.rglob("*") if path.is_file()]

        assert [each.code for each in ran] == [0, 0, 0, 7]
        assert all(KEY not in each.out + each.err for each in ran)
        assert all(KEY.encode() not in content for content in files)
        assert len(server.writes) == 1


class TestFolder:
    """`-C DIR` runs as if started there."""

    def test_before_or_after_the_command(
        self, cs: Command, server: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Workspace, plan file and sources are those of the folder; several -C add up."""
        monkeypatch.chdir(repo.parent)
        assert cs("-C", "repo", "plan", "--out", "plan.json").code == 0
        assert (repo / "plan.json").is_file()
        assert not Path("plan.json").exists()
        assert Path.cwd() == repo.parent
        ran = cs("-C", "repo", "show", "-C", "campaigns", "../plan.json")
        assert ran.out.splitlines()[-1] == "Plan: 1 to update, 19 unchanged."
        assert cs("apply", "-C", "repo", "plan.json", "--auto-approve").code == 0
        assert len(server.writes) == 1

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_a_plan_names_files_relative_to_the_workspace(
        self, cs: Command, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A plan names its files relative to the workspace, from any current folder."""
        monkeypatch.chdir(repo.parent)
        planned = cs("plan", "repo", "--out", "plan.json", "--format", "json")
        files = {each["source"]["file"] for each in planned.json["campaigns"]}
        assert "campaigns/c01.yaml" in files
        assert planned.json == json.loads(Path("plan.json").read_text())
        ran = cs(*APPLY)
        assert (ran.code, "-C DIR" in ran.err) == (7, True)

        assert cs("-C", "repo", "apply", "../plan.json", "--auto-approve").code == 0

    @pytest.mark.usefixtures("repo")
    def test_a_folder_that_is_not_there(self, cs: Command) -> None:
        """A mistyped folder is an error; nothing runs elsewhere."""
        for words in (("-C", "repi", "plan"), ("plan", "-C", "repi")):
            ran = cs(*words)
            assert (ran.code, "cannot change to the folder repi" in ran.err) == (3, True)

    @pytest.mark.usefixtures("server")
    def test_the_plan_of_an_earlier_run_is_named(
        self, cs: Command, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If a plan fails, the note about an earlier --out also works with -C."""
        monkeypatch.chdir(repo.parent)
        cs("-C", "repo", "plan", "--out", "plan.json")
        for words in (("-C", "repo", "plan"), ("plan", "-Crepo")):
            ran = cs(*words, "--out", "plan.json", "-e", "nowhere")
            assert "plan.json is from an earlier run" in ran.err

    def test_every_command_has_the_option(self, cs: Command, tmp_path: Path) -> None:
        """Each command, and each command of `sandbox`, lists -C."""
        from campaignsync.cli import COMMANDS  # noqa: PLC0415 - a detail of this test

        below = [("sandbox", "serve"), ("sandbox", "reset"), ("--help",)]
        for words in (*((name,) for name in COMMANDS), *below):
            assert "-C DIR" in cs(*words, "--help").out, words
        assert tmp_path.is_dir()


@pytest.mark.usefixtures("repo")
class TestMistakenFiles:
    """A mistyped file name is recognised: exit 3, and nothing is overwritten."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            ("plan -o plan.json", "--out plan.json"),
            ("plan --output=plan.json", "--out plan.json"),
            ("plan -o plan.json --format html", "--out plan.json"),
            ("undo last -o undo.json", "--out undo.json"),
            ("drift -o drift.json", "--format json"),
            ("plan -o plan.html", "--format html"),
            ("plan -o plan.xml", "--format junit"),
            ("plan -o plan.yaml", "--out plan.json"),
            ("plan -o campaigns/c01.yaml --format json", "--out campaigns/c01.json"),
            ("drift -o campaigns/c01.yml", "give the file another suffix"),
            ("plan --report text=plan.json", "--out plan.json"),
            ("plan -out plan.json", "--out FILE"),
            ("plan -out=plan.json", "--out FILE"),
            ("plan -output plan.json", "--output FILE"),
            ("schema -out campaign.schema.json", "--out FILE"),
            ("plan -o json", "--format json"),
            ("plan --out json", "--format json"),
            ("plan -o JSON", "--format json"),
            ("render -o yaml", "--format yaml"),
            ("plan --format out.json", "-o out.json"),
            ("plan --format plan.html", "-o plan.html"),
            ("plan --out campaigns/c01.yaml", "--out campaigns/c01.json"),
            ("plan --out new.yml", "--out new.json"),
            ("undo last --out campaignsync.yaml", "--out campaignsync.json"),
            ("plan plan.json", "campaignsync apply plan.json"),
            ("validate campaigns plan.json", "campaignsync show plan.json"),
            ("apply plan.json campaigns", "campaignsync apply plan.json"),
            ("apply campaigns plan.json", "campaignsync apply plan.json"),
            ("apply plan.txt --auto-approve", "--out plan.json"),
            ("show plan.txt", "--out plan.json"),
            ("comment plan.txt", "--out plan.json"),
            ("apply drift.json --auto-approve", "--out plan.json"),
        ],
    )
    def test_the_hint_has_the_intended_command(
        self, cs: Command, server: Sandbox, repo: Path, words: str, hint: str
    ) -> None:
        """The hint has the probably intended command, and no file is changed."""
        cs("plan", "--out", "plan.json")
        cs("plan", "-o", "plan.txt")
        (repo / "drift.json").write_text('{"version": 1, "kind": "drift"}')
        before = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()}
        ran = cs(*words.split())

        assert ran.code == 3, ran.err
        assert hint in ran.err.partition("→")[2]
        assert {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()} == before
        assert server.writes == ()

    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_a_report_can_have_any_matching_suffix(self, cs: Command) -> None:
        """A report can be written to any file whose suffix fits, JSON to plan.json, too."""
        for words in (
            "plan -o plan.txt",
            "plan -o report",
            "plan -o ./json",
            "plan -o ./ut",
            "plan --format html -o plan.html",
            "plan --format gitlab -o quality.json",
            "plan --format json -o plan.json",
            "render 1 --format yaml -o one.yaml",
        ):
            assert cs(*words.split()).code == 0, words
        assert cs(*APPLY).code == 0


@pytest.mark.slow
@pytest.mark.fault("H2")
def test_the_clock_of_the_other_machine_may_be_a_little_ahead(
    cs: Command, server: Sandbox, repo: Path
) -> None:
    """A plan dated four minutes ahead is applied: clocks differ."""
    cs("plan", "--out", "plan.json")
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    edit(repo / "plan.json", lambda plan: plan.update(created_at=f"{ahead:%Y-%m-%dT%H:%M:%SZ}"))

    assert cs(*APPLY).code == 0
    assert len(server.writes) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "code"), [("inf", 0), ("1e300", 0), ("nan", 7)])
def test_any_number_of_hours_is_a_limit(
    hours: str, code: int, cs: Command, server: Sandbox, repo: Path
) -> None:
    """`--max-age` takes any number: no plan is too old for `inf`, and every plan is for `nan`."""
    cs("plan", "--out", str(repo / "plan.json"))

    assert cs(*APPLY, "--max-age", hours).code == code
    assert len(server.writes) == (code == 0)


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["active", "finished", "paused by the vendor"]),
        "archived": st.booleans(),
        "integration_type": st.sampled_from(["phone_call", "whatsapp", "email"]),
        "cycles.enabled": st.booleans(),
        "cycles.mode": st.sampled_from(["cooldown", "scheduled", None]),
        "name": st.sampled_from(["", "Campaign 7"]),
    },
)


@pytest.mark.slow
@given(pair=pairs(), facts=FACTS, exists=st.booleans(), unreadable=st.booleans())
@settings(deadline=None)
def test_an_unedited_plan_is_derived_identically(
    pair: tuple[Definition, LiveCampaign],
    facts: Mapping[str, Value],
    *,
    exists: bool,
    unreadable: bool,
) -> None:
    """An unedited plan is derived identically, for any live and unknown values."""
    definition, live = pair
    live = LiveCampaign(live.id, {**live.values, **facts})
    plan = make_plan(
        Desired((definition,)),
        Live({live.id: live} if exists else {}),
        environment="e",
        base_url="b",
        created_at="2026-01-05T00:00:00Z",
        send_unreadable=unreadable,
    )

    refuse_unless_derived(plan, Desired((definition,)))
