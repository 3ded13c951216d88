"""What a code means, why there is such a rule, and what to do: read from `codes.md`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SECTION = re.compile(
    r"^## (?P<code>[A-Z0-9_]+)\n(?P<meaning>.+)\nWhy: (?P<why>.+)\nFix: (?P<fix>.+)\n"
    r"(?:Example:\n(?P<example>(?:    .*\n)+))?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code, a sentence or two each; `example` is YAML, or empty."""

    code: str
    meaning: str
    why: str
    fix: str
    example: str


@cache
def explanations() -> Mapping[str, Explanation]:
    """Give the explanation of every code that the program can print, by code."""
    text = files("campaignsync").joinpath("codes.md").read_text(encoding="utf-8")
    return {found.code: found for found in sorted(_sections(text), key=lambda each: each.code)}


def _sections(text: str) -> Iterator[Explanation]:
    for found in SECTION.finditer(text):
        lines = (found["example"] or "").splitlines()
        example = "\n".join(line.removeprefix("    ") for line in lines)
        yield Explanation(found["code"], found["meaning"], found["why"], found["fix"], example)
