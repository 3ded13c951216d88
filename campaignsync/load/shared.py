"""Read `defaults` and `schedules` of campaignsync.yaml, which all definitions share."""

from collections.abc import Iterator
from typing import Any

from campaignsync.errors import Problem, Source
from campaignsync.load.definition import clash, in_yaml
from campaignsync.load.document import Document, named
from campaignsync.load.field_positions import fields_of
from campaignsync.load.raw import RawMapping, raw, raw_mapping
from campaignsync.load.texts import Texts
from campaignsync.load.validate import Part, validated
from campaignsync.model.calendar import WholeWeek, days_of
from campaignsync.model.campaign import CHANNELS, Campaign
from campaignsync.model.fields import BY_PATH, MANAGEABLE, REFUSALS, unmet, whole_of
from campaignsync.model.values import Placed, Schedule, Shared
from campaignsync.yamltree.nodes import Node

OWN = ("id", "name", "labels", "environments")
"""Keys without a default, because each definition must have its own value."""


def read_shared(
    document: Document, root: str, environments: tuple[str, ...], nodes: dict[str, Node]
) -> Shared:
    """Return the shared values from the nodes of `schedules` and `defaults`.

    Problems are noted on the document. `root` is the folder of texts in files.
    """
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
        week = raw(self._document, node)
        part = Part(self._document, node, week, WholeWeek, f"schedules.{named(name)}")
        windows = validated(part) or {}
        nodes = week.nodes if isinstance(week, RawMapping) else {}
        at = {day: value for written, (_, value) in nodes.items() for day in days_of(written)}
        days = {day: (window, self._document.source(at[day])) for day, window in windows.items()}
        return Schedule(self._document.source(key), days)

    def _with_defaults(self, node: Node) -> Shared:
        self._document.mapping(node, "`defaults`")
        general = raw_mapping(self._document, node)
        channels = {name: general.pop(name) for name in CHANNELS if name in general}
        defaults = self._placed(node, general)
        return self._shared._replace(
            defaults=defaults,
            channels={
                name: self._channel(name, general.nodes[name][1], value)
                for name, value in channels.items()
            },
        )

    def _channel(self, channel: str, node: Node, fields: Any) -> Placed:
        if not isinstance(fields, RawMapping):
            self._document.mapping(node, f"`{channel}`")
            return {}
        for name, (key, _) in fields.nodes.items():
            if name == "integration_type":
                message = "`integration_type` cannot be set in the defaults of a channel"
                self._document.problem("NO_DEFAULT", message, key, "remove it")
                del fields[name]
            else:
                self._refuse_other_channel(channel, name, key)
        return self._placed(node, fields)

    def _refuse_other_channel(self, channel: str, name: str, key: Node) -> None:
        """Note a problem if the API does not allow a field of this name for the channel."""
        facts = {"integration_type": channel}
        for field in MANAGEABLE:
            if name == field.path.partition(".")[0] and (requirement := unmet(field, facts)):
                code = requirement.code
                message = clash(name, requirement, facts)
                self._document.problem(code, message, key, REFUSALS[code].remedy)
                return

    def _placed(self, node: Node, raw_fields: RawMapping) -> Placed:
        """Return the values of some defaults with their positions; note keys without a default."""
        for name in [name for name in raw_fields if name in OWN]:
            message = f"`{name}` cannot have a default: each definition sets its own"
            self._document.problem(
                "NO_DEFAULT", message, raw_fields.nodes[name][0], "remove it here"
            )
            del raw_fields[name]
        fields = fields_of(self._document, raw_fields, self._shared, self._texts)
        campaign = validated(Part(self._document, node, raw_fields, Campaign))
        fields.note_hidden()
        return fields.placed(campaign)


def unused(shared: Shared, taken: set[Source]) -> Iterator[Problem]:
    """Yield a warning for each unused schedule and each unused default with a condition.

    `taken` holds the positions of the values of all definitions, in all environments. A default
    without a condition is never reported: it applies to every definition that does not set the
    field.
    """
    defaults = {"": shared.defaults, **shared.channels}
    used = {*taken, *(at for placed in defaults.values() for _, at in placed.values())}
    for name, schedule in shared.schedules.items():
        if used.isdisjoint(at for _, at in schedule.days.values()):
            message = f"no definition uses the schedule `{named(name)}`"
            hint = "remove it, or use it in a definition: `scheduling: NAME`"
            yield Problem("UNUSED_SCHEDULE", message, schedule.source, hint, "warning")
    for channel, placed in defaults.items():
        yield from _unused_defaults(channel, placed, taken)


def _unused_defaults(channel: str, placed: Placed, taken: set[Source]) -> Iterator[Problem]:
    groups: dict[str, list[str]] = {}
    for path in placed:
        groups.setdefault(whole_of(path), []).append(path)
    for group, paths in groups.items():
        conditions = list(_conditions(channel, paths[0]))
        if conditions and taken.isdisjoint(placed[path][1] for path in paths):
            message = f"no definition uses the default of `{group}`"
            hint = f"it applies to definitions with {' and '.join(conditions)} and no own value"
            yield Problem("UNUSED_DEFAULT", message, placed[paths[0]][1], hint, "warning")


def _conditions(channel: str, path: str) -> Iterator[str]:
    if channel:
        yield f"`integration_type: {channel}`"
    for requirement in BY_PATH[path].requires[-1:]:
        if not (channel and requirement.path == "integration_type"):
            yield f"`{in_yaml(requirement.path, requirement.value)}`"
