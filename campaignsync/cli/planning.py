"""Plan every environment: compare, check guards, and note what the plan leaves out."""

from collections.abc import Iterable, Sequence

from campaignsync.cli.concurrency import PerEnvironment, run_each
from campaignsync.cli.guard_facts import gather_facts, ids_of_account
from campaignsync.cli.journals import ids_of_recent_writes
from campaignsync.cli.session import Session
from campaignsync.errors import PlanRefused, severity
from campaignsync.guards import guarded
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Plan, PlanSummary
from campaignsync.plan_notes import join_ids, note_shared_values
from campaignsync.report import wording as words

CHANGES_PENDING = 2
"""The exit code for pending changes with --detailed-exitcode."""


def plan_all(sessions: Sequence[Session]) -> PerEnvironment[Plan]:
    """Read the live campaigns and plan every environment, with guards; write nothing."""
    compared = run_each((session.name, session.compare()) for session in sessions)
    checked = guard_all(sessions, compared)
    noted = {
        session.name: _with_note(plan, _unmanaged_note(session))
        for session, plan in planned(sessions, checked)
    }
    return PerEnvironment(noted, checked.errors)


def planned(sessions: Sequence[Session], plans: PerEnvironment[Plan]) -> list[tuple[Session, Plan]]:
    """Return the sessions that could be planned, each with its plan."""
    return [(each, plans.results[each.name]) for each in sessions if each.name in plans.results]


def guard_all(sessions: Sequence[Session], plans: PerEnvironment[Plan]) -> PerEnvironment[Plan]:
    """Return the plans of a run with the updates blocked that a guard forbids."""
    if not plans.results:
        return plans
    run = planned(sessions, plans)
    checked = run_each((session.name, guard(session, plan, run)) for session, plan in run)
    return PerEnvironment(checked.results, (*plans.errors, *checked.errors))


def refuse_guarded(sessions: Sequence[Session], plans: Sequence[Plan]) -> None:
    """Raise PlanRefused if a guard now forbids a change of saved plans."""
    by_name = {plan.environment.name: plan for plan in plans}
    checked = guard_all(sessions, PerEnvironment(by_name)).all_or_raise()
    for before, after in zip(plans, checked, strict=True):
        for old, new in zip(before.campaigns, after.campaigns, strict=True):
            if old.action != new.action:
                reason = new.blocked[-1]
                message = f"campaign {old.id}: {reason.message}"
                raise PlanRefused(message, hint=reason.hint, code=reason.code)


def exit_code_of(
    summary: PlanSummary,
    failed: Iterable[ErrorSummary],
    *,
    detailed: bool,
    strict: bool = False,
) -> int:
    """Return the exit code of a plan: that of a failure, or of a refusal if something is blocked.

    With `detailed`, pending changes have a code of their own. With `strict`, frozen campaigns that
    differ count as blocked.
    """
    codes = [error.exit_code for error in failed]
    if summary.blocked or (strict and summary.frozen):
        codes.append(PlanRefused.exit_code)
    if detailed and summary.update:
        codes.append(CHANGES_PENDING)
    return max(codes, key=severity, default=0)


async def guard(session: Session, plan: Plan, run: Sequence[tuple[Session, Plan]] = ()) -> Plan:
    """Return one plan of a run with the updates blocked that a guard forbids."""
    facts = await gather_facts(session, plan, run or [(session, plan)])
    checked = guarded(plan, session.guards, facts, session.limits.allow)
    return note_shared_values(_with_note(checked, session.loosened), session.desired)


def _with_note(plan: Plan, note: str) -> Plan:
    """Return the plan with a note at its top, or the same plan if the note is empty."""
    if not note:
        return plan
    environment = plan.environment
    noted = environment.model_copy(update={"notes": (*environment.notes, note)})
    return plan.model_copy(update={"environments": (noted,)})


def _unmanaged_note(session: Session) -> str:
    """Return a note on campaigns that recent runs changed and that no definition manages."""
    if session.account.workspace.file is None:
        return ""  # only a workspace says which definitions belong together
    written = ids_of_recent_writes(session.account)
    written -= {definition.id for definition in session.unfiltered.definitions}
    if not (written and (ids := sorted(written - ids_of_account(session)))):
        return ""
    what = words.count(len(ids), "campaign")
    return (
        f"no definition manages {what} that earlier runs changed: {join_ids(ids)};"
        " they stay as they are"
    )
