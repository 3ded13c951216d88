"""The node classes of a YAML tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from campaignsync.yamltree.text import Position

STRING_TAG = "tag:yaml.org,2002:str"
NULLS = ("", "~", "null", "Null", "NULL")
BLOCK = ("|", ">")
"""The styles of block scalars."""


@dataclass(slots=True, eq=False)
class Node:
    """A node at `position`; `start` and `end` are its character offsets in the text.

    `start` includes the anchor. A block collection ends where its last node ends.
    """

    position: Position
    start: int
    end: int
    anchor: str | None = field(default=None, kw_only=True)
    tag: str | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class ScalarNode(Node):
    """An unescaped text; `style` is "" for a plain scalar, otherwise a quote, "|" or ">"."""

    text: str = ""
    style: str = ""

    @property
    def is_plain(self) -> bool:
        """Return whether the scalar has neither quotes nor the string tag."""
        return not self.style and self.tag != STRING_TAG


@dataclass(slots=True, eq=False)
class AliasNode(Node):
    """A reference `*name`; `target` is the node that the anchor names."""

    name: str
    target: Node


@dataclass(slots=True, eq=False)
class SequenceNode(Node):
    flow: bool = False
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class MappingNode(Node):
    flow: bool = False
    pairs: list[tuple[Node, Node]] = field(default_factory=list)

    @property
    def entries(self) -> list[tuple[ScalarNode, Node]]:
        """Return the pairs, typed for a mapping whose keys are all scalars (not checked here)."""
        return cast("list[tuple[ScalarNode, Node]]", self.pairs)


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_plain and node.text in NULLS


def resolve(node: Node) -> Node:
    """Return the target of an alias; return any other node unchanged."""
    return node.target if isinstance(node, AliasNode) else node


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it; yield aliases, but not their targets."""
    yield node
    if isinstance(node, MappingNode):
        for key, value in node.pairs:
            yield key
            yield from walk(value)
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from walk(item)
