"""The README tells the truth: its commands run, and what exists stands in it."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from commandline import PROGRAM, anything

from campaignsync import errors
from campaignsync.cli import COMMANDS, cli, run
from campaignsync.cli.schema import KINDS
from campaignsync.load import load
from campaignsync.report import FORMATS
from campaignsync.schema import OUTPUTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
DOCS = "\n".join([README, *PAGES.values()])
BLOCK = re.compile(r"(?ms)^(?:<!-- (run|not run): (.*?) -->\n)?```sh\n(.*?)^```$")
"""A block of commands in docs/, and whether a test runs it, or why not."""


def transcript() -> list[tuple[str, str]]:
    """Give the README's commands, and what it says that they print."""
    block = README.partition("<!-- transcript -->\n```console\n")[2].partition("\n```")[0]
    steps = block.removeprefix("$ campaignsync ").split("\n$ campaignsync ")
    return [(step.partition("\n")[0], step.partition("\n")[2].strip()) for step in steps]


@pytest.mark.slow
def test_the_transcript_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who types the README's commands sees what the README shows."""
    ignored = shutil.ignore_patterns(".campaignsync")
    shutil.copytree(ROOT / "campaigns.example", tmp_path / "campaigns.example", ignore=ignored)
    monkeypatch.chdir(tmp_path)
    steps = transcript()

    for command, expected in steps:
        assert run(shlex.split(command)) == 0
        assert capsys.readouterr().out.strip() == expected, command

    assert len(steps) == 5


def test_the_definition_in_the_readme_is_valid(tmp_path: Path) -> None:
    """The README's definition can be copied as it stands."""
    text = README.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "c.yaml").write_text(text)

    assert [definition.id for definition in load([tmp_path / "c.yaml"]).definitions] == [1234]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_stands_in_the_readme(name: str) -> None:
    """No command and no option is a secret, and each says what it is for."""
    command = cli.get_command(None, name)  # type: ignore[arg-type] # no context is looked at
    assert command is not None
    assert f"campaignsync {name}" in README
    assert command.help
    for parameter in command.params:
        longest = max(parameter.opts, key=len)
        if longest.startswith("--"):
            assert longest in DOCS, longest
            assert getattr(parameter, "help", None), longest


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_stands_in_the_readme(format_: str) -> None:
    """A user can look up what each format of a report is for."""
    assert re.search(rf"(?m)^\|.*`{format_}`.*\|.*\|", README)


def test_every_schema_can_be_printed() -> None:
    """Each output has its schema, and the README says which there are."""
    row = next(line for line in README.splitlines() if line.startswith("| `campaignsync schema"))

    assert set(KINDS) == {"definition", "workspace", *OUTPUTS}
    assert set(re.findall(r"`([a-z]+)`", row)) == set(KINDS)


def test_every_exit_code_stands_in_the_readme() -> None:
    """A job can look up whatever code it gets."""
    classes = [found for found in vars(errors).values() if isinstance(found, type)]
    codes = {
        found.exit_code for found in classes if issubclass(found, errors.CampaignSyncError)
    } | {0, 2, 130}
    rows = re.findall(r"(?m)^\| ([0-9, ]+) \|", README)
    table = {int(code) for row in rows for code in row.split(",")}

    assert codes | {143} <= table


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """The drawing in errors.py names every class with its exit code."""
    drawn = dict(re.findall(r"(\w+) +(\d+)   ", errors.__doc__ or ""))
    real = {
        name: str(found.exit_code)
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.CampaignSyncError)
    }

    assert drawn == real | {"Stopped": "130"}


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_read_without_the_rooms_behind_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command explains itself."""
    assert run([*([name] if name else []), "--help"]) == 0
    assert "Usage: campaignsync" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_work(tmp_path: Path, name: str) -> None:
    """Every command in docs/ can be copied: a test runs it, or the page says why it does not."""
    blocks = BLOCK.findall(PAGES[name])
    assert [text for kind, _, text in blocks if not kind] == []
    assert all(reason for kind, reason, _ in blocks if kind == "not run")
    commands = "".join(text for kind, _, text in blocks if kind == "run")
    ran = anything("bash", "-euc", commands, folder=tmp_path, PATH=stand_ins(tmp_path))

    assert ran.code == 0, ran.err


def test_links_between_pages_lead_somewhere() -> None:
    """A reader who follows a link finds the page."""
    for name, text in {"README.md": README, **{f"docs/{it}": PAGES[it] for it in PAGES}}.items():
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert ((ROOT / name).parent / link).exists(), (name, link)


def stand_ins(folder: Path) -> str:
    """Return a PATH with this program, and with tools that succeed and do nothing."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("git", "gh", "pre-commit", "docker", "kubectl", "crontab", "openssl"):
        (tools / tool).symlink_to("/bin/true")
    (tools / "campaignsync").write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
    (tools / "campaignsync").chmod(0o755)
    return f"{tools}:/usr/bin:/bin"


@pytest.mark.slow
def test_each_way_is_copied_and_works(tmp_path: Path) -> None:
    """Who copies the three ways, one after the other, has what they promise."""
    ways = re.findall(r"(?s)<!-- way: [a-z ]+ -->\n```sh\n(.*?)```", README)
    command = ("bash", "-euc", "".join(ways))
    ran = anything(*command, folder=tmp_path, PATH=stand_ins(tmp_path))

    assert ran.code == 0, ran.err
    assert "Plan: 1 to update, 0 unchanged." in ran.out
    assert len(ways) == 3
    assert all(len(way.splitlines()) < 15 for way in ways)
    assert (tmp_path / "my-campaigns" / "cron" / "crontab").exists()
