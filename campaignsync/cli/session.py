"""Definitions and the account to compare them with: the start of `plan`, `apply` and `drift`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from campaignsync.cli.connect import Account, account_of, connect
from campaignsync.cli.messages import note, problem_facts
from campaignsync.cli.options import Filters, Target, Writing
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import tell
from campaignsync.errors import Problem
from campaignsync.guards import Guards, refuse_idle
from campaignsync.live import Reader
from campaignsync.load import load_each, shown
from campaignsync.load.select import refuse_absent, select, shard
from campaignsync.load.workspace import (
    Workspace,
    choose,
    definitions,
    every_of,
    guards_at,
    guards_of,
)
from campaignsync.model.plan import Plan
from campaignsync.model.values import Desired, Live
from campaignsync.plan import make_plan
from campaignsync.report import text
from campaignsync.report import wording as words


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account to compare them with.

    `whole` holds the definitions before --select, --exclude and --shard, `unsharded` those before
    --shard alone. `loosened` names the guards that the workspace loosens compared with
    --guards-from; it is empty if there are none.
    """

    desired: Desired
    whole: Desired
    unsharded: Desired
    account: Account
    guards: Guards
    loosened: str
    writing: Writing
    progress: Progress

    @classmethod
    def each_at(
        cls,
        paths: Sequence[Path],
        target: Target,
        filters: Filters,
        writing: Writing,
        *,
        progress: Progress,
    ) -> tuple[Self, ...]:
        """Load the definitions under paths; see `each_of`."""
        with progress.watch("looking for definitions"):
            workspace, files = definitions(paths)
        return cls.each_of(workspace, files, target, filters, writing, progress=progress)

    @classmethod
    def each_of(
        cls,
        workspace: Workspace,
        files: Sequence[Path],
        target: Target,
        filters: Filters,
        writing: Writing,
        *,
        progress: Progress,
    ) -> tuple[Self, ...]:
        """Load definition files for each environment of a target, by default the workspace's.

        Raises DefinitionError and ConfigurationError.
        """
        with progress.count("reading", "definitions") as counted:
            every = every_of(workspace, sandbox=target.sandbox) if target.every else ()
            wanted = every or dict.fromkeys(target.environments or (None,))
            names = [choose(workspace, name, sandbox=target.sandbox).name for name in wanted]
            loaded = load_each(counted(files), workspace.shared, names)
        if loaded[0].warnings and not progress.quiet:
            _print_warnings(files, loaded[0].warnings)
        sessions = []
        for name, desired in zip(names, loaded, strict=True):
            if desired.left_out and desired.definitions and not progress.quiet:
                many = words.count(desired.left_out, "definition")
                note(f"{many} without an id for {name}: left out")
            if len(names) == 1:
                refuse_absent(desired, name)
            unsharded = desired
            if desired.definitions or not desired.left_out:
                unsharded = select(desired, filters.chosen, filters.excluded)
            has_parts = bool(filters.part and unsharded.definitions)
            kept = shard(unsharded, filters.part) if filters.part and has_parts else unsharded
            if kept.shard and not kept.definitions and not progress.quiet:
                note(f"shard {kept.shard} contains no campaign of {name}")
            session = cls.of(
                workspace, kept, replace(target, environments=(name,)), writing, progress
            )
            sessions.append(replace(session, whole=desired, unsharded=unsharded))
        return tuple(sessions)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        desired: Desired,
        target: Target,
        writing: Writing,
        progress: Progress,
    ) -> Self:
        """Choose the account and the guards; raises ConfigurationError if that is not possible."""
        account = account_of(workspace, target)
        guards, loosened = guards_of(workspace, os.environ), ""
        if writing.guards_from:
            base = guards_at(workspace, writing.guards_from)
            if names := guards.loosened_from(base):
                loosened = (
                    f"the workspace loosens {' and '.join(f'`guards.{name}`' for name in names)}"
                    f" compared with {writing.guards_from}; the stricter guards apply"
                )
            guards = guards.stricter(base)
        refuse_idle(guards, writing.allow)
        return cls(
            desired=desired,
            whole=desired,
            unsharded=desired,
            account=account,
            guards=guards,
            loosened=loosened,
            writing=writing,
            progress=progress,
        )

    @property
    def name(self) -> str:
        return self.account.environment.name

    def say(self, step: str) -> None:
        """Print a step and its environment if -v is set."""
        self.progress.say(f"{self.name}: {step}")

    async def compare(self) -> Plan:
        """Read the live campaigns and plan, without guards.

        Raises ConfigurationError if no definition has an id here, and ApiError.
        """
        refuse_absent(self.desired, self.name)
        return self.compare_with(self.desired, await self.read(self.desired))

    async def read(self, desired: Desired) -> Live:
        """Read the live campaigns behind some definitions."""
        count = len(desired.definitions)
        least = Reader.least(desired)
        cost = f"{words.count(least, 'request')} or more, {least / self.account.rate:.0f} s"
        self.say(f"reading {count} campaigns of {self.account.address}: {cost}")
        async with connect(self.account, self.progress) as api:
            with self.progress.requests("reading", api, lambda: least, self.account.rate):
                live = await Reader(api).read(desired)
            self.say(f"read with {api.requests} requests")
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
                send_unreadable=self.writing.send_unreadable,
                counted=counted,
            )


def _print_warnings(files: Sequence[Path], warnings: Sequence[Problem]) -> None:
    report = text.problems([*map(shown, files)], warnings)
    summary = {"message": report.rpartition("\n")[2]}
    tell(report, level="warning", facts=summary | problem_facts(warnings))
