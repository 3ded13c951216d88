"""The facts of an account that guards need beside a plan.

Most plans need no further request for a guard. Some need more: the campaigns that the plan leaves
out, the rest of a shard, or the hours of a campaign whose time zone changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from campaignsync.campaign_list import CampaignList
from campaignsync.cli.account import connect
from campaignsync.cli.session import Session
from campaignsync.errors import ConfigurationError
from campaignsync.guards import Facts
from campaignsync.guards.calling_hours import CALLING_HOURS
from campaignsync.load import check
from campaignsync.load.files import find
from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan


async def gather_facts(session: Session, plan: Plan, run: Sequence[tuple[Session, Plan]]) -> Facts:
    """Return the facts for the guards of one plan of a run."""
    own = session.account.identity
    of_account = [(other, its_plan) for other, its_plan in run if other.account.identity == own]
    changed, existing = await _count_campaigns(session, of_account)
    return Facts(datetime.now(UTC), changed, existing, await _live_hours(session, plan))


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
    others = ids_of_account(session) - planned
    if not others or len(existing) + len(others) < guard.at_least:
        return changed, len(existing)
    enough = len(others)
    if guard.percent:
        # Round up, without floats, to the size of the account from which the guard allows the run.
        enough = -(-changed * 100 // guard.percent) - len(existing)
    async with connect(session.account, session.progress) as api:
        return changed, len(existing) + await CampaignList(api).count(others, enough)


def _changed_and_existing(plans: Sequence[Plan]) -> tuple[int, set[int]]:
    existing = {
        campaign.id
        for plan in plans
        for campaign in plan.campaigns
        if not any(reason.code == "NOT_FOUND" for reason in campaign.blocked)
    }
    return sum(plan.summary.update for plan in plans), existing


def ids_of_account(session: Session) -> set[int]:
    """Return the ids of all definitions of the workspace that belong to the session's account."""
    workspace, account = session.account.workspace, session.account
    ids = {definition.id for definition in session.unfiltered.definitions}
    if workspace.file is None:
        return ids
    names = [
        name
        for name, environment in workspace.environments.items()
        if replace(account, environment=environment).identity == account.identity
    ]
    try:
        files = find([Path(path) for path in workspace.definitions])
    except ConfigurationError:  # nothing there, as after an undo of the last definition
        return ids
    desired, _ = check(files, workspace.shared, names or [session.name])
    return ids | {definition.id for each in desired for definition in each.definitions}


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
