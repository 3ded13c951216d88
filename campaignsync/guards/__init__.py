"""Guards, which block plans: one module for each guard, and their registry.

A guard blocks campaigns; `--allow NAME` lifts that one guard, and nothing lifts all of them.
"""

from collections.abc import Collection

from campaignsync.errors import ConfigurationError
from campaignsync.guards.guard import Facts, Objection
from campaignsync.guards.registry import NAMES, GuardedFile, Guards, code_of
from campaignsync.model.plan import Blocked, Plan, PlannedCampaign
from campaignsync.model.plan_document import with_campaigns

__all__ = ["NAMES", "Facts", "GuardedFile", "Guards", "guarded", "refuse_idle"]


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
                code="IDLE_ALLOWANCE",
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
    return _stopped(campaign, reasons) if reasons else campaign


def _stopped(campaign: PlannedCampaign, reasons: tuple[Blocked, ...]) -> PlannedCampaign:
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
