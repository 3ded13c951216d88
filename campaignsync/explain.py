"""Read the explanation of each code from `codes.md`: its meaning, its reason, and the fix.

An example is a definition, several files under `# their/names.yaml`, or commands behind `$`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from campaignsync.model.results import ExplainedCode

SECTION = re.compile(
    r"^## (?P<code>[A-Z0-9_]+)\n(?P<meaning>.+)\nWhy: (?P<why>.+)\nFix: (?P<fix>.+)\n"
    r"(?:Before:\n(?P<before>(?:    .*\n)+)After:\n(?P<after>(?:    .*\n)+))?",
    re.MULTILINE,
)


@cache
def explanations() -> Mapping[str, ExplainedCode]:
    """Return the explanation of every code that the program can print, by code."""
    text = files("campaignsync").joinpath("codes.md").read_text(encoding="utf-8")
    return {each.code: each for each in _sections(text)}


def _sections(text: str) -> Iterator[ExplainedCode]:
    for section in SECTION.finditer(text):
        before, after = (_unindented(section[name] or "") for name in ("before", "after"))
        yield ExplainedCode(
            code=section["code"],
            meaning=section["meaning"],
            why=section["why"],
            fix=section["fix"],
            before=before,
            after=after,
        )


def _unindented(example: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in example.splitlines())
