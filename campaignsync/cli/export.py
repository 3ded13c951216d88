"""`campaignsync export`, which `campaignsync init --from-live` also uses."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from campaignsync.authoring import export as authoring
from campaignsync.cli import concurrency, options
from campaignsync.cli.command import Command
from campaignsync.cli.inventory import Inventory, folder_of, refuse_empty, selection_options
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target
from campaignsync.cli.output import Output, output_options
from campaignsync.cli.progress import Counted
from campaignsync.load.files import display_path
from campaignsync.model.definitions import Definition, LiveCampaign, Selection
from campaignsync.model.kind import InvalidValue
from campaignsync.model.results import Exported, ExportedCampaign, ExportSummary
from campaignsync.report import wording as words
from campaignsync.write_files import create

SCHEMA = "campaign.schema.json"
"""The schema file in the workspace folder that definitions refer to."""


@click.command("export", cls=Command)
@selection_options
@options.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    section="Where",
    help="Folder to write into. Default: the workspace's folder for definitions.",
)
@options.option(
    "--dry-run", is_flag=True, section="What", help="List the files, and write nothing."
)
@options.account
@output_options("exported")
def command(
    to: Path | None,
    *,
    dry_run: bool,
    selection: Selection,
    target: Target,
    output: Output,
) -> None:
    """Write live campaigns as definitions, one file per campaign.

    Without IDs, export every campaign that is neither archived nor finished. A campaign that a
    definition manages already is skipped, and no file is overwritten. Afterwards `campaignsync
    plan` finds no changes.

    \b
    Examples: campaignsync export --dry-run
              campaignsync export 1234 1235
              campaignsync export --status active --name 'Q2 *'
    """
    inventory = Inventory.load_at(to, target, output.progress)
    # The list has all that a dry run shows; only a definition needs the details.
    read = inventory.read_list if dry_run else inventory.read
    selected = concurrency.run(read(selection))
    refuse_empty(selection, selected.campaigns)
    folder = to or folder_of(inventory.account.workspace)
    exported = export(inventory, selected.campaigns, folder, dry_run=dry_run)
    if not output.progress.quiet:
        schema = Path(inventory.account.workspace.root) / SCHEMA
        note_incomplete(exported, selection.ids, schema, selected.left_out)
    output.write(lambda to: to.exported(exported))


def export(
    inventory: Inventory, campaigns: Sequence[LiveCampaign], folder: Path, *, dry_run: bool = False
) -> Exported:
    """Write a file per campaign into a folder, and return the outcomes; none with `dry_run`."""
    account = inventory.account
    workspace, name = account.workspace, account.name
    # A definition names its environment if the workspace has others, whose ids differ.
    has_others = name in workspace.environments and len(workspace.environments) > 1
    definition_of = partial(
        authoring.export,
        schema=Path(os.path.relpath(Path(workspace.root) / SCHEMA, folder)).as_posix(),
        environment=name if has_others else None,
        defaulted=workspace.shared.defaulted,
    )
    with inventory.progress.count("writing", "files") as counted:
        outcomes = tuple(
            _outcomes(
                campaigns, inventory.managed, folder, None if dry_run else definition_of, counted
            )
        )
    counts = Counter[str](outcome.outcome for outcome in outcomes)
    return Exported(environment=name, summary=ExportSummary(**counts), campaigns=outcomes)


def _outcomes(
    campaigns: Sequence[LiveCampaign],
    managed: Mapping[int, Definition],
    folder: Path,
    definition_of: Callable[[LiveCampaign], authoring.ExportedDefinition] | None,
    counted: Counted,
) -> Iterator[ExportedCampaign]:
    """Write each campaign's file and yield the outcome; without `definition_of`, yield it only."""
    taken = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = authoring.file_names((each for each in campaigns if each.id not in managed), taken)
    for campaign in counted(campaigns):
        if manager := managed.get(campaign.id):
            yield _outcome(campaign, str(manager.source_of("id")), "managed")
            continue
        path = folder / names[campaign.id]
        if path.name in taken:
            yield _outcome(campaign, display_path(path), "exists")
        elif definition_of is None:
            yield _outcome(campaign, display_path(path), "pending")
        else:
            try:
                definition = definition_of(campaign)
            except InvalidValue as invalid:
                yield _outcome(campaign, None, "refused", f"its id {invalid.message}")
                continue
            notes = (f"left out: {each.field} {each.reason}" for each in definition.left_out)
            outcome = "written" if create(path, definition.text) else "exists"
            yield _outcome(campaign, display_path(path), outcome, *notes)


def _outcome(
    campaign: LiveCampaign, file: str | None, outcome: Any, *notes: str
) -> ExportedCampaign:
    return ExportedCampaign(
        id=campaign.id,
        name=words.text(campaign.values.get("name")) or "",
        status=words.text(campaign.values.get("status")),
        file=file,
        outcome=outcome,
        notes=notes,
    )


def note_incomplete(exported: Exported, ids: Collection[int], schema: Path, left_out: int) -> None:
    """Print notes on campaigns that were exported in part or not at all."""
    if left_out:
        many = words.count(left_out, "archived or finished campaign")
        print_note(f"left out: {many}; add --archived --finished to `campaignsync export`")
    for campaign in exported.campaigns:
        for text in campaign.notes:
            print_note(f"campaign {campaign.id}: {text}")
        if campaign.outcome == "managed" and campaign.id in ids:
            print_note(f"campaign {campaign.id}: skipped, {campaign.file} manages it already")
        if campaign.outcome == "exists":
            print_note(f"campaign {campaign.id}: not written, {campaign.file} exists already")
    if exported.summary.written and not schema.exists():
        print_note(f"for editors: campaignsync schema -o {display_path(schema)}")
