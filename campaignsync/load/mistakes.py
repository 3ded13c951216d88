"""What people mean when they write what is not YAML: a parser's complaint in their words."""

import re
from typing import Any, NamedTuple

from campaignsync.load.page import Unreadable


class Mistake(NamedTuple):
    """Known by what the parser says and by the line it says it of; told in `message` and `hint`.

    An empty message keeps the parser's words. `opened` means the place where it all began;
    `across` means it too, once the parser has read on to another line.
    """

    complaint: str
    line: str
    message: str
    hint: str
    opened: bool = False
    across: bool = False


QUOTE_IT = "put the value in quotes"
INDENT_IT = "indent the line as its neighbours are"
MISTAKES = (
    Mistake(r"'\\t'", r"", "a tab stands where only spaces may", "indent with spaces"),
    Mistake(
        r"quoted scalar.*(end of stream|document separator)",
        r"",
        "the quote that opens here is never closed",
        "close it, or write '' for a single quote inside single quotes",
        opened=True,
    ),
    Mistake(
        r"escape",
        r"",
        "a backslash in double quotes starts an escape, and this is none",
        r"write \\ for a backslash, or use single quotes",
    ),
    Mistake(r"start any token", r"", "a value cannot start with this character", QUOTE_IT),
    Mistake(r"", r":\s+\{\{", "a brace opens a mapping, and this is none", QUOTE_IT),
    Mistake(r"<block end>", r":\s+\[", "text stands behind a list in brackets", QUOTE_IT),
    Mistake(r"block scalar", r"", "a value cannot start with > or |", QUOTE_IT),
    Mistake(r"an (alias|anchor)", r"", "a value cannot start with * or &", QUOTE_IT),
    Mistake(r"sequence entries", r"", "a list stands on the line of its key", "start a new line"),
    Mistake(
        r"mapping values",
        r":.*: ",
        "a colon stands inside a value",
        f"{QUOTE_IT}: it holds a colon and a space",
    ),
    Mistake(r"unexpected ':'", r"", "a colon stands inside a value", QUOTE_IT),
    Mistake(
        r"<block end>.*(scalar>|',')",
        r"[\"']",
        "text stands behind a closing quote",
        "put the whole value in one pair of quotes; write '' for a quote inside single quotes",
    ),
    Mistake(
        r"mapping values|<block (end|mapping)", r"", "the line does not fit where it is", INDENT_IT
    ),
    Mistake(
        r"expected ':'",
        r"",
        "a key lacks its colon, or the space after it",
        "write key: value",
        across=True,
    ),
    Mistake(
        r"flow",
        r"",
        "a bracket or brace does not end as it should",
        "look for one that is not closed, or for a comma that is missing",
        across=True,
    ),
)


def explain(error: Any, text: str) -> Unreadable:
    """Say what a YAMLError means, where, and what to write instead."""
    complaint = f"{error.context}: {error.problem}" if _says(error, "context") else _words(error)
    line, _ = place = _place(error, "problem_mark")
    lines = text.split("\n")
    there = lines[line] if line < len(lines) else ""
    for mistake in MISTAKES:
        if re.search(mistake.complaint, complaint) and re.search(mistake.line, there):
            begun = _place(error, "context_mark") if _says(error, "context_mark") else place
            is_there = mistake.opened or (mistake.across and begun[0] < line)
            place = begun if is_there else place
            return _unreadable(mistake.message or complaint, place, mistake.hint)
    return _unreadable(complaint, place)


def _words(error: Any) -> str:
    return str(error.problem) if _says(error, "problem") else str(error).partition("\n")[0]


def _says(error: Any, name: str) -> bool:
    return bool(getattr(error, name, None))


def _place(error: Any, mark: str) -> tuple[int, int]:
    """Give a mark's line and column; errors of encoding have none."""
    found = getattr(error, mark, None)
    return (found.line, found.column) if found else (0, 0)


def _unreadable(message: str, place: tuple[int, int], hint: str = "") -> Unreadable:
    return Unreadable("YAML_SYNTAX", f"this is not YAML: {message}", place, hint)
