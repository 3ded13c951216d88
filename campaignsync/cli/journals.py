"""The journals of earlier runs: their folder, and reading them."""

from pathlib import Path

import click

from campaignsync.apply.journal import journals, read_journal
from campaignsync.cli.account import Account
from campaignsync.cli.options import option
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, JournalDamaged
from campaignsync.load.workspace import STATE, Workspace
from campaignsync.model.runs import Record

RECENT_RUNS = 20
"""Number of runs that count as recent: a plan does not name a deleted definition for ever."""

journal_option = option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    section="Where",
    help="Folder of the journals. Default: .campaignsync/journal.",
)


def journal_folder(workspace: Workspace, folder: Path | None) -> Path:
    """Return the folder of the journals: that of --journal, or the workspace's own."""
    return folder or Path(workspace.root) / STATE / "journal"


def read_runs(folder: Path, progress: Progress) -> list[Record]:
    """Read the journals of all runs, oldest first; raises as `read_journal` does."""
    with progress.count("reading", "runs") as counted:
        return [read_journal(path) for path in counted([*journals(folder)])]


def read_run(folder: Path, name: str, progress: Progress) -> Record:
    """Read the journal of the run that begins with a name; "last" is the newest.

    Raises ConfigurationError if no run matches, or more than one.
    """
    if not (runs := [*journals(folder)]):
        hint = "only an apply that writes creates a journal; pass --journal DIR for another folder"
        message = f"no run found in {folder}"
        raise ConfigurationError(message, hint=hint, code="NOTHING_SELECTED")
    matches = [path for path in runs if path.stem.startswith(name)] if name != "last" else runs[-1:]
    if len(matches) != 1:
        many = "more than one run starts" if matches else "no run starts"
        hint = "see `campaignsync history`"
        raise ConfigurationError(f"{many} with `{name}`", hint=hint, code="NOTHING_SELECTED")
    with progress.watch("reading the run"):
        return read_journal(matches[0])


def ids_of_recent_writes(account: Account) -> set[int]:
    """Return the ids of the campaigns of an account that recent runs changed."""
    ids = set[int]()
    for path in [*journals(journal_folder(account.workspace, None))][-RECENT_RUNS:]:
        try:
            record = read_journal(path)
        except (JournalDamaged, ConfigurationError):
            continue  # `history` and `apply` report it; a plan does not need it
        if record.is_of(account.name, account.base_url):
            ids |= {
                id_ for id_, outcome in record.outcomes.items() if outcome["outcome"] == "updated"
            }
    return ids
