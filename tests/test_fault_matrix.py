"""Every row of the fault matrix is held by a test that names it."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent

LATER = {"N4", "N5", "A7"}
"""Rows on creating campaigns and on their lifecycle: they wait for those capabilities."""
COUNTS = {"D": 16, "S": 10, "N": 13, "A": 14, "R": 10, "P": 5, "F": 7, "C": 9, "L": 4}
"""Each section's letter, and the number of its last row."""
HOSTILE = {"H3", "H5", "H6"}
"""Rows that hostile tests found, and that a test holds by now."""

ROWS = {f"{letter}{n}" for letter, last in COUNTS.items() for n in range(1, last + 1)} - LATER
ROWS |= HOSTILE


def rows_named(file: Path) -> Iterator[str]:
    """Give the rows that the marks in a file's source name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
            yield from (ast.literal_eval(argument) for argument in node.args)


def test_no_row_is_without_a_test() -> None:
    """Who adds a way of failing to the matrix adds the test that holds it."""
    named = {row for file in TESTS.rglob("*.py") for row in rows_named(file)}

    assert sorted(ROWS - named) == []


def test_no_test_names_a_row_that_is_not_there() -> None:
    """A mark leads somebody who reads it to a row that exists."""
    for file in TESTS.rglob("*.py"):
        assert set(rows_named(file)) <= ROWS, file
