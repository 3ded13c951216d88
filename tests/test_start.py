"""`--help`, `--version` and completion load no slow library but click."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.commandline import ROOT

from campaignsync.cli import COMMANDS

pytestmark = pytest.mark.slow

LIBRARIES = {
    "asyncio", "deepdiff", "filelock", "httpx", "jinja2", "pathlib", "pydantic", "rich", "ruamel",
}  # fmt: skip
"""What would add a fifth or more to the time of `--help`."""


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
    """Help, the version and a completion script import no slow library but click."""
    names = imported(tmp_path, *words)

    assert "click" in names
    commands = {f"campaignsync.cli.{name}" for name in COMMANDS} - {"campaignsync.cli.completion"}
    assert sorted(names & {*LIBRARIES, *commands}) == []


def test_only_an_html_report_imports_the_template_engine(tmp_path: Path) -> None:
    """The template engine is an eighth of the start, so other commands and formats do without."""
    (tmp_path / "one.yaml").write_text("id: 1\nname: One\n")

    assert "jinja2" not in imported(tmp_path, "validate", "one.yaml", "--format", "json")
