"""`campaignsync export`."""

from pathlib import Path

import click

from campaignsync.cli import options, signals
from campaignsync.cli.command import Command
from campaignsync.cli.export_files import SCHEMA, exported, note_incomplete
from campaignsync.cli.live_listing import Survey, folder_of
from campaignsync.cli.options import Target
from campaignsync.cli.results import Result, result
from campaignsync.cli.selection import refuse_nothing, selection_options
from campaignsync.model.values import Selection


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
@result("exported")
def command(
    to: Path | None,
    *,
    dry_run: bool,
    selection: Selection,
    target: Target,
    result: Result,
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
    survey = Survey.at(to, target, result.progress)
    # The list has all that a dry run shows; only a definition needs the details.
    listed = signals.run(survey.listed(selection) if dry_run else survey.read(selection))
    refuse_nothing(selection, listed.chosen)
    folder = to or folder_of(survey.account.workspace)
    found = exported(survey, listed.chosen, folder, dry_run=dry_run)
    if not result.progress.quiet:
        schema = Path(survey.account.workspace.root) / SCHEMA
        note_incomplete(found, selection.ids, schema, listed.left_out)
    result.write(lambda to: to.exported(found))
