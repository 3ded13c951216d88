"""`--help` and the demo: what a new user sees first."""

import os
import re
import tempfile
from pathlib import Path

import click
import pytest
from support.commandline import Command, run_program
from support.faults import Sandbox
from support.terminals import run_in_terminal

from campaignsync.cli import COMMANDS, GROUPS, cli


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_the_program_alone_prints_help(cs: Command, arguments: list[str]) -> None:
    """A user who types `campaignsync` sees every command in its group, and where to begin."""
    ran = cs(*arguments)

    assert (ran.code, ran.err) == (0, "")
    place = -1
    for title, commands in GROUPS.items():
        place = ran.out.index(f"\n{title}:\n", place + 1)
        for name in commands:
            place = ran.out.index(f"\n  {name} ", place + 1)
    for hint in ("campaignsync demo", "ALTUR_API_KEY", "docs/"):
        assert hint in ran.out


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_printed(cs: Command, option: str) -> None:
    """`-V` and `--version` print name and version, for a bug report."""
    ran = cs(option)

    assert ran.code == 0
    assert re.fullmatch(r"campaignsync \d+\.\d+\.\d+\S*\n", ran.out)


@pytest.mark.parametrize("words", [["plan"], ["sandbox"], ["sandbox", "serve"]])
def test_help_of_a_command(cs: Command, words: list[str]) -> None:
    """`campaignsync help plan` is `campaignsync plan --help`."""
    assert cs("help", *words) == cs(*words, "--help")


def test_a_group_alone_prints_help(cs: Command) -> None:
    """`campaignsync sandbox` without a command shows its commands."""
    assert cs("sandbox") == cs("sandbox", "--help")


def test_help_of_an_unknown_command(cs: Command) -> None:
    """A misspelt command gets a suggestion and exit 3, also after `help`."""
    for words in (["plam"], ["help", "plam"]):
        ran = cs(*words)
        assert (ran.code, ran.out) == (3, "")
        assert "did you mean `plan`?" in ran.err


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_in_sections_with_their_variables(cs: Command, name: str) -> None:
    """Every option is in a titled section, and shows its environment variable."""
    context = click.Context(cli, info_name="campaignsync")
    command = cli.get_command(context, name)
    assert command is not None
    text = " ".join(cs(name, "--help").out.split())

    assert " Options: " not in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.envvar:
            assert f"[env var: {parameter.envvar}" in text, parameter.name


@pytest.mark.slow
class TestDemo:
    def test_it_shows_the_main_commands(self, cs: Command, tmp_path: Path) -> None:
        """The demo ends with 0, prints each result once, and leaves nothing behind."""
        here, before = sorted(tmp_path.iterdir()), _demo_folders()

        ran = cs("demo")

        assert ran.code == 0
        summaries = re.findall(r"(?m)^(?:\d+ problem|Plan:|Applied:).*", ran.out)
        assert summaries == [
            "1 problem in 1 of 9 definitions.",
            "Plan: 3 to update, 1 frozen, 5 unchanged.",
            "Applied: 3 updated, 0 failed, 5 unchanged, 1 frozen.",
            "Plan: 0 to update, 1 blocked, 0 unchanged.",
            "Plan: 3 to update, 0 unchanged.",
            "Applied: 3 updated, 0 failed.",
        ]
        assert ran.out.startswith("This demo ")
        assert "IMMUTABLE_FIELD agent_id" in ran.out
        assert "did you mean `retries`?" in ran.out
        assert "Try next:" in ran.out.rpartition("Applied: ")[2]
        long_lines = [line for line in f"{ran.out}\n{ran.err}".splitlines() if len(line) > 60]
        assert len(long_lines) == len(set(long_lines))
        assert (sorted(tmp_path.iterdir()), _demo_folders()) == (here, before)

    def test_it_never_uses_an_account(
        self, cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With variables for a real account, the demo still uses the sandbox alone."""
        settings = {
            "CAMPAIGNSYNC_ENVIRONMENT": "production",
            "CAMPAIGNSYNC_FORMAT": "json",
            "CAMPAIGNSYNC_PLAN_KEY": "sk-test-short",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

        ran = cs("demo")

        assert (ran.code, server.log) == (0, ())
        assert ran.out.count("\nEnvironment sandbox") == 3
        assert os.environ.items() >= settings.items()

    def test_it_is_plain_without_colour(self, tmp_path: Path) -> None:
        """On a narrow terminal with NO_COLOR, the demo prints no escape code."""
        code, text = run_in_terminal(None, tmp_path, 60, "demo", NO_COLOR="1", TERM="dumb")

        assert code == 0
        assert "\x1b" not in text


def _demo_folders() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob("campaignsync-demo-*"))


class TestNextStep:
    @pytest.mark.slow
    @pytest.mark.usefixtures("folder", "server")
    def test_a_saved_plan_names_the_command_that_applies_it(self, cs: Command) -> None:
        """After `plan --out`, the user can copy the next command from stderr."""
        ran = cs("plan", "--out", "my plan.json")

        next_step = "Saved my plan.json. Apply it with `campaignsync apply 'my plan.json'`.\n"
        assert ran.err == next_step
        assert cs("plan").err.startswith("To apply exactly these changes, save the plan")

    @pytest.mark.usefixtures("folder", "server")
    @pytest.mark.parametrize("options", [["-q"], ["--format", "json"], ["--log-format", "json"]])
    @pytest.mark.parametrize("command", [["plan", "--out", "plan.json"], ["drift"]])
    def test_programs_get_the_result_alone(
        self, cs: Command, command: list[str], options: list[str]
    ) -> None:
        """With -q or JSON, no advice is printed."""
        assert cs(*command, *options).err == ""

    @pytest.mark.usefixtures("folder", "server")
    def test_drift_names_both_ways_out(self, cs: Command) -> None:
        """After `drift`, the user learns how to apply, and how to keep live values."""
        ran = cs("drift")

        assert "campaignsync plan --out plan.json" in ran.err
        assert "campaignsync adopt" in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_saved_plan_that_is_approved_in_advance_is_not_shown_again(
    cs: Command, server: object
) -> None:
    """`apply plan.json --auto-approve` prints the outcome only: the plan was reviewed already."""
    assert server
    assert cs("plan", "--out", "plan.json").code == 0

    ran = cs("apply", "plan.json", "--auto-approve")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("Overdue 60 days") == 1


@pytest.mark.slow
def test_the_demo_needs_no_terminal_and_no_home(tmp_path: Path) -> None:
    """The demo runs in a container with an empty environment."""
    ran = run_program("demo", folder=tmp_path, TMPDIR=str(tmp_path))

    assert ran.code == 0
    assert list(tmp_path.iterdir()) == []
