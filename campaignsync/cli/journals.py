"""The journals of earlier runs: where they are, and one or all of them."""

from pathlib import Path

from campaignsync.apply.journal import Record, journals, read_journal
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import STATE, Workspace


def journal_folder(workspace: Workspace, folder: Path | None) -> Path:
    """Return the folder of the journals: that of --journal, or the workspace's own."""
    return folder or Path(workspace.root) / STATE / "journal"


def records_in(folder: Path, progress: Progress) -> list[Record]:
    """Read the journals of all runs, oldest first; raises as `read_journal` does."""
    with progress.count("reading", "runs") as counted:
        return [read_journal(path) for path in counted([*journals(folder)])]


def find_run(folder: Path, name: str, progress: Progress) -> Record:
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
