"""Find the entries of a definition: a field's key and value, and aliases that share a value."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from campaignsync.model.fields import WEEKS
from campaignsync.model.week import days_of
from campaignsync.yamltree.nodes import (
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    resolve,
    walk,
)


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


def merge_of(entry: Entry, days: Collection[str]) -> Entry | None:
    """Return the merge key of a week if one of `days` may come from it, else None."""
    if not isinstance(entry.value, MappingNode):
        return None
    own = {day for key, _ in entry.value.entries for day in days_of(key.text)}
    for key, value in entry.value.entries:
        if key.text == "<<" and not key.style and not own.issuperset(days):
            return Entry(entry.steps, entry.value, key, value, f"{entry.path}.")
    return None


def user_of(root: MappingNode, entry: Entry, days: Collection[str]) -> Entry | None:
    """Return an alias of a node that is about to change or contains the change, else None."""
    changing = [step.value for step in entry.steps if step.value]
    if isinstance(entry.value, MappingNode):
        entries = (value for key, value in entry.value.entries if {*days_of(key.text)} & {*days})
        changing += [node for value in entries for node in walk(value)]
    elif entry.value:
        changing += walk(entry.value)
    for user in _alias_entries(root):
        target = resolve(user.value) if user.value else None
        if any(target is node for node in changing):
            return user
    return None


def _alias_entries(node: Node, prefix: str = "", before: tuple[Entry, ...] = ()) -> Iterator[Entry]:
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
            yield from _alias_entries(value, f"{entry.path}.", entry.steps)


def is_day(step: Entry) -> bool:
    return step.prefix[:-1] in WEEKS and bool(days_of(step.key.text))
