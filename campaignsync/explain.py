"""Read the explanation of each code from `codes.md`: its meaning, its reason, and the fix."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SECTION = re.compile(
    r"^## (?P<code>[A-Z0-9_]+)\n(?P<meaning>.+)\nWhy: (?P<why>.+)\nFix: (?P<fix>.+)\n"
    r"(?:Before:\n(?P<before>(?:    .*\n)+)After:\n(?P<after>(?:    .*\n)+))?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one code; `before` and `after` are an example, or empty.

    An example is a definition, several files under `# their/names.yaml`, or commands behind `$`.
    """

    code: str
    meaning: str
    why: str
    fix: str
    before: str
    after: str


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return the explanation of every code that the program can print, by code."""
    text = files("campaignsync").joinpath("codes.md").read_text(encoding="utf-8")
    return {each.code: each for each in _sections(text)}


def _sections(text: str) -> Iterator[Explanation]:
    for section in SECTION.finditer(text):
        before, after = (_unindented(section[name] or "") for name in ("before", "after"))
        yield Explanation(
            section["code"], section["meaning"], section["why"], section["fix"], before, after
        )


def _unindented(example: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in example.splitlines())
