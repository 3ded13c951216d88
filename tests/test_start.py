"""A command imports what it uses: what came in too early is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import EXAMPLE, ROOT

pytestmark = pytest.mark.slow

LIBRARIES = {"httpx", "deepdiff", "ruamel", "rich", "jinja2", "filelock", "asyncio"}
WRITING = {"apply", "journal", "lock", "recovery", "undo", "verify"}
"""Rooms of ours that only what writes needs, or what looks at what was written."""


def imported(folder: Path, *words: str) -> set[str]:
    """Run the program; gives the names of all modules that it imported."""
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


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "x", ignore=shutil.ignore_patterns(".campaignsync"))
    return tmp_path / "x"


@pytest.mark.parametrize(
    ("words", "too_early"),
    [
        (["--help"], {*LIBRARIES, "pydantic"}),
        (["--version"], {*LIBRARIES, "pydantic"}),
        (["completion", "bash"], {*LIBRARIES, "pydantic"}),
        (["plan", "--help"], LIBRARIES),
        (["validate"], LIBRARIES - {"ruamel"}),
        (["plan"], {"filelock", "jinja2", "pygments", "rich.console"}),
        (["plan", "campaigns/survey.yaml"], {"deepdiff"}),
        (["plan", "--out", "plan.json", "--report", "markdown=plan.md"], {"jinja2"}),
        (["list"], {"deepdiff", "filelock", "jinja2"}),
        (["render", "--format", "json"], {"httpx", "deepdiff"}),
        (["history"], {"httpx", "deepdiff", "filelock", "jinja2"}),
        (["explain"], {"httpx", "deepdiff", "filelock"}),
        (["fmt", "--check", "campaigns/survey.yaml"], {"httpx", "deepdiff"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_nothing_comes_in_too_early(workspace: Path, words: list[str], too_early: set[str]) -> None:
    """`--help` costs what click costs, and no command waits for what it does not need."""
    names = imported(workspace, *words)

    assert sorted(names & too_early) == []


def test_a_plan_leaves_the_rooms_of_writing_alone(workspace: Path) -> None:
    """What sends, records and undoes is imported by those commands alone."""
    names = imported(workspace, "plan")

    assert sorted(names & {f"campaignsync.{room}" for room in WRITING}) == []
