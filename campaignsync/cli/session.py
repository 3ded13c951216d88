"""One command's way through the rooms: from definitions to a plan, from a plan to outcomes."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

from campaignsync import report
from campaignsync.apply import Apply
from campaignsync.cli.connect import STATE, Account, connect, note_unused_base_url
from campaignsync.cli.options import note
from campaignsync.cli.progress import Progress
from campaignsync.cli.signals import stopping
from campaignsync.cli.streams import problem_facts, tell, tell_error
from campaignsync.errors import (
    ConfigurationError,
    JournalUnwritable,
    PlanRefused,
    StalePlan,
    Stopped,
)
from campaignsync.guards import guarded, refuse_idle
from campaignsync.journal import SUFFIX, Journal, Record, journals, read_journal
from campaignsync.live import Reader
from campaignsync.load import load
from campaignsync.load.files import read
from campaignsync.lock import locked
from campaignsync.model.documents import Applied, Outcome, Plan
from campaignsync.model.values import Desired, Guards, Workspace
from campaignsync.plan import TOOL, make_plan, read_plan, refuse_if_old, refuse_unless_it_fits
from campaignsync.recovery import recover
from campaignsync.undo import left_by, undo, undo_of
from campaignsync.workspace import choose, definitions, find_workspace, guards_of


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account that they are held against."""

    desired: Desired
    account: Account
    guards: Guards
    allowed: tuple[str, ...]
    progress: Progress
    send_unreadable: bool
    quiet: bool

    @classmethod
    def at(cls, paths: Sequence[Path], *, quiet: bool, **options: object) -> Self:
        """Load the definitions under paths; raises DefinitionError and ConfigurationError."""
        workspace, files = definitions(paths)
        session = cls.of(workspace, Desired(()), quiet=quiet, **options)  # type: ignore[arg-type] # click's options, one by one below
        desired = load(files)
        if desired.warnings and not quiet:
            told = report.problems(len(files), desired.warnings, "text")
            tell(told, level="warning", facts=problem_facts(desired.warnings))
        return replace(session, desired=desired)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        desired: Desired,
        *,
        environment: str | None,
        sandbox: bool,
        base_url: str | None,
        rate: float,
        allow: tuple[str, ...],
        quiet: bool,
        verbose: bool,
        send_unreadable: bool,
    ) -> Self:
        """Choose the account; raises ConfigurationError where that is not clear."""
        target = choose(workspace, environment, sandbox=sandbox)
        account = Account(workspace, target, base_url, rate)
        note_unused_base_url(account)
        guards = guards_of(workspace, os.environ)
        refuse_idle(guards, allow)
        progress = Progress(quiet=quiet, verbose=verbose)
        return cls(desired, account, guards, allow, progress, send_unreadable, quiet)

    async def plan(self) -> Plan:
        """Read what is live, and plan; nothing is written."""
        count = len(self.desired.definitions)
        self.progress.say(f"reading {count} campaigns of {self.account.address}")
        async with connect(self.account) as api:
            with self.progress.watch("reading", lambda: api.requests):
                live = await Reader(api).read(self.desired)
            self.progress.say(f"read with {api.requests} requests")
        plan = make_plan(
            self.desired,
            live,
            environment=self.account.environment.name,
            base_url=self.account.address,
            created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            send_unreadable=self.send_unreadable,
        )
        return self._guarded(plan)

    async def undo(self, record: Record) -> Plan:
        """Plan what puts a run back; what is left alone is said on stderr."""
        self._refuse_unless_of(record)
        async with connect(self.account) as api:
            live = await Reader(api).read(left_by(record))
        desired, left = undo(record, live)
        for line in left:
            note(line)
        plan = make_plan(
            desired,
            live,
            environment=self.account.environment.name,
            base_url=self.account.address,
            created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        )
        return self._guarded(plan)

    def _guarded(self, plan: Plan) -> Plan:
        return guarded(plan, self.guards, datetime.now(UTC), self.allowed)

    def _refuse_unless_of(self, record: Record) -> None:
        if not self._is_of(record):
            raise ConfigurationError(
                f"run {record.run} was of {record.header.get('environment', '?')}"
                f" at {record.header.get('base_url', '?')}",
                hint="pass that environment with -e, and that address",
            )

    def _is_of(self, record: Record) -> bool:
        here = (self.account.environment.name, self.account.address)
        return (record.header.get("environment"), record.header.get("base_url")) == here

    def refuse_if_old(self, plan: Plan, max_age: float) -> None:
        """Raise StalePlan for a plan that was made more than `max_age` hours ago."""
        refuse_if_old(plan, datetime.now(UTC), max_age)

    def refuse_unless_it_fits(self, plan: Plan, max_age: float) -> None:
        """Raise StalePlan for a saved plan that is old, or not of these definitions and account.

        Raises PlanRefused where a guard now forbids what the plan would do.
        """
        self.refuse_if_old(plan, max_age)
        refuse_unless_it_fits(
            plan,
            self.desired,
            environment=self.account.environment.name,
            base_url=self.account.address,
        )
        if (now := self._guarded(plan)) is not plan:
            hit = next(c.blocked[-1] for c in now.campaigns if c.blocked)
            raise PlanRefused(f"{hit.code}: {hit.message}", hint=hit.hint, code=hit.code)

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Keep other applies of this environment out; waits `timeout` seconds for one to end."""
        folder = Path(self.account.workspace.root) / STATE / "lock"
        started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with locked(folder, self.account.environment.name, timeout=timeout, started=started):
            yield

    async def recover(self, folder: Path) -> None:
        """Learn what became of runs that did not end, and say it on stderr."""
        records = [read_journal(path) for path in journals(folder)]
        cut_off = [record for record in records if record.unfinished and self._is_of(record)]
        if not cut_off:
            return
        async with connect(self.account) as api:
            for record in cut_off:
                cut_short = (
                    "did not come to its end" if record.exit_code is None else "left a doubt"
                )
                note(f"run {record.run} {cut_short}")
                for id_, outcome in (await recover(record, Reader(api))).items():
                    note(f"campaign {id_}: {BECAME[outcome]}")

    async def apply(self, plan: Plan, folder: Path) -> tuple[Applied, int]:
        """Send the plan's updates; gives what came of them, and the exit code."""
        started = datetime.now(UTC)
        # Runs are told apart, and put in order, by name.
        run = f"{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03}Z-{secrets.token_hex(3)}"
        async with connect(self.account) as api:
            journal = self._journal(plan, folder, run, started) if plan.summary.update else None
            apply = Apply(plan, self.desired, api, Reader(api), journal, self._tell)
            with (
                stopping(partial(self._stop, apply)),
                self.progress.watch("writing", lambda: api.writes, of=plan.requests.write),
            ):
                await apply.run()
        if isinstance(apply.stopping.reason, JournalUnwritable):
            tell_error(apply.stopping.reason)
        for line in apply.outcomes.unrecorded:
            tell(f"not on disk: {line}", level="error")
        return apply.outcomes.result(run), apply.outcomes.exit_code()

    def _stop(self, apply: Apply, reason: Stopped) -> None:
        apply.stop(reason)
        tell("Stopping: what is under way is being finished.", level="warning")

    def _tell(self, outcome: Outcome) -> None:
        if outcome.outcome != "unchanged":
            self.progress.say(f"campaign {outcome.id}: {outcome.outcome}")

    def _journal(self, plan: Plan, folder: Path, run: str, started: datetime) -> Journal:
        header = {
            "tool": TOOL,
            "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
            "environment": plan.environment,
            "base_url": plan.base_url,
            "plan": plan.fingerprint,
        }
        return Journal.begin(folder, run, header)


