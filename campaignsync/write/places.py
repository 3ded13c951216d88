"""Where a field stands in a text: on which way it is reached, and whether it is there at all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaignsync.write.tree import Alias, Items, Pairs, Spot, Word


@dataclass(slots=True)
class Place:
    """A key and its value in a mapping; `before` are the steps that lead to it.

    `value` is None where the mapping lacks the key: then `parent` is where it belongs. Where the
    value is one of a list's items, that list is `listed`.
    """

    before: tuple["Place", ...]
    parent: Pairs
    key: Word
    value: Spot | None
    prefix: str = ""
    listed: Items | None = None

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


def aliases(node: Spot, prefix: str = "", before: tuple[Place, ...] = ()) -> Iterator[Place]:
    """Give every alias below a node, and where it stands: as a value, in a list, as a merge."""
    if not isinstance(node, Pairs):
        return
    for key, value in node.pairs:
        place = Place(before, node, key, value, prefix)
        if isinstance(value, Items):
            inner = (item for item in value.items if isinstance(item, Alias))
            yield from (replace(place, value=item, listed=value) for item in inner)
        elif isinstance(value, Alias):
            yield place
        else:
            yield from aliases(value, f"{place.path}.", place.steps)


def find(root: Pairs, path: str) -> Place:
    """Find a dotted path; the last step found is where it would have to be added."""
    steps: tuple[Place, ...] = ()
    node: Spot = root
    prefix = ""
    missing = Word(0, 0)
    while True:
        assert isinstance(node, Pairs)  # noqa: S101 - a valid definition nests so
        rest = path.removeprefix(prefix)
        pair = next((pair for pair in node.pairs if _leads(pair[0], rest)), None)
        if pair is None:
            return Place(steps, node, missing, None, prefix)
        place = Place(steps, node, *pair, prefix)
        if place.path == path or not isinstance(place.value, Pairs):
            return place
        node, prefix, steps = place.value, f"{place.path}.", place.steps


def _leads(key: Word, rest: str) -> bool:
    return rest == key.text or rest.startswith(f"{key.text}.")
