"""One file as text, and the list of what is wrong with it."""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from campaignsync.errors import Problem, Source
from campaignsync.yamltree.text import Position

MOST_PROBLEMS = 100
"""Problems of one file that are told; who has more needs another file, not a longer list."""
LONGEST_EXCERPT = 4096
"""Characters of a line that is still shown under a problem."""
SECRET = re.compile(r"(?<![a-z])key(?![a-z])|token|secret|passw|authorization|\bsk-", re.IGNORECASE)
"""A line that may hold a key is never shown: what is wrong with it ends in a public log."""


@dataclass(slots=True, eq=False)
class Page:
    """A file's name, its text once it is known, and its problems so far."""

    file: str
    problems: list[Problem]
    text: str = ""
    _lines: list[str] = field(default_factory=list)

    def problem(
        self,
        position: Position,
        code: str,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Note a problem, once; past MOST_PROBLEMS only that there are more."""
        line, column = position
        source = Source(self.file, line + 1, column + 1)
        self.note(Problem(code, message, source, hint, severity))

    def note(self, found: Problem) -> None:
        """Note a problem of this file, or of another one that it shares with others."""
        if found.source.file == self.file:
            found = replace(found, excerpt=self._excerpt(found.source.line - 1))
        if len(self.problems) < MOST_PROBLEMS and found not in self.problems:
            self.problems.append(found)
            if len(self.problems) == MOST_PROBLEMS:
                more = "there may be more problems than these: the list ends here"
                self.problems.append(Problem("TOO_MANY_PROBLEMS", more, found.source))

    def _excerpt(self, line: int) -> str | None:
        if not self._lines:
            self._lines = self.text.split("\n")
        excerpt = self._lines[line] if self.text and line < len(self._lines) else ""
        is_showable = 0 < len(excerpt) <= LONGEST_EXCERPT and not SECRET.search(excerpt)
        return excerpt if is_showable else None
