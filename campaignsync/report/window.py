"""Text folded to a window: lines broken at spaces, what goes on under what it goes on from."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

INDENT = 2
"""Columns by which the rest of a line stands further in."""
NARROWEST = 20
"""Columns below which nothing is folded: there is no room for words."""
EXCERPT = re.compile(r" *\d* \| ")
"""How a line of a file begins that is shown as it stands, a caret below it."""


def folded(text: str, width: int) -> str:
    """Fold a text, painted or not, to `width` columns; its last line, the summary, stays one line.

    Nothing is left out: a word that is longer than the window is broken where that ends.
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
    told = Text.from_ansi(line)
    if cell_len(told.plain) <= console.width or EXCERPT.match(told.plain):
        yield line
        return
    indent = len(told.plain) - len(told.plain.lstrip())
    indent = min(indent + INDENT, console.width // 2)
    painted = "\x1b" in line
    # The first line keeps its own indent, and is as wide as those behind it.
    for place, part in enumerate(told.wrap(console, console.width - indent)):
        part.rstrip()
        lead = " " * indent if place else ""
        yield lead + (_painted(part, console) if painted else part.plain)


def _painted(text: Text, console: Console) -> str:
    with console.capture() as captured:
        console.print(text, end="", highlight=False, markup=False, emoji=False)
    return captured.get()
