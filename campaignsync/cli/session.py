"""One environment of `plan`, `apply` and `drift`: definitions, account, and the run of an apply."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from campaignsync.apply.journal import Journal, name_run
from campaignsync.apply.lock import locked
from campaignsync.apply.recovery import recover
from campaignsync.apply.run import Apply
from campaignsync.cli.account import Account, account_of, connect
from campaignsync.cli.concurrency import stopping
from campaignsync.cli.history import is_of, read_runs
from campaignsync.cli.messages import print_error, print_note, problem_facts
from campaignsync.cli.options import Filters, Target, WriteLimits
from campaignsync.cli.progress import Pause, Progress
from campaignsync.cli.streams import print_message
from campaignsync.errors import JournalUnwritable, Problem, Stopped
from campaignsync.guards import Guards, refuse_idle
from campaignsync.live import LiveReader
from campaignsync.load import load_each
from campaignsync.load.files import display_path
from campaignsync.load.select import choose, environment_names, refuse_absent, select, shard
from campaignsync.load.workspace import STATE, Workspace, find_definitions, guards_at, guards_of
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Applied, Outcome
from campaignsync.model.values import Desired, Live
from campaignsync.plan import TOOL, make_plan
from campaignsync.report import text
from campaignsync.report import wording as words


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account to compare them with.

    `unfiltered` holds the definitions before --select, --exclude and --shard, `unsharded` those
    before --shard alone. `loosened` is a note on the guards that the workspace loosens compared
    with --guards-from; it is empty if there are none.
    """

    desired: Desired
    unfiltered: Desired
    unsharded: Desired
    account: Account
    guards: Guards
    loosened: str
    limits: WriteLimits
    progress: Progress

    @classmethod
    def load_at(
        cls,
        paths: Sequence[Path],
        target: Target,
        filters: Filters,
        limits: WriteLimits,
        *,
        progress: Progress,
    ) -> tuple[Self, ...]:
        """Load the definitions under paths; see `load`."""
        with progress.watch("looking for definitions"):
            workspace, files = find_definitions(paths)
        return cls.load(workspace, files, target, filters, limits, progress=progress)

    @classmethod
    def load(
        cls,
        workspace: Workspace,
        files: Sequence[Path],
        target: Target,
        filters: Filters,
        limits: WriteLimits,
        *,
        progress: Progress,
    ) -> tuple[Self, ...]:
        """Load definition files for each environment of a target, by default the workspace's.

        Raises DefinitionError and ConfigurationError.
        """
        with progress.count("reading", "definitions") as counted:
            names = _chosen_environments(workspace, target)
            loaded = load_each(counted(files), workspace.shared, names)
        if (warnings := loaded[0].warnings) and not progress.quiet:
            _print_warnings(files, warnings)
        sessions = []
        for name, desired in zip(names, loaded, strict=True):
            if desired.left_out and desired.definitions and not progress.quiet:
                many = words.count(desired.left_out, "definition")
                print_note(f"{many} without an id for {name}: left out")
            if len(names) == 1:
                refuse_absent(desired, name)
            unsharded, filtered = _filtered(desired, filters)
            if filtered.shard and not filtered.definitions and not progress.quiet:
                print_note(f"shard {filtered.shard} contains no campaign of {name}")
            session = cls.of(
                workspace, filtered, replace(target, environments=(name,)), limits, progress
            )
            sessions.append(replace(session, unfiltered=desired, unsharded=unsharded))
        return tuple(sessions)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        desired: Desired,
        target: Target,
        limits: WriteLimits,
        progress: Progress,
    ) -> Self:
        """Choose the account and the guards; raises ConfigurationError if that is not possible."""
        account = account_of(workspace, target)
        guards, loosened = guards_of(workspace, os.environ), ""
        if limits.guards_from:
            base = guards_at(workspace, limits.guards_from)
            if names := guards.loosened_from(base):
                loosened = (
                    f"the workspace loosens {' and '.join(f'`guards.{name}`' for name in names)}"
                    f" compared with {limits.guards_from}; the stricter guards apply"
                )
            guards = guards.stricter(base)
        refuse_idle(guards, limits.allow)
        return cls(desired, desired, desired, account, guards, loosened, limits, progress)

    @property
    def name(self) -> str:
        """The name of the environment."""
        return self.account.name

    def print_step(self, step: str) -> None:
        """Print a step and its environment if -v is set."""
        self.progress.print_step(f"{self.name}: {step}")

    async def compare(self) -> Plan:
        """Read the live campaigns and plan, without guards.

        Raises ConfigurationError if no definition has an id here, and ApiError.
        """
        refuse_absent(self.desired, self.name)
        return self.compare_with(self.desired, await self.read(self.desired))

    async def read(self, desired: Desired) -> Live:
        """Read the live campaigns behind some definitions."""
        count = len(desired.definitions)
        least = LiveReader.fewest_requests(desired)
        cost = f"{words.count(least, 'request')} or more, {least / self.account.rate:.0f} s"
        self.print_step(f"reading {count} campaigns of {self.account.address}: {cost}")
        async with connect(self.account, self.progress) as api:
            with self.progress.requests("reading", api, least):
                live = await LiveReader(api).read(desired)
            self.print_step(f"read with {api.requests} requests")
        return live

    def compare_with(self, desired: Desired, live: Live) -> Plan:
        """Plan live campaigns that were read already, without guards."""
        with self.progress.count("comparing", "campaigns") as counted:
            return make_plan(
                desired,
                live,
                environment=self.name,
                base_url=self.account.address,
                created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                send_unreadable=self.limits.send_unreadable,
                counted=counted,
            )


def _chosen_environments(workspace: Workspace, target: Target) -> list[str]:
    """Return the names of a target's environments, by default the workspace's environment."""
    every = environment_names(workspace, sandbox=target.sandbox) if target.all_environments else ()
    wanted = every or dict.fromkeys(target.environments or (None,))
    return [choose(workspace, name, sandbox=target.sandbox).name for name in wanted]


def _print_warnings(files: Sequence[Path], warnings: Sequence[Problem]) -> None:
    report = text.problems([*map(display_path, files)], warnings)
    summary = {"message": report.rpartition("\n")[2]}
    print_message(report, level="warning", facts=summary | problem_facts(warnings))


def _filtered(desired: Desired, filters: Filters) -> tuple[Desired, Desired]:
    """Return the definitions that --select and --exclude leave, and those of --shard in them."""
    unsharded = desired
    if desired.definitions or not desired.left_out:
        unsharded = select(desired, filters.select, filters.exclude)
    if filters.shard and unsharded.definitions:
        return unsharded, shard(unsharded, filters.shard)
    return unsharded, unsharded


@dataclass(frozen=True, slots=True)
class EnvironmentRun:
    """An apply of a session's environment, with the folder of the journals.

    It locks the environment, settles the writes of unfinished runs, and applies a plan.
    """

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
        unfinished = [each for each in records if each.is_unfinished and is_of(each, account)]
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
        return apply.outcomes.result(name), apply.outcomes.exit_code()

    def _print(self, outcome: Outcome) -> None:
        if outcome.outcome != "unchanged":
            self.session.print_step(f"campaign {outcome.id}: {outcome.outcome}")
