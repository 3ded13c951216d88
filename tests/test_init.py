"""`campaignsync init` creates a config repo that works at once, and changes no file."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from support.commandline import Command, run_command
from support.preloaded import preloaded

from campaignsync import __version__
from campaignsync.api.pace import MOST
from campaignsync.authoring.init import FROM_LIVE, JOBS, MARKED, NEEDED, REPO, TEMPLATES
from campaignsync.cli.init import DIVISIBLE, MOST_PARTS, PLACES

MADE = (
    "campaign.schema.json",
    "campaigns/example.yaml",
    "sandbox.json",
    ".gitignore",
    ".pre-commit-config.yaml",
    "requirements.txt",
    "README.md",
    "campaignsync.yaml",
)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_it_works_at_once(tmp_path: Path) -> None:
    """After `init`, the user can validate and plan, without a key."""
    made = preloaded().run("init", "repo", folder=tmp_path)

    assert made.code == 0
    assert made.out.splitlines()[-1] == "Init: 8 created."
    assert preloaded().run("validate", folder=tmp_path / "repo").out == "1 definition is valid.\n"
    planned = preloaded().run("plan", "--sandbox", "--strict", folder=tmp_path / "repo")
    assert planned.code == 0
    assert planned.out.splitlines()[-1] == "Plan: 1 to update, 0 unchanged."


def test_the_proposed_command_can_be_copied(tmp_path: Path, cs: Command) -> None:
    """The command that `init` proposes works in a shell, also for a folder with spaces."""
    ran = cs("init", tmp_path / "my campaigns")

    command = ran.err.splitlines()[-1].removeprefix("Try it: campaignsync ")
    assert cs(*shlex.split(command)).code == 0


def test_the_readme_names_the_sandbox(tmp_path: Path, cs: Command) -> None:
    """The new README says that the sandbox calls no one, and how to use the account."""
    cs("init", tmp_path)
    text = (tmp_path / "README.md").read_text()

    assert re.search(
        r"    campaignsync plan  +# uses the sandbox, until you change `default_environ", text
    )
    assert text.index("campaignsync plan ") < text.index("campaignsync plan -e production")


def test_the_readme_of_an_existing_workspace_omits_the_sandbox(tmp_path: Path, cs: Command) -> None:
    """In a workspace without a sandbox, the README of `init` does not mention one."""
    (tmp_path / "campaignsync.yaml").write_text("version: 1\n")
    cs("init", tmp_path)

    assert "sandbox" not in (tmp_path / "README.md").read_text()


def test_every_new_file_is_listed(tmp_path: Path, cs: Command) -> None:
    """`init` lists exactly the files that it made."""
    ran = cs("init", tmp_path, *(word for place in PLACES for word in ("--ci", place)))
    jobs = [path for place in PLACES for path in JOBS[place]]

    listed = [line.removeprefix("created  ") for line in ran.out.splitlines()[:-1]]
    assert listed == [str(tmp_path / path) for path in (*MADE, *jobs)]
    assert set(contents(tmp_path)) == {*MADE, *jobs}


def test_the_schema_is_the_published_one(tmp_path: Path, cs: Command) -> None:
    """The schema file for editors is the output of `campaignsync schema`."""
    cs("init", tmp_path)

    assert (tmp_path / "campaign.schema.json").read_text() == cs("schema").out


def test_running_it_again_changes_nothing(tmp_path: Path, cs: Command) -> None:
    """Existing files are kept and named; the example and the sandbox are not made again."""
    cs("init", tmp_path, "--ci", "github")
    for path in contents(tmp_path):
        with (tmp_path / path).open("a") as file:
            file.write("\n")
    before = contents(tmp_path)

    again = cs("init", tmp_path, "--ci", "github")

    assert again.code == 0
    assert contents(tmp_path) == before
    assert [line[:4] for line in again.out.splitlines()[:-1]] == ["kept"] * (len(before) - 2)
    assert again.out.splitlines()[-1] == "Init: 0 created, 10 kept unchanged."


def test_jobs_can_be_added_later_without_the_example(tmp_path: Path, cs: Command) -> None:
    """A team that replaced the example's campaigns does not get the example back."""
    cs("init", tmp_path)
    (tmp_path / "campaigns" / "example.yaml").unlink()

    assert cs("init", tmp_path, "--ci", "cron").code == 0
    assert (tmp_path / "cron" / "crontab").exists()
    assert not (tmp_path / "campaigns" / "example.yaml").exists()


