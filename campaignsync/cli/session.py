"""One environment of `plan`, `apply` and `drift`: its definitions, account and guards."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from campaignsync.cli.account import Account, account_of, connect
from campaignsync.cli.messages import print_note, problem_facts
from campaignsync.cli.options import Filters, Target, WriteLimits
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import print_message
from campaignsync.errors import ConfigurationError, Problem
from campaignsync.guards import Guards, refuse_idle
from campaignsync.live import LiveReader
from campaignsync.load import load_each
from campaignsync.load.files import display_path
from campaignsync.load.select import choose, environment_names, refuse_absent, select, shard
from campaignsync.load.workspace import (
    Environment,
    Workspace,
    find_definitions,
    guards_at,
    guards_of,
)
from campaignsync.model.definitions import Desired, Live
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan
from campaignsync.plan import make_plan
from campaignsync.report import text
from campaignsync.report import wording as words
from campaignsync.report.terminal import joined


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
            environments = _chosen_environments(workspace, target)
            names = [environment.name for environment in environments]
            loaded = load_each(counted(files), workspace.shared, names)
        if (warnings := loaded[0].warnings) and not progress.quiet:
            _print_warnings(files, warnings)
        sessions = []
        for environment, desired in zip(environments, loaded, strict=True):
            name = environment.name
            if desired.left_out and desired.definitions and not progress.quiet:
                many = words.count(desired.left_out, "definition")
                print_note(f"{many} without an id for {name}: left out")
            if len(names) == 1:
                refuse_absent(desired, name)
            unsharded, filtered = _filtered(desired, filters)
            if filtered.shard and not filtered.definitions and not progress.quiet:
                print_note(f"shard {filtered.shard} contains no campaign of {name}")
            account = account_of(workspace, environment, target)
            session = cls.of(account, filtered, limits, progress)
            sessions.append(replace(session, unfiltered=desired, unsharded=unsharded))
        refuse_contradictions(sessions)
        return tuple(sessions)

    @classmethod
    def of(
        cls, account: Account, desired: Desired, limits: WriteLimits, progress: Progress
    ) -> Self:
        """Choose the guards; raises ConfigurationError if that is not possible."""
        workspace = account.workspace
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
        self.print_step(f"reading {count} campaigns of {self.account.base_url}: {cost}")
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
                base_url=self.account.base_url,
                created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                send_unreadable=self.limits.send_unreadable,
                counted=counted,
            )


def refuse_contradictions(sessions: Sequence[Session]) -> None:
    """Raise ConfigurationError if two environments of one account disagree about a campaign.

    They are written at the same time, and one would overwrite what the other wrote.
    """
    wanted: dict[tuple[tuple[str, str], int, str], tuple[Value, str]] = {}
    for session in sessions if len(sessions) > 1 else ():
        account = session.account.identity
        for definition in session.desired.definitions:
            for path, value in definition.values.items():
                first, name = wanted.setdefault(
                    (account, definition.id, path), (value, session.name)
                )
                if value != first:
                    raise ConfigurationError(
                        f"campaign {definition.id} has two values of `{path}`:"
                        f" {name} and {session.name} are the same account",
                        hint="give one of them another key with `api_key_env`,"
                        f" or run `-e {name}` alone",
                        code="DUPLICATE_ID",
                    )


def _chosen_environments(workspace: Workspace, target: Target) -> list[Environment]:
    """Return a target's environments, by default the workspace's environment."""
    every = environment_names(workspace, sandbox=target.sandbox) if target.all_environments else ()
    wanted = every or dict.fromkeys(target.environments or (None,))
    return [choose(workspace, name, sandbox=target.sandbox) for name in wanted]


def _print_warnings(files: Sequence[Path], warnings: Sequence[Problem]) -> None:
    report = joined(text.problems([*map(display_path, files)], warnings))
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
