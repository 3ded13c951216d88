"""Damaged definitions are valid or reported; they never crash, and are never slow."""

from pathlib import Path
from statistics import median

import pytest
from support.mutants import examine, mutants

BATCH = 500
MEDIAN = 0.05
"""Maximum CPU seconds of half of the definitions."""
WORST = 2.0
"""Maximum CPU seconds of any definition."""


@pytest.mark.slow
@pytest.mark.fault("D8")
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_definition_does_not_crash(tmp_path: Path, seed: int) -> None:
    """Any damaged definition is valid, or its problems are reported quickly."""
    seconds = [examine(tmp_path / "c.yaml", content) for content in mutants(BATCH, seed)]

    assert len(seconds) == BATCH
    assert median(seconds) < MEDIAN
    assert max(seconds) < WORST


def test_mutations_are_reproducible() -> None:
    """A failing definition can be generated again from its seed."""
    texts = list(mutants(BATCH, 1))

    assert texts == list(mutants(BATCH, 1))
    assert len(set(texts)) > BATCH * 0.9
