"""`campaignsync list`."""

import click

from campaignsync.cli import options, signals
from campaignsync.cli.command import Command
from campaignsync.cli.live_listing import Survey
from campaignsync.cli.options import Target
from campaignsync.cli.results import Result, result
from campaignsync.cli.selection import refuse_nothing, selection_options
from campaignsync.model.results import ListedCampaign, Listing, ListSummary
from campaignsync.model.values import LiveCampaign, Selection
from campaignsync.report.wording import text


@click.command("list", cls=Command)
@selection_options
@options.option(
    "--unmanaged",
    is_flag=True,
    section="What",
    help="Only campaigns that no definition manages.",
)
@options.account
@result("listing")
def command(*, unmanaged: bool, selection: Selection, target: Target, result: Result) -> None:
    """List live campaigns, with the definitions that manage them.

    Without IDs, list every campaign that is neither archived nor finished. `campaignsync export`
    writes definitions for the unmanaged ones.

    \b
    Examples: campaignsync list
              campaignsync list --unmanaged --status active
    """
    survey = Survey.at(None, target, result.progress)
    whole = not selection.is_narrow and not unmanaged
    reading = signals.run(survey.inventory(selection, survey.managed if whole else ()))
    refuse_nothing(selection, reading.chosen)
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
