"""Check a saved plan against the workspace where it is applied."""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from campaignsync.apply.journal import read_journal, undoes_run
from campaignsync.apply.saved_plan import (
    refuse_if_old,
    refuse_omissions,
    refuse_unless_derived,
    refuse_unless_it_fits,
    refuse_unless_sealed,
    refuse_wrong_total,
)
from campaignsync.apply.undo import left_by, undo_of
from campaignsync.cli.account import account_of
from campaignsync.cli.journals import journal_folder
from campaignsync.cli.keys import plan_key_of
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import UNDO_ELSEWHERE, Filters, Target, WriteLimits
from campaignsync.cli.output import Output
from campaignsync.cli.planning import refuse_guarded
from campaignsync.cli.session import Session, refuse_contradictions
from campaignsync.errors import ConfigurationError, PlanRefused, StalePlan
from campaignsync.load import check
from campaignsync.load.files import find
from campaignsync.load.select import choose, shard
from campaignsync.load.workspace import Workspace, source_in
from campaignsync.model.definitions import Desired
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Record
from campaignsync.plan_notes import join_ids
from campaignsync.report import wording as words


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """The options of both ways to apply.

    `lock_timeout` is in seconds, `max_age` in hours.
    """

    journal: Path | None
    lock_timeout: float
    max_age: float
    auto_approve: bool
    target: Target
    limits: WriteLimits
    output: Output


