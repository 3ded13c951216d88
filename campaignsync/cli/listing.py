"""`campaignsync list`."""

from typing import Any

import click

from campaignsync.cli import options, signals
from campaignsync.cli.results import Result, result
from campaignsync.cli.survey import Survey
from campaignsync.model.results import ListedCampaign, Listing, ListSummary
from campaignsync.model.values import LiveCampaign
from campaignsync.report.words import text


@click.command("list")
@options.selection
@options.option("--unmanaged", is_flag=True, help="Only what no definition manages.")
@options.connection
@result("listing")
@options.chatter
def command(
    result: Result,
    *,
    unmanaged: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """List live campaigns beside the definitions that manage them.

    Without IDs all campaigns are meant, but for archived and finished ones. What is unmanaged is
    what `campaignsync export` would write.

    \b
    Examples: campaignsync list
              campaignsync list --unmanaged --status active
    """
    chosen = options.selected(given)
    survey = Survey.at(None, quiet=quiet, **given)
    whole = not chosen.is_narrow and not unmanaged
    reading = signals.run(survey.inventory(chosen, survey.managed if whole else ()))
    options.refuse_nothing(chosen, reading.chosen)
    listing = _document(survey, reading.chosen, only_unmanaged=unmanaged)
    if whole:
        gone = [one for id_, one in survey.managed.items() if id_ not in reading.ids]
        missing = tuple(definition.source_of("id") for definition in gone)
        listing = listing.model_copy(update={"missing": missing})
    result.write(lambda to: to.listing(listing))


def _document(survey: Survey, campaigns: list[LiveCampaign], *, only_unmanaged: bool) -> Listing:

    shown = [
        _listed(survey, campaign)
        for campaign in campaigns
        if not (only_unmanaged and campaign.id in survey.managed)
    ]
    managed = sum(campaign.managed_by is not None for campaign in shown)
    return Listing(
        environment=survey.account.environment.name,
        summary=ListSummary(managed=managed, unmanaged=len(shown) - managed),
        campaigns=tuple(shown),
    )


def _listed(survey: Survey, campaign: LiveCampaign) -> ListedCampaign:

    values = campaign.values
    definition = survey.managed.get(campaign.id)
    archived = values.get("archived")
    return ListedCampaign(
        id=campaign.id,
        name=text(values.get("name")) or "",
        status=text(values.get("status")),
        archived=archived if isinstance(archived, bool) else None,
        channel=text(values.get("integration_type")),
        agent_id=text(values.get("agent_id")),
        managed_by=definition.source_of("id") if definition else None,
    )
