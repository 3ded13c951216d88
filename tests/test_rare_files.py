"""What loading does with definitions, workspaces, repositories and plans that are rare or odd."""

import errno
import json
import os
import resource
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path, PosixPath
from typing import Any

import pytest
from support.commandline import Command
from support.faults import Sandbox
from support.servers import connect_to, seed
from test_saved_plans import Document, edit

from campaignsync.errors import ConfigurationError
from campaignsync.load import git as repository
from campaignsync.load.files import find

Git = Callable[..., None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    with Sandbox(seed(4), rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        yield sandbox


class TestDefinitions:
    @pytest.mark.parametrize(
        ("text", "code", "hint"),
        [
            ("cycles: [1]", "WRONG_TYPE", "write key: value on lines of their own, indented"),
            ("first_message: {file: [a]}", "WRONG_TYPE", "write one value on the line of its key"),
            ("cycles.max_iterations: 1", "UNKNOWN_KEY", "nest it: cycles: {max_iterations: …}"),
            ("analytics: {}", "READ_ONLY_KEY", ""),
            ("agent: {id: a}", "READ_ONLY_KEY", "the agent is checked as `agent_id`"),
        ],
    )
    def test_a_key_of_the_wrong_form(
        self, text: str, code: str, hint: str, here: Path, cs: Command
    ) -> None:
        """The error has the place, and shows the form to write."""
        (here / "a.yaml").write_text(f"id: 1\n{text}\n")

        ran = cs("validate")

        assert ran.code == 3
        assert f"[{code}]" in ran.out
        assert hint in ran.out
        assert "a.yaml:2:" in ran.out

    def test_an_empty_mapping_of_ids_is_an_error(self, here: Path, cs: Command) -> None:
        """`id: {}` leaves the campaign open, so the error shows how to write it."""
        (here / "a.yaml").write_text("id: {}\ndescription: v1\n")

        ran = cs("validate")

        assert (ran.code, "[MISSING_ID]" in ran.out) == (3, True)
        assert "id: {production: 1234}" in ran.out

    def test_channel_defaults_are_a_mapping(self, here: Path, cs: Command) -> None:
        """`defaults.phone_call` holds keys of definitions, so a list is an error."""
        (here / "a.yaml").write_text("id: 1\ndescription: v1\n")
        (here / "campaignsync.yaml").write_text("version: 1\ndefaults: {phone_call: [1]}\n")

        ran = cs("validate")

        assert (ran.code, "`phone_call` must be a mapping" in ran.out + ran.err) == (3, True)

    @pytest.mark.slow
    def test_the_list_of_problems_ends(self, here: Path, cs: Command) -> None:
        """A file of another kind does not print a problem for each of its thousand lines."""
        lines = "".join(f"key{number}: 1\n" for number in range(1000))
        (here / "a.yaml").write_text(f"id: 1\n{lines}")

        ran = cs("validate")

        assert ran.code == 3
        assert ran.out.count("[UNKNOWN_KEY]") == 100
        assert "[TOO_MANY_PROBLEMS]" in ran.out

    def test_a_file_that_is_too_large(self, here: Path, cs: Command) -> None:
        """A dump in place of a definition is refused by its size, before it is parsed."""
        (here / "a.yaml").write_text("#" * (2 * 2**20 + 1))

        ran = cs("validate")

        assert (ran.code, "the file cannot be read: it is larger than" in ran.out) == (3, True)
        ran = cs("fmt", "a.yaml")
        assert (ran.code, "the file cannot be read: it is larger than" in ran.err) == (3, True)

    @pytest.mark.fault("F6")
    def test_a_name_that_is_not_utf8(self, here: Path, cs: Command) -> None:
        """A file whose name no report could print is refused."""
        os.close(os.open(os.fsencode(here) + b"/\xff.yaml", os.O_CREAT | os.O_WRONLY, 0o600))

        ran = cs("validate")

        assert (ran.code, "[NOT_UTF8]" in ran.err) == (3, True)

    @pytest.mark.fault("F6")
    def test_a_folder_that_cannot_be_listed(self, here: Path) -> None:
        """Definitions are not skipped because their folder could not be opened."""
        (here / "a.yaml").write_text("id: 1\n")
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))  # for root, rights are no limit
        try:
            with pytest.raises(ConfigurationError, match="cannot be read: Too many open files"):
                find([here])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


