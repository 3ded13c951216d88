"""README and docs/ are true: their commands run, and everything in them exists."""

import json
import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from support.commandline import EXAMPLE, ROOT, run_command
from support.faults import Sandbox
from support.preloaded import preloaded

from campaignsync import errors
from campaignsync.cli import cli, run
from campaignsync.load import load

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
README = PAGES["README.md"]
GENERATED = ("docs/commands.md", "docs/errors.md")
PROSE = [
    *PAGES,
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "campaignsync/codes.md",
]

MARK = r"<!-- (?P<kind>run|run with an account|run in the workspace|not run): (?P<why>.*) -->\n"
FENCED = r"```sh\n(?P<fenced>(?:(?!```).*\n)*)```$"
INDENTED = r"(?P<indented>(?:(?<=\n\n)|(?<=-->\n))(?:    .*\n)+)"
BLOCK = re.compile(f"(?m)^(?:{MARK})?(?:{FENCED}|{INDENTED})")
"""Commands on a page, and whether a test runs them: a block of `sh`, or indented lines."""
PROGRAMS = {"campaignsync", "pip", "pytest", "python", "export", "printf", "git", "npm", "jq"}
"""Commands that indented lines may begin with; other indented lines are no commands."""

QUAINT = re.compile(
    r"(?i)\b(?:nobody|somebody|whoever|anybody|is such|(?<!there )is no [a-z]|stands twice|lead it"
    r"|lose the|none of those|befall\w*|mend(?:s|ed|ing)?)\b"
)
"""Words that busy readers stumble over."""


def all_commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name, such as `plan` and `sandbox serve`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{prefix}{name} ")
        elif command:
            yield f"{prefix}{name}", command


ALL_COMMANDS = dict(all_commands())


class Block(NamedTuple):
    """Commands on a page: how a test runs them, or why it does not."""

    kind: str
    why: str
    commands: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the commands of a page that readers copy."""
    for match in BLOCK.finditer(page):
        commands = match["fenced"] or re.sub(r"(?m)^    ", "", match["indented"] or "")
        words = commands.split(maxsplit=1)
        if match["fenced"] or (words and words[0].split("=")[0] in PROGRAMS):
            yield Block(match["kind"] or "", match["why"] or "", commands)


def choices(name: str) -> set[str]:
    """Return the values that an option or argument accepts in any command."""
    return {
        str(choice)
        for command in ALL_COMMANDS.values()
        for parameter in command.params
        if parameter.name == name and isinstance(parameter.type, click.Choice)
        for choice in parameter.type.choices
    }


def transcript() -> list[tuple[str, str]]:
    """Return the README's example commands with the output that it shows."""
    block = README.partition("<!-- transcript -->\n```console\n")[2].partition("\n```")[0]
    steps = block.removeprefix("$ campaignsync ").split("\n$ campaignsync ")
    return [(step.partition("\n")[0], step.partition("\n")[2].strip()) for step in steps]


def yaml_blocks(page: str) -> list[str]:
    return re.findall(r"(?s)```yaml\n(.*?)```", PAGES[page])


@pytest.mark.slow
def test_the_transcript_matches_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader who types the README's commands sees the output that the README shows."""
    ignored = shutil.ignore_patterns(".campaignsync")
    shutil.copytree(EXAMPLE, tmp_path / "campaigns.example", ignore=ignored)
    monkeypatch.chdir(tmp_path)
    steps = transcript()

    for command, expected in steps:
        assert run(shlex.split(command)) == 0
        assert capsys.readouterr().out.strip() == expected, command

    assert len(steps) == 5


def test_the_readme_is_short() -> None:
    """A new user reads the README in a few minutes."""
    assert len(README.splitlines()) <= 200


def test_the_picture_suits_a_forge() -> None:
    """The README's picture of a plan is wide enough to read and loads quickly."""
    picture = (ROOT / "docs" / "plan.png").read_bytes()

    assert int.from_bytes(picture[16:20]) == 1200
    assert len(picture) <= 150 * 1024


def test_the_documented_definition_is_valid(tmp_path: Path) -> None:
    """The definition in docs/definitions.md can be copied."""
    (tmp_path / "c.yaml").write_text(yaml_blocks("docs/definitions.md")[0])

    assert [definition.id for definition in load([tmp_path / "c.yaml"]).definitions] == [1234]


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """docs/commands.md describes each command and option, with its variable."""
    command = ALL_COMMANDS[name]
    section = PAGES["docs/commands.md"].partition(f"\n## campaignsync {name}\n")[2]
    rows = re.findall(r"(?m)^\| `-.*$", section.partition("\n## ")[0])

    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            longest = max(option.opts, key=len)
            [row] = [row for row in rows if re.match(rf"\| `(-\w, )?{longest}[ `]", row)]
            assert not option.envvar or f"`{option.envvar}`" in row
            assert option.help
            assert option.help.split(".")[0] in row.replace("\\|", "|")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_files_that_contributors_are_sent_to_exist(page: str) -> None:
    """Each file and folder of the code or the tests that a page names exists."""
    named = re.findall(r"`([\w/]+/[\w.]*|\w+\.(?:py|md))`", (ROOT / page).read_text())
    places = [ROOT, ROOT / "campaignsync", ROOT / "docs"]
    templates = {"campaignsync/guards/NAME.py", "campaignsync/cli/NAME.py"}

    assert named
    for name in {*named} - templates:
        assert any((place / name).exists() for place in places), name


