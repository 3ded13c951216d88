"""Plan every environment: compare, then check guards with the facts of the account.

Most plans need no further request for a guard. Some need more: the campaigns that the plan leaves
out, the rest of a shard, or the hours of a campaign whose time zone changes.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from campaignsync.cli.account import Account, connect, key_of
from campaignsync.cli.concurrency import PerEnvironment, run_each
from campaignsync.cli.history import ids_of_recent_writes
from campaignsync.cli.session import Session
from campaignsync.errors import ConfigurationError, CredentialError, PlanRefused, severity
from campaignsync.guards import Facts, guarded
from campaignsync.guards.calling_hours import CALLING_HOURS
from campaignsync.live import LiveReader
from campaignsync.load import check
from campaignsync.load.files import find
from campaignsync.load.workspace import Environment
from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.document import ErrorSummary
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan, PlanSummary
from campaignsync.plan_notes import join_ids, note_shared_values
from campaignsync.report import wording as words


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
    """Return the exit code of a plan: that of a failure, or 6 if something is blocked.

    With `detailed`, pending changes are 2. With `strict`, frozen campaigns that differ are 6.
    """
    codes = [error.exit_code for error in failed]
    codes.append(6 if summary.blocked or (strict and summary.frozen) else 0)
    codes.append(2 if detailed and summary.update else 0)
    return max(codes, key=severity)


async def guard(session: Session, plan: Plan, run: Sequence[tuple[Session, Plan]] = ()) -> Plan:
    """Return one plan of a run with the updates blocked that a guard forbids."""
    own = _identity_of(session.account, session.account.environment)
    of_account = [
        (other, its_plan)
        for other, its_plan in run or [(session, plan)]
        if _identity_of(other.account, other.account.environment) == own
    ]
    changed, existing = await _count_campaigns(session, of_account)
    facts = Facts(datetime.now(UTC), changed, existing, await _live_hours(session, plan))
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
    if not (written and (ids := sorted(written - _ids_of_account(session)))):
        return ""
    what = words.count(len(ids), "campaign")
    return (
        f"no definition manages {what} that earlier runs changed: {join_ids(ids)};"
        " they stay as they are"
    )


async def _count_campaigns(
    session: Session, run: Sequence[tuple[Session, Plan]]
) -> tuple[int, int]:
    """Count the campaigns that a run changes in an account, and those that exist there.

    The second number is that of the whole workspace where it matters: without it, choosing a few
    campaigns would evade `mass-change`, and so would ids that do not exist.
    """
    guard = session.guards.mass_change
    changed, existing = _changed_and_existing([plan for _, plan in run])
    if "mass-change" in session.limits.allow or not guard.is_exceeded(changed, len(existing)):
        return changed, len(existing)
    if any(plan.shard for _, plan in run):
        # Every shard may change its whole part: only the whole run tells how many that are.
        run = [(one, await replace(one, desired=one.unsharded).compare()) for one, _ in run]
        changed, existing = _changed_and_existing([plan for _, plan in run])
    planned = {campaign.id for _, plan in run for campaign in plan.campaigns}
    others = _ids_of_account(session) - planned
    if not others or len(existing) + len(others) < guard.at_least:
        return changed, len(existing)
    enough = -(-changed * 100 // guard.percent) - len(existing) if guard.percent else len(others)
    async with connect(session.account, session.progress) as api:
        return changed, len(existing) + await LiveReader(api).count(others, enough)


def _changed_and_existing(plans: Sequence[Plan]) -> tuple[int, set[int]]:
    existing = {
        campaign.id
        for plan in plans
        for campaign in plan.campaigns
        if not any(reason.code == "NOT_FOUND" for reason in campaign.blocked)
    }
    return sum(plan.summary.update for plan in plans), existing


def _ids_of_account(session: Session) -> set[int]:
    """Return the ids of all definitions of the workspace that belong to the session's account."""
    workspace, account = session.account.workspace, session.account
    ids = {definition.id for definition in session.unfiltered.definitions}
    if workspace.file is None:
        return ids
    own = _identity_of(account, account.environment)
    names = [
        name for name, one in workspace.environments.items() if _identity_of(account, one) == own
    ]
    try:
        files = find([Path(path) for path in workspace.definitions])
    except ConfigurationError:  # nothing there, as after an undo of the last definition
        return ids
    desired, _ = check(files, workspace.shared, names or [session.name])
    return ids | {definition.id for each in desired for definition in each.definitions}


def _identity_of(account: Account, environment: Environment) -> tuple[str, str]:
    """Return what two environments have in common when they are the same account."""
    if environment.api == "sandbox":
        return "sandbox", environment.name
    try:
        key, _ = key_of(environment, os.environ)
    except CredentialError:
        key = environment.api_key_env
    return account.base_url, key


async def _live_hours(session: Session, plan: Plan) -> Mapping[int, Mapping[str, Value]]:
    """Read the hours of the campaigns whose time zone the plan changes, if a guard is on them."""
    if "calling-hours" in session.limits.allow or not session.guards.calling_hours.is_set:
        return {}
    ids = [
        campaign.id
        for campaign in plan.campaigns
        if campaign.action == "update"
        and any(change.field == "timezone" for change in campaign.changes)
    ]
    if not ids:
        return {}
    wanted = (Definition.to_read(id_, CALLING_HOURS) for id_ in ids)
    live = await session.read(Desired(tuple(wanted)))
    return {id_: campaign.values for id_, campaign in live.campaigns.items()}
