"""Text → nodes, within bounds.

Depth and number of nodes are counted on the way, aliases as often as they stand for something, and
nothing can refer to itself: whoever walks the nodes can do so naively, and will be done soon.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from campaignsync.load.events import events, events_in_python, place_of
from campaignsync.load.mistakes import explain
from campaignsync.load.page import Page, Place, Unreadable

DEEPEST = 32
"""Levels; a definition has four."""
MOST_NODES = 10_000
"""Nodes of a file with its aliases written out; a definition has some two hundred."""
LARGEST_FOR_PYTHON = 32 * 1024
"""Characters that the slower parser is given."""

CORE = "tag:yaml.org,2002:"
TYPES = ("str", "int", "float", "bool", "null", "timestamp", "merge", "seq", "map")
KNOWN_TAGS = {CORE + name for name in TYPES}


@dataclass(slots=True, eq=False)
class Node:
    """A value in a file, and where it starts: line and column from 0."""

    place: Place


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A text as it stands in the file; `plain` where it has neither quotes nor a tag of text."""

    text: str
    plain: bool


@dataclass(slots=True, eq=False)
class Sequence(Node):
    items: list[Node]


@dataclass(slots=True, eq=False)
class Mapping(Node):
    pairs: list[tuple[Node, Node]]


def parse(page: Page) -> Node | None:
    """Give the root node of a page's text, or None where it holds comments alone.

    Unknown tags are noted on the page. Raises Unreadable for what is not YAML, has several
    documents, or is too deep or too large.
    """
    try:
        built = _Builder().build(events(page.text))
    except YAMLError as refused:
        built = _built_slowly(page.text, refused)
    for place, tag in built.tags:
        named = tag.replace(CORE, "!!")
        hint = "remove it; quote the text where it starts with !"
        page.problem(place, "UNKNOWN_TAG", f"the tag {named} means nothing here", hint)
    return built.root


def _built_slowly(text: str, refused: YAMLError) -> "_Builder":
    """Build with the parser in Python: it knows more of YAML 1.2, and says better what is wrong.

    It takes some 15 times as long, so it is only given what is small.
    """
    if len(text) > LARGEST_FOR_PYTHON:
        raise explain(refused, text) from None
    try:
        return _Builder().build(events_in_python(text))
    except YAMLError as error:
        raise explain(error, text) from None
    except (ValueError, OverflowError, AssertionError):
        # What it makes of an escape such as "\UFFFFFFFF", and of a directive such as `%YAML 1.3`.
        raise explain(refused, text) from None


@dataclass(slots=True, eq=False)
class _Open:
    """A collection whose end was not seen yet; `size` is the builder's at its start."""

    node: Sequence | Mapping
    anchor: str | None
    size: int
    children: list[Node]


class _Builder:
    """Makes nodes of events, once; `tags` are those that mean nothing here."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.tags: list[tuple[Place, str]] = []
        self._children: list[Node] = []
        self._open: list[_Open] = []
        self._size = 0
        self._anchors: dict[str, tuple[Node, int]] = {}

    def build(self, events: Iterable[Any]) -> Self:
        for event in events:
            kind = type(event)
            if kind is ScalarEvent:
                self._scalar(event)
            elif kind is MappingStartEvent:
                self._start(event, Mapping(place_of(event), []))
            elif kind is SequenceStartEvent:
                self._start(event, Sequence(place_of(event), []))
            elif kind in (MappingEndEvent, SequenceEndEvent):
                self._end()
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent and self._children:
                raise Unreadable(
                    "SEVERAL_DOCUMENTS",
                    "the file holds more than one document",
                    place_of(event),
                    "write each campaign into a file of its own",
                )
        self.root = self._children[0] if self._children else None
        return self

    def _scalar(self, event: Any) -> None:
        tag = self._tag(event)
        node = Scalar(place_of(event), event.value, plain=not event.style and tag != f"{CORE}str")
        self._add(event, node, 1)
        if event.anchor:
            self._anchors[event.anchor] = node, 1

    def _start(self, event: Any, node: Sequence | Mapping) -> None:
        self._tag(event)
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open(node, event.anchor, self._size, self._children))
        self._add(event, node, 1)
        self._children = []
        if len(self._open) > DEEPEST:
            raise Unreadable("TOO_DEEP", "the file is nested too deeply", place_of(event))

    def _end(self) -> None:
        inner, outer = self._children, self._open.pop()
        if isinstance(outer.node, Mapping):
            outer.node.pairs = list(zip(inner[::2], inner[1::2], strict=True))
        else:
            outer.node.items = inner
        if outer.anchor:
            self._anchors[outer.anchor] = outer.node, self._size - outer.size
        self._children = outer.children

    def _alias(self, event: Any) -> None:
        if event.anchor in self._anchors:
            self._add(event, *self._anchors[event.anchor])
        elif any(outer.anchor == event.anchor for outer in self._open):
            raise Unreadable(
                "SELF_REFERENCE",
                f"*{event.anchor} stands inside what it refers to",
                place_of(event),
            )
        else:
            raise Unreadable(
                "YAML_SYNTAX",
                f"*{event.anchor} refers to nothing: no &{event.anchor} stands before it",
                place_of(event),
                "put text that starts with * in quotes",
            )

    def _add(self, event: Any, node: Node, size: int) -> None:
        self._children.append(node)
        self._size += size
        if self._size > MOST_NODES:
            raise Unreadable(
                "TOO_LARGE",
                f"the file holds more than {MOST_NODES} values, with its aliases written out",
                place_of(event),
            )

    def _tag(self, event: Any) -> str | None:
        if event.ctag is None or (tag := str(event.ctag)) == "!":
            return None
        if tag not in KNOWN_TAGS:
            self.tags.append((place_of(event), tag))
        return tag
