"""(Plan, Desired) → Plan: beside what is blocked in a shared place, who else has it from there."""

from collections.abc import Iterator, Mapping

from campaignsync.errors import Source
from campaignsync.model.fields import whole_of
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.plan_document import with_campaigns
from campaignsync.model.values import Desired

MOST_NAMED = 10
"""Campaigns that a note names; of the others it gives the number."""

Sharers = Mapping[Source, list[int]]


def with_sharers(plan: Plan, desired: Desired) -> Plan:
    """Name the campaigns that share a blocked value's line of `campaignsync.yaml`, or its text.

    Gives the very same plan where nothing shared is blocked. What a guard blocks counts, too.
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
    """Give the blocked fields that stand in another file than their definition, each place once."""
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
        yield f"{field} stands in {at}, for {_counted(sharers.get(at, [campaign.id]))}"


def _counted(ids: list[int]) -> str:
    more = len(ids) - MOST_NAMED
    return ", ".join(map(str, ids[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
