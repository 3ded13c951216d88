"""One file as text, and the list of what is wrong with it."""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from campaignsync.errors import Problem, Source
from campaignsync.model.kinds import CONTROL

Place = tuple[int, int]
"""A line and a column, both from 0 as the parsers count them."""

NONCHARACTER = re.compile(r"[\ufffe\uffff]")
MOST_PROBLEMS = 100
"""Problems of one file that are told; who has more needs another file, not a longer list."""
LONGEST_EXCERPT = 4096
"""Characters of a line that is still shown under a problem."""
SECRET = re.compile(r"(?<![a-z])key(?![a-z])|token|secret|passw|authorization|\bsk-", re.IGNORECASE)
"""A line that may hold a key is never shown: what is wrong with it ends in a public log."""


class Unreadable(Exception):
    """The file is no text or no YAML of ours: a code, why, and the place."""

    def __init__(self, code: str, message: str, place: Place = (0, 0), hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.hint = hint


@dataclass(slots=True, eq=False)
class Page:
    """A file's name, its text once it is known, and its problems so far."""

    file: str
    problems: list[Problem]
    text: str = ""
    _lines: list[str] = field(default_factory=list)

    def problem(
        self,
        place: Place,
        code: str,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Note a problem, once; past MOST_PROBLEMS only that there are more."""
        line, column = place
        source = Source(self.file, line + 1, column + 1)
        self.note(Problem(code, message, source, hint, severity))

    def note(self, found: Problem) -> None:
        """Note a problem of this file, or of another one that it shares with others."""
        if found.source.file == self.file:
            found = replace(found, excerpt=self._excerpt(found.source.line - 1))
        if len(self.problems) < MOST_PROBLEMS and found not in self.problems:
            self.problems.append(found)
            if len(self.problems) == MOST_PROBLEMS:
                more = "there may be more problems than these: the list ends here"
                self.problems.append(Problem("TOO_MANY_PROBLEMS", more, found.source))

    def _excerpt(self, line: int) -> str | None:
        if not self._lines:
            self._lines = self.text.split("\n")
        excerpt = self._lines[line] if self.text and line < len(self._lines) else ""
        is_showable = 0 < len(excerpt) <= LONGEST_EXCERPT and not SECRET.search(excerpt)
        return excerpt if is_showable else None


def decode(content: bytes) -> str:
    r"""Make text of a file's bytes: UTF-8, a byte order mark or none, lines ending in \n or \r\n.

    Raises Unreadable for another encoding, and for control characters but tabs.
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
            place_in(text, control.start()),
            "remove it",
        )
    return text


def place_in(text: str, position: int) -> Place:
    """Give the line and column of a character."""
    return text.count("\n", 0, position), position - text.rfind("\n", 0, position) - 1


def _not_utf8(content: bytes, byte: int) -> Unreadable:
    line_start = content.rfind(b"\n", 0, byte) + 1
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return Unreadable(
        "NOT_UTF8",
        f"the file is not UTF-8: byte {byte} is 0x{content[byte]:02X}",
        (content.count(b"\n", 0, byte), len(content[line_start:byte].decode())),
        f"save it as UTF-8{'; it looks like UTF-16' if utf16 else ''}",
    )
