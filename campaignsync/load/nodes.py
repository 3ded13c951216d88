"""A file as nodes, and how to walk them: merge keys, duplicate keys, places of problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaignsync.errors import Problem, Source
from campaignsync.load.files import read, shown
from campaignsync.load.page import Page, Unreadable, decode
from campaignsync.load.parse import Mapping, Node, Scalar, Sequence, parse

NULLS = ("", "~", "null", "Null", "NULL")
Item = tuple[str, Scalar, Node]
"""A key's name, and the nodes of the key and its value."""


@dataclass(slots=True, eq=False)
class Document:
    """One file's nodes, and where to note what is wrong with them."""

    page: Page
    root: Mapping

    @property
    def file(self) -> str:
        return self.page.file

    def source(self, node: Node) -> Source:
        """Say where a node stands."""
        line, column = node.place
        return Source(self.page.file, line + 1, column + 1)

    def problem(self, code: str, message: str, node: Node, hint: str = "", **more: Any) -> None:
        """Note a problem at a node."""
        self.page.problem(node.place, code, message, hint, **more)

    def items(self, mapping: Mapping) -> Iterator[Item]:
        """Give a mapping's keys and values, merged ones behind its own; duplicates are problems.

        A key of its own wins over a merged one, and an earlier merge over a later one.
        """
        seen: dict[str, Scalar] = {}
        merged: list[Item] = []
        for key, value in mapping.pairs:
            if not isinstance(key, Scalar):
                self.problem("COMPLEX_KEY", "a key must be one word", key, "put it in quotes")
            elif key.text in seen:
                self._note_duplicate(key, seen[key.text])
            else:
                seen[key.text] = key
                if key.text == "<<" and key.plain:
                    merged += self._merged(value)
                else:
                    yield key.text, key, value
        for name, key, value in merged:
            if name not in seen:
                seen[name] = key
                yield name, key, value

    def _merged(self, node: Node) -> Iterator[Item]:
        for part in node.items if isinstance(node, Sequence) else [node]:
            if isinstance(part, Mapping):
                yield from self.items(part)
            else:
                hint = "refer to mappings: `<<: *name`, or `<<: [*one, *other]`"
                self.problem("BAD_MERGE", "`<<` merges mappings, and this is none", part, hint)

    def _note_duplicate(self, key: Scalar, first: Scalar) -> None:
        self.problem(
            "DUPLICATE_KEY",
            f"`{named(key.text)}` stands twice: on line {first.place[0] + 1},"
            f" and again on line {key.place[0] + 1}",
            key,
            "keep one of the two" if key.text != "<<" else "merge a list: `<<: [*one, *other]`",
        )

    def mapping(self, node: Node, what: str) -> dict[str, tuple[Scalar, Node]]:
        """Give a mapping's key and value nodes by name; anything else is a problem, and empty."""
        if isinstance(node, Mapping):
            return {name: (key, value) for name, key, value in self.items(node)}
        if not is_null(node):
            hint = "write key: value on lines of their own, indented"
            self.problem("WRONG_TYPE", f"{what} takes keys and values", node, hint)
        return {}

    def scalar(self, node: Node, what: str) -> str | None:
        """Give a scalar's text; anything else is a problem, and None."""
        if isinstance(node, Scalar) and not is_null(node):
            return node.text
        hint = "write one value on the line of its key"
        self.problem("WRONG_TYPE", f"{what} takes one value", node, hint)
        return None


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text in NULLS


def named(path: str, longest: int = 80) -> str:
    """Cut a key that is too long to be repeated."""
    return path if len(path) <= longest else f"{path[:longest]}…"


def compose(path: Path, problems: list[Problem]) -> Document | None:
    """Read a file into a document; what is wrong goes to `problems`, and None comes back."""
    page = Page(shown(path), problems)
    try:
        content = read(path)
    except ValueError as error:
        page.problem((0, 0), "UNREADABLE", f"the file cannot be read: {error}")
        return None
    return compose_content(page, content)


def compose_content(page: Page, content: bytes) -> Document | None:
    """Read a file's bytes into a document; what is wrong goes to the page, and None comes back."""
    try:
        page.text = decode(content)
        root = parse(page)
    except Unreadable as found:
        page.problem(found.place, found.code, found.message, found.hint)
        return None
    if root is None or is_null(root):
        hint = "write into it, or remove it"
        page.problem((0, 0), "EMPTY_DEFINITION", "the file holds nothing but comments", hint)
        return None
    if not isinstance(root, Mapping):
        found_instead = "a list" if isinstance(root, Sequence) else "one value"
        page.problem(
            root.place,
            "WRONG_TYPE",
            f"the file needs keys and values, and holds {found_instead}",
            "write `key: value` on each line, with a space after the colon",
        )
        return None
    return Document(page, root)
