"""`defaults` and `schedules` of campaignsync.yaml → what the definitions have in common."""

from campaignsync.errors import Source
from campaignsync.fields import CHANNELS
from campaignsync.load.entries import Entries
from campaignsync.load.nodes import Document, named
from campaignsync.load.parse import Mapping, Node
from campaignsync.model.values import Placed, Shared

OWN = ("id", "name", "labels", "environments")
"""Keys that are each definition's own: a default for them would be everybody's."""


def read_shared(
    document: Document, root: str, environments: tuple[str, ...], nodes: dict[str, Node]
) -> Shared:
    """Read the nodes of `schedules` and `defaults`; what is wrong is noted in the document."""
    shared = Shared(root, environments=environments)
    schedules: dict[str, Placed] = {}
    if "schedules" in nodes:
        for name, (_, node) in document.mapping(nodes["schedules"], "`schedules`").items():
            schedules[name] = _schedule(document, shared, name, node)
    shared = Shared(root, schedules, environments=environments)
    general, channels = Entries(document, shared), dict[str, Placed]()
    if "defaults" in nodes:
        for name, (key, node) in document.mapping(nodes["defaults"], "`defaults`").items():
            if name in CHANNELS:
                of_channel = Entries(document, shared)
                for inner, (at, value) in document.mapping(node, f"`{name}`").items():
                    _default(document, of_channel, inner, at, value)
                channels[name] = _placed(document, of_channel)
            else:
                _default(document, general, name, key, node)
    return Shared(root, schedules, _placed(document, general), channels, environments)


def _schedule(document: Document, shared: Shared, name: str, node: Node) -> Placed:
    week = f"schedules.{named(name)}"
    entries = Entries(document, shared)
    if isinstance(node, Mapping):
        entries.week(week, node)
    else:
        hint = "write mon-fri: 09:00-18:00"
        document.problem("WRONG_TYPE", f"`{week}` needs weekdays, indented below it", node, hint)
    placed = _placed(document, entries)
    return {path.rpartition(".")[2]: found for path, found in placed.items()}


def _default(document: Document, entries: Entries, name: str, key: Node, node: Node) -> None:
    if name in OWN:
        message = f"`{name}` is each definition's own, and has no default"
        document.problem("NO_DEFAULT", message, key, "remove it here")
    else:
        entries.read(name, key, node)


def _placed(document: Document, entries: Entries) -> Placed:
    return {
        path: (value, place if isinstance(place, Source) else Source(document.file, *place))
        for path, value in entries.values.items()
        for place in (entries.places[path],)
    }
