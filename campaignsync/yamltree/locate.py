"""Where a field stands in a text: on which way it is reached, and whether it is there at all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaignsync.yamltree.nodes import AliasNode, MappingNode, Node, ScalarNode, SequenceNode


@dataclass(slots=True)
class Place:
    """A key and its value in a mapping; `before` are the steps that lead to it.

    `value` is None where the mapping lacks the key: then `parent` is where it belongs. Where the
    value is one of a list's items, that list is `listed`.
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
        """Tell whether it stands between braces."""
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
    """Give every alias below a node, and where it stands: as a value, in a list, as a merge."""
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
    """Find a dotted path; the last step found is where it would have to be added."""
    steps: tuple[Place, ...] = ()
    node: Node = root
    prefix = ""
    missing = ScalarNode((0, 0), 0, 0)
    while True:
        assert isinstance(node, MappingNode)  # noqa: S101 - a valid definition nests so
        rest = path.removeprefix(prefix)
        pair = next((pair for pair in node.entries if _leads(pair[0], rest)), None)
        if pair is None:
            return Place(steps, node, missing, None, prefix)
        place = Place(steps, node, *pair, prefix)
        if place.path == path or not isinstance(place.value, MappingNode):
            return place
        node, prefix, steps = place.value, f"{place.path}.", place.steps


def _leads(key: ScalarNode, rest: str) -> bool:
    return rest == key.text or rest.startswith(f"{key.text}.")
