"""Remove keys and tokens from texts that a server, a library or a user repeats."""

import base64
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import html5

SHORTEST_KEY = 8
"""Minimum length of a key; redacting a shorter one would make messages unreadable."""
PREFIXED = re.compile(
    r"""
    (?<! [\w+/=-] )                             # at the start of a word
    (?> ( [\w+/=-]*? )                          # what precedes the key
        (?<! [A-Za-z0-9] )
        (?: (?:sk|pk)[-_] | ghp_ | github_pat_ | glpat- )
    )
    [\w+/=-]{6,}+ (?! \.\w )                   # the key, which is no file name
    """,
    re.ASCII | re.VERBOSE,
)
"""Matches a text with a key's prefix, from the start of its word; group 1 is what precedes it."""
MIXED = re.compile(
    r"""
    (?<! [\w+=-] )                              # at the start of a word
    (?> (?<! [./] ) | ( [\w-]*+ [+=] ) )        # in a path, only what follows + or =
    (?= [\w+=-]*[a-z] ) (?= [\w+=-]*[A-Z] ) (?= [\w+=-]*[0-9] )
    [\w+=-]{32,}+ (?! [./] )
    """,
    re.ASCII | re.VERBOSE,
)
"""Matches 32 or more letters of both cases and digits, but no path; group 1 is what precedes them.

Both patterns try each word once: otherwise the time for a hostile word grows with the square of its
length.
"""


def without_keys(text: str, known: Iterable[str]) -> str:
    """Return a text without the known keys, and without anything that looks like a key."""
    for key in known:
        if len(key) >= SHORTEST_KEY:
            text = text.replace(key, "[key]")
    return PREFIXED.sub(r"\1[key]", MIXED.sub(r"\1[key]", text))


def redacted(text: str, key: str) -> str:
    """Return the text without the key, in whatever encoding a server or a library repeats it."""
    return _spellings(key).sub("[key]", text)


BETWEEN = r"(?:\s|\\[nrt]){0,16}"
"""Matches what may separate two characters of a key that was wrapped or split.

It is bounded: else the time for a hostile text grows with the square of its length.
"""


@lru_cache(maxsize=16)
def _spellings(key: str) -> re.Pattern[str]:
    """Return a pattern for the key: as it is, escaped, in hex or base64, split over lines."""
    encoded = [map(re.escape, text) for text in (key.encode().hex(), *_in_base64(key))]
    spellings = [map(_one_character, key), *encoded]
    return re.compile("|".join(BETWEEN.join(parts) for parts in spellings), re.IGNORECASE)


def _one_character(character: str) -> str:
    """Return a pattern for one character: itself, or escaped for a URL, HTML, JSON or code."""
    number = ord(character)
    named = (name for name, text in html5.items() if text == character)
    entities = "|".join(("#0*" + str(number), f"#x0*{number:x}", *map(re.escape, named)))
    return (
        rf"(?:\\{{0,4}}{re.escape(character)}|&(?:amp;)*(?:{entities});?"
        rf"|%(?:25)*{number:02x}|\\{{1,4}}(?:u|u0000|x)(?:00)?{number:02x})"
    )


def _in_base64(key: str) -> Iterator[str]:
    """Yield the key in base64, for each position in a group of three bytes where it may start."""
    for before in range(3):
        bits_before, bits = 8 * before, 8 * (before + len(key))
        # Keep only characters that depend on the key alone; those at its ends depend on context.
        whole = slice(-(-bits_before // 6), bits // 6)
        text = base64.b64encode(b" " * before + key.encode()).decode()[whole]
        yield text
        yield text.translate(str.maketrans("+/", "-_"))
