"""Definitions as people and editors break them: always valid or told, never a crash, never slow."""

from pathlib import Path
from statistics import median

import pytest
from support.mutants import examine, mutants

BATCH = 500
MEDIAN = 0.05
"""Seconds of CPU that half of the definitions stay below."""
WORST = 2.0
"""Seconds of CPU that every one of them stays below."""


@pytest.mark.slow
@pytest.mark.fault("D8")
@pytest.mark.parametrize("seed", range(8))
def test_no_mistake_in_a_definition_is_a_crash(tmp_path: Path, seed: int) -> None:
    """Whatever became of a definition, it is valid, or its problems are told, at once."""
    seconds = [examine(tmp_path / "c.yaml", content) for content in mutants(BATCH, seed)]

    assert len(seconds) == BATCH
    assert median(seconds) < MEDIAN
    assert max(seconds) < WORST


def test_the_mistakes_are_many_and_the_same_in_every_run() -> None:
    """A definition that fails once can be made again from its seed."""
    found = list(mutants(BATCH, 1))

    assert found == list(mutants(BATCH, 1))
    assert len(set(found)) > BATCH * 0.9
