"""Bytes → YAML nodes: raw text, quoting, line and column of everything, within bounds.

Nodes are composed and never constructed, so YAML's guesses (`09:00` a number, `no` a boolean,
`2026-01-05` a date) never reach a campaign.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from campaignsync.errors import Problem, Source
from campaignsync.fields.kinds import CONTROL
from campaignsync.load.files import read, shown

CORE = "tag:yaml.org,2002:"
TYPES = ("str", "int", "float", "bool", "null", "timestamp", "merge", "map", "seq")
TAGS = {CORE + name for name in TYPES}
NULLS = ("", "~", "null", "Null", "NULL")

OPENINGS = re.compile(r"[\[{]|[-?][ \n]")
MANY_OPENINGS = 2000
"""Places that can open a level. Fewer cannot overflow the C parser's stack; more are scanned."""
DEEPEST = 32
"""Levels; a definition has four."""
MOST_EVENTS = 100_000
MOST_NODES = 20_000
"""Nodes of a document with its aliases written out."""
LARGEST_FOR_PYTHON = 256 * 1024
"""Bytes that the slower parser is given."""

HINTS = (
    (re.compile(r"\t"), "indent with spaces, not with tabs"),
    (re.compile(r":\s*[@`%]"), "put the value in quotes: it starts with a special character"),
    (re.compile(r":.*: "), "put the value in quotes: it holds a colon"),
    (re.compile(r":\s*\{\{"), "put the value in quotes: it starts with a brace"),
    (re.compile(r"[\"']"), "look for a quote that is not closed"),
)


@dataclass(slots=True)
class Document:
    """One file's nodes, and where to report what is wrong with them."""

    file: str
    text: str
    root: MappingNode
    problems: list[Problem]
    _budget: int = MOST_NODES
    _merging: set[int] = field(default_factory=set)

    def problem(self, code: str, message: str, node: Node, hint: str = "", **more: Any) -> None:
        """Note a problem at a node."""
        mark = node.start_mark
        self.problem_at((mark.line, mark.column), code, message, hint, **more)

    def problem_at(
        self, place: tuple[int, int], code: str, message: str, hint: str = "", **more: Any
    ) -> None:
        """Note a problem at a line and a column, from 0."""
        self.problems.append(_problem(code, message, self.file, self.text, place, hint, **more))

    def items(self, mapping: MappingNode) -> Iterator[tuple[str, ScalarNode, Node]]:
        """Give a mapping's keys and values, merged ones behind its own; duplicates are problems."""
        seen: dict[str, Node] = {}
        merges: list[Node] = []
        for key, value in mapping.value:
            if not self._spend(key):
                return
            if key.tag == f"{CORE}merge":
                merges.append(value)
            elif not isinstance(key, ScalarNode):
                self.problem("COMPLEX_KEY", "a key must be a plain word", key)
            elif key.value in seen:
                first = seen[key.value].start_mark.line + 1
                self.problem(
                    "DUPLICATE_KEY",
                    f"`{key.value}` stands twice: first on line {first}",
                    key,
                    "keep one of the two",
                )
            else:
                seen[key.value] = key
                if self._is_core(value):
                    yield key.value, key, value
        for merged in merges:
            for name, key, value in self._merged(merged):
                if name not in seen:
                    seen[name] = key
                    yield name, key, value

    def _merged(self, node: Node) -> Iterator[tuple[str, ScalarNode, Node]]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        for part in parts:
            if not isinstance(part, MappingNode) or id(part) in self._merging:
                self.problem("BAD_MERGE", "`<<` takes a mapping, or a list of mappings", node)
                continue
            self._merging.add(id(part))
            yield from self.items(part)
            self._merging.discard(id(part))

    def mapping(self, node: Node, what: str) -> dict[str, tuple[Node, Node]]:
        """Give a mapping's key and value nodes by name; anything else is a problem, and empty."""
        if isinstance(node, MappingNode):
            return {name: (key, value) for name, key, value in self.items(node)}
        if not is_null(node):
            self.problem("WRONG_TYPE", f"{what} takes keys and values", node)
        return {}

    def scalar(self, node: Node, what: str) -> str | None:
        """Give a scalar's text; anything else is a problem, and None."""
        if isinstance(node, ScalarNode) and not is_null(node):
            return str(node.value)
        self.problem("WRONG_TYPE", f"{what} takes one value", node)
        return None

    def parts(self, node: Node) -> list[Node]:
        """Give a list's items; one value is a list of one."""
        return list(self.sequence(node)) if isinstance(node, SequenceNode) else [node]

    def sequence(self, node: SequenceNode) -> Iterator[Node]:
        for item in node.value:
            if not self._spend(item):
                return
            if self._is_core(item):
                yield item

    def _spend(self, node: Node) -> bool:
        """Count a visit; an alias bomb ends the document instead of the machine."""
        self._budget -= 1
        if self._budget == 0:
            self.problem("TOO_LARGE", f"holds more than {MOST_NODES} values with its aliases", node)
        return self._budget > 0

    def _is_core(self, node: Node) -> bool:
        if node.tag in TAGS:
            return True
        tag = str(node.tag).replace(CORE, "!!")
        self.problem("UNKNOWN_TAG", f"the tag {tag} means nothing here", node, "remove it")
        return False


