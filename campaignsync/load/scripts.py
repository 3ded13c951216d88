"""Warn of words that mix alphabets: some Cyrillic letters look like Latin ones."""

import re
import unicodedata
from collections.abc import Iterator

from campaignsync.errors import Problem
from campaignsync.model.values import Definition

LATIN = r"A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a"
# Alphabets with Latin-like letters: Greek (without the unit signs μ and Ω), Cyrillic, Armenian,
# Cherokee.
ALIKE = r"\u0370-\u03a8\u03aa-\u03bb\u03bd-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13f5"
OTHER = re.compile(f"[{ALIKE}]")
MIXED = re.compile(
    rf"[^\W\d_]*(?:[{LATIN}][^\W\d_]*[{ALIKE}]|[{ALIKE}][^\W\d_]*[{LATIN}])[^\W\d_]*"
)


def mixed_scripts(definition: Definition) -> Iterator[Problem]:
    """Yield a warning for each text with a word that has both Latin and other letters."""
    for path, value in definition.values.items():
        for text in value if isinstance(value, list | tuple) else (value,):
            if not (isinstance(text, str) and OTHER.search(text)):
                continue
            words = MIXED.findall(text)
            if letters := dict.fromkeys(each for word in words for each in OTHER.findall(word)):
                yield Problem(
                    "MIXED_SCRIPTS",
                    f"`{path}` mixes letters of two alphabets in one word: {_named(letters)}",
                    definition.source_of(path),
                    "write the word in one alphabet: these letters look like Latin ones",
                    "warning",
                )


def _named(letters: dict[str, None]) -> str:
    return ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '')}" for each in letters)
