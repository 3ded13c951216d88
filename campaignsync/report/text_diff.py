"""Compare two texts by line, and two lines by character."""

from collections.abc import Iterator
from difflib import SequenceMatcher

LONGEST_EDITED = 2000
"""Maximum total characters of two lines to compare by character: the search is quadratic."""


def edits(text: str, partner: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a line, each with True if its partner does not have it.

    Yields nothing if the lines are too long or have less than half in common: then the line was
    replaced, not edited.
    """
    matcher = SequenceMatcher(None, text, partner, autojunk=False)
    long = len(text) + len(partner) > LONGEST_EDITED
    if not partner or long or matcher.quick_ratio() < 0.5:  # noqa: PLR2004 - half of it
        return
    for tag, start, end, _, _ in matcher.get_opcodes():
        if end > start:
            yield text[start:end], tag != "equal"


def compared(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield each line with its sign: "-" for removed, "+" for added, " " for unchanged.

    If lines are replaced by the same number of lines, each "-" is followed by its "+".
    """
    old, new = _lines(before), _lines(after)
    # Not ndiff: it compares all pairs of lines, which takes minutes for very long texts.
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        removed, added = old[start:end], new[new_start:new_end]
        if tag == "equal":
            yield from ((" ", text) for text in removed)
        elif len(removed) == len(added):
            for pair in zip(removed, added, strict=True):
                yield from zip("-+", pair, strict=True)
        else:
            yield from (("-", text) for text in removed)
            yield from (("+", text) for text in added)


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []
