"""One environment's applies: lock, recover, write, undo."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from campaignsync.api import Api
from campaignsync.apply import Apply
from campaignsync.apply.journal import SUFFIX, Journal, name_run
from campaignsync.apply.lock import locked
from campaignsync.apply.recovery import recover
from campaignsync.apply.undo import left_by, undo
from campaignsync.cli.connect import connect
from campaignsync.cli.guarding import guard
from campaignsync.cli.journals import records_in
from campaignsync.cli.messages import note, tell_error
from campaignsync.cli.progress import Pause
from campaignsync.cli.reverts import note_reverts
from campaignsync.cli.session import Session
from campaignsync.cli.signals import stopping
from campaignsync.cli.streams import tell
from campaignsync.errors import ConfigurationError, JournalUnwritable, Stopped
from campaignsync.live import Reader
from campaignsync.load.workspace import STATE
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.results import Applied, Outcome
from campaignsync.model.run import Record
from campaignsync.plan import TOOL


@dataclass(frozen=True, slots=True)
class Runs:
    """The applies of a session's environment, with the folder of their journals."""

    session: Session
    folder: Path

    @property
    def name(self) -> str:
        return self.session.name

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Lock the environment against other applies; wait `timeout` seconds for the lock."""
        folder = Path(self.session.account.workspace.root) / STATE / "lock"
        started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        pause = Pause()
        pause.begin(timeout, f"another apply of {self.name} is running")
        with ExitStack() as stack:
            with self.session.progress.watch("locking", waits=pause.describe):
                stack.enter_context(locked(folder, self.name, timeout=timeout, started=started))
            yield

    async def recover(self) -> None:
        """Settle the writes of unfinished runs, and report their outcomes on stderr."""
        records = records_in(self.folder, self.session.progress)
        cut_off = [record for record in records if record.unfinished and self._is_of(record)]
        if not cut_off:
            return
        async with connect(self.session.account, self.session.progress) as api:
            for record in cut_off:
                state = (
                    "did not finish"
                    if record.exit_code is None
                    else "has writes with an unknown outcome"
                )
                note(f"run {record.run} {state}")
                with self._requests("looking for its writes", api, len(record.unresolved)):
                    recovered = await recover(record, Reader(api))
                for id_, each in recovered.items():
                    note(f"campaign {id_}: {each.message}")

    async def apply(self, plan: Plan) -> tuple[Applied, int]:
        """Send the plan's updates; return the outcomes and the exit code."""
        started = datetime.now(UTC)
        run = name_run(self.folder, started, secrets.token_hex(3))
        async with connect(self.session.account, self.session.progress) as api:
            journal = self._journal(plan, run, started) if plan.summary.update else None
            apply = Apply(plan, self.session.desired, api, Reader(api), journal, self._tell)
            with (
                stopping(partial(self._stop, apply)),
                # Each campaign is read again before its PATCH.
                self._requests("writing", api, 2 * plan.environment.requests.write),
            ):
                await apply.run()
        if isinstance(apply.stopping.reason, JournalUnwritable):
            tell_error(apply.stopping.reason)
        for line in apply.outcomes.unrecorded:
            tell(f"not recorded on disk: {line}", level="error")
        result = apply.outcomes.result(run)
        updated = {each.id for each in result.campaigns if each.outcome == "updated"}
        self._note_reverts(each for each in plan.campaigns if each.id in updated and _is_undo(each))
        return result, apply.outcomes.exit_code()

    def _stop(self, apply: Apply, reason: Stopped) -> None:
        apply.stop(reason)
        tell("Stopping after the requests in flight.", level="warning")

    def _tell(self, outcome: Outcome) -> None:
        if outcome.outcome != "unchanged":
            self.session.say(f"campaign {outcome.id}: {outcome.outcome}")

    def _journal(self, plan: Plan, run: str, started: datetime) -> Journal:
        header = {
            "tool": TOOL,
            "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
            "environment": plan.environment.name,
            "base_url": plan.environment.base_url,
            "plan": plan.fingerprint,
        }
        return Journal.begin(self.folder, run, header)

    async def undo(self, record: Record) -> Plan:
        """Plan the undo of a run, and print notes on values that stay as they are."""
        self._refuse_unless_of(record)
        wanted = left_by(record)
        async with connect(self.session.account, self.session.progress) as api:
            with self._requests("reading", api, Reader.least(wanted)):
                live = await Reader(api).read(wanted)
        desired, notes = undo(record, live)
        for text in notes:
            note(text)
        plan = self.session.compare_with(desired, live)
        plan = await guard(replace(self.session, desired=desired), plan)
        self._note_reverts(
            (each for each in plan.campaigns if each.action == "update"),
            " after the undo is applied",
        )
        return plan

    def _note_reverts(self, undone: Iterable[PlannedCampaign], when: str = "") -> None:
        campaigns = tuple(undone)
        if campaigns and not self.session.progress.quiet:
            note_reverts(self.session.account.workspace, self.name, campaigns, when)

    def _requests(self, what: str, api: Api, of: int) -> AbstractContextManager[None]:
        return self.session.progress.requests(what, api, lambda: of, self.session.account.rate)

    def _refuse_unless_of(self, record: Record) -> None:
        if not self._is_of(record):
            raise ConfigurationError(
                f"run {record.run} belongs to {record.header.get('environment', '?')}"
                f" at {record.header.get('base_url', '?')}",
                hint="pass that environment with -e, and that URL with --base-url",
                code="OTHER_ACCOUNT",
            )

    def _is_of(self, record: Record) -> bool:
        here = (self.name, self.session.account.address)
        return (record.header.get("environment"), record.header.get("base_url")) == here


def _is_undo(campaign: PlannedCampaign) -> bool:
    return Path(campaign.source.file).suffix == SUFFIX
