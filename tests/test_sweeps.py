"""A few steps of the sweeps: FAULTS, rows P1 and F1 to F3. All of them: tests/long/deaths.py."""

import pytest
from sweeps import SCENES, can_inject, failures, kills, saved_plans

pytestmark = pytest.mark.skipif(not can_inject(), reason="there is no strace here, or it may not")


@pytest.mark.fault("P1")
@pytest.mark.parametrize(
    ("syscall", "step"), [("write", 3), ("write", 6), ("fsync", 4), ("sendto", 5)]
)
def test_a_killed_apply_is_taken_up(syscall: str, step: int) -> None:
    """Killed at a system call of its own, an apply is brought to its end by the next."""
    assert kills(SCENES[0], syscall, steps=range(step, step + 1)) == 1


@pytest.mark.fault("F1", "F2")
@pytest.mark.parametrize(
    ("syscall", "error", "step"),
    [("write", "ENOSPC", 4), ("fsync", "EIO", 5), ("fsync", "EROFS", 6)],
)
def test_a_disk_that_fails_loses_nothing(syscall: str, error: str, step: int) -> None:
    """What cannot be announced is not sent; what cannot be recorded is told; the next run ends."""
    assert failures(SCENES[0], syscall, error, steps=range(step, step + 1)) > 0


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    ("syscall", "error"), [("fsync", "EIO"), ("rename", "EXDEV"), ("rename", "KILL")]
)
def test_a_plan_that_cannot_be_saved_leaves_the_older_one(syscall: str, error: str) -> None:
    """A plan file is the old one or the new one, whole, and nothing is left beside it."""
    assert saved_plans(syscall, error) > 0
