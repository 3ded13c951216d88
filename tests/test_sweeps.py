"""A few steps of the sweeps: FAULTS, rows P1 and F1 to F3. All of them: tests/long/deaths.py."""

import pytest
from support.kill_sweeps import SAVES, Scene, failures, kills, saves
from support.strace import can_inject

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_inject(), reason="there is no strace here, or it may not"),
]
SMALL = Scene("a small apply", 2)


@pytest.mark.fault("P1")
@pytest.mark.parametrize(("syscall", "step"), [("write", 5), ("fsync", 7), ("sendto", 4)])
def test_a_killed_apply_is_taken_up(syscall: str, step: int) -> None:
    """Killed at a system call of its own, an apply is brought to its end by the next."""
    assert kills(SMALL, syscall, [step]) == 1


@pytest.mark.fault("F1", "F2")
@pytest.mark.parametrize(
    ("syscall", "error", "step"),
    [("write", "ENOSPC", 6), ("fsync", "EIO", 7), ("fsync", "EROFS", 10)],
)
def test_a_disk_that_fails_loses_nothing(syscall: str, error: str, step: int) -> None:
    """What cannot be announced is not sent; what cannot be recorded is told; the next run ends."""
    assert failures(SMALL, syscall, error, [step], ("+",)) == 1


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    ("syscall", "disturbance"),
    [("fsync", "error=EIO"), ("rename", "error=EXDEV"), ("rename", "signal=KILL")],
)
def test_a_plan_that_cannot_be_saved_leaves_the_older_one(syscall: str, disturbance: str) -> None:
    """A plan file is the old one or the new one, whole, and nothing is left beside it."""
    assert saves(*SAVES[0], syscall, disturbance) == 1
