"""The registry of guards, one field each; `--allow`, the JSON Schema and the docs use it."""

from collections.abc import Iterator
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from campaignsync.guards.calling_hours import CallingHours
from campaignsync.guards.freeze import Freeze
from campaignsync.guards.guard import Guard
from campaignsync.guards.mass_change import MassChange
from campaignsync.guards.protected import Protected
from campaignsync.guards.risky_fields import RiskyFields
from campaignsync.model.section import Section
from campaignsync.model.workspace import WorkspaceFile


def _key(name: str) -> str:
    return name.replace("_", "-")


class Guards(Section, alias_generator=_key):
    """Guards, which block changes. `--allow NAME` disables one for a run."""

    mass_change: MassChange = MassChange()
    risky_fields: RiskyFields = RiskyFields()
    protected: Protected = Protected()
    freeze: Freeze = Freeze()
    calling_hours: CallingHours = CallingHours()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = super().__get_pydantic_json_schema__(schema, handler)
        for name, guard in Guards().each():
            found["properties"][name]["examples"] = [guard.example]
        return found

    def each(self) -> Iterator[tuple[str, Guard]]:
        """Yield every guard with its name."""
        for name in type(self).model_fields:
            yield _key(name), getattr(self, name)

    def stricter(self, other: "Guards") -> "Guards":
        """Return guards that forbid what either of the two forbids."""
        both = {
            name: getattr(self, name).stricter(getattr(other, name))
            for name in type(self).model_fields
        }
        return self.model_copy(update=both)

    def loosened_from(self, other: "Guards") -> list[str]:
        """Return the names of the guards that allow something that `other` forbids."""
        strictest = dict(self.stricter(other).each())
        return [name for name, guard in self.each() if guard != strictest[name]]


NAMES = tuple(_key(name) for name in Guards.model_fields)
"""The guards' names, which are the values of `--allow`."""


def code_of(name: str) -> str:
    """Return the error code of a guard."""
    return f"GUARD_{name.replace('-', '_').upper()}"


def help_of(guard: Guard) -> str:
    """Return the help text of a guard: one sentence."""
    return (guard.__doc__ or "").partition("\n")[0]


class GuardedFile(WorkspaceFile):
    """A workspace: the definitions' folder, the accounts, and shared values."""

    guards: Guards = Guards()
    """Guards, which block changes. `--allow NAME` disables one for a run."""
