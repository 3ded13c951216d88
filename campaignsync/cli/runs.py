"""The runs of `apply`: the journals of earlier ones, and the run of one environment.

A run locks its environment, settles the writes of unfinished runs, and applies a plan.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from campaignsync.apply.journal import Journal, journals, name_run, read_journal
from campaignsync.apply.run import Apply, locked, recover
from campaignsync.apply.undo import undoes_run
from campaignsync.cli.account import Account, connect
from campaignsync.cli.concurrency import stopping
from campaignsync.cli.messages import print_error, print_note
from campaignsync.cli.options import option
from campaignsync.cli.progress import Pause, Progress
from campaignsync.cli.session import Session
from campaignsync.cli.streams import print_message
from campaignsync.drift import first_with_newest
from campaignsync.drift.evidence import EarlierVersions, FileHistories
from campaignsync.errors import (
    ConfigurationError,
    DefinitionError,
    JournalDamaged,
    JournalUnwritable,
    Stopped,
)
from campaignsync.live import LiveReader
from campaignsync.load import load_each
from campaignsync.load.workspace import STATE, Workspace, find_definitions
from campaignsync.model.fields import satisfies
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import Applied, Outcome, Record
from campaignsync.model.values import Definition, Desired
from campaignsync.plan import TOOL

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


def is_of(record: Record, account: Account) -> bool:
    """Return whether a run wrote to an account."""
    header = record.header
    return (header.get("environment"), header.get("base_url")) == (account.name, account.address)


def ids_of_recent_writes(account: Account) -> set[int]:
    """Return the ids of the campaigns of an account that recent runs changed."""
    ids = set[int]()
    for path in [*journals(journal_folder(account.workspace, None))][-RECENT_RUNS:]:
        try:
            record = read_journal(path)
        except (JournalDamaged, ConfigurationError):
            continue  # `history` and `apply` report it; a plan does not need it
        if is_of(record, account):
            ids |= {
                id_ for id_, outcome in record.outcomes.items() if outcome["outcome"] == "updated"
            }
    return ids


@dataclass(frozen=True, slots=True)
class EnvironmentRun:
    """An apply of a session's environment, with the folder of the journals."""

    session: Session
    folder: Path

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Lock the environment against other applies; wait `timeout` seconds for the lock."""
        name = self.session.name
        folder = Path(self.session.account.workspace.root) / STATE / "lock"
        started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        pause = Pause()
        pause.begin(timeout, f"another apply of {name} is running")
        with ExitStack() as stack:
            with self.session.progress.watch("locking", pause_reason=pause.describe):
                stack.enter_context(locked(folder, name, timeout=timeout, started=started))
            yield

    async def recover(self) -> None:
        """Settle the writes of unfinished runs, and report their outcomes on stderr."""
        account, progress = self.session.account, self.session.progress
        records = read_runs(self.folder, progress)
        unfinished = [each for each in records if each.unfinished and is_of(each, account)]
        if not unfinished:
            return
        async with connect(account, progress) as api:
            for record in unfinished:
                state = (
                    "did not finish"
                    if record.exit_code is None
                    else "has writes with an unknown outcome"
                )
                print_note(f"run {record.run} {state}")
                count = len(record.unresolved)
                with progress.requests("looking for its writes", api, count):
                    recovered = await recover(record, LiveReader(api))
                for id_, each in recovered.items():
                    print_note(f"campaign {id_}: {each.message}")

    async def apply(self, plan: Plan) -> tuple[Applied, int]:
        """Send the plan's updates; return the outcomes and the exit code."""
        account, progress = self.session.account, self.session.progress
        started = datetime.now(UTC)
        name = name_run(self.folder, started, secrets.token_hex(3))
        async with connect(account, progress) as api:
            journal = None
            if plan.summary.update:
                header = {
                    "tool": TOOL,
                    "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
                    "environment": plan.environment.name,
                    "base_url": plan.environment.base_url,
                    "plan": plan.fingerprint,
                }
                journal = Journal.begin(self.folder, name, header)
            apply = Apply(plan, self.session.desired, api, LiveReader(api), journal, self._print)

            def stop(reason: Stopped) -> None:
                apply.stop(reason)
                print_message("Stopping after the requests in flight.", level="warning")

            # Each campaign is read again before its PATCH.
            requests = 2 * plan.environment.requests.write
            with (
                stopping(stop),
                progress.requests("writing", api, requests),
            ):
                await apply.run()
        if isinstance(apply.stopping.reason, JournalUnwritable):
            print_error(apply.stopping.reason)
        for line in apply.outcomes.unrecorded:
            print_message(f"not recorded on disk: {line}", level="error")
        result = apply.outcomes.result(name)
        updated = {each.id for each in result.campaigns if each.outcome == "updated"}
        note_definitions_to_revert(
            self.session,
            [each for each in plan.campaigns if each.id in updated and undoes_run(each)],
        )
        return result, apply.outcomes.exit_code()

    def _print(self, outcome: Outcome) -> None:
        if outcome.outcome != "unchanged":
            self.session.print_step(f"campaign {outcome.id}: {outcome.outcome}")


