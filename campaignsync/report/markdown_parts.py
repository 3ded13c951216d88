"""Write parts of Markdown: escaped values, tables, and as many of them as a size limit allows.

Backticks, pipes, HTML, mentions and issue references in a value are shown and not interpreted.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from campaignsync.report import wording as words

Item = TypeVar("Item")

COMMENT = 65_536
"""Maximum characters of a GitHub comment."""
STEP_SUMMARY = 2**20
"""Maximum bytes of a GitHub step summary."""
ROOM_OF_A_NOTE = 300
"""Bytes reserved for the note that a report is cut."""
MOST_MISSES = 20
"""Consecutive items that do not fit, after which no more are tried."""
SHARE_OF_TABLE = 0.4
"""Maximum share of the table, to leave space for the first items in full."""

SPECIAL = re.compile(r"[^a-zA-Z0-9 .,;:/()'·–→-]")


def plain(text: str) -> str:
    """Return a text with every character that may be markup written as an entity."""
    shown = SPECIAL.sub(_entity, words.line(text))
    # A CI runner interprets two colons at the start of a printed line as a command.
    shown = shown.replace("::", "&#58;:")
    return shown.replace("www.", "www&#46;").replace("://", "&#58;//")


def _entity(match: re.Match[str]) -> str:
    entity = f"&#{ord(match.group())};"
    # GitHub decodes entities before it looks for mentions and issue references. A zero-width space
    # after the sign prevents a match.
    return f"{entity}&#8203;" if match.group() in "@#" else entity


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
    return _table(head, map(row, rows))


def _table(head: Sequence[str], lines: Iterable[str]) -> str:
    return "\n".join([row(head), row(["---"] * len(head)), *lines])


def row(cells: Sequence[str]) -> str:
    """Return the line of a table row."""
    return f"| {' | '.join(cells)} |"


def fitting(
    items: Sequence[Item], show: Callable[[Item], str], room: int, joint: str = "\n"
) -> tuple[list[str], int]:
    """Return the texts of the items that fit, in order, and the number of items left out.

    `room` is in bytes of UTF-8, which are never fewer than characters, and includes one `joint`
    after each text.
    """
    shown: list[str] = []
    misses = 0
    for item in items:
        text = show(item)
        size = len(f"{text}{joint}".encode())
        if size <= room:
            shown.append(text)
            room -= size
            misses = 0
        elif (misses := misses + 1) == MOST_MISSES:
            break
    return shown, len(items) - len(shown)


def table_within(
    above: list[str],
    head: Sequence[str],
    items: Sequence[Item],
    show_row: Callable[[Item], str],
    whole: str,
) -> str:
    """Return a table below other paragraphs, within a comment's size.

    `whole` is the command that shows the rows that do not fit.
    """
    if not items:
        return "\n\n".join(above)
    rows, left_out = fitting(items, show_row, COMMENT - _size(above) - ROOM_OF_A_NOTE)
    return "\n\n".join([*above, _table(head, rows), *_cut(left_out, whole)])


def list_within(
    above: list[str], items: Sequence[Item], show: Callable[[Item], str], whole: str
) -> str:
    """Return a list below other paragraphs, within a comment's size, as `table_within` does."""
    lines, left_out = fitting(items, show, COMMENT - _size(above) - ROOM_OF_A_NOTE)
    return "\n\n".join([*above, *(["\n".join(lines)] * bool(lines)), *_cut(left_out, whole)])


def _cut(left_out: int, whole: str) -> list[str]:
    return [f"**Cut:** {left_out} more; see `{whole}`."] if left_out else []


def table_and_blocks_within(
    above: list[str],
    campaigns: Sequence[Item],
    show: tuple[Callable[[Item], str], Callable[[Item], str]],
    limit: int,
    whole: str,
) -> str:
    """Return a table of campaigns and a folded block for each, in at most `limit` bytes.

    `show` holds two functions: one returns a campaign's row, the other its block. `whole` is where
    to find the campaigns that do not fit.
    """
    if not campaigns:
        return "\n\n".join(above)
    show_row, show_block = show
    room = limit - _size(above) - ROOM_OF_A_NOTE
    rows, without_row = fitting(campaigns, show_row, int(room * SHARE_OF_TABLE))
    listed = _table(("campaign", "", "fields"), rows)
    blocks, without_block = fitting(campaigns, show_block, room - _size([listed]), "\n\n")
    cut = []
    if left_out := max(without_row, without_block):
        unlisted = f"; {without_row} of them are not in the table" if without_row else ""
        cut.append(
            f"**Cut:** {left_out} of {words.count(len(campaigns), 'campaign')} do not fit here"
            f"{unlisted}. All campaigns are {whole}."
        )
    return "\n\n".join([*above, listed, *cut, *blocks])


def in_equal_shares(
    above: Sequence[str], items: Sequence[Item], show: Callable[[Item, int], str], limit: int
) -> str:
    """Return paragraphs in `limit` bytes: those `above`, then each item in an equal share.

    Bytes that one item does not use are available to the next ones.
    """
    parts = [*above]
    for left, item in zip(range(len(items), 0, -1), items, strict=True):
        parts.append(show(item, (limit - _size(parts)) // left))
    return "\n\n".join(parts)


def _size(paragraphs: Sequence[str]) -> int:
    return sum(len(part.encode()) + len("\n\n") for part in paragraphs)
