"""`defaults` and `schedules` of campaignsync.yaml → what the definitions have in common."""

from campaignsync.fields import CHANNELS, MANAGEABLE, REFUSALS, unmet
from campaignsync.load.entries import Entries
from campaignsync.load.nodes import Document, named
from campaignsync.load.resolve import clash
from campaignsync.load.texts import Texts
from campaignsync.model.values import Placed, Schedule, Shared
from campaignsync.yamltree.nodes import MappingNode, Node

OWN = ("id", "name", "labels", "environments")
"""Keys that are each definition's own: a default for them would be everybody's."""


def read_shared(
    document: Document, root: str, environments: tuple[str, ...], nodes: dict[str, Node]
) -> Shared:
    """Read the nodes of `schedules` and `defaults`; what is wrong is noted in the document."""
    return _Reader(document, Texts(root), Shared(root, environments=environments)).read(nodes)


class _Reader:
    def __init__(self, document: Document, texts: Texts, shared: Shared) -> None:
        self._document = document
        self._texts = texts
        self._shared = shared

    def read(self, nodes: dict[str, Node]) -> Shared:
        if "schedules" in nodes:
            found = self._document.mapping(nodes["schedules"], "`schedules`").items()
            schedules = {name: self._schedule(name, key, node) for name, (key, node) in found}
            self._shared = self._shared._replace(schedules=schedules)
        return self._with_defaults(nodes["defaults"]) if "defaults" in nodes else self._shared

    def _schedule(self, name: str, key: Node, node: Node) -> Schedule:
        week = f"schedules.{named(name)}"
        entries = self._entries()
        if isinstance(node, MappingNode):
            entries.week(week, node)
        else:
            message, hint = f"`{week}` needs weekdays, indented below it", "mon-fri: 09:00-18:00"
            self._document.problem("WRONG_TYPE", message, node, f"write {hint}")
        days = {path.rpartition(".")[2]: found for path, found in _placed(entries).items()}
        return Schedule(self._document.source(key), days)

    def _with_defaults(self, node: Node) -> Shared:
        general, channels = self._entries(), dict[str, Placed]()
        for name, (key, value) in self._document.mapping(node, "`defaults`").items():
            if name in CHANNELS:
                channels[name] = self._channel(name, value)
            else:
                self._default(general, name, key, value)
        return self._shared._replace(defaults=_placed(general), channels=channels)

    def _channel(self, channel: str, node: Node) -> Placed:
        entries = self._entries()
        for name, (key, value) in self._document.mapping(node, f"`{channel}`").items():
            if name == "integration_type":
                message = "`integration_type` is what these defaults are chosen by"
                self._document.problem("NO_DEFAULT", message, key, "remove it here")
            else:
                self._refuse_other_channel(channel, name, key)
                self._default(entries, name, key, value)
        return _placed(entries)

    def _refuse_other_channel(self, channel: str, name: str, key: Node) -> None:
        """Refuse a default that no definition could ever take."""
        facts = {"integration_type": channel}
        for field in MANAGEABLE:
            if name == field.path.partition(".")[0] and (requirement := unmet(field, facts)):
                code = requirement.code
                message = clash(name, requirement, facts)
                self._document.problem(code, message, key, REFUSALS[code].remedy)
                return

    def _default(self, entries: Entries, name: str, key: Node, node: Node) -> None:
        if name in OWN:
            message = f"`{name}` is each definition's own, and has no default"
            self._document.problem("NO_DEFAULT", message, key, "remove it here")
        else:
            entries.read(name, key, node)

    def _entries(self) -> Entries:
        return Entries(self._document, self._shared, self._texts)


def _placed(entries: Entries) -> Placed:
    return {path: (value, entries.places[path]) for path, value in entries.values.items()}