def test_definitions_that_are_there_are_the_only_ones(tmp_path: Path, cs: Command) -> None:
    """A folder of definitions becomes a workspace, without an example."""
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "ours.yaml").write_text("id: 7\n")

    assert cs("init", tmp_path).code == 0
    assert list((tmp_path / "campaigns").iterdir()) == [tmp_path / "campaigns" / "ours.yaml"]
    assert cs("validate", tmp_path).code == 0


@pytest.mark.parametrize("path", [path for path in NEEDED if path in MADE])
def test_a_missing_line_of_an_existing_file_is_reported(
    tmp_path: Path, cs: Command, path: str
) -> None:
    """An existing .gitignore is kept, and its missing line is reported."""
    (tmp_path / path).write_bytes(b"# ours \xff\n")
    ran = cs("init", tmp_path)

    assert ran.err.startswith(f"note: {tmp_path / path} exists and lacks: ")
    assert NEEDED[path] in ran.err


def test_every_required_line_is_in_the_template(tmp_path: Path, cs: Command) -> None:
    """A repo that `init` made is never reported as incomplete."""
    cs("init", tmp_path, "--ci", "gitlab")

    assert "lacks" not in cs("init", tmp_path, "--ci", "gitlab").err


def test_the_jobs_install_the_version_that_wrote_them(tmp_path: Path, cs: Command) -> None:
    """The repo pins one version for plan and apply."""
    cs("init", tmp_path)

    assert f"campaignsync=={__version__}\n" in (tmp_path / "requirements.txt").read_text()


def test_each_ci_place_is_a_choice() -> None:
    """The choices of --ci are the places with jobs, and each template is used."""
    places = (REPO, FROM_LIVE, *JOBS.values())
    used = {file for files in places for file in files.values()}

    assert tuple(JOBS) == PLACES
    assert used == {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.glob("*/*")}


def test_each_place_that_can_be_divided_is() -> None:
    """Every place that --shards supports has lines for it, and no other place does."""
    divided = {path.parent.name for path in TEMPLATES.glob("*/*") if "parts" in marks(path)}

    assert divided == set(DIVISIBLE)
    assert {mark for path in TEMPLATES.glob("*/*") for mark in marks(path)} == {
        "parts",
        "whole",
        "sandbox",
    }
    assert MOST_PARTS == MOST


def marks(template: Path) -> set[str]:
    """Return the marks of a template's lines."""
    return {word for _, word in MARKED.findall(template.read_text())}


def test_jobs_without_shards_do_not_mention_parts(tmp_path: Path, cs: Command) -> None:
    """Without --shards the jobs do not mention parts."""
    cs("init", tmp_path, *(word for place in PLACES for word in ("--ci", place)))

    for path in (path for place in PLACES for path in JOBS[place]):
        text = (tmp_path / path).read_text()
        assert not re.search(r"(?i)shard|#@|@[A-Z]+@|in \d+ parts|parallel|indexed|matrix", text)


def test_a_file_as_dir_is_an_error(tmp_path: Path, cs: Command) -> None:
    """A DIR that is a file is reported as one."""
    (tmp_path / "f").touch()
    ran = cs("init", tmp_path / "f")

    assert ran.code == 3
    assert ran.err.startswith(f"Error: {tmp_path / 'f'} is a file")


def test_a_folder_that_cannot_be_made(cs: Command) -> None:
    """An error of the system is reported with its reason."""
    ran = cs("init", "/proc/campaigns")

    assert ran.code == 3
    assert ran.err.startswith("Error: cannot create /proc/campaigns/campaign.schema.json: ")


def test_a_link_is_not_followed_out_of_the_folder(tmp_path: Path, cs: Command) -> None:
    """A repo with links cannot make `init` write elsewhere."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "repo" / ".github").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "repo" / "README.md").symlink_to(tmp_path / "elsewhere" / "README.md")

    ran = cs("init", tmp_path / "repo", "--ci", "github")

    assert ran.code == 3
    assert "is a link to a folder outside of" in ran.err
    assert not any((tmp_path / "elsewhere").iterdir())


@pytest.mark.slow
def test_a_full_disk_leaves_no_incomplete_file(tmp_path: Path) -> None:
    """A file that could not be written whole is removed, and the next run creates it."""
    line = f"ulimit -f 1; exec {sys.executable} -P -m campaignsync init {tmp_path / 'repo'}"
    # Bytecode would be truncated, too, and break every later run.
    no_bytecode = {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = run_command("bash", "-c", f"trap '' XFSZ; {line}", folder=tmp_path, **no_bytecode)

    assert ran.code == 3
    assert "cannot create" in ran.err
    assert contents(tmp_path) == {}
    assert preloaded().run("init", "repo", folder=tmp_path).code == 0
