"""`campaignsync export`."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options

if TYPE_CHECKING:
    from campaignsync.cli.connect import Account
    from campaignsync.export import Exported as Written
    from campaignsync.model.documents import Exported, ExportedCampaign
    from campaignsync.model.values import Definition, LiveCampaign

SCHEMA = "campaign.schema.json"
"""The file in the workspace's folder that definitions name as their schema."""


@click.command("export")
@options.selection
@options.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write into; by default the workspace's own for definitions.",
)
@options.option("--dry-run", is_flag=True, help="List what would be written, and write nothing.")
@options.connection
@options.output
@options.chatter
def command(
    to: Path | None,
    format_: str,
    output: Path | None,
    *,
    dry_run: bool,
    no_color: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Write live campaigns as definitions, one file a campaign.

    Without IDs all campaigns are meant, but for archived and finished ones. A campaign that a
    definition manages already is skipped, and no file is ever written over. What is written is
    what is live: `campaignsync plan` finds no change.

    \b
    Examples: campaignsync export --dry-run
              campaignsync export 1234 1235
              campaignsync export --status active --name 'Q2 *'
    """
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.survey import Survey, folder_of
    from campaignsync.export import export

    chosen = options.selected(given)
    survey = Survey.at(to, quiet=quiet, **given)
    # The list says all that is shown of what would be written; only a text needs the details.
    if dry_run:
        campaigns = signals.run(survey.listed(chosen)).chosen
    else:
        campaigns = signals.run(survey.read(chosen))
    options.refuse_nothing(chosen, campaigns)
    workspace = survey.account.workspace
    folder = to or folder_of(workspace)
    schema = Path(os.path.relpath(Path(workspace.root) / SCHEMA, folder)).as_posix()
    write = partial(
        export,
        schema=schema,
        environment=_among_several(survey.account),
        defaulted=workspace.shared.defaulted,
    )
    outcomes = tuple(_outcomes(campaigns, survey.managed, folder, None if dry_run else write))
    exported = _document(survey.account.environment.name, outcomes)
    if not quiet:
        _note(exported, chosen.ids, Path(workspace.root) / SCHEMA)
    colour = options.coloured(no_color=no_color, to=output)
    options.emit(report.exported(exported, format_, colour=colour), output)


def _among_several(account: "Account") -> str | None:
    """Name the environment where the workspace has others, whose campaigns have other numbers."""
    environments = account.workspace.environments
    name = account.environment.name
    return name if name in environments and len(environments) > 1 else None


def _outcomes(
    campaigns: list["LiveCampaign"],
    managed: "Mapping[int, Definition]",
    folder: Path,
    write: "Callable[[LiveCampaign], Written] | None",
) -> "Iterator[ExportedCampaign]":
    """Write each campaign's file, and tell what became of it; without `write`, what would."""
    from campaignsync.export import file_names
    from campaignsync.fields import Misfit
    from campaignsync.files import create
    from campaignsync.load import shown

    taken = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = file_names((each for each in campaigns if each.id not in managed), taken)
    for campaign in campaigns:
        if definition := managed.get(campaign.id):
            yield _outcome(campaign, str(definition.source_of("id")), "managed")
            continue
        path = folder / names[campaign.id]
        if path.name in taken:
            yield _outcome(campaign, shown(path), "exists")
        elif write is None:
            yield _outcome(campaign, shown(path), "pending")
        else:
            try:
                written = write(campaign)
            except Misfit as misfit:
                yield _outcome(campaign, None, "refused", f"its id {misfit.message}")
                continue
            notes = (f"left out: {found.field} {found.reason}" for found in written.left_out)
            outcome = "written" if create(path, written.text) else "exists"
            yield _outcome(campaign, shown(path), outcome, *notes)


def _outcome(
    campaign: "LiveCampaign", file: str | None, outcome: Any, *notes: str
) -> "ExportedCampaign":
    from campaignsync.model.documents import ExportedCampaign
    from campaignsync.report import words

    return ExportedCampaign(
        id=campaign.id,
        name=words.text(campaign.values.get("name")) or "",
        status=words.text(campaign.values.get("status")),
        file=file,
        outcome=outcome,
        notes=notes,
    )


def _document(environment: str, outcomes: "tuple[ExportedCampaign, ...]") -> "Exported":
    from campaignsync.model.documents import Exported, ExportSummary

    counts = Counter[str](outcome.outcome for outcome in outcomes)
    return Exported(environment=environment, summary=ExportSummary(**counts), campaigns=outcomes)


def _note(exported: "Exported", ids: Collection[int], schema: Path) -> None:
    """Say on stderr what did not go the whole way."""
    from campaignsync.load import shown

    for campaign in exported.campaigns:
        for text in campaign.notes:
            options.note(f"campaign {campaign.id}: {text}")
        if campaign.outcome == "managed" and campaign.id in ids:
            options.note(f"campaign {campaign.id}: {campaign.file} manages it already")
        if campaign.outcome == "exists":
            options.note(f"campaign {campaign.id}: {campaign.file} is there already, and stays")
    if exported.summary.written and not schema.exists():
        options.note(f"for editors: campaignsync schema -o {shown(schema)}")