class TestWorkspaces:
    TWO = "version: 1\nenvironments: {north: {}, south: {}}\n"

    def test_paths_of_two_workspaces(self, here: Path, cs: Command) -> None:
        """One run is of one workspace, and a path without a workspace is not part of any."""
        for name in ("a", "b"):
            (here / name).mkdir()
            (here / name / "x.yaml").write_text("id: 1\ndescription: v1\n")
        (here / "a" / "campaignsync.yaml").write_text("version: 1\n")

        ran = cs("validate", "a", "b")

        assert (ran.code, "more than one workspace: a and none (b)" in ran.err) == (3, True)

    def test_several_environments_require_a_default(self, here: Path, cs: Command) -> None:
        """The command asks for an account, and does not choose one."""
        (here / "a.yaml").write_text("id: 1\ndescription: v1\n")
        (here / "campaignsync.yaml").write_text(self.TWO)

        ran = cs("plan")

        assert (ran.code, "no environment specified" in ran.err) == (3, True)

    def test_an_account_is_not_a_sandbox(self, here: Path, cs: Command) -> None:
        """`--sandbox` with the name of an account is refused."""
        (here / "a.yaml").write_text("id: 1\ndescription: v1\n")
        (here / "campaignsync.yaml").write_text(self.TWO)

        ran = cs("plan", "-e", "north", "--sandbox")

        assert (ran.code, "environment `north`, which is a real account" in ran.err) == (3, True)

    @pytest.mark.fault("F6")
    def test_definitions_in_a_loop_of_links(self, here: Path, cs: Command) -> None:
        """A link that leads to itself is refused, and the program does not follow it for ever."""
        (here / "loop").symlink_to("loop")
        (here / "campaignsync.yaml").write_text("version: 1\ndefinitions: loop\n")

        ran = cs("plan")

        assert (ran.code, "loop" in ran.out + ran.err) == (3, True)

    def test_hours_in_the_form_of_the_api(self, here: Path, cs: Command) -> None:
        """A guard's hours have the short form alone."""
        hours = "{startTime: '09:00', stopTime: '18:00', active: true}"
        guards = f"guards: {{calling-hours: {{mon: {hours}}}}}"
        (here / "campaignsync.yaml").write_text(f"version: 1\n{guards}\n")

        ran = cs("plan")

        assert ran.code == 3
        assert "guards.calling-hours.mon" in ran.out + ran.err