def test_every_report_format_is_documented() -> None:
    """A user can look up what each format of a report is for."""
    rows = [row for row in PAGES["docs/reports.md"].splitlines() if row.startswith("|")]
    formats = choices("format_")

    assert {"text", "html", "sarif"} < formats
    for format_ in formats:
        assert [row for row in rows if f"`{format_}`" in row.split("|")[1]], format_


def test_every_schema_is_documented() -> None:
    """docs/commands.md lists the documents that have a JSON Schema."""
    section = PAGES["docs/commands.md"].partition("## campaignsync schema")[2]

    assert "plan" in choices("kind")
    assert all(f"`{kind}`" in section for kind in choices("kind"))


def test_every_exit_code_is_documented() -> None:
    """A job's author can look up each exit code in docs/errors.md."""
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {
        value.exit_code for value in classes if issubclass(value, errors.CampaignSyncError)
    } | {0, 2, 129, 130, 143}
    rows = re.findall(r"(?m)^\| ([0-9, ]+) \|", PAGES["docs/errors.md"])

    assert codes <= {int(code) for row in rows for code in row.split(",")}


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """The drawing in errors.py names every class with its exit code."""
    drawn = dict(re.findall(r"(\w+) +(\d+)   ", errors.__doc__ or ""))
    real = {
        name: str(value.exit_code)
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.CampaignSyncError)
    }

    assert drawn == real | {"Stopped": "130"}


@pytest.mark.parametrize("name", ["", *ALL_COMMANDS])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command prints its usage."""
    assert run([*name.split(), "--help"]) == 0
    assert "Usage: campaignsync" in capsys.readouterr().out


@pytest.mark.slow
class TestGeneratedPages:
    def test_they_are_up_to_date(self) -> None:
        """commands.md, errors.md and faults.md match the code; the error names the command."""
        ran = run_command(sys.executable, "docs/generate.py", "--check", folder=ROOT)

        assert ran.code == 0, ran.err

    def test_one_that_is_out_of_date_is_named(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A contributor who forgets to generate a page is told how to do it."""
        shutil.copytree(ROOT / "docs", tmp_path / "docs")
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_all.py").write_text('import pytest; pytest.mark.fault("D1")')
        page = tmp_path / "docs" / "commands.md"
        page.write_text(page.read_text().replace("--out FILE", "--save FILE"))
        command = "run `python docs/generate.py`"

        def generate(*arguments: str) -> int:
            monkeypatch.setattr(sys, "argv", ["generate.py", *arguments])
            with pytest.raises(SystemExit) as ended:
                runpy.run_path(str(tmp_path / "docs" / "generate.py"), run_name="__main__")
            return int(ended.value.code or 0)

        assert generate("--check") == 1
        errors = capsys.readouterr().err
        assert f"docs/commands.md is out of date: {command}\n" in errors
        assert f"docs/faults.md is out of date: {command}\n" in errors
        assert "errors.md" not in errors
        assert generate() == 0
        assert generate("--check") == 0
        assert page.read_text() == PAGES["docs/commands.md"]
        faults = (tmp_path / "docs" / "faults.md").read_text()
        assert re.search(r"(?m)^\| D1 .*\| `test_all.py` \|$", faults)

    @pytest.mark.parametrize(
        "line",
        [
            line
            for line in re.findall(r"(?m)^    campaignsync (.*)$", PAGES["docs/commands.md"])
            if "[OPTIONS]" not in line
        ],
    )
    def test_the_examples_of_help_exist(self, line: str) -> None:
        """Each example of `--help` names a command, options and values that exist."""
        for words in split_commands(line):
            assert_parsed(words)


INLINE = sorted(
    {
        (name, line)
        for name, text in PAGES.items()
        if name not in GENERATED
        for line in re.findall(r"`campaignsync ([a-z][^`…]*)`", text)
    }
)
"""Commands within the sentences of a page."""


@pytest.mark.parametrize(("name", "line"), INLINE)
def test_the_commands_in_sentences_exist(name: str, line: str) -> None:
    """A sentence names commands, options and values that exist."""
    del name
    for words in split_commands(line.replace("PLACE", "github")):
        assert_parsed(words)


