"""`--help`, `--version` and completion load no library but click."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.commandline import ROOT

from campaignsync.cli import COMMANDS

pytestmark = pytest.mark.slow

LIBRARIES = {"asyncio", "deepdiff", "filelock", "httpx", "jinja2", "pydantic", "rich", "ruamel"}


def imported(folder: Path, *words: str) -> set[str]:
    """Run the program and return the names of the modules that it imported."""
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


@pytest.mark.parametrize("words", [[], ["--help"], ["-V"], ["--version"], ["completion", "bash"]])
def test_help_imports_only_click(tmp_path: Path, words: list[str]) -> None:
    """Help, the version and a completion script import only click."""
    names = imported(tmp_path, *words)

    assert "click" in names
    commands = {f"campaignsync.cli.{name}" for name in COMMANDS} - {"campaignsync.cli.completion"}
    assert sorted(names & {*LIBRARIES, *commands}) == []