def is_plain(node: ScalarNode) -> bool:
    return not node.style


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and is_plain(node) and node.value in NULLS


def compose(path: Path, problems: list[Problem]) -> Document | None:
    """Read a file into a document; what is wrong goes to `problems`, and None comes back."""
    file = shown(path)
    try:
        text = _decoded(read(path))
        root = _composed(text)
    except _Unreadable as unreadable:
        problems.append(unreadable.problem(file))
        return None
    except ValueError as error:
        problems.append(Problem("UNREADABLE", f"the file cannot be read: {error}", Source(file, 1)))
        return None
    if root is None:
        problems.append(
            Problem(
                "EMPTY_DEFINITION",
                "the file holds nothing but comments",
                Source(file, 1),
                "write a definition, or remove the file",
            )
        )
        return None
    if not isinstance(root, MappingNode):
        mark = root.start_mark
        problems.append(
            _problem(
                "WRONG_TYPE", "keys and values are needed", file, text, (mark.line, mark.column)
            )
        )
        return None
    return Document(file, text, root, problems)


class _Unreadable(Exception):
    """The text is no YAML of ours; knows the place in it, 0-based, and the text."""

    def __init__(
        self, code: str, message: str, text: str, place: tuple[int, int], hint: str = ""
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.text, self.place, self.hint = (
            code, message, text, place, hint,
        )  # fmt: skip

    def problem(self, file: str) -> Problem:
        return _problem(self.code, self.message, file, self.text, self.place, self.hint)


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable(
            "NOT_UTF8",
            f"byte {error.start} is not UTF-8",
            "",
            (content.count(b"\n", 0, error.start), 0),
            "save the file as UTF-8",
        ) from None
    text = text.replace("\r\n", "\n")
    if control := CONTROL.search(text):
        start = control.start()
        line = text.count("\n", 0, start)
        raise _Unreadable(
            "CONTROL_CHARACTER",
            f"holds the control character U+{ord(control.group()):04X}",
            text,
            (line, start - text.rfind("\n", 0, start) - 1),
            "remove it",
        )
    return text


def _composed(text: str) -> Node | None:
    _refuse_depth(text)
    root: Node | None
    try:
        root = _parser(pure=False).compose(text)
        return root  # noqa: TRY300 - the rest is for what the C parser refuses
    except YAMLError as error:
        # libyaml refuses a colon in `{mon: 09:00-12:00}`, which YAML 1.2 allows: the parser in
        # Python knows it, and words its errors better. It is slow, so it gets what is small.
        if len(text) > LARGEST_FOR_PYTHON or len(OPENINGS.findall(text)) > MANY_OPENINGS:
            raise _worded(error, text) from None
    try:
        root = _parser(pure=True).compose(text)
    except RecursionError:
        raise _Unreadable("TOO_DEEP", "is nested too deeply", text, (0, 0)) from None
    except YAMLError as error:
        raise _worded(error, text) from None
    return root


@cache
def _parser(*, pure: bool) -> Any:
    return YAML(typ="safe", pure=pure)


def _refuse_depth(text: str) -> None:
    """Keep from the C parser what would overflow its stack: it composes recursively."""
    if len(OPENINGS.findall(text)) <= MANY_OPENINGS:
        return
    depth = 0
    try:
        for number, event in enumerate(_parser(pure=False).parse(text)):
            name = type(event).__name__
            depth += name.endswith("StartEvent") - name.endswith("EndEvent")
            # The stream and the document are levels of their own.
            if depth > DEEPEST + 2:
                place = (event.start_mark.line, event.start_mark.column)
                raise _Unreadable("TOO_DEEP", "is nested too deeply", text, place)
            if number > MOST_EVENTS:
                raise _Unreadable("TOO_LARGE", "holds too many values", text, (0, 0))
    except YAMLError as error:
        raise _worded(error, text) from None


def _worded(error: YAMLError, text: str) -> _Unreadable:
    """Say in one line what the parser found, where, and what people mean when they write that."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    line = min(line, len(lines) - 1)
    what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    context = getattr(error, "context", None)
    hint = next((hint for cause, hint in HINTS if cause.search(lines[line])), "")
    message = f"is not YAML: {f'{context}: ' if context else ''}{what}"
    return _Unreadable("YAML_SYNTAX", message, text, (line, column), hint)


def _problem(  # noqa: PLR0917 - what, where, and in what
    code: str,
    message: str,
    file: str,
    text: str,
    place: tuple[int, int],
    hint: str = "",
    **more: Any,
) -> Problem:
    line, column = place
    lines = text.split("\n", line + 1)
    excerpt = lines[line] if line < len(lines) else None
    return Problem(code, message, Source(file, line + 1, column + 1), hint, excerpt=excerpt, **more)
