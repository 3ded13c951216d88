"""The node classes of a YAML tree, and the search for a field in a tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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


@dataclass(slots=True)
class Entry:
    """A key and its value in the mapping `parent`.

    `before` holds the entries of the enclosing keys, outermost first; `prefix` is their dotted path
    with a trailing dot. `value` is None if `parent` lacks the key, and the key must be added there.
    If the value is an item of a list, `listed` is that list.
    """

    before: tuple["Entry", ...]
    parent: MappingNode
    key: ScalarNode
    value: Node | None
    prefix: str = ""
    listed: SequenceNode | None = None

    @property
    def steps(self) -> tuple["Entry", ...]:
        return (*self.before, self)

    @property
    def is_in_flow(self) -> bool:
        """Return whether the key is inside braces, at any level."""
        return any(step.parent.flow for step in self.steps)

    @property
    def path(self) -> str:
        return self.prefix + self.key.text


def line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def alias_entries(node: Node, prefix: str = "", before: tuple[Entry, ...] = ()) -> Iterator[Entry]:
    """Yield the entry of every alias below a node: a value, a list item, or a merged mapping."""
    if not isinstance(node, MappingNode):
        return
    for key, value in node.entries:
        entry = Entry(before, node, key, value, prefix)
        if isinstance(value, SequenceNode):
            inner = (item for item in value.items if isinstance(item, AliasNode))
            yield from (replace(entry, value=item, listed=value) for item in inner)
        elif isinstance(value, AliasNode):
            yield entry
        else:
            yield from alias_entries(value, f"{entry.path}.", entry.steps)


def find_entry(root: MappingNode, path: str) -> Entry:
    """Return the entry of a dotted path.

    If a key is missing, the returned entry has the value None, and its `parent` is the innermost
    mapping found: the key must be added there.
    """
    steps: tuple[Entry, ...] = ()
    node: Node = root
    prefix = ""
    missing = ScalarNode((0, 0), 0, 0)
    while True:
        assert isinstance(node, MappingNode)  # noqa: S101 - a valid definition has mappings here
        rest = path.removeprefix(prefix)
        pair = next((pair for pair in node.entries if _is_on_path(pair[0], rest)), None)
        if pair is None:
            return Entry(steps, node, missing, None, prefix)
        entry = Entry(steps, node, *pair, prefix)
        if entry.path == path or not isinstance(entry.value, MappingNode):
            return entry
        node, prefix, steps = entry.value, f"{entry.path}.", entry.steps


def _is_on_path(key: ScalarNode, rest: str) -> bool:
    return rest == key.text or rest.startswith(f"{key.text}.")
