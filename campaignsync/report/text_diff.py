"""Two texts, or two lines, and what makes one another than the other."""

from collections.abc import Iterator
from difflib import SequenceMatcher

LONGEST_EDITED = 2000
"""Characters of two lines within which edits stand out: the search for them is quadratic."""


def edits(text: str, partner: str) -> Iterator[tuple[str, bool]]:
    """Take a line apart, and tell of each piece whether its partner lacks it.

    Gives nothing for lines that have less than half in common: they are others, not edited ones.
    """
    matcher = SequenceMatcher(None, text, partner, autojunk=False)
    long = len(text) + len(partner) > LONGEST_EDITED
    if not partner or long or matcher.quick_ratio() < 0.5:  # noqa: PLR2004 - half of it
        return
    for tag, start, end, _, _ in matcher.get_opcodes():
        if end > start:
            yield text[start:end], tag != "equal"


def compared(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Compare two texts line by line: each line behind its sign, "-", "+", or " " for both.

    As many lines as were replaced by as many others stand in pairs.
    """
    old, new = _lines(before), _lines(after)
    # Not ndiff: it seeks the likest of all pairs of lines, which takes minutes for a book.
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        gone, come = old[start:end], new[new_start:new_end]
        if tag == "equal":
            yield from ((" ", text) for text in gone)
        elif len(gone) == len(come):
            for pair in zip(gone, come, strict=True):
                yield from zip("-+", pair, strict=True)
        else:
            yield from (("-", text) for text in gone)
            yield from (("+", text) for text in come)


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []
