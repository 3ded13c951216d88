"""Write values in Markdown as text, inline code or fenced code.

Backticks, pipes, HTML, mentions and issue references in a value are shown and not interpreted.
"""

import re
from collections.abc import Iterable, Sequence

from campaignsync.report import wording as words

SPECIAL = re.compile(r"[^a-zA-Z0-9 .,;:/()'·–→-]")


def plain(text: str) -> str:
    """Return a text with every character that may be markup written as an entity."""
    shown = SPECIAL.sub(_entity, words.line(text))
    # A CI runner interprets two colons at the start of a printed line as a command.
    shown = shown.replace("::", "&#58;:")
    return shown.replace("www.", "www&#46;").replace("://", "&#58;//")


def _entity(found: re.Match[str]) -> str:
    entity = f"&#{ord(found.group())};"
    # GitHub decodes entities before it looks for mentions and issue references. A zero-width space
    # after the sign prevents a match.
    return f"{entity}&#8203;" if found.group() in "@#" else entity


def code(text: str) -> str:
    """Return a text as inline code that is safe in a table cell."""
    shown = words.line(text)
    if not shown.strip():
        return "<code>&#32;</code>"
    if "|" in shown or "\\" in shown:
        # A pipe ends a table cell even in backticks, and a backslash would have to be doubled.
        return f"<code>{plain(text)}</code>"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Return a text as a code block, with a fence longer than any run of backticks in it."""
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
