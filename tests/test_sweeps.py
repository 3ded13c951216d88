"""A few steps of the sweeps (rows P1, F1 to F3); tests/long/deaths.py runs all of them."""

import pytest
from support.kill_sweeps import (
    SAVES,
    Scene,
    disturb_each_save,
    fail_at_each_step,
    kill_at_each_step,
)
from support.strace import can_inject

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_inject(), reason="strace is not installed or not permitted"),
]
SMALL = Scene("a small apply", 2)


@pytest.mark.fault("P1")
@pytest.mark.parametrize(("syscall", "step"), [("write", 5), ("sendto", 4)])
def test_a_killed_apply_is_taken_up(syscall: str, step: int) -> None:
    """After a kill at a system call, the next apply completes the work."""
    assert kill_at_each_step(SMALL, syscall, [step]) == 1


@pytest.mark.fault("F1", "F2")
@pytest.mark.parametrize(
    ("syscall", "error", "step"),
    [("write", "ENOSPC", 6), ("fsync", "EIO", 7)],
)
def test_a_failing_disk_loses_no_write(syscall: str, error: str, step: int) -> None:
    """A write that cannot be recorded is not sent; the next run completes the work."""
    assert fail_at_each_step(SMALL, syscall, error, [step], ("+",)) == 1


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    ("syscall", "disturbance"),
    [("fsync", "error=EIO"), ("rename", "signal=KILL")],
)
def test_a_plan_that_cannot_be_saved_leaves_the_older_one(syscall: str, disturbance: str) -> None:
    """A plan file is the old one or the new one, complete, without leftovers."""
    assert disturb_each_save(*SAVES[0], syscall, disturbance) == 1


@pytest.mark.fault("F3")
def test_an_apply_whose_report_cannot_be_saved_has_written() -> None:
    """The older report stays whole, and exit code 8 says that campaigns were written."""
    assert disturb_each_save(*SAVES[2], "fsync", "error=ENOSPC") == 1