def note_definitions_to_revert(
    session: Session, undone: Iterable[PlannedCampaign], when: str = ""
) -> None:
    """Print notes on definitions that still have undone values: the next apply sends them again.

    Each note names the commit to revert and the `adopt` to run instead. `undone` are the campaigns
    of an undo; `when` says when `adopt` can be run.
    """
    undone = tuple(undone)
    if not undone or session.progress.quiet:
        return
    workspace, environment = session.account.workspace, session.name
    try:
        _, files = find_definitions([Path(workspace.root)])
        (desired,) = load_each(files, workspace.shared, [environment])
    except DefinitionError as error:
        print_note(f"cannot check the definitions for the undone values: {error.message}")
        return
    except ConfigurationError:
        return  # there are no definitions
    is_default = environment in (workspace.default_environment, "default")
    option = "" if is_default else f" -e {environment}"
    versions = EarlierVersions(workspace, environment, FileHistories())
    for fields, group in _by_undone_fields(desired, undone).items():
        places = ", ".join(dict.fromkeys(str(each.source_of(fields[0])) for each in group))
        commits = " ".join(dict.fromkeys(_commits(versions, group, fields)))
        revert = f"run `git revert {commits}`" if commits else "edit the file"
        ids = " ".join(str(each.id) for each in group)
        field_options = " ".join(f"--field {field}" for field in fields)
        print_note(
            f"{places}: the undone values are still in the definition, and the next apply would"
            f" send them; {revert}, or"
            f" `campaignsync adopt {ids} {field_options}{option}`{when}"
        )


def _by_undone_fields(
    desired: Desired, undone: Iterable[PlannedCampaign]
) -> Mapping[tuple[str, ...], list[Definition]]:
    """Group the definitions to revert by their undone fields: one `adopt` serves a group."""
    by_id = {definition.id: definition for definition in desired.definitions}
    groups: dict[tuple[str, ...], list[Definition]] = defaultdict(list)
    for campaign in undone:
        if not (definition := by_id.get(campaign.id)):
            continue
        fields = tuple(
            change.field
            for change in campaign.changes
            if change.field in definition.values
            and not satisfies(change.field, change.after, definition.values[change.field])
        )
        if fields:
            groups[fields].append(definition)
    return groups


def _commits(
    versions: EarlierVersions, definitions: Iterable[Definition], fields: Iterable[str]
) -> Iterator[str]:
    """Yield the commits that set the current values; none for an edit that is not committed."""
    for definition in definitions:
        for field in fields:
            values = versions.history(definition, field).values
            if values and values[0].managed and values[0].value == definition.values[field]:
                yield first_with_newest(values).commit
