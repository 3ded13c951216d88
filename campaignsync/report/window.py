"""Wrap text to the width of a terminal: break lines at spaces, and indent continuation lines."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

INDENT = 2
"""Columns by which a continuation line is indented further than its first line."""
NARROWEST = 20
"""Minimum columns for wrapping: a narrower terminal does not fit words."""
EXCERPT = re.compile(r" *\d* \| ")
"""The start of a quoted file line or of the caret line below it; these are not wrapped."""


def folded(text: str, width: int) -> str:
    """Return a text, with or without colour, wrapped to `width` columns.

    The last line is the summary and stays on one line. A word longer than `width` is broken at the
    edge.
    """
    is_narrow_enough = text.isascii() and all(len(line) <= width for line in text.split("\n"))
    if width < NARROWEST or is_narrow_enough:
        return text
    *lines, summary = text.split("\n")
    console = Console(
        width=width, force_terminal=True, color_system="standard", no_color=False, soft_wrap=True
    )
    return "\n".join([*(part for line in lines for part in _folded(line, console)), summary])


def _folded(line: str, console: Console) -> Iterator[str]:
    styled = Text.from_ansi(line)
    if cell_len(styled.plain) <= console.width or EXCERPT.match(styled.plain):
        yield line
        return
    indent = len(styled.plain) - len(styled.plain.lstrip())
    indent = min(indent + INDENT, console.width // 2)
    painted = "\x1b" in line
    # Wrap all lines to the same width; the first line contains its own indentation.
    for place, part in enumerate(styled.wrap(console, console.width - indent)):
        part.rstrip()
        lead = " " * indent if place else ""
        yield lead + (_painted(part, console) if painted else part.plain)


def _painted(text: Text, console: Console) -> str:
    with console.capture() as captured:
        console.print(text, end="", highlight=False, markup=False, emoji=False)
    return captured.get()
