"""What a plan may not do: each guard a reason for blocking a campaign, shown and enforced.

A guard is lifted by its own name, and no name lifts all.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from campaignsync.errors import ConfigurationError
from campaignsync.model.fields import WEEKDAYS, WEEKS
from campaignsync.model.plans import Blocked, Plan, PlannedCampaign
from campaignsync.model.values import Freeze, Guards
from campaignsync.plan import with_campaigns


def guarded(plan: Plan, guards: Guards, now: datetime, allowed: Collection[str]) -> Plan:
    """Block the updates that a guard forbids; `now` is an aware time.

    Gives the very same plan where no guard has anything to say.
    """
    mass = () if "mass-change" in allowed else tuple(_mass_change(plan, guards))
    frozen = () if "freeze" in allowed else tuple(_frozen(guards, now))
    campaigns = []
    for campaign in plan.campaigns:
        reasons: list[Blocked] = []
        if campaign.action == "update":
            reasons += (_blocked("mass-change", campaign, why) for why in mass)
            reasons += (_blocked("freeze", campaign, why) for why in frozen)
            if "protected" not in allowed and campaign.id in guards.protected:
                reasons.append(_blocked("protected", campaign, "the campaign is protected"))
            if "risky-fields" not in allowed:
                reasons += _risky(campaign, guards)
            if "calling-hours" not in allowed:
                reasons += _out_of_hours(campaign, guards)
        campaigns.append(_stopped(campaign, reasons) if reasons else campaign)
    changed = any(old is not new for old, new in zip(plan.campaigns, campaigns, strict=True))
    return with_campaigns(plan, tuple(campaigns)) if changed else plan


def refuse_idle(guards: Guards, allowed: Collection[str]) -> None:
    """Raise ConfigurationError for an --allow that can lift nothing: somebody believes it does."""
    configured = {
        "mass-change": guards.mass_change.percent < 100,  # noqa: PLR2004 - all of them
        "risky-fields": bool(guards.risky_fields),
        "protected": bool(guards.protected),
        "freeze": bool(guards.freeze),
        "calling-hours": bool(guards.calling_hours),
    }
    for name in allowed:
        if not configured[name]:
            raise ConfigurationError(
                f"--allow {name} lifts nothing: no such guard is set",
                hint=f"set `guards: {{{name}: …}}` in campaignsync.yaml, or leave the option out",
                code="IDLE_ALLOWANCE",
            )


def _stopped(campaign: PlannedCampaign, reasons: list[Blocked]) -> PlannedCampaign:
    blocked = (*campaign.blocked, *reasons)
    return replace(campaign, action="blocked", patch={}, blocked=blocked)


def _mass_change(plan: Plan, guards: Guards) -> Iterator[str]:
    limit = guards.mass_change
    total, updates = len(plan.campaigns), plan.summary.update
    if total >= limit.at_least and updates * 100 > total * limit.percent:
        yield (
            f"the plan changes {updates} of {total} campaigns;"
            f" more than {limit.percent} % at once is guarded"
        )


def _frozen(guards: Guards, now: datetime) -> Iterator[str]:
    for freeze in guards.freeze:
        if _covers(freeze, now):
            yield f"changes are frozen now{f': {freeze.reason}' if freeze.reason else ''}"


def _covers(freeze: Freeze, now: datetime) -> bool:
    there = now.astimezone(ZoneInfo(freeze.zone))
    start, stop = freeze.hours
    return (
        freeze.first <= there.date().isoformat() <= freeze.last
        and (not freeze.days or WEEKDAYS[there.weekday()] in freeze.days)
        and start <= f"{there:%H:%M}" <= stop
    )


def _risky(campaign: PlannedCampaign, guards: Guards) -> Iterator[Blocked]:
    for change in campaign.changes:
        named = {change.field, *_groups(change.field)} & guards.risky_fields
        if named:
            yield _blocked("risky-fields", campaign, "changes to it are guarded", change.field)


def _out_of_hours(campaign: PlannedCampaign, guards: Guards) -> Iterator[Blocked]:
    """Give each changed weekday whose new hours are not within those that are allowed."""
    for change in campaign.changes:
        week, _, day = change.field.rpartition(".")
        if week not in WEEKS or change.after.get("active") is not True:
            continue
        start, stop = change.after["startTime"], change.after["stopTime"]
        for allowed in guards.calling_hours:
            if day not in allowed:
                why = f"no calls are allowed on {day}"
            elif not allowed[day][0] <= start < stop <= allowed[day][1]:
                why = f"{start}-{stop} is not within {'-'.join(allowed[day])}"
            else:
                continue
            yield _blocked("calling-hours", campaign, why, change.field)


def _groups(path: str) -> Iterator[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _blocked(name: str, campaign: PlannedCampaign, why: str, field: str | None = None) -> Blocked:
    places = {change.field: change.source for change in campaign.changes}
    return Blocked(
        code=f"GUARD_{name.replace('-', '_').upper()}",
        field=field,
        message=why,
        hint=f"pass --allow {name} where it is meant",
        source=places[field] if field else campaign.source,
    )
