"""Convert the bytes of a file to text and back; explain unreadable bytes and YAML syntax errors."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from campaignsync.characters import CONTROL

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
    # Compare only if the endings differ, and no frequent lines: many of them take minutes.
    is_mixed = before.count("\r\n") < before.count("\n")
    # The last line has no line ending to copy.
    matcher = SequenceMatcher(None, bare[:-1] if is_mixed else [], new)
    for start, new_start, size in matcher.get_matching_blocks():
        for step in range(size):
            ends[new_start + step] = old[start + step][len(bare[start + step]) :]
    return [line + end for line, end in zip(new, [*ends[:-1], ""], strict=True)]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A common mistake: patterns for the parser's message and for the line, and our message.

    With an empty `message` the parser's message is used. With `opened`, the error is reported where
    the broken construct starts; with `across`, only if the construct starts on an earlier line.
    """

    complaint: str
    line: str
    message: str
    hint: str
    opened: bool = False
    across: bool = False


QUOTE_IT = "put the value in quotes"
INDENT_IT = "indent the line like its neighbours"
MISTAKES = (
    Mistake(r"'\\t'", r"", "a tab is used for indentation", "indent with spaces"),
    Mistake(
        r"quoted scalar.*(end of stream|document separator)",
        r"",
        "unclosed quote",
        "close it, or write '' for a single quote inside single quotes",
        opened=True,
    ),
    Mistake(
        r"escape",
        r"",
        "invalid escape sequence in double quotes",
        r"write \\ for a backslash, or use single quotes",
    ),
    Mistake(
        r"start any token",
        r"",
        "a value cannot start with this character",
        QUOTE_IT,
    ),
    Mistake(r"", r":\s+\{\{", "a value that starts with a brace is read as a mapping", QUOTE_IT),
    Mistake(
        r"<block end>.*found '[\]}]'",
        r"",
        "a closing bracket or brace without an opening one",
        "remove it",
    ),
    Mistake(r"<block end>", r":\s+\[", "unexpected text after a list in brackets", QUOTE_IT),
    Mistake(r"block scalar", r"", "a value cannot start with > or |", QUOTE_IT),
    Mistake(r"an (alias|anchor)", r"", "a value cannot start with * or &", QUOTE_IT),
    Mistake(r"sequence entries", r"", "a list on the line of its key", "start it on a new line"),
    Mistake(
        r"mapping values",
        r":.*: ",
        "unquoted value contains a colon",
        f"{QUOTE_IT}: it contains a colon and a space",
    ),
    Mistake(r"unexpected ':'", r"", "unquoted value contains a colon", QUOTE_IT),
    Mistake(
        r"<block end>.*(scalar>|',')",
        r"[\"']",
        "unexpected text after a closing quote",
        "put the whole value in one pair of quotes; write '' for a quote inside single quotes",
    ),
    Mistake(r"mapping values|<block (end|mapping)", r"", "inconsistent indentation", INDENT_IT),
    Mistake(
        r"expected ':'",
        r"",
        "missing colon after a key, or missing space after the colon",
        "write key: value",
        across=True,
    ),
    Mistake(r"flow.*found ','", r"", "a comma without a value before it", "remove the comma"),
    Mistake(
        r"flow",
        r"",
        "unclosed bracket or brace",
        "close what is not closed, or add the missing comma",
        across=True,
    ),
)


def explain(error: Any, text: str) -> Unreadable:
    """Return the Unreadable to raise for a YAMLError, with a message, a position and a hint."""
    complaint = f"{error.context}: {error.problem}" if _has(error, "context") else _message(error)
    line, _ = position = _position(error, "problem_mark")
    lines = text.split("\n")
    source_line = lines[line] if line < len(lines) else ""
    for mistake in MISTAKES:
        if re.search(mistake.complaint, complaint) and re.search(mistake.line, source_line):
            start = _position(error, "context_mark") if _has(error, "context_mark") else position
            if mistake.opened or (mistake.across and start[0] < line):
                position = start
            return _unreadable(mistake.message or complaint, position, mistake.hint)
    return _unreadable(complaint, position)


def _message(error: Any) -> str:
    return str(error.problem) if _has(error, "problem") else str(error).partition("\n")[0]


def _has(error: Any, name: str) -> bool:
    return bool(getattr(error, name, None))


def _position(error: Any, mark: str) -> Position:
    """Return the line and column of a mark; (0, 0) for an encoding error, which has no mark."""
    at = getattr(error, mark, None)
    return (at.line, at.column) if at else (0, 0)


def _unreadable(message: str, position: Position, hint: str = "") -> Unreadable:
    return Unreadable("YAML_SYNTAX", f"invalid YAML: {message}", position, hint)