def split_commands(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each campaignsync command of a line."""
    words = shlex.split(re.sub(r">\S+", "", line), comments=True)
    for is_operator, command in groupby(words, lambda word: word == "&&"):
        if not is_operator:
            yield [word for word in command if word != "campaignsync"]


def assert_parsed(words: list[str]) -> None:
    """Fail if a command line contains an unknown command, option or value."""
    count = 2 if words[0] == "sandbox" else 1
    name = " ".join(words[:count])
    ALL_COMMANDS[name].make_context(name, words[count:])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PAGES if name not in GENERATED])
def test_the_commands_of_a_page_work(tmp_path: Path, name: str) -> None:
    """Every command in README and docs runs here, or the page says why not."""
    command_blocks = list(blocks(PAGES[name]))
    assert [block.commands for block in command_blocks if not block.kind] == []
    tools = stand_ins(tmp_path)

    for kind, of_kind in groupby(
        sorted(
            (block for block in command_blocks if block.kind != "not run"),
            key=lambda each: each.kind,
        ),
        lambda each: each.kind,
    ):
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        commands = "".join(block.commands for block in of_kind)
        with Sandbox(documented_account(), rate=None) as sandbox:
            account = {} if kind == "run" else access(sandbox)
            if kind == "run in the workspace":
                make_documented_workspace(folder)
            commands = commands.replace("ALTUR_API_KEY=…", f"ALTUR_API_KEY={sandbox.key}")
            ran = run_command(
                "bash", "-euc", commands, folder=folder, PATH=tools,
                CAMPAIGNSYNC_AUTO_APPROVE="1", **account,
            )  # fmt: skip

        assert ran.code == 0, ran.out + ran.err


def documented_account() -> dict[str, list[dict[str, object]]]:
    """Return the example's campaigns, and 88, which docs/workspace.md names."""
    seed: dict[str, list[dict[str, object]]] = json.loads((EXAMPLE / "sandbox.json").read_text())
    seed["campaigns"].append({**seed["campaigns"][0], "id": 88})
    return seed


def access(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables that make commands use a server instead of the account."""
    names = ("ALTUR_API_KEY", "ALTUR_API_KEY_STAGING")
    return {"ALTUR_BASE_URL": sandbox.url, **dict.fromkeys(names, sandbox.key)}


def make_documented_workspace(folder: Path) -> None:
    """Write the workspace of docs/workspace.md, around the example's definitions."""
    shutil.copytree(EXAMPLE / "campaigns", folder / "campaigns")
    shutil.copy(EXAMPLE / "sandbox.json", folder)
    (folder / "messages").mkdir()
    (folder / "messages" / "hello.txt").write_text("Hola, ¿hablo con {{name}}?\n")
    workspace, sharing, definition, _guards = yaml_blocks("docs/workspace.md")
    no_limit = "guards: {mass-change: {percent: 100}}\n"
    (folder / "campaignsync.yaml").write_text(workspace + sharing + no_limit)
    for file in (folder / "campaigns").iterdir():
        file.write_text(f"{file.read_text()}labels: {{team: collections}}\n")
    (folder / "campaigns" / "reactivation.yaml").write_text(definition)


def test_the_documented_guards_are_valid(tmp_path: Path) -> None:
    """The guards in docs/workspace.md can be copied into `campaignsync.yaml`."""
    make_documented_workspace(tmp_path)
    guards = yaml_blocks("docs/workspace.md")[-1]
    (tmp_path / "campaignsync.yaml").write_text(yaml_blocks("docs/workspace.md")[0] + guards)

    assert run(["validate", str(tmp_path)]) == 0


def test_links_between_documents_resolve() -> None:
    """A reader who follows a link finds the page and the section."""
    anchors = {
        name: {
            re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
            for title in re.findall(r"(?m)^#+ (.+)$", text)
        }
        for name, text in PAGES.items()
    }
    for name, text in PAGES.items():
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            target, _, section = link.partition("#")
            path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
            assert path.exists(), (name, link)
            if section:
                assert section in anchors[str(path.relative_to(ROOT))], (name, link)


@pytest.mark.parametrize("name", PROSE)
def test_texts_are_in_plain_words(name: str) -> None:
    """Sentences contain no quaint words, so that readers in a hurry understand them at once."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.DOTALL)

    assert QUAINT.findall(text) == []


def stand_ins(folder: Path) -> str:
    """Return a PATH with this program, and with tools that succeed and do nothing."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("git", "gh", "pre-commit", "docker", "kubectl", "crontab"):
        (tools / tool).symlink_to("/bin/true")
    if not shutil.which("jq"):
        (tools / "jq").symlink_to("/bin/cat")
    (tools / "openssl").write_text(f"#!/bin/sh\necho {'0123456789abcdef' * 4}\n")
    (tools / "openssl").chmod(0o755)
    (tools / "campaignsync").symlink_to(preloaded().script(paced=False))
    return f"{tools}:/usr/bin:/bin"


@pytest.mark.slow
def test_the_three_ways_of_the_readme_work(tmp_path: Path) -> None:
    """The three ways of README work, copied one after the other."""
    ways = [block for block in blocks(README) if block.kind == "run"]
    commands = "".join(way.commands for way in ways)
    ran = run_command("bash", "-euc", commands, folder=tmp_path, PATH=stand_ins(tmp_path))

    assert ran.code == 0, ran.err
    assert "Plan: 1 to update, 0 unchanged." in ran.out
    assert len(ways) == 3
    assert all(len(way.commands.splitlines()) < 15 for way in ways)
    assert (tmp_path / "my-campaigns" / "cron" / "crontab").exists()
