"""Bytes of a file → text, with a position for whatever makes it unreadable."""

import re

from campaignsync.model.kinds import CONTROL

Position = tuple[int, int]
"""A line and a column, both from 0."""

NONCHARACTER = re.compile(r"[\ufffe\uffff]")


class Unreadable(Exception):
    """The file is not text, or not YAML within our limits: a code, a reason and the position."""

    def __init__(
        self, code: str, message: str, position: Position = (0, 0), hint: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position
        self.hint = hint


def decode(content: bytes) -> str:
    r"""Return a file's bytes as text: UTF-8, with or without a byte order mark, \n or \r\n.

    Raises Unreadable for another encoding, and for control characters other than tabs.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(content, error.start) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if control := CONTROL.search(text) or NONCHARACTER.search(text):
        raise Unreadable(
            "CONTROL_CHARACTER",
            f"the file holds the control character U+{ord(control.group()):04X}",
            position_of(text, control.start()),
            "remove it",
        )
    return text


def position_of(text: str, offset: int) -> Position:
    """Return the line and column of a character."""
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def _not_utf8(content: bytes, byte: int) -> Unreadable:
    line_start = content.rfind(b"\n", 0, byte) + 1
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return Unreadable(
        "NOT_UTF8",
        f"the file is not UTF-8: byte {byte} is 0x{content[byte]:02X}",
        (content.count(b"\n", 0, byte), len(content[line_start:byte].decode())),
        f"save it as UTF-8{'; it looks like UTF-16' if utf16 else ''}",
    )
