"""Files of earlier commands: saved plans, and the journals of runs."""

from pathlib import Path

from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError
from campaignsync.journal import Record, journals, read_journal
from campaignsync.load.files import read
from campaignsync.model.plan import Plan
from campaignsync.saved_plan import read_plan
from campaignsync.workspace import STATE, Workspace

LARGEST_PLAN = 256 * 2**20
"""Bytes of a saved plan: ten thousand campaigns with long prompts are less."""


def read_saved(file: Path, progress: Progress) -> Plan:
    """Read a saved plan.

    Raises ConfigurationError for a file that is missing or never was a plan, StalePlan for a
    damaged or edited plan.
    """
    with progress.watch("reading the plan"):
        try:
            content = read(file, LARGEST_PLAN)
        except ValueError as error:
            hint = "make one with `campaignsync plan --out FILE`"
            message = f"cannot read the plan {file}: {error}"
            raise ConfigurationError(message, hint=hint, code="UNREADABLE") from None
        return read_plan(content)


def journal_folder(workspace: Workspace, folder: Path | None) -> Path:
    return folder or Path(workspace.root) / STATE / "journal"


def records_in(folder: Path, progress: Progress) -> list[Record]:
    """Read the journals of all runs, oldest first; raises as `read_journal` does."""
    with progress.count("reading", "runs") as counted:
        return [read_journal(path) for path in counted([*journals(folder)])]


def find_run(folder: Path, name: str, progress: Progress) -> Record:
    """Read the journal whose run begins with a name; "last" is the newest.

    Raises ConfigurationError where there is none, or more than one.
    """
    if not (runs := [*journals(folder)]):
        hint = "an apply that writes leaves one; `--journal DIR` names another folder"
        message = f"no run is known in {folder}"
        raise ConfigurationError(message, hint=hint, code="NOTHING_SELECTED")
    found = [path for path in runs if path.stem.startswith(name)] if name != "last" else runs[-1:]
    if len(found) != 1:
        many = "more than one run begins" if found else "no run begins"
        hint = "see `campaignsync history`"
        raise ConfigurationError(f"{many} with `{name}`", hint=hint, code="NOTHING_SELECTED")
    with progress.watch("reading the run"):
        return read_journal(found[0])
