"""Definitions and the account that they are held against: what `plan` needs, and every command."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from campaignsync.cli.connect import Account, account_of, connect
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import note, problem_facts, tell
from campaignsync.errors import Problem
from campaignsync.guards import Guards, refuse_idle
from campaignsync.live import Reader
from campaignsync.load import load_each, shown
from campaignsync.model.plan import Plan
from campaignsync.model.values import Desired, Live
from campaignsync.plan import make_plan
from campaignsync.report import text, words
from campaignsync.select import refuse_absent, select, shard
from campaignsync.workspace import (
    Workspace,
    choose,
    definitions,
    every_of,
    guards_at,
    guards_of,
)


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account that they are held against.

    `whole` holds the definitions before --select, --exclude and --shard, `unsharded` those before
    --shard alone. `loosened` says which
    guards the workspace loosens, compared with --guards-from; empty where it loosens none.
    """

    desired: Desired
    whole: Desired
    unsharded: Desired
    account: Account
    guards: Guards
    loosened: str
    allowed: tuple[str, ...]
    progress: Progress
    send_unreadable: bool

    @classmethod
    def each_at(cls, paths: Sequence[Path], *, quiet: bool, **options: object) -> tuple[Self, ...]:
        """Load the definitions under paths, as `each_of` their files."""
        with Progress(quiet=quiet).watch("looking for definitions"):
            workspace, files = definitions(paths)
        return cls.each_of(workspace, files, quiet=quiet, **options)  # type: ignore[arg-type] # click's options, one by one below

    @classmethod
    def each_of(
        cls,
        workspace: Workspace,
        files: Sequence[Path],
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
        """Load definition files for some environments of a workspace, or for `every` one.

        Without a name it is the workspace's default. Raises DefinitionError and ConfigurationError.
        """
        progress = Progress(quiet=quiet, verbose=verbose)
        with progress.count("reading", "definitions") as counted:
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
            unsharded = desired
            if desired.definitions or not desired.left_out:
                unsharded = select(desired, chosen, excluded)
            is_part = bool(part and unsharded.definitions)
            kept = shard(unsharded, part) if part and is_part else unsharded
            if kept.shard and not kept.definitions and not quiet:
                note(f"no campaign of {name} falls into shard {kept.shard}")
            sessions.append(
                cls.of(
                    workspace,
                    kept,
                    progress,
                    whole=desired,
                    unsharded=unsharded,
                    environment=name,
                    sandbox=sandbox,
                    **options,  # type: ignore[arg-type] # as above
                )
            )
        return tuple(sessions)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        desired: Desired,
        progress: Progress,
        *,
        whole: Desired | None = None,
        unsharded: Desired | None = None,
        environment: str | None,
        sandbox: bool,
        base_url: str | None,
        rate: float,
        allow: tuple[str, ...],
        guards_from: str | None = None,
        send_unreadable: bool,
    ) -> Self:
        """Choose the account; raises ConfigurationError where that is not clear."""
        account = account_of(workspace, environment, base_url, rate, sandbox=sandbox)
        guards, loosened = guards_of(workspace, os.environ), ""
        if guards_from:
            base = guards_at(workspace, guards_from)
            if names := guards.loosened_from(base):
                loosened = (
                    f"the workspace loosens {' and '.join(f'`guards.{name}`' for name in names)}"
                    f" compared with {guards_from}; the plan is checked against the stricter guards"
                )
            guards = guards.stricter(base)
        refuse_idle(guards, allow)
        return cls(
            desired=desired,
            whole=whole or desired,
            unsharded=unsharded or desired,
            account=account,
            guards=guards,
            loosened=loosened,
            allowed=allow,
            progress=progress,
            send_unreadable=send_unreadable,
        )

    @property
    def name(self) -> str:
        return self.account.environment.name

    def say(self, step: str) -> None:
        """Tell a step, and of which environment, where somebody asked for them."""
        self.progress.say(f"{self.name}: {step}")

    async def compare(self) -> Plan:
        """Read what is live, and plan as if there were no guards; nothing is written.

        Raises ConfigurationError if no definition has an id here, and ApiError.
        """
        refuse_absent(self.desired, self.name)
        return self.compare_with(self.desired, await self.read(self.desired))

    async def read(self, desired: Desired) -> Live:
        """Read the live campaigns behind some definitions."""
        count = len(desired.definitions)
        least = Reader.least(desired)
        takes = f"{words.count(least, 'request')} or more, {least / self.account.rate:.0f} s"
        self.say(f"reading {count} campaigns of {self.account.address}: {takes}")
        async with connect(self.account, self.progress) as api:
            with self.progress.requests("reading", api, lambda: least, self.account.rate):
                live = await Reader(api).read(desired)
            self.say(f"read with {api.requests} requests")
        return live

    def compare_with(self, desired: Desired, live: Live) -> Plan:
        """Plan what was read as if there were no guards."""
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


def _tell_warnings(files: Sequence[Path], warnings: Sequence[Problem]) -> None:
    told = text.problems([*map(shown, files)], warnings)
    summed_up = {"message": told.rpartition("\n")[2]}
    tell(told, level="warning", facts=summed_up | problem_facts(warnings))
