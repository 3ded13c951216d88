"""Shells complete commands, options and values."""

import shutil
from pathlib import Path

import pytest
from support.commandline import Ran, run_command, run_program
from support.preloaded import preloaded

from campaignsync.cli import COMMANDS
from campaignsync.cli.command import COMPLETE

HEAVY = ("pydantic", "httpx", "ruamel", "deepdiff", "rich", "asyncio")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    """`completion` prints a valid script for each shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = run_program("completion", shell, folder=tmp_path)
    (tmp_path / "script").write_text(script.out)

    assert script.code == 0
    assert run_command(shell, "-n", "script", folder=tmp_path) == (0, "", "")


def completed(*words: str, folder: Path) -> Ran:
    """Complete like bash's script, with the cursor in the last word."""
    variables = {COMPLETE: "bash_complete", "COMP_WORDS": "\n".join(("campaignsync", *words))}
    return preloaded().run(folder=folder, COMP_CWORD=str(len(words)), **variables)


@pytest.mark.slow
def test_commands_options_and_values_are_completed(tmp_path: Path) -> None:
    """Tab completes every kind of word, and the exit code is 0."""
    assert completed("pl", folder=tmp_path) == (0, "plain,plan\n", "")
    assert completed("plan", "--detail", folder=tmp_path).out == "plain,--detailed-exitcode\n"
    assert completed("completion", "f", folder=tmp_path).out == "plain,fish\n"
    every = completed("", folder=tmp_path).out.split()
    assert [word.removeprefix("plain,") for word in every] == list(COMMANDS)


@pytest.mark.slow
def test_completing_a_command_loads_no_library(tmp_path: Path) -> None:
    """Completing a command name imports only click."""
    for arguments, words in (
        (("completion", "bash"), {}),
        ((), {COMPLETE: "bash_complete", "COMP_WORDS": "campaignsync pl", "COMP_CWORD": "1"}),
    ):
        ran = run_program(*arguments, folder=tmp_path, PYTHONPROFILEIMPORTTIME="1", **words)
        loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
        assert "click" in loaded
        assert not loaded & set(HEAVY)
