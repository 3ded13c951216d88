"""Add notes to a plan: which other campaigns share a blocked value."""

from collections.abc import Iterator, Mapping

from campaignsync.errors import Source
from campaignsync.model.fields import whole_of
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.plan_document import with_campaigns
from campaignsync.model.values import Desired

MOST_NAMED = 10
"""Maximum number of campaigns that a note names; the others are only counted."""

Sharers = Mapping[Source, list[int]]


def with_sharers(plan: Plan, desired: Desired) -> Plan:
    """Return the plan with a note on each blocked value from a shared file.

    The note names the campaigns that use the same line of `campaignsync.yaml`, or the same text
    file. Values that a guard blocks are included. Returns the same object if no blocked value is
    shared.
    """
    if not any(_shared(campaign) for campaign in plan.campaigns):
        return plan
    sharers = _sharers(desired)
    campaigns = (
        campaign.model_copy(update={"notes": (*campaign.notes, *_notes(campaign, sharers))})
        for campaign in plan.campaigns
    )
    return with_campaigns(plan, tuple(campaigns))


def _shared(campaign: PlannedCampaign) -> dict[tuple[str, Source], None]:
    """Return the blocked fields whose value is not in the definition's file, without duplicates."""
    return {
        (whole_of(found.field), found.source): None
        for found in campaign.blocked
        if found.field and found.source.file != campaign.source.file
    }


def _sharers(desired: Desired) -> Sharers:
    sharers: dict[Source, list[int]] = {}
    for definition in desired.definitions:
        for at in dict.fromkeys(definition.places.values()):
            if at.file != definition.file:
                sharers.setdefault(at, []).append(definition.id)
    return sharers


def _notes(campaign: PlannedCampaign, sharers: Sharers) -> Iterator[str]:
    for field, at in _shared(campaign):
        yield f"{field} is set in {at}, used by {_counted(sharers.get(at, [campaign.id]))}"


def _counted(ids: list[int]) -> str:
    more = len(ids) - MOST_NAMED
    return ", ".join(map(str, ids[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
