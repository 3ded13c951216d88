"""Check plans against guards, with the facts of the account that guards need.

Most plans need no further request. Some need more: the campaigns that the plan leaves out, the rest
of a shard, or the hours of a campaign whose time zone changes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from campaignsync.cli.concurrency import SideBySide, side_by_side
from campaignsync.cli.connect import Account, connect
from campaignsync.cli.session import Session
from campaignsync.cli.unmanaged import unmanaged_note
from campaignsync.errors import ConfigurationError, CredentialError, PlanRefused, Source
from campaignsync.guards import Facts, guarded
from campaignsync.live import Reader
from campaignsync.load import check, find
from campaignsync.load.workspace import Environment, key_of
from campaignsync.model.fields import WEEKDAYS, WEEKS, Value
from campaignsync.model.plan import Plan
from campaignsync.model.plan_document import with_campaigns
from campaignsync.model.values import Definition, Desired
from campaignsync.plan import note_shared_values

HOURS = dict.fromkeys(
    (
        "integration_type",
        "cycles.enabled",
        "cycles.mode",
        *(f"{week}.{day}" for week in WEEKS for day in WEEKDAYS),
    )
)
"""The fields with a campaign's calling hours."""


def plan_all(sessions: Sequence[Session]) -> SideBySide[Plan]:
    """Read the live campaigns and plan every environment, with guards; write nothing."""
    compared = side_by_side((session.name, session.compare()) for session in sessions)
    named = {session.name: session for session in sessions}
    checked = guard_all(sessions, compared)
    noted = [_with_unmanaged(named[plan.environment.name], plan) for plan in checked.found]
    return SideBySide(tuple(noted), checked.stopped)


def guard_all(sessions: Sequence[Session], plans: SideBySide[Plan]) -> SideBySide[Plan]:
    """Return the plans of a run with the updates blocked that a guard forbids."""
    if not plans.found:
        return plans
    named = {session.name: session for session in sessions}
    run = [(named[plan.environment.name], plan) for plan in plans.found]
    checked = side_by_side((session.name, guard(session, plan, run)) for session, plan in run)
    return SideBySide(checked.found, (*plans.stopped, *checked.stopped))


def refuse_guarded(sessions: Sequence[Session], plans: Sequence[Plan]) -> None:
    """Raise PlanRefused if a guard now forbids a change of saved plans."""
    checked = guard_all(sessions, SideBySide(tuple(plans), ())).whole()
    for before, after in zip(plans, checked, strict=True):
        for old, new in zip(before.campaigns, after.campaigns, strict=True):
            if old.action != new.action:
                hit = new.blocked[-1]
                message = f"campaign {old.id}: {hit.message}"
                raise PlanRefused(message, hint=hit.hint, code=hit.code)


async def guard(session: Session, plan: Plan, run: Sequence[tuple[Session, Plan]] = ()) -> Plan:
    """Return one plan of a run with the updates blocked that a guard forbids."""
    mine = _identity(session.account, session.account.environment)
    of_account = [
        (other, its)
        for other, its in run or [(session, plan)]
        if _identity(other.account, other.account.environment) == mine
    ]
    changed, existing = await _counts(session, of_account)
    facts = Facts(datetime.now(UTC), changed, existing, await _live_hours(session, plan))
    checked = guarded(plan, session.guards, facts, session.writing.allow)
    return note_shared_values(_with_note(checked, session.loosened), session.desired)


def _with_note(plan: Plan, note: str) -> Plan:
    """Return the plan with a note at its top, or the same plan if the note is empty."""
    if not note:
        return plan
    environment = plan.environment
    noted = environment.model_copy(update={"notes": (*environment.notes, note)})
    return with_campaigns(plan.model_copy(update={"environments": (noted,)}), plan.campaigns)


def _with_unmanaged(session: Session, plan: Plan) -> Plan:
    """Return the plan with a note on campaigns whose definitions are gone."""
    if session.account.workspace.file is None:
        return plan  # without a workspace, no one knows which definitions belong together
    return _with_note(plan, unmanaged_note(session, lambda: _ids_of_account(session)))


async def _counts(session: Session, run: Sequence[tuple[Session, Plan]]) -> tuple[int, int]:
    """Count the campaigns that a run changes in an account, and those that exist there.

    The second number is that of the whole workspace where it matters: without it, choosing a few
    campaigns would evade `mass-change`, and so would ids that do not exist.
    """
    mass = session.guards.mass_change
    changed, there = _changed_and_existing([plan for _, plan in run])
    if "mass-change" in session.writing.allow or not mass.is_exceeded(changed, len(there)):
        return changed, len(there)
    if any(plan.shard for _, plan in run):
        # Every shard may change its whole part: only the whole run tells how many that are.
        run = [(one, await replace(one, desired=one.unsharded).compare()) for one, _ in run]
        changed, there = _changed_and_existing([plan for _, plan in run])
    planned = {campaign.id for _, plan in run for campaign in plan.campaigns}
    others = _ids_of_account(session) - planned
    if not others or len(there) + len(others) < mass.at_least:
        return changed, len(there)
    enough = -(-changed * 100 // mass.percent) - len(there) if mass.percent else len(others)
    async with connect(session.account, session.progress) as api:
        return changed, len(there) + await Reader(api).count(others, enough)


def _changed_and_existing(plans: Sequence[Plan]) -> tuple[int, set[int]]:
    there = {
        campaign.id
        for plan in plans
        for campaign in plan.campaigns
        if not any(reason.code == "NOT_FOUND" for reason in campaign.blocked)
    }
    return sum(plan.summary.update for plan in plans), there


def _ids_of_account(session: Session) -> set[int]:
    """Return the ids of all definitions of the workspace that belong to the session's account."""
    workspace, account = session.account.workspace, session.account
    ids = {definition.id for definition in session.whole.definitions}
    if workspace.file is None:
        return ids
    mine = _identity(account, account.environment)
    names = [
        name for name, one in workspace.environments.items() if _identity(account, one) == mine
    ]
    try:
        files = find([Path(path) for path in workspace.definitions])
    except ConfigurationError:  # nothing there, as after an undo of the last definition
        return ids
    desired, _ = check(files, workspace.shared, names or [session.name])
    return ids | {definition.id for each in desired for definition in each.definitions}


def _identity(account: Account, environment: Environment) -> tuple[str, str]:
    """Return what two environments have in common when they are the same account."""
    if environment.api == "sandbox":
        return "sandbox", environment.name
    try:
        key, _ = key_of(environment, os.environ)
    except CredentialError:
        key = environment.api_key_env
    return account.address, key


async def _live_hours(session: Session, plan: Plan) -> Mapping[int, Mapping[str, Value]]:
    """Read the hours of the campaigns whose time zone the plan changes, if a guard is on them."""
    if "calling-hours" in session.writing.allow or not session.guards.calling_hours.is_set:
        return {}
    ids = [
        campaign.id
        for campaign in plan.campaigns
        if campaign.action == "update"
        and any(change.field == "timezone" for change in campaign.changes)
    ]
    if not ids:
        return {}
    wanted = [Definition(id_, "", HOURS, {"id": Source("", 1)}) for id_ in ids]
    async with connect(session.account, session.progress) as api:
        live = await Reader(api).read(Desired(tuple(wanted)))
    return {id_: campaign.values for id_, campaign in live.campaigns.items()}
