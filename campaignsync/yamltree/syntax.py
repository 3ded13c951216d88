"""Explain YAML syntax errors: the probable mistake, and how to correct it."""

import re
from typing import Any, NamedTuple

from campaignsync.yamltree.text import Position, Unreadable


class Mistake(NamedTuple):
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
