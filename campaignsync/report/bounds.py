"""Cut reports to size limits, and count what is left out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")

COMMENT = 65_536
"""Maximum characters of a GitHub comment."""
STEP_SUMMARY = 2**20
"""Maximum bytes of a GitHub step summary."""
ROOM_OF_A_NOTE = 300
"""Bytes reserved for the note that a report is cut."""
PATIENCE = 20
"""Consecutive things that do not fit, after which no more are tried."""


def fitting(
    things: Sequence[Thing], show: Callable[[Thing], str], room: int, joint: str = "\n"
) -> tuple[list[str], int]:
    """Return the texts of the things that fit, in order, and the number of things left out.

    `room` is in bytes of UTF-8, which are never fewer than characters, and includes one `joint`
    after each text.
    """
    shown: list[str] = []
    misses = 0
    for thing in things:
        text = show(thing)
        size = len(f"{text}{joint}".encode())
        if size <= room:
            shown.append(text)
            room -= size
            misses = 0
        elif (misses := misses + 1) == PATIENCE:
            break
    return shown, len(things) - len(shown)


def size(parts: Sequence[str]) -> int:
    """Return the size in bytes of parts that are written as separate paragraphs."""
    return sum(len(part.encode()) + len("\n\n") for part in parts)


def shared_out(
    above: Sequence[str], things: Sequence[Thing], show: Callable[[Thing, int], str], limit: int
) -> str:
    """Return paragraphs in `limit` bytes: the parts `above`, then each thing in an equal share.

    Bytes that one thing does not use are available to the next ones.
    """
    parts = [*above]
    for left, thing in zip(range(len(things), 0, -1), things, strict=True):
        parts.append(show(thing, (limit - size(parts)) // left))
    return "\n\n".join(parts)
