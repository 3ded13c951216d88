"""What a workspace says for all, and no definition takes from it."""

from collections.abc import Iterator

from campaignsync.errors import Problem, Source
from campaignsync.load.nodes import named
from campaignsync.load.resolve import said_in_yaml
from campaignsync.model.fields import BY_PATH, whole_of
from campaignsync.model.values import Placed, Shared


def unused(shared: Shared, taken: set[Source]) -> Iterator[Problem]:
    """Warn of schedules that nothing names, and of defaults whose condition nobody says.

    `taken` is where the values of all definitions stand, in all environments. A default without a
    condition is no trap: whoever says nothing has it.
    """
    defaults = {"": shared.defaults, **shared.channels}
    meant = {*taken, *(at for placed in defaults.values() for _, at in placed.values())}
    for name, schedule in shared.schedules.items():
        if meant.isdisjoint(at for _, at in schedule.days.values()):
            message = f"no definition takes its hours from schedule `{named(name)}`"
            hint = "remove it, or write `scheduling: NAME` where it is meant"
            yield Problem("UNUSED_SCHEDULE", message, schedule.source, hint, "warning")
    for channel, placed in defaults.items():
        yield from _idle(channel, placed, taken)


def _idle(channel: str, placed: Placed, taken: set[Source]) -> Iterator[Problem]:
    groups: dict[str, list[str]] = {}
    for path in placed:
        groups.setdefault(whole_of(path), []).append(path)
    for group, paths in groups.items():
        conditions = list(_conditions(channel, paths[0]))
        if conditions and taken.isdisjoint(placed[path][1] for path in paths):
            message = f"no definition takes the default of `{group}`"
            hint = f"it is for those that say {' and '.join(conditions)}, and not the field"
            yield Problem("UNUSED_DEFAULT", message, placed[paths[0]][1], hint, "warning")


def _conditions(channel: str, path: str) -> Iterator[str]:
    if channel:
        yield f"`integration_type: {channel}`"
    for requirement in BY_PATH[path].requires[-1:]:
        if not (channel and requirement.path == "integration_type"):
            yield f"`{said_in_yaml(requirement.path, requirement.value)}`"
