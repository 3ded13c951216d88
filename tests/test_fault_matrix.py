"""Every row of docs/faults.md has a test that names it, runs, and passes."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from support.fault_rows import LATER, ROWS

TESTS = Path(__file__).parent
FAULTS = (TESTS.parent / "docs" / "faults.md").read_text()


@cache
def rows_named(file: Path) -> frozenset[str]:
    """Return the rows that the marks in a file's source name."""
    return frozenset(
        ast.literal_eval(argument)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "fault"
        and ast.unparse(node.func) == "pytest.mark.fault"
        for argument in node.args
    )


@pytest.mark.slow
def test_every_row_is_named_by_a_test() -> None:
    """Every row of docs/faults.md has a test."""
    named = {row for file in TESTS.rglob("test_*.py") for row in rows_named(file)}

    assert sorted(ROWS - named) == []


@pytest.mark.slow
def test_every_mark_names_a_row() -> None:
    """Every mark names a row that exists."""
    for file in TESTS.rglob("*.py"):
        assert rows_named(file) <= ROWS, file


def test_faults_md_has_every_row_once() -> None:
    """A maintainer finds each row in docs/faults.md once, with the test files that cover it."""
    rows = re.findall(r"(?m)^\| ([A-Z][0-9]+) \|.*\|([^|]*)\|$", FAULTS)

    assert sorted(row for row, _ in rows) == sorted(ROWS | LATER)
    assert {row for row, files in rows if not files.strip()} == LATER


def matrix_run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run one test that names every row, with `--fault-matrix`."""
    names = ", ".join(repr(row) for row in sorted(ROWS))
    (folder / "test_rows.py").write_text(
        f"import pytest\n\n@pytest.mark.fault({names})\ndef test_all() -> None:\n    {body}\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = fault: rows\n")
    plugins = ("-p", "support.fault_rows", "-p", "no:cacheprovider", "--fault-matrix", "-q")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, str(folder)],
        cwd=folder,
        # Without other plugins, whose import takes longer than the test.
        env={"PYTHONPATH": str(TESTS), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "held"), [("assert ROWS", False), ("pytest.skip('no git')", False), ("pass", True)]
)
def test_a_row_counts_if_its_test_passed(tmp_path: Path, body: str, held: bool) -> None:  # noqa: FBT001 - a parameter
    """`--fault-matrix` fails a run in which a row's only test failed or was skipped."""
    ran = matrix_run(tmp_path, body)

    assert (ran.returncode == 0) == held, ran.stdout + ran.stderr
    assert ("no test that passed holds A1, A10" in ran.stdout) == (not held)