@dataclass(frozen=True)
class SavedPlan:
    """A saved plan, and the workspace and options that it is applied with."""

    plan: Plan
    workspace: Workspace
    settings: ApplySettings

    def refuse_unless_complete(self) -> None:
        """Raise StalePlan for a plan without the right seal, PlanRefused for a part of plans."""
        refuse_unless_sealed(self.plan, plan_key_of(os.environ))
        for name, error in self.plan.failed():
            raise PlanRefused(
                f"{name} is not in the saved plan: {error.message}",
                hint="plan again, and have it reviewed; to apply the others alone, plan without"
                " this environment",
            )
        refuse_wrong_total(self.plan)

    @cached_property
    def parts(self) -> list[Plan]:
        """The plan of each environment."""
        return [self.plan.only(environment.name) for environment in self.plan.environments]

    def load_sessions(self) -> tuple[Session, ...]:
        """Load the definitions of each environment, and check its plan against them.

        Raises StalePlan, and PlanRefused if a guard now forbids a change of the plan.
        """
        self._refuse_idle_allowance()
        sessions = []
        for part in self.parts:
            session = self._load_session(part)
            refuse_if_old(part, datetime.now(UTC), self.settings.max_age)
            refuse_unless_it_fits(
                part,
                session.desired,
                environment=session.name,
                base_url=session.account.base_url,
            )
            refuse_unless_derived(part, session.desired)
            sessions.append(session)
        refuse_contradictions(sessions)
        refuse_guarded(sessions, self.parts)
        return tuple(sessions)

    def note_definitions_left_out(self) -> None:
        """Print a note with the definitions of the workspace that the plan does not cover."""
        for part in self.parts:
            if _is_undo(part):
                continue
            if ids := self._left_out(part):
                many = words.count(len(ids), "definition")
                name = part.environment.name
                print_note(f"the plan does not cover {many} of {name}: {join_ids(ids)}")

    def _left_out(self, plan: Plan) -> list[int]:
        """Return the ids of the definitions that a plan of the whole workspace would cover."""
        if not self.workspace.file:
            return []  # only a workspace says which definitions belong together
        planned = {Path(each.source.file).as_posix() for each in plan.campaigns}
        root = Path(self.workspace.root)
        try:
            files = find([Path(part) for part in self.workspace.definitions])
        except ConfigurationError:
            return []
        others = [
            file for file in files if Path(os.path.relpath(file, root)).as_posix() not in planned
        ]
        shared = self.workspace.shared
        (desired,), _ = check(others, shared, (plan.environment.name,))
        if plan.shard:
            desired = shard(desired, plan.shard)
        return [definition.id for definition in desired.definitions]

    def _load_session(self, plan: Plan) -> Session:
        settings = self.settings
        name = environment_for(plan, settings.target)
        if _is_undo(plan) or not plan.campaigns:
            environment = choose(self.workspace, name, sandbox=settings.target.sandbox)
            account = account_of(self.workspace, environment, settings.target)
            desired = self._restored(plan) if plan.campaigns else Desired(())
            return Session.of(account, desired, settings.limits, settings.output.progress)
        target = replace(settings.target, environments=(name,), all_environments=False)
        files = sorted({source_in(self.workspace, each.source.file) for each in plan.campaigns})
        (session,) = Session.load(
            self.workspace,
            files,
            target,
            Filters(),
            settings.limits,
            progress=settings.output.progress,
        )
        return session

    def _restored(self, plan: Plan) -> Desired:
        """Return the values that an undo plan restores, from the journal of the undone run."""
        files = {each.source.file for each in plan.campaigns}
        if len(files) != 1:
            raise StalePlan(
                f"an undo plan must belong to one run; this one names {', '.join(sorted(files))}",
                hint="make it again with `campaignsync undo RUN --out FILE`",
                code="PLAN_SOURCE",
            )
        with self.settings.output.progress.watch("reading the run"):
            record = read_journal(self._journal_of(plan))
        for what, planned, recorded in (
            ("environment", plan.environment.name, record.environment or "?"),
            ("base URL", plan.environment.base_url, record.base_url or "?"),
        ):
            if planned != recorded:
                raise StalePlan(
                    f"run {record.run} was made for another {what}: {recorded}, not {planned}",
                    hint="make the plan again with `campaignsync undo RUN --out FILE`",
                    code="OTHER_PLAN",
                )
        self._note_writes_left_out(record, plan)
        return undo_of(record, plan)

    def _note_writes_left_out(self, record: Record, plan: Plan) -> None:
        """Print a note with the campaigns of a run that its undo plan does not restore."""
        ids = left_by(record).by_id.keys() - {campaign.id for campaign in plan.campaigns}
        if ids and not self.settings.output.progress.quiet:
            many = words.count(len(ids), "campaign")
            print_note(f"the plan leaves {many} of run {record.run} alone: {join_ids(sorted(ids))}")

    def _journal_of(self, plan: Plan) -> Path:
        """Return the journal of an undo plan; raises StalePlan for a run of another workspace."""
        source = Path(plan.campaigns[0].source.file)
        own = self._journals / source.name
        if own.is_file():
            return own
        if UNDO_ELSEWHERE in self.settings.limits.allow:
            return Path(self.workspace.root) / source
        raise StalePlan(
            f"the plan undoes run {source.stem}, which is not in this workspace's journal",
            hint="apply it in the workspace of that run (-C DIR); if you trust the journal"
            f" {source}, pass --allow {UNDO_ELSEWHERE}",
            code="UNDO_ELSEWHERE",
        )

    @property
    def _journals(self) -> Path:
        return journal_folder(self.workspace, self.settings.journal)

    def _refuse_idle_allowance(self) -> None:
        """Raise ConfigurationError for --allow undo-elsewhere if all runs are of this workspace."""
        files = [part.campaigns[0].source.file for part in self.parts if _is_undo(part)]
        if all((self._journals / Path(file).name).is_file() for file in files):
            refuse_idle_undo(self.settings.limits.allow)


def refuse_idle_undo(allowed: Collection[str]) -> None:
    """Raise ConfigurationError for --allow undo-elsewhere if nothing is undone."""
    if UNDO_ELSEWHERE in allowed:
        raise ConfigurationError(
            f"--allow {UNDO_ELSEWHERE} has no effect: the plan undoes no run of another workspace",
            hint="remove the option",
            code="UNUSED_ALLOW",
        )


async def refuse_omissions_of(session: Session, plan: Plan) -> None:
    """Raise StalePlan if live shows that a plan leaves out changes of its definitions.

    This reads again the campaigns that are unchanged or frozen in the plan.
    """
    ids = {each.id for each in plan.campaigns if each.action in ("unchanged", "frozen")}
    if not ids:
        return
    definitions = tuple(each for each in session.desired.definitions if each.id in ids)
    desired = replace(session.desired, definitions=definitions)
    refuse_omissions(plan, desired, await session.read(desired))


def environment_for(plan: Plan, target: Target) -> str:
    """Return the environment that a saved plan must be of: its own, unless -e names others."""
    own, chosen = plan.environment.name, target.environments
    return own if own in chosen or not chosen else chosen[0]


def _is_undo(plan: Plan) -> bool:
    return any(map(undoes_run, plan.campaigns))
