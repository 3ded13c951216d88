"""The apply of one environment: lock it, settle the writes of unfinished runs, send a plan."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaignsync.apply.journal import Journal, name_run
from campaignsync.apply.lock import locked
from campaignsync.apply.recovery import recover
from campaignsync.apply.run import Apply
from campaignsync.cli.account import connect
from campaignsync.cli.concurrency import stopping
from campaignsync.cli.journals import read_runs
from campaignsync.cli.messages import print_error, print_note
from campaignsync.cli.progress import Pause
from campaignsync.cli.session import Session
from campaignsync.cli.streams import print_message
from campaignsync.errors import Inconsistent, JournalUnwritable, Stopped
from campaignsync.live import LiveReader
from campaignsync.load.workspace import STATE
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Applied, Outcome
from campaignsync.plan import TOOL


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

    async def recover(self, lock_timeout: float) -> None:
        """Settle the writes of unfinished runs, and report their outcomes on stderr.

        Wait `lock_timeout` seconds for a run of another workspace to end. Raises Inconsistent if
        an unfinished run cleared fields that it did not send.
        """
        account, progress = self.session.account, self.session.progress
        records = read_runs(self.folder, progress)
        unfinished = [
            each
            for each in records
            if each.is_unfinished and each.is_of(account.name, account.base_url)
        ]
        if not unfinished:
            return
        async with connect(account, progress) as api:
            for record in unfinished:
                looking = f"looking for the writes of run {record.run}"
                with progress.requests(looking, api, len(record.unresolved)):
                    recovered = await recover(record, LiveReader(api), lock_timeout)
                if recovered is None:
                    continue
                state = (
                    "did not finish"
                    if record.exit_code is None
                    else "has writes with an unknown outcome"
                )
                print_note(f"run {record.run} {state}")
                for id_, each in recovered.items():
                    print_note(f"campaign {id_}: {each.message}")
                # A run that was killed before its end reported no harm that it had recorded.
                is_unreported = record.exit_code is None and record.collateral
                if is_unreported or any(each.collateral for each in recovered.values()):
                    raise Inconsistent(
                        f"a PATCH of run {record.run} cleared fields that it did not send",
                        hint=f"`campaignsync undo {record.run}` plans how to restore them; apply"
                        " again to continue without it",
                        code="CHANGED_UNASKED",
                    )

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
                }
                journal = Journal.begin(self.folder, name, header)
            apply = Apply(plan, self.session.desired, api, LiveReader(api), journal, self._print)

            def stop(reason: Stopped) -> None:
                apply.stopping.stop(reason)
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
