"""Output that cannot be written (row F4): no apply is left half done because of it."""

from pathlib import Path

import pytest
from support.commandline import Command
from support.processes import World


@pytest.mark.slow
@pytest.mark.fault("F4")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
@pytest.mark.parametrize(
    ("redirection", "done", "code"),
    [
        ("> /dev/full", True, 8),
        ("2> /dev/full", True, 0),
        ("> /dev/full 2> /dev/full", True, 8),
        ("| true; exit ${PIPESTATUS[0]}", True, 8),
        ("2> >(true)", True, 0),
        (">&-", False, 3),
        ("2>&-", False, 3),
        (">&- 2>&-", False, 3),
        ("<&-", True, 0),
    ],
)
def test_an_apply_completes_without_a_reader(
    cs: Command, world: World, redirection: str, code: int, *, done: bool
) -> None:
    """Without a reader of its output an apply completes, and the exit code reports the loss."""
    ran = world.shell(f"$CS apply --auto-approve {redirection}")

    assert ran.code == code
    assert "Traceback" not in ran.err
    assert len(world.written) == (3 if done else 0)
    assert world.is_as_desired == done
    for record in world.records:
        assert not record.is_unfinished
        assert set(record.intents) == set(world.written)
    assert cs("apply", "--auto-approve").code == 0
    assert len(world.written) == 3


@pytest.mark.slow
@pytest.mark.fault("F4")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
@pytest.mark.parametrize("command", ["validate", "plan", "history", "schema", "--help"])
def test_an_unprinted_result_is_a_failure(world: World, command: str) -> None:
    """`campaignsync … > report` on a full disk does not end with 0."""
    ran = world.shell(f"$CS {command} > /dev/full")

    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "Exception ignored" not in ran.err
