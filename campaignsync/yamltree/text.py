"""Convert the bytes of a file to text and back, and report the position of unreadable bytes."""

import re
from difflib import SequenceMatcher

from campaignsync.model.kind import CONTROL

Position = tuple[int, int]
"""Line and column, both counted from 0."""

NONCHARACTER = re.compile(r"[\ufffe\uffff]")
BOM = "\ufeff"


class Unreadable(Exception):
    """Raised for a file that is not text, not YAML, over a limit, or not allowed as a text file.

    `code` is the code of the problem to report, and `position` its place in the file.
    """

    def __init__(
        self, code: str, message: str, position: Position = (0, 0), hint: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position
        self.hint = hint


def decode(content: bytes) -> str:
    r"""Return the bytes of a UTF-8 file as text, without byte order mark, with \n line endings.

    Raises Unreadable for another encoding, and for control characters other than tabs.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(content, error.start) from None
    text = text.removeprefix(BOM).replace("\r\n", "\n")
    if control := CONTROL.search(text) or NONCHARACTER.search(text):
        raise Unreadable(
            "CONTROL_CHARACTER",
            f"the file contains the control character U+{ord(control.group()):04X}",
            position_of(text, control.start()),
            "remove it",
        )
    return text


def position_of(text: str, offset: int) -> Position:
    """Return the line and column of the character at an offset."""
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


def encode_like(text: str, before: bytes) -> bytes:
    """Return an edited text as bytes, with the byte order mark and line endings of `before`.

    An unchanged line keeps its line ending. A new line gets the most frequent one of the file.
    """
    original = before.decode()
    mark = BOM if original.startswith(BOM) else ""
    if "\r\n" in original:
        text = "\n".join(_ended_as(original.removeprefix(BOM), text))
    return (mark + text).encode()


def _ended_as(before: str, text: str) -> list[str]:
    r"""Return the lines of an edited text; append \r to those that had it, or as most lines do."""
    usual = "\r" if 2 * before.count("\r\n") >= before.count("\n") else ""
    old, new = before.split("\n"), text.split("\n")
    bare = [line.removesuffix("\r") for line in old]
    ends = [usual] * len(new)
    # The last line has no line ending to copy.
    matcher = SequenceMatcher(None, bare[:-1], new, autojunk=False)
    for start, new_start, size in matcher.get_matching_blocks():
        for step in range(size):
            ends[new_start + step] = old[start + step][len(bare[start + step]) :]
    return [line + end for line, end in zip(new, [*ends[:-1], ""], strict=True)]
