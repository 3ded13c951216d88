"""One command's way through the rooms: from definitions to a plan, from a plan to outcomes."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import click

from campaignsync import report
from campaignsync.apply import Apply
from campaignsync.cli.connect import Account, connect, note_unused_base_url
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, StalePlan
from campaignsync.live import Reader
from campaignsync.load import load
from campaignsync.model.documents import Applied, Plan
from campaignsync.model.values import Desired
from campaignsync.plan import make_plan, read_plan, refuse_unless_it_fits
from campaignsync.workspace import choose, definitions


@dataclass(frozen=True, slots=True)
class Session:
    """Definitions, and the account that they are held against."""

    desired: Desired
    account: Account
    progress: Progress
    send_unreadable: bool = False

    @classmethod
    def at(
        cls,
        paths: Sequence[Path],
        *,
        environment: str | None,
        sandbox: bool,
        base_url: str | None,
        rate: float,
        quiet: bool,
        verbose: bool,
        send_unreadable: bool = False,
    ) -> Self:
        """Load the definitions under paths; raises DefinitionError and ConfigurationError."""
        workspace, files = definitions(paths)
        target = choose(workspace, environment, sandbox=sandbox)
        desired = load(files)
        if desired.warnings and not quiet:
            click.echo(report.problems(len(files), desired.warnings, "text"), err=True)
        account = Account(workspace, target, base_url, rate)
        note_unused_base_url(account)
        return cls(desired, account, Progress(quiet=quiet, verbose=verbose), send_unreadable)

    async def plan(self) -> Plan:
        """Read what is live, and plan; nothing is written."""
        async with connect(self.account) as api:
            with self.progress.watch("reading", lambda: api.requests):
                live = await Reader(api).read(self.desired)
        return make_plan(
            self.desired,
            live,
            environment=self.account.environment.name,
            base_url=self.account.address,
            created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            send_unreadable=self.send_unreadable,
        )

    async def apply(self, plan: Plan) -> tuple[Applied, int]:
        """Send the plan's updates; gives what came of them, and the exit code."""
        started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        async with connect(self.account) as api:
            apply = Apply(plan, self.desired, api, Reader(api))
            with self.progress.watch("writing", lambda: api.writes, of=plan.requests.write):
                await apply.run()
        return apply.result(started), apply.exit_code()

    def refuse_unless_it_fits(self, plan: Plan) -> None:
        """Raise StalePlan where a saved plan is not of these definitions and this account."""
        refuse_unless_it_fits(
            plan,
            self.desired,
            environment=self.account.environment.name,
            base_url=self.account.address,
        )


def saved_plan(file: Path) -> tuple[Plan, list[Path]]:
    """Read a saved plan, and name the files of definitions that it was made from.

    Raises ConfigurationError where there is no such file, StalePlan for what is no longer good.
    """
    plan = read_saved(file)
    files = sorted({Path(campaign.source.file) for campaign in plan.campaigns})
    for missing in (path for path in files if not path.is_file()):
        raise StalePlan(
            f"a definition of the plan is not here: {missing}",
            hint="apply a plan in the folder where it was made, or plan again",
        )
    return plan, files


def read_saved(file: Path) -> Plan:
    """Read a saved plan alone; raises as saved_plan does."""
    try:
        return read_plan(file.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"cannot read the plan {file}: {reason}") from None