LARGEST_PLAN = 256 * 2**20
"""Bytes of a saved plan: ten thousand campaigns with long prompts are less."""

BECAME = {
    "updated": "its write was done",
    "failed": "its write was not done",
    "stale": "somebody has written since",
    "unknown": "what became of its write cannot be read",
}


def journal_folder(workspace: Workspace, folder: Path | None) -> Path:
    return folder or Path(workspace.root) / STATE / "journal"


def find_run(folder: Path, name: str) -> Record:
    """Read the journal whose run begins with a name; "last" is the newest.

    Raises ConfigurationError where there is none, or more than one.
    """
    found = [path for path in journals(folder) if name == "last" or path.stem.startswith(name)]
    found = found[-1:] if name == "last" else found
    if len(found) != 1:
        many = "more than one run begins" if found else "no run begins"
        raise ConfigurationError(f"{many} with `{name}`", hint="see `campaignsync history`")
    return read_journal(found[0])


def read_saved(file: Path) -> Plan:
    """Read a saved plan.

    Raises ConfigurationError where there is no such file, StalePlan for what is no longer good.
    """
    try:
        content = read(file, LARGEST_PLAN)
    except ValueError as error:
        raise ConfigurationError(f"cannot read the plan {file}: {error}") from None
    return read_plan(content)


def session_of(plan: Plan, options: dict[str, object]) -> Session:
    """Load what a saved plan was made from: definitions, or the journal that it undoes."""
    files = sorted({Path(campaign.source.file) for campaign in plan.campaigns})
    for missing in (path for path in files if not path.is_file()):
        raise StalePlan(
            f"a definition of the plan is not here: {missing}",
            hint="apply a plan in the folder where it was made, or plan again",
        )
    if files and all(path.suffix == SUFFIX for path in files):
        desired = undo_of(read_journal(files[0]), plan)
        return Session.of(find_workspace(files[0]), desired, **options)  # type: ignore[arg-type] # click's options
    return Session.at(files, **options)  # type: ignore[arg-type] # click's options
