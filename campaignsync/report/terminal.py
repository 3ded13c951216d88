"""Turn lines of styled pieces into text: plain or coloured, wrapped to a terminal's width."""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from campaignsync.report import wording as words

Piece = tuple[str, str]
"""A text and its style: "" or a rich style."""
Line = list[Piece]

INDENT = 2
"""Columns by which a continuation line is indented further than its first line."""
NARROWEST = 20
"""Minimum columns for wrapping: a narrower terminal does not fit words."""
EXCERPT = re.compile(r" *\d* \| ")
"""The start of a quoted file line or of the caret line below it; these are not wrapped."""


def joined(lines: Iterable[Line], *, colour: bool = False) -> str:
    """Return lines as one text, with ANSI colours if `colour`."""
    lines = map(_inert, lines)
    if not colour:
        return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
    console = _console()
    return "\n".join(_coloured(Text.assemble(*line), console) for line in lines).rstrip("\n")


def _inert(line: Line) -> Line:
    text = "".join(text for text, _ in line)
    inert = words.inert(text)
    return line if inert == text else [(inert, "")]


def apart(blocks: Iterable[Iterable[Line]]) -> list[Line]:
    """Return the lines of all blocks, with an empty line between blocks."""
    return [line for block in blocks for line in ([], *block)][1:]


def wrapped(text: str, width: int) -> str:
    """Return a text, with or without colour, wrapped to `width` columns.

    Lines break at spaces, and continuation lines are indented. The last line is the summary and
    stays on one line. A word longer than `width` is broken at the edge.
    """
    is_narrow_enough = text.isascii() and all(len(line) <= width for line in text.split("\n"))
    if width < NARROWEST or is_narrow_enough:
        return text
    *lines, summary = text.split("\n")
    console = _console(width)
    return "\n".join([*(part for line in lines for part in _wrapped(line, console)), summary])


def _wrapped(line: str, console: Console) -> Iterator[str]:
    styled = Text.from_ansi(line)
    if cell_len(styled.plain) <= console.width or EXCERPT.match(styled.plain):
        yield line
        return
    indent = len(styled.plain) - len(styled.plain.lstrip())
    indent = min(indent + INDENT, console.width // 2)
    is_coloured = "\x1b" in line
    # Wrap all lines to the same width; the first line contains its own indentation.
    for place, part in enumerate(styled.wrap(console, console.width - indent)):
        part.rstrip()
        lead = " " * indent if place else ""
        yield lead + (_coloured(part, console) if is_coloured else part.plain)


def _coloured(text: Text, console: Console) -> str:
    with console.capture() as captured:
        console.print(text, end="", highlight=False, markup=False, emoji=False)
    return captured.get()


def _console(width: int | None = None) -> Console:
    return Console(
        width=width, force_terminal=True, color_system="standard", no_color=False, soft_wrap=True
    )
