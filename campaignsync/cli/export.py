"""`campaignsync export`."""

from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options, signals
from campaignsync.cli.exports import SCHEMA, exported, note_incomplete
from campaignsync.cli.results import Result, result
from campaignsync.cli.survey import Survey, folder_of


@click.command("export")
@options.selection
@options.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write into; by default the workspace's own for definitions.",
)
@options.option("--dry-run", is_flag=True, help="List what would be written, and write nothing.")
@options.connection
@result("exported")
@options.chatter
def command(
    to: Path | None,
    result: Result,
    *,
    dry_run: bool,
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
    chosen = options.selected(given)
    survey = Survey.at(to, quiet=quiet, **given)
    # The list says all that is shown of what would be written; only a text needs the details.
    listed = signals.run(survey.listed(chosen) if dry_run else survey.read(chosen))
    options.refuse_nothing(chosen, listed.chosen)
    folder = to or folder_of(survey.account.workspace)
    found = exported(survey, listed.chosen, folder, dry_run=dry_run)
    if not quiet:
        schema = Path(survey.account.workspace.root) / SCHEMA
        note_incomplete(found, chosen.ids, schema, listed.left_out)
    result.write(lambda to: to.exported(found))
