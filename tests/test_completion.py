"""Shells complete what the command line knows."""

import shutil
from pathlib import Path

import pytest
from support.commandline import Ran, anything, program

from campaignsync.cli import COMMANDS
from campaignsync.cli.command import COMPLETE

HEAVY = ("pydantic", "httpx", "ruamel", "deepdiff", "rich", "asyncio")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    """What `completion` prints is of the shell's own language."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = program("completion", shell, folder=tmp_path)
    (tmp_path / "script").write_text(script.out)

    assert script.code == 0
    assert anything(shell, "-n", "script", folder=tmp_path) == (0, "", "")


def completed(*words: str, folder: Path) -> Ran:
    """Ask as bash's script does, with the cursor in the last word."""
    asked = {COMPLETE: "bash_complete", "COMP_WORDS": "\n".join(("campaignsync", *words))}
    return program(folder=folder, COMP_CWORD=str(len(words)), **asked)


@pytest.mark.slow
def test_commands_options_and_values_are_completed(tmp_path: Path) -> None:
    """A Tab gives what could stand there, and the shell is told that all is well."""
    assert completed("pl", folder=tmp_path) == (0, "plain,plan\n", "")
    assert completed("plan", "--detail", folder=tmp_path).out == "plain,--detailed-exitcode\n"
    assert completed("completion", "f", folder=tmp_path).out == "plain,fish\n"
    every = completed("", folder=tmp_path).out.split()
    assert [word.removeprefix("plain,") for word in every] == list(COMMANDS)


@pytest.mark.slow
def test_completing_a_command_loads_no_library(tmp_path: Path) -> None:
    """A command name is completed at once: only click is imported."""
    for arguments, asked in (
        (("completion", "bash"), {}),
        ((), {COMPLETE: "bash_complete", "COMP_WORDS": "campaignsync pl", "COMP_CWORD": "1"}),
    ):
        ran = program(*arguments, folder=tmp_path, PYTHONPROFILEIMPORTTIME="1", **asked)
        loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
        assert "click" in loaded
        assert not loaded & set(HEAVY)
