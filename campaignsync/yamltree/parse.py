"""Parse text into a tree with libyaml or with ruamel's Python parser; limit its size and depth.

No values are constructed. YAML would otherwise read `09:00` as a number, `no` as a boolean and
`2026-01-05` as a date. Size, depth and cycles are bounded here, so callers may recurse freely. Each
use of an alias counts as all nodes of its target.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # it exists, but is untyped
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

from campaignsync.yamltree.nodes import (
    BLOCK,
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
)
from campaignsync.yamltree.text import Position, Unreadable, explain

MAX_DEPTH = 32
"""Maximum nesting levels; a definition has four."""
MAX_NODES = 10_000
"""Maximum nodes of a file with aliases expanded; a definition has about 200."""
MAX_FOR_PYTHON = 32 * 1024
"""Maximum characters of a text for the slow Python parser."""

CORE = "tag:yaml.org,2002:"
TYPES = ("str", "int", "float", "bool", "null", "timestamp", "merge", "seq", "map")
KNOWN_TAGS = {CORE + name for name in TYPES}
CLOCK = re.compile(r":(?<=[0-9]:)(?=[0-9])")
STAND_IN = "\ue000"
"""Replaces a colon between digits while libyaml parses: see `_libyaml_events`."""
HOLDS_STAND_IN = re.compile(rf"{STAND_IN}|\\(?:u|U0000)[eE]000")
"""Matches the character itself or its escape sequence."""
SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tree:
    """The root node (None if the file has only comments), and tags that are not in KNOWN_TAGS."""

    root: Node | None
    unknown_tags: tuple[tuple[Position, str], ...]


def parse(text: str, *, follow_aliases: bool = True) -> Tree:
    r"""Return the tree of a text with \n line endings.

    With `follow_aliases` each alias is replaced by its target, for reading; without it, aliases
    remain as AliasNode, for editing. Raises Unreadable for a text that is not YAML, has several
    documents, or exceeds the limits on depth or size.
    """
    try:
        built = _Builder(text, follow_aliases=follow_aliases).build(_libyaml_events(text))
    except YAMLError as libyaml_error:
        built = _built_in_python(text, libyaml_error, follow_aliases=follow_aliases)
    return Tree(built.root, tuple(built.unknown_tags))


def editable_tree(text: str) -> MappingNode:
    """Return the root of a definition that was loaded without errors; aliases are not followed."""
    root = parse(text, follow_aliases=False).root
    assert isinstance(root, MappingNode)  # noqa: S101 - the loader rejects any other root
    return root


def _built_in_python(text: str, libyaml_error: YAMLError, *, follow_aliases: bool) -> "_Builder":
    """Build the nodes with the Python parser, after libyaml raised `libyaml_error`.

    The Python parser supports more of YAML 1.2 and reports clearer errors. It is about 15 times
    slower, so for a text longer than MAX_FOR_PYTHON the error of libyaml is raised instead. Raises
    Unreadable.
    """
    if len(text) > MAX_FOR_PYTHON:
        raise explain(libyaml_error, text) from None
    try:
        return _Builder(text, follow_aliases=follow_aliases).build(_python_events(text))
    except YAMLError as error:
        raise explain(error, text) from None
    except (ValueError, OverflowError, AssertionError):
        # The Python parser raises these, for example for "\UFFFFFFFF" or the directive `%YAML 1.3`.
        raise explain(libyaml_error, text) from None


def _libyaml_events(text: str) -> Iterator[Any]:
    """Yield the events of a text, parsed by libyaml.

    libyaml rejects the colon in `{mon: 09:00-12:00}`, which YAML 1.2 allows. A colon between two
    digits has no meaning in YAML, so STAND_IN replaces it in the text that libyaml parses, and the
    colon is restored in the values. Raises YAMLError for invalid YAML.
    """
    is_replaced = not HOLDS_STAND_IN.search(text)
    parser = CParser(CLOCK.sub(STAND_IN, text) if is_replaced else text)
    for event in iter(parser.get_event, None):
        if is_replaced and type(event) is ScalarEvent:
            event.value = event.value.replace(STAND_IN, ":")
        yield event


def _python_events(text: str) -> Iterator[Any]:
    """Yield the events of a text, parsed by ruamel's Python parser.

    This parser is about 15 times slower than libyaml, supports more of YAML 1.2 and reports clearer
    errors. Raises YAMLError for invalid YAML, and Unreadable for half of a surrogate pair, which
    libyaml rejects itself. For some input the parser raises ValueError, OverflowError or
    AssertionError.
    """
    with closing(YAML(typ="safe", pure=True).parse(text)) as parsed:
        for event in parsed:
            if type(event) is ScalarEvent and (half := SURROGATE.search(event.value)):
                code = f"U+{ord(half.group()):04X}"
                message = f"{code} is not a character"
                raise Unreadable("CONTROL_CHARACTER", message, _start_of(event), "remove it")
            yield event


def _start_of(event: Any) -> Position:
    mark = event.start_mark
    return mark.line, mark.column


@dataclass(slots=True, eq=False)
class _Open:
    """A collection whose end has not been read; `size` is the node count before it."""

    node: SequenceNode | MappingNode
    size: int
    siblings: list[Node]


class _Builder:
    """Builds the nodes of one text from its YAML events."""

    def __init__(self, text: str, *, follow_aliases: bool) -> None:
        self.root: Node | None = None
        self.unknown_tags: list[tuple[Position, str]] = []
        self._text = text
        self._follow_aliases = follow_aliases
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
                self._start(event, MappingNode)
            elif kind is SequenceStartEvent:
                self._start(event, SequenceNode)
            elif kind in (MappingEndEvent, SequenceEndEvent):
                self._end(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent and self._children:
                raise Unreadable(
                    "SEVERAL_DOCUMENTS",
                    "the file contains more than one document",
                    _start_of(event),
                    "write each campaign into a file of its own",
                )
        self.root = self._children[0] if self._children else None
        return self

    def _scalar(self, event: Any) -> None:
        start, end, style = event.start_mark.index, event.end_mark.index, event.style or ""
        if style in BLOCK:
            # The parser includes the blank lines below a block in it.
            end = start + len(self._text[start:end].rstrip("\n"))
        node = ScalarNode(_start_of(event), start, end, event.value, style)
        self._name(event, node)
        self._add(node, 1)
        if event.anchor:
            self._anchors[event.anchor] = node, 1

    def _start(self, event: Any, kind: type[SequenceNode | MappingNode]) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        node = kind(_start_of(event), start, end, bool(event.flow_style))
        self._name(event, node)
        # Until this collection ends, an alias with its anchor's name would refer to itself.
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open(node, self._size, self._children))
        self._add(node, 1)
        self._children = []
        if len(self._open) > MAX_DEPTH:
            raise Unreadable(
                "TOO_DEEP",
                "the file is nested too deeply",
                node.position,
                "look for brackets that are not closed",
            )

    def _end(self, event: Any) -> None:
        children, opened = self._children, self._open.pop()
        node = opened.node
        if isinstance(node, MappingNode):
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
        else:
            node.items = children
        if node.flow:
            node.end = event.end_mark.index
        elif children:
            node.end = children[-1].end
        if node.anchor:
            self._anchors[node.anchor] = node, self._size - opened.size
        self._children = opened.siblings

    def _alias(self, event: Any) -> None:
        name, position = event.anchor, _start_of(event)
        if name in self._anchors:
            target, size = self._anchors[name]
            start, end = event.start_mark.index, event.end_mark.index
            alias = AliasNode(position, start, end, name, target)
            self._add(target if self._follow_aliases else alias, size, position)
        elif any(opened.node.anchor == name for opened in self._open):
            raise Unreadable(
                "SELF_REFERENCE",
                f"`*{name}` is inside the value that it refers to",
                position,
                "write the value out",
            )
        else:
            raise Unreadable(
                "YAML_SYNTAX",
                f"`*{name}` refers to nothing: there is no `&{name}` before it",
                position,
                "put text that starts with * in quotes",
            )

    def _add(self, node: Node, size: int, position: Position | None = None) -> None:
        self._children.append(node)
        self._size += size
        if self._size > MAX_NODES:
            raise Unreadable(
                "TOO_LARGE",
                f"the file contains more than {MAX_NODES} values, counted with aliases expanded",
                position or node.position,
                "use fewer aliases, or write the values out",
            )

    def _name(self, event: Any, node: Node) -> None:
        """Set the anchor and the tag of a node; collect the tag if it is not in KNOWN_TAGS."""
        node.anchor = event.anchor
        if event.ctag is None:
            return
        node.tag = tag = str(event.ctag)
        if tag != "!" and tag not in KNOWN_TAGS:
            self.unknown_tags.append((node.position, tag))
