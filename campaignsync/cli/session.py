"""Definitions and the account that they are held against: what `plan` needs, and every command."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from campaignsync import report
from campaignsync.cli.connect import Account, account_of, connect
from campaignsync.cli.options import note
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import problem_facts, tell
from campaignsync.errors import PlanRefused, Problem
from campaignsync.guards import guarded, refuse_idle
from campaignsync.live import Reader
from campaignsync.load import load_each, shown
from campaignsync.model.plans import Plan
from campaignsync.model.values import Desired, Guards, Live, Workspace
from campaignsync.plan import make_plan, refuse_if_old, refuse_unless_it_fits
from campaignsync.report import words
from campaignsync.select import refuse_absent, select, shard
from campaignsync.sharers import with_sharers
from campaignsync.workspace import choose, definitions, every_of, guards_of


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account that they are held against."""

    desired: Desired
    account: Account
    guards: Guards
    allowed: tuple[str, ...]
    progress: Progress
    send_unreadable: bool

    @classmethod
    def at(
        cls,
        paths: Sequence[Path],
        *,
        environment: str | None,
        **options: object,
    ) -> Self:
        """Load the definitions under paths that are meant, as `each_at` for one environment."""
        return cls.each_at(paths, environments=(environment,), **options)[0]  # type: ignore[arg-type] # click's options, one by one below

    @classmethod
    def each_at(
        cls,
        paths: Sequence[Path],
        *,
        environments: Sequence[str | None],
        every: bool = False,
        chosen: Sequence[str] = (),
        excluded: Sequence[str] = (),
        part: str | None = None,
        sandbox: bool,
        quiet: bool,
        verbose: bool,
        **options: object,
    ) -> tuple[Self, ...]:
        """Load the definitions under paths that are meant, for some environments or `every` one.

        Without a name it is the workspace's default. Raises DefinitionError and ConfigurationError.
        """
        progress = Progress(quiet=quiet, verbose=verbose)
        with progress.count("reading", "definitions") as counted:
            workspace, files = definitions(paths)
            every_name = every_of(workspace, sandbox=sandbox) if every else ()
            meant = every_name or dict.fromkeys(environments or (None,))
            names = [choose(workspace, name, sandbox=sandbox).name for name in meant]
            loaded = load_each(counted(files), workspace.shared, names)
        if loaded[0].warnings and not quiet:
            _tell_warnings(files, loaded[0].warnings)
        sessions = []
        for name, desired in zip(names, loaded, strict=True):
            if desired.left_out and desired.definitions and not quiet:
                many = words.count(desired.left_out, "definition")
                note(f"{many} without an id for {name}: left out")
            if len(names) == 1:
                refuse_absent(desired, name)
            kept = desired
            if desired.definitions or not desired.left_out:
                kept = select(kept, chosen, excluded)
                kept = shard(kept, part) if part else kept
            if kept.shard and not kept.definitions and not quiet:
                note(f"no campaign of {name} falls into shard {kept.shard}")
            sessions.append(
                cls.of(workspace, kept, progress, environment=name, sandbox=sandbox, **options)  # type: ignore[arg-type] # as above
            )
        return tuple(sessions)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        desired: Desired,
        progress: Progress,
        *,
        environment: str | None,
        sandbox: bool,
        base_url: str | None,
        rate: float,
        allow: tuple[str, ...],
        send_unreadable: bool,
    ) -> Self:
        """Choose the account; raises ConfigurationError where that is not clear."""
        account = account_of(workspace, environment, base_url, rate, sandbox=sandbox)
        guards = guards_of(workspace, os.environ)
        refuse_idle(guards, allow)
        return cls(desired, account, guards, allow, progress, send_unreadable)

    @property
    def name(self) -> str:
        return self.account.environment.name

    def say(self, step: str) -> None:
        """Tell a step, and of which environment, where somebody asked for them."""
        self.progress.say(f"{self.name}: {step}")

    async def plan(self) -> Plan:
        """Read what is live, and plan within the account's guards; nothing is written."""
        return with_sharers(self._guarded(await self.compare()), self.desired)

    async def compare(self) -> Plan:
        """Read what is live, and plan as if there were no guards; nothing is written.

        Raises ConfigurationError if no definition has an id here, and ApiError.
        """
        refuse_absent(self.desired, self.name)
        count = len(self.desired.definitions)
        least = Reader.least(self.desired)
        takes = f"{words.count(least, 'request')} or more, {least / self.account.rate:.0f} s"
        self.say(f"reading {count} campaigns of {self.account.address}: {takes}")
        async with connect(self.account, self.progress) as api:
            with self.progress.requests("reading", api, lambda: least, self.account.rate):
                live = await Reader(api).read(self.desired)
            self.say(f"read with {api.requests} requests")
        return self._compared(self.desired, live)

    def planned(self, desired: Desired, live: Live) -> Plan:
        """Plan what was read, for this account, within its guards."""
        return with_sharers(self._guarded(self._compared(desired, live)), desired)

    def _compared(self, desired: Desired, live: Live) -> Plan:
        with self.progress.count("comparing", "campaigns") as counted:
            return make_plan(
                desired,
                live,
                environment=self.name,
                base_url=self.account.address,
                created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                send_unreadable=self.send_unreadable,
                counted=counted,
            )

    def _guarded(self, plan: Plan) -> Plan:
        return guarded(plan, self.guards, datetime.now(UTC), self.allowed)

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
            environment=self.name,
            base_url=self.account.address,
        )
        if (now := self._guarded(plan)) is not plan:
            hit = next(c.blocked[-1] for c in now.campaigns if c.blocked)
            raise PlanRefused(f"{hit.code}: {hit.message}", hint=hit.hint, code=hit.code)


def _tell_warnings(files: Sequence[Path], warnings: Sequence[Problem]) -> None:
    told = report.problems([*map(shown, files)], warnings, "text")
    summed_up = {"message": told.rpartition("\n")[2]}
    tell(told, level="warning", facts=summed_up | problem_facts(warnings))
