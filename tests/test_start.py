"""`--help`, `--version` and completion are quick: they import no command."""

import subprocess
import sys
from pathlib import Path

import pytest
from commandline import ROOT

from campaignsync.cli import COMMANDS

LIBRARIES = {"pydantic", "httpx", "deepdiff", "ruamel", "rich", "jinja2"}


def imported(folder: Path, *words: str) -> set[str]:
    """Run the program; return the names of all modules that it imported."""
    ran = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "campaignsync", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = (line.split("|") for line in ran.stderr.splitlines() if line.startswith("import time:"))
    return {parts[2].strip() for parts in lines if len(parts) == 3}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["completion", "bash"]], ids=" ".join)
def test_help_imports_no_command(tmp_path: Path, words: list[str]) -> None:
    """`--help`, `--version` and completion take no longer than click: they import no command."""
    names = imported(tmp_path, *words)

    commands = {f"campaignsync.cli.{name}" for name in COMMANDS} - {"campaignsync.cli.completion"}
    assert sorted(names & {*LIBRARIES, *commands}) == []
