"""The registry of guards, and the check of a plan against them; each guard is one module.

A guard blocks campaigns. `--allow NAME` disables one guard; no option disables all of them.
`Guards` has one field per guard: `--allow`, the JSON Schema and the docs use it.
"""

from collections.abc import Collection, Iterator
from typing import Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from campaignsync.errors import ConfigurationError
from campaignsync.guards.calling_hours import CallingHours
from campaignsync.guards.freeze import Freeze
from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.guards.mass_change import MassChange
from campaignsync.guards.protected import Protected
from campaignsync.guards.risky_fields import RiskyFields
from campaignsync.model.plan import Blocked, Plan, PlannedCampaign, with_campaigns
from campaignsync.model.workspace import WorkspaceFile
from campaignsync.model.yaml_model import Section

__all__ = ["NAMES", "Facts", "GuardedFile", "Guards", "guarded", "refuse_idle"]


def _key(name: str) -> str:
    return name.replace("_", "-")


class Guards(Section, alias_generator=_key):
    """Restrictions on plans. `--allow NAME` disables one of them for one run."""

    mass_change: MassChange = MassChange()
    risky_fields: RiskyFields = RiskyFields()
    protected: Protected = Protected()
    freeze: Freeze = Freeze()
    calling_hours: CallingHours = CallingHours()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = super().__get_pydantic_json_schema__(schema, handler)
        for name, guard in Guards().each():
            described["properties"][name]["examples"] = [guard.example]
        return described

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


class GuardedFile(WorkspaceFile):
    """A workspace: the definitions' folder, the accounts, and shared values."""

    guards: Guards = Field(
        default=Guards(),
        description="Restrictions on plans. `--allow NAME` disables one of them for one run.",
    )


def guarded(plan: Plan, guards: Guards, facts: Facts, allowed: Collection[str]) -> Plan:
    """Return the plan with the updates blocked that a guard forbids, or the same plan."""
    campaigns = tuple(_checked(each, guards, facts, allowed) for each in plan.campaigns)
    return plan if campaigns == plan.campaigns else with_campaigns(plan, campaigns)


def refuse_idle(guards: Guards, allowed: Collection[str]) -> None:
    """Raise ConfigurationError for an --allow whose guard is not set: it would have no effect."""
    for name, guard in guards.each():
        if name in allowed and not guard.is_set:
            raise ConfigurationError(
                f"--allow {name} has no effect: the guard is not configured",
                hint=f"set `guards: {{{name}: …}}` in campaignsync.yaml, or remove the option",
                code="UNUSED_ALLOW",
            )


def _checked(
    campaign: PlannedCampaign, guards: Guards, facts: Facts, allowed: Collection[str]
) -> PlannedCampaign:
    if campaign.action != "update":
        return campaign
    reasons = tuple(
        _blocked(name, campaign, objection)
        for name, guard in guards.each()
        if name not in allowed
        for objection in guard.check(campaign, facts)
    )
    if not reasons:
        return campaign
    return campaign.model_copy(update={"action": "blocked", "requests": (), "blocked": reasons})


def _blocked(name: str, campaign: PlannedCampaign, objection: Objection) -> Blocked:
    places = {change.field: change.source for change in campaign.changes}
    return Blocked(
        code=code_of(name),
        field=objection.field,
        message=objection.message,
        hint=f"to proceed anyway, pass --allow {name}",
        source=places.get(objection.field or "", campaign.source),
    )