class TestGit:
    @pytest.fixture
    def definition(self, here: Path, git: Git) -> Path:
        """Return a definition with three committed versions."""
        file = here / "a.yaml"
        git("init", "-q")
        for description in ("v1", "v2", "v3"):
            file.write_text(f"id: 1\ndescription: {description}\n")
            git("add", "a.yaml")
            git("commit", "-qm", "A version")
        return file

    def test_a_base_branch_without_guards(
        self, definition: Path, git: Git, server: Sandbox, cs: Command
    ) -> None:
        """A workspace file without `guards` at the base revision has the default guards."""
        assert definition.exists()
        assert server.url
        (definition.parent / "campaignsync.yaml").write_text("version: 1\n")
        git("add", ".")
        git("commit", "-qm", "The workspace")

        assert cs("plan", "--guards-from", "HEAD").code == 0

    def test_versions_that_are_too_large_together(
        self, definition: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The newest versions that fit are read, and the history says that it is not whole."""
        monkeypatch.setattr(repository, "LARGEST", 2 * definition.stat().st_size)

        versions = repository.history(definition)

        assert (len(versions.versions), versions.is_whole) == (2, False)

    def test_a_version_whose_content_is_missing(self, definition: Path) -> None:
        """If a clone has lost the content of an old version, the other versions are read."""
        blob = subprocess.run(
            ["git", "rev-parse", "HEAD~1:a.yaml"], cwd=definition.parent, capture_output=True,
            text=True, check=True,
        ).stdout.strip()  # fmt: skip
        (definition.parent / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

        versions = repository.history(definition)

        assert (len(versions.versions), versions.is_whole) == (2, False)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("script", "why"),
        [("exec sleep 60", repository.TIMED_OUT), ("exit 7", "git failed")],
    )
    def test_a_git_that_does_not_work(
        self, script: str, why: str, definition: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The reason is kept, and nothing waits longer than one timeout."""
        program = definition.parent / "bin" / "git"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setattr(repository, "TIMEOUT", 0.2)

        assert repository.history(definition) == repository.FileHistory(
            (), is_whole=False, reason=why
        )


def copy_environment(plan: Document) -> None:
    plan["environments"] *= 2
    plan["summary"] = {key: 2 * count for key, count in plan["summary"].items()}


def rename_environment(plan: Document) -> None:
    plan["campaigns"][0]["environment"] = "elsewhere"


def count_no_write(plan: Document) -> None:
    plan["environments"][0]["requests"]["write"] = 0


def name_a_null_character(plan: Document) -> None:
    plan["campaigns"][0]["source"]["file"] = "a\0b.yaml"


@pytest.mark.fault("R6")
class TestSavedPlans:
    @pytest.fixture(autouse=True)
    def _definitions(self, here: Path, server: Sandbox) -> None:
        assert server.url
        (here / "a.yaml").write_text("id: 1\ndescription: v2\n")
        (here / "b.yaml").write_text("id: 2\ndescription: v1\n")

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (copy_environment, "duplicate environment"),
            (rename_environment, "the environment elsewhere is missing"),
            (count_no_write, "`requests.write` is 0, not 1"),
            (name_a_null_character, "outside the workspace's definitions"),
        ],
    )
    def test_an_inconsistent_plan(
        self, change: Callable[[Document], None], why: str, here: Path, cs: Command
    ) -> None:
        """Each part of a plan agrees with the others, or nothing is sent."""
        cs("plan", "--out", "plan.json")
        edit(here / "plan.json", change)

        ran = cs("apply", "plan.json", "--auto-approve")

        assert (ran.code, why in ran.err) == (7, True), ran.err

    def test_a_file_that_is_not_a_plan(self, here: Path, cs: Command) -> None:
        """A text and another document are named, and the option that saves a plan."""
        (here / "notes.txt").write_text("Call Ana.\n")
        (here / "list.json").write_text(cs("list", "--format", "json").out)

        for file, what in (
            ("notes.txt", "it is not a JSON document"),
            ("list.json", "it is a document of kind `list`"),
        ):
            ran = cs("apply", file)
            assert (ran.code, what in ran.err) == (3, True), ran.err

    def test_a_campaign_without_a_status(self, server: Sandbox, cs: Command) -> None:
        """A plan of a campaign whose status the API does not return is applied."""
        server.edit(1, {"status": None})
        cs("plan", "--out", "plan.json")

        assert cs("apply", "plan.json", "--auto-approve").code == 0

    def test_an_archived_campaign_stays_blocked(self, server: Sandbox, cs: Command) -> None:
        """A saved plan with an archived campaign follows from its definitions."""
        server.edit(1, {"archived": True})
        cs("plan", "--out", "plan.json")

        ran = cs("apply", "plan.json", "--auto-approve", "--format", "json")

        assert ran.code == 6
        assert json.loads(ran.out)["campaigns"][0]["error"]["code"] == "ARCHIVED"


class Deleted(PosixPath):
    """The path of a file that is deleted after its folder was listed."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        if follow_symlinks:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return super().stat(follow_symlinks=False)


def test_a_file_that_is_deleted_meanwhile_is_missing(tmp_path: Path) -> None:
    """A file that is deleted while definitions are looked for is reported, and is no bug."""
    file = Deleted(tmp_path / "a.yaml")
    file.touch()

    with pytest.raises(ConfigurationError, match="no such file or folder"):
        find([file])
