"""Parse a file into text and nodes, collect its problems, and read its mappings and scalars."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from campaignsync.errors import Problem, Source
from campaignsync.load.files import WORKSPACE, display_path, read
from campaignsync.yamltree.nodes import MappingNode, Node, ScalarNode, SequenceNode, is_null
from campaignsync.yamltree.parse import CORE, parse
from campaignsync.yamltree.text import Position, Unreadable, decode

MOST_PROBLEMS = 100
"""Maximum number of reported problems per file."""
LONGEST_EXCERPT = 4096
"""Maximum characters of a line that is shown below a problem."""
SECRET = re.compile(r"(?<![a-z])key(?![a-z])|token|secret|passw|authorization|\bsk-", re.IGNORECASE)
"""Matches a line that may hold a secret. It is not shown: CI logs may be public."""
Item = tuple[str, ScalarNode, Node]
"""The text of a key, the node of the key, and the node of its value."""


@dataclass(slots=True, eq=False)
class SourceFile:
    """A file's name, its text (empty until it is decoded), and its problems."""

    name: str
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
        """Note a problem at a position, as `note` does."""
        line, column = position
        source = Source(self.name, line + 1, column + 1)
        self.note(Problem(code, message, source, hint, severity))

    def note(self, problem: Problem) -> None:
        """Note a problem of this file, or of a file whose values it uses.

        A duplicate is ignored. After MOST_PROBLEMS problems, one TOO_MANY_PROBLEMS is added and all
        further ones are dropped.
        """
        if problem.source.file == self.name:
            problem = replace(problem, excerpt=self._excerpt(problem.source.line - 1))
        if len(self.problems) < MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)
            if len(self.problems) == MOST_PROBLEMS:
                more = f"only the first {MOST_PROBLEMS} problems of this file are listed"
                self.problems.append(Problem("TOO_MANY_PROBLEMS", more, problem.source))

    def _excerpt(self, line: int) -> str | None:
        if not self._lines:
            self._lines = self.text.split("\n")
        excerpt = self._lines[line] if self.text and line < len(self._lines) else ""
        is_showable = 0 < len(excerpt) <= LONGEST_EXCERPT and not SECRET.search(excerpt)
        return excerpt if is_showable else None


@dataclass(slots=True, eq=False)
class YamlDocument:
    """The root node of one file, and the file that collects its problems."""

    source_file: SourceFile
    root: MappingNode

    def source(self, node: Node) -> Source:
        """Return the source position of a node."""
        line, column = node.position
        return Source(self.source_file.name, line + 1, column + 1)

    def problem(self, code: str, message: str, node: Node, hint: str = "", **more: Any) -> None:
        """Note a problem at a node."""
        self.source_file.problem(node.position, code, message, hint, **more)

    def items(self, mapping: MappingNode) -> Iterator[Item]:
        """Yield the items of a mapping, then those merged with `<<`; report duplicate keys.

        The mapping's own key takes precedence over a merged key, and an earlier merged mapping over
        a later one.
        """
        seen: dict[str, ScalarNode] = {}
        merged: list[Item] = []
        for key, value in mapping.pairs:
            if not isinstance(key, ScalarNode):
                self.problem("COMPLEX_KEY", "a key must be a single value", key, "put it in quotes")
            elif key.text in seen:
                self._note_duplicate(key, seen[key.text])
            else:
                seen[key.text] = key
                if key.text == "<<" and key.is_plain:
                    merged += self._merged(value)
                else:
                    yield key.text, key, value
        for name, key, value in merged:
            if name not in seen:
                seen[name] = key
                yield name, key, value

    def _merged(self, node: Node) -> Iterator[Item]:
        for part in node.items if isinstance(node, SequenceNode) else [node]:
            if isinstance(part, MappingNode):
                yield from self.items(part)
            else:
                hint = "refer to mappings: `<<: *name`, or `<<: [*one, *other]`"
                self.problem("BAD_MERGE", "`<<` merges mappings; this is not a mapping", part, hint)

    def _note_duplicate(self, key: ScalarNode, first: ScalarNode) -> None:
        self.problem(
            "DUPLICATE_KEY",
            f"duplicate key `{truncated(key.text)}` (first on line {first.position[0] + 1})",
            key,
            "keep one of the two" if key.text != "<<" else "merge a list: `<<: [*one, *other]`",
        )

    def mapping(self, node: Node, what: str) -> dict[str, tuple[ScalarNode, Node]]:
        """Return the key and value nodes of a mapping by key; return {} for any other node.

        A node that is neither a mapping nor null is reported; `what` is its name in the message.
        """
        if isinstance(node, MappingNode):
            return {name: (key, value) for name, key, value in self.items(node)}
        if not is_null(node):
            hint = "write key: value on lines of their own, indented"
            self.problem("WRONG_TYPE", f"{what} must be a mapping", node, hint)
        return {}

    def scalar(self, node: Node, what: str) -> str | None:
        """Return the text of a scalar; report null or any other node as `what`, and return None."""
        if isinstance(node, ScalarNode) and not is_null(node):
            return node.text
        hint = "write one value on the line of its key"
        self.problem("WRONG_TYPE", f"{what} must be a single value", node, hint)
        return None


def truncated(path: str, longest: int = 80) -> str:
    """Return a key for a message, truncated to `longest` characters."""
    return path if len(path) <= longest else f"{path[:longest]}…"


def compose(path: Path, problems: list[Problem]) -> YamlDocument | None:
    """Return the document of a file; if unusable, add the reason to `problems` and return None."""
    source_file = SourceFile(display_path(path), problems)
    try:
        content = read(path)
    except ValueError as error:
        source_file.problem((0, 0), "UNREADABLE", f"the file cannot be read: {error}")
        return None
    return compose_content(source_file, content)


def compose_content(source_file: SourceFile, content: bytes) -> YamlDocument | None:
    """Return the document of some bytes; if unusable, note the reason on the file, return None."""
    try:
        source_file.text = decode(content)
        tree = parse(source_file.text)
    except Unreadable as error:
        source_file.problem(error.position, error.code, error.message, error.hint)
        return None
    for position, tag in tree.unknown_tags:
        shown_tag = tag.replace(CORE, "!!")
        hint = "remove it; quote the text where it starts with !"
        source_file.problem(position, "UNKNOWN_TAG", f"unknown tag {shown_tag}", hint)
    root = tree.root
    if root is None or is_null(root):
        is_workspace = Path(source_file.name).name == WORKSPACE
        missing = "`version: 1`" if is_workspace else "a definition"
        hint = f"write {missing} into the file, or remove it"
        source_file.problem((0, 0), "EMPTY_DEFINITION", "the file contains no keys", hint)
        return None
    if not isinstance(root, MappingNode):
        found_instead = "a list" if isinstance(root, SequenceNode) else "a single value"
        source_file.problem(
            root.position,
            "WRONG_TYPE",
            f"the file must contain keys and values, not {found_instead}",
            "write `key: value` on each line, with a space after the colon",
        )
        return None
    return YamlDocument(source_file, root)
