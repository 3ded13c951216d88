"""What fits: a report that is cut says so, and where the whole is."""

from collections.abc import Iterable, Sequence

COMMENT = 65_536
"""Characters that a comment on GitHub holds."""
STEP_SUMMARY = 2**20
"""Bytes that the summary of a step on GitHub holds."""
ROOM_OF_A_NOTE = 300


def fitting(pieces: Iterable[str], room: int, joint: str = "\n") -> tuple[list[str], int]:
    """Take pieces in their order, but for those that do not fit any more.

    `room` counts bytes of UTF-8, which are never fewer than characters. Gives what was taken, and
    how many were left out.
    """
    taken: list[str] = []
    left_out = 0
    for piece in pieces:
        size = len(f"{piece}{joint}".encode())
        if size > room:
            left_out += 1
        else:
            taken.append(piece)
            room -= size
    return taken, left_out


def size(parts: Sequence[str]) -> int:
    """Give the bytes of parts that stand in paragraphs of their own."""
    return sum(len(part.encode()) + len("\n\n") for part in parts)
