"""`campaignsync list`."""

import click

from campaignsync.cli import concurrency, options
from campaignsync.cli.command import Command
from campaignsync.cli.inventory import Inventory, refuse_empty, selection_options
from campaignsync.cli.options import Target
from campaignsync.cli.output import Output, output_options
from campaignsync.model.definitions import LiveCampaign, Selection
from campaignsync.model.results import ListedCampaign, Listing, ListSummary
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
@output_options("listing")
def command(*, unmanaged: bool, selection: Selection, target: Target, output: Output) -> None:
    """List live campaigns, with the definitions that manage them.

    Without IDs, list every campaign that is neither archived nor finished. `campaignsync export`
    writes definitions for the unmanaged ones.

    \b
    Examples: campaignsync list
              campaignsync list --unmanaged --status active
    """
    inventory = Inventory.load_at(None, target, output.progress)
    is_whole = not selection.is_narrow and not unmanaged
    expected = inventory.managed if is_whole else ()
    selected = concurrency.run(inventory.read_list(selection, channels=True, expected=expected))
    refuse_empty(selection, selected.campaigns)
    listing = _listing_of(inventory, selected.campaigns, only_unmanaged=unmanaged)
    if is_whole:
        missing = tuple(
            definition.source_of("id")
            for id_, definition in inventory.managed.items()
            if id_ not in selected.ids
        )
        listing = listing.model_copy(update={"missing": missing})
    output.write(lambda to: to.listing(listing))


def _listing_of(
    inventory: Inventory, campaigns: list[LiveCampaign], *, only_unmanaged: bool
) -> Listing:
    shown = [
        _listed_campaign(inventory, campaign)
        for campaign in campaigns
        if not (only_unmanaged and campaign.id in inventory.managed)
    ]
    managed = sum(campaign.managed_by is not None for campaign in shown)
    return Listing(
        environment=inventory.account.name,
        summary=ListSummary(managed=managed, unmanaged=len(shown) - managed),
        campaigns=tuple(shown),
    )


def _listed_campaign(inventory: Inventory, campaign: LiveCampaign) -> ListedCampaign:
    values = campaign.values
    definition = inventory.managed.get(campaign.id)
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
