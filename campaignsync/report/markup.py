"""Values as Markdown: in code, inline or fenced, or with their special characters as entities.

Backticks, pipes, HTML, mentions and references to issues stay what they are, text.
"""

import re
from collections.abc import Iterable, Sequence

from campaignsync.report import wording as words

SPECIAL = re.compile(r"[^a-zA-Z0-9 .,;:/()'·–→-]")


def plain(text: str) -> str:
    """Write a text as itself: whatever could be markup becomes an entity."""
    shown = SPECIAL.sub(_entity, words.line(text))
    # Two colons at the start of a line would be a command to the runner that prints it.
    shown = shown.replace("::", "&#58;:")
    return shown.replace("www.", "www&#46;").replace("://", "&#58;//")


def _entity(found: re.Match[str]) -> str:
    entity = f"&#{ord(found.group())};"
    # GitHub looks for people and issues in the text that entities have become: something without
    # width has to stand behind the sign.
    return f"{entity}&#8203;" if found.group() in "@#" else entity


def code(text: str) -> str:
    """Write a text as inline code, safe in a table: a longer run of backticks round it."""
    shown = words.line(text)
    if not shown.strip():
        return "<code>&#32;</code>"
    if "|" in shown or "\\" in shown:
        # A pipe ends a cell even in backticks, and a backslash would have to be doubled.
        return f"<code>{plain(text)}</code>"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Write a text as a block of code, with a fence longer than any run of backticks in it."""
    shown = "\n".join(map(words.inert, words.visible(text).split("\n")))
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return headed(head, map(line, rows))


def headed(head: Sequence[str], lines: Iterable[str]) -> str:
    return "\n".join([line(head), line(["---"] * len(head)), *lines])


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
