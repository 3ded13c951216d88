"""Read `defaults` and `schedules` of campaignsync.yaml, which all definitions share."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from campaignsync.errors import Problem, Source
from campaignsync.load.definition import conflict_message, yaml_line
from campaignsync.load.raw_fields import RawMapping, raw_mapping, raw_value, read_fields
from campaignsync.load.texts import Texts
from campaignsync.load.validate import Part, validate_part
from campaignsync.load.yaml_document import YamlDocument, truncated
from campaignsync.model.campaign import CHANNELS, Campaign
from campaignsync.model.definitions import Schedule, Shared, SourcedValues
from campaignsync.model.fields import BY_PATH, MANAGEABLE, shared_path, unmet
from campaignsync.model.week import WholeWeek, days_of
from campaignsync.yamltree.nodes import Node

OWN = ("id", "name", "labels", "environments")
"""Keys without a default, because each definition must have its own value."""


def read_shared(
    document: YamlDocument, root: str, environments: tuple[str, ...], nodes: dict[str, Node]
) -> Shared:
    """Return the shared values from the nodes of `schedules` and `defaults`.

    Problems are noted on the document. `root` is the folder of texts in files.
    """
    return _Reader(document, Texts(root), Shared(root, environments=environments)).read(nodes)


class _Reader:
    def __init__(self, document: YamlDocument, texts: Texts, shared: Shared) -> None:
        self._document = document
        self._texts = texts
        self._shared = shared

    def read(self, nodes: dict[str, Node]) -> Shared:
        if "schedules" in nodes:
            items = self._document.mapping(nodes["schedules"], "`schedules`").items()
            schedules = {name: self._schedule(name, key, node) for name, (key, node) in items}
            self._shared = replace(self._shared, schedules=schedules)
        return self._with_defaults(nodes["defaults"]) if "defaults" in nodes else self._shared

    def _schedule(self, name: str, key: Node, node: Node) -> Schedule:
        week = raw_value(self._document, node)
        part = Part(self._document, node, week, WholeWeek, f"schedules.{truncated(name)}")
        windows = validate_part(part) or {}
        nodes = week.nodes if isinstance(week, RawMapping) else {}
        at = {day: value for written, (_, value) in nodes.items() for day in days_of(written)}
        days = {day: (window, self._document.source(at[day])) for day, window in windows.items()}
        return Schedule(self._document.source(key), days)

    def _with_defaults(self, node: Node) -> Shared:
        self._document.mapping(node, "`defaults`")
        general = raw_mapping(self._document, node)
        channels = {name: general.pop(name) for name in CHANNELS if name in general}
        defaults = self._sourced_values(node, general, CHANNELS)
        return replace(
            self._shared,
            defaults=defaults,
            channels={
                name: self._channel(name, general.nodes[name][1], value)
                for name, value in channels.items()
            },
        )

    def _channel(self, channel: str, node: Node, fields: Any) -> SourcedValues:
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
        return self._sourced_values(node, fields)

    def _refuse_other_channel(self, channel: str, name: str, key: Node) -> None:
        """Note a problem if the API does not allow a field of this name for the channel."""
        facts = {"integration_type": channel}
        for field in MANAGEABLE:
            if name == field.path.partition(".")[0] and (requirement := unmet(field, facts)):
                code = requirement.code
                message = conflict_message(name, requirement, facts)
                self._document.problem(code, message, key, "remove it here")
                return

    def _sourced_values(
        self, node: Node, raw_fields: RawMapping, also_known: tuple[str, ...] = ()
    ) -> SourcedValues:
        """Return the values of some defaults with their positions; note keys without a default."""
        for name in [name for name in raw_fields if name in OWN]:
            message = f"`{name}` cannot have a default: each definition sets its own"
            self._document.problem(
                "NO_DEFAULT", message, raw_fields.nodes[name][0], "remove it here"
            )
            del raw_fields[name]
        fields = read_fields(self._document, raw_fields, self._shared, self._texts)
        campaign = validate_part(
            Part(self._document, node, raw_fields, Campaign, also_known=also_known)
        )
        fields.note_hidden()
        return fields.sourced_values(campaign)


def unused_warnings(shared: Shared, taken: set[Source]) -> Iterator[Problem]:
    """Yield a warning for each unused schedule and each unused default with a condition.

    `taken` holds the positions of the values of all definitions, in all environments. A default
    without a condition is never reported: it applies to every definition that does not set the
    field.
    """
    defaults = {"": shared.defaults, **shared.channels}
    used = {*taken, *(at for values in defaults.values() for _, at in values.values())}
    for name, schedule in shared.schedules.items():
        if used.isdisjoint(at for _, at in schedule.days.values()):
            message = f"no definition uses the schedule `{truncated(name)}`"
            hint = "remove it, or use it in a definition: `scheduling: NAME`"
            yield Problem("UNUSED_SCHEDULE", message, schedule.source, hint, "warning")
    for channel, values in defaults.items():
        yield from _unused_defaults(channel, values, taken)


def _unused_defaults(channel: str, values: SourcedValues, taken: set[Source]) -> Iterator[Problem]:
    groups: dict[str, list[str]] = {}
    for path in values:
        groups.setdefault(shared_path(path), []).append(path)
    for group, paths in groups.items():
        conditions = list(_conditions(channel, paths[0]))
        if conditions and taken.isdisjoint(values[path][1] for path in paths):
            message = f"no definition uses the default of `{group}`"
            hint = f"it applies to definitions with {' and '.join(conditions)} and no own value"
            yield Problem("UNUSED_DEFAULT", message, values[paths[0]][1], hint, "warning")


def _conditions(channel: str, path: str) -> Iterator[str]:
    if channel:
        yield f"`integration_type: {channel}`"
    for requirement in BY_PATH[path].api.requires[-1:]:
        if not (channel and requirement.path == "integration_type"):
            yield f"`{yaml_line(requirement.path, requirement.value)}`"
