"""`campaignsync list`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options
from campaignsync.cli.streams import columns

if TYPE_CHECKING:
    from campaignsync.cli.survey import Survey
    from campaignsync.model.lists import ListedCampaign, Listing
    from campaignsync.model.values import LiveCampaign


@click.command("list")
@options.selection
@options.option("--unmanaged", is_flag=True, help="Only what no definition manages.")
@options.connection
@options.output
@options.chatter
def command(
    format_: str,
    output: Path | None,
    *,
    unmanaged: bool,
    no_color: bool,
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
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.survey import Survey

    chosen = options.selected(given)
    survey = Survey.at(None, quiet=quiet, **given)
    whole = not chosen.is_narrow and not unmanaged
    reading = signals.run(survey.inventory(chosen, survey.managed if whole else ()))
    options.refuse_nothing(chosen, reading.chosen)
    listing = _document(survey, reading.chosen, only_unmanaged=unmanaged)
    if whole:
        gone = [one for id_, one in survey.managed.items() if id_ not in reading.ids]
        missing = tuple(definition.source_of("id") for definition in gone)
        listing = replace(listing, missing=missing)
    # A file and a pipe have no width.
    on_terminal = output is None and sys.stdout.isatty()
    width = columns(sys.stdout) if on_terminal else 0
    colour = options.coloured(no_color=no_color, to=output)
    with survey.progress.watch("writing the report"):
        text = report.listing(listing, format_, colour=colour, width=width)
    options.emit(text, output)


def _document(
    survey: "Survey", campaigns: "list[LiveCampaign]", *, only_unmanaged: bool
) -> "Listing":
    from campaignsync.model.lists import Listing, ListSummary

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


def _listed(survey: "Survey", campaign: "LiveCampaign") -> "ListedCampaign":
    from campaignsync.model.lists import ListedCampaign
    from campaignsync.report.words import text

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
