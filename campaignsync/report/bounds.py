"""What fits: a report that is cut says so, and where the whole is."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")

COMMENT = 65_536
"""Characters that a comment on GitHub holds."""
STEP_SUMMARY = 2**20
"""Bytes that the summary of a step on GitHub holds."""
ROOM_OF_A_NOTE = 300
PATIENCE = 20
"""Things in a row that did not fit, after which no further one is tried."""


def fitting(
    things: Sequence[Thing], show: Callable[[Thing], str], room: int, joint: str = "\n"
) -> tuple[list[str], int]:
    """Show things in their order, but for those that do not fit.

    `room` counts bytes of UTF-8, which are never fewer than characters. Gives what is shown, and
    how many things were left out.
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
    """Give the bytes of parts that stand in paragraphs of their own."""
    return sum(len(part.encode()) + len("\n\n") for part in parts)


def shared_out(
    above: Sequence[str], things: Sequence[Thing], show: Callable[[Thing, int], str], limit: int
) -> str:
    """Show things below what stands above them, each in its share of `limit` bytes.

    What one leaves of its share is for the next.
    """
    parts = [*above]
    for left, thing in zip(range(len(things), 0, -1), things, strict=True):
        parts.append(show(thing, (limit - size(parts)) // left))
    return "\n\n".join(parts)
