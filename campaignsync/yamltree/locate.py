"""Find a field in the tree of a definition: its path of mappings, and whether the key exists."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaignsync.yamltree.nodes import AliasNode, MappingNode, Node, ScalarNode, SequenceNode


@dataclass(slots=True)
class Place:
    """A key and its value in the mapping `parent`.

    `before` holds the places of the enclosing keys, outermost first; `prefix` is their dotted path
    with a trailing dot. `value` is None if `parent` lacks the key, and the key must be added there.
    If the value is an item of a list, `listed` is that list.
    """

    before: tuple["Place", ...]
    parent: MappingNode
    key: ScalarNode
    value: Node | None
    prefix: str = ""
    listed: SequenceNode | None = None

    @property
    def steps(self) -> tuple["Place", ...]:
        return (*self.before, self)

    @property
    def in_flow(self) -> bool:
        """Return whether the key is inside braces, at any level."""
        return any(step.parent.flow for step in self.steps)

    @property
    def path(self) -> str:
        return self.prefix + self.key.text


def line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def aliases(node: Node, prefix: str = "", before: tuple[Place, ...] = ()) -> Iterator[Place]:
    """Yield the place of every alias below a node: a value, a list item, or a merged mapping."""
    if not isinstance(node, MappingNode):
        return
    for key, value in node.entries:
        place = Place(before, node, key, value, prefix)
        if isinstance(value, SequenceNode):
            inner = (item for item in value.items if isinstance(item, AliasNode))
            yield from (replace(place, value=item, listed=value) for item in inner)
        elif isinstance(value, AliasNode):
            yield place
        else:
            yield from aliases(value, f"{place.path}.", place.steps)


def find(root: MappingNode, path: str) -> Place:
    """Return the place of a dotted path.

    If a key is missing, the returned place has the value None, and its `parent` is the innermost
    mapping found: the key must be added there.
    """
    steps: tuple[Place, ...] = ()
    node: Node = root
    prefix = ""
    missing = ScalarNode((0, 0), 0, 0)
    while True:
        assert isinstance(node, MappingNode)  # noqa: S101 - a valid definition has mappings here
        rest = path.removeprefix(prefix)
        pair = next((pair for pair in node.entries if _is_on_path(pair[0], rest)), None)
        if pair is None:
            return Place(steps, node, missing, None, prefix)
        place = Place(steps, node, *pair, prefix)
        if place.path == path or not isinstance(place.value, MappingNode):
            return place
        node, prefix, steps = place.value, f"{place.path}.", place.steps


def _is_on_path(key: ScalarNode, rest: str) -> bool:
    return rest == key.text or rest.startswith(f"{key.text}.")
