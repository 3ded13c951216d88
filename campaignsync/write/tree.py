"""A text → its nodes with the exact places where each begins and ends, aliases as they stand.

The reader in `load` gives aliases the node that they stand for, and forgets where nodes end; who
edits a text needs to know both. Texts come here only after that reader has taken them: they are
bounded, have one document, a mapping, and every alias has its anchor.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from campaignsync.load.events import events, events_in_python

BLOCK = ("|", ">")


@dataclass(slots=True, eq=False)
class Spot:
    """A node, and the characters of the text from its first, anchor included, to past its last."""

    start: int
    end: int
    anchor: str | None = None
    tag: str | None = None


@dataclass(slots=True, eq=False)
class Word(Spot):
    """A scalar: its text as a reader has it, and its style: "", a quote, "|" or ">"."""

    text: str = ""
    style: str = ""


@dataclass(slots=True, eq=False)
class Alias(Spot):
    """A reference; `target` is what it stands for."""

    name: str = ""
    target: Spot = field(default_factory=lambda: Spot(0, 0))


@dataclass(slots=True, eq=False)
class Items(Spot):
    flow: bool = False
    items: list[Spot] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Pairs(Spot):
    flow: bool = False
    pairs: list[tuple[Word, Spot]] = field(default_factory=list)


def tree(text: str) -> Pairs:
    """Give the root of a text that `load` has read; its lines end in a line feed."""
    # The parser that the reader in `load` would use.
    try:
        root = _Builder(text).build(events(text))
    except YAMLError:
        root = _Builder(text).build(events_in_python(text))
    assert isinstance(root, Pairs)  # noqa: S101 - the reader takes no other root
    return root


def within(node: Spot) -> Iterator[Spot]:
    """Give a node and all below it, aliases but not what they stand for."""
    yield node
    if isinstance(node, Pairs):
        for key, value in node.pairs:
            yield key
            yield from within(value)
    elif isinstance(node, Items):
        for item in node.items:
            yield from within(item)


def meant(node: Spot) -> Spot:
    """Give what a node stands for: itself, or an alias's target."""
    return node.target if isinstance(node, Alias) else node


class _Builder:
    def __init__(self, text: str) -> None:
        self._text = text
        self._anchors: dict[str, Spot] = {}

    def build(self, events: Iterator[Any]) -> Spot:
        """Give the first node that the events tell; the rest of them is its own to take."""
        for event in events:
            if node := self._node(event, events):
                return node
        raise AssertionError("a text without a node is no definition")

    def _node(self, event: Any, events: Iterator[Any]) -> Spot | None:
        start, end = event.start_mark.index, event.end_mark.index
        node: Spot
        match event:
            case AliasEvent():
                return Alias(start, end, name=event.anchor, target=self._anchors[event.anchor])
            case ScalarEvent():
                node = self._word(event, start, end)
            case SequenceStartEvent():
                node = Items(start, end, flow=bool(event.flow_style))
                node.items = list(self._children(node, events, SequenceEndEvent))
            case MappingStartEvent():
                node = Pairs(start, end, flow=bool(event.flow_style))
                inner = self._children(node, events, MappingEndEvent)
                node.pairs = [(_key(key), next(inner)) for key in inner]
            case _:
                return None
        node.anchor = event.anchor
        node.tag = str(event.ctag) if event.ctag is not None else None
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _word(self, event: Any, start: int, end: int) -> Word:
        style = event.style or ""
        if style in BLOCK:
            # What follows its last line is blank, and the parser's guess whose it is.
            end = start + len(self._text[start:end].rstrip("\n"))
        return Word(start, end, text=event.value, style=style)

    def _children(
        self, node: Items | Pairs, events: Iterator[Any], last: type[Any]
    ) -> Iterator[Spot]:
        """Give a collection's nodes up to its end, which a block has where its last node has it."""
        for event in events:
            if isinstance(event, last):
                node.end = event.end_mark.index if node.flow else node.end
                return
            if child := self._node(event, events):
                node.end = child.end
                yield child


def _key(node: Spot) -> Word:
    assert isinstance(node, Word)  # noqa: S101 - the reader takes no other key
    return node
