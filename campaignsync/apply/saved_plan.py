"""Read a saved plan, and derive it again from the definitions it was made from.

Anyone who can write the plan's file can also compute its fingerprint. So everything that can be
derived is checked: the actions, bodies, blocked reasons and counts follow from the definitions and
from the live values that the plan holds.
"""

import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from campaignsync.apply.verify import reviewed
from campaignsync.errors import ConfigurationError, StalePlan
from campaignsync.load.select import shard
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.document import total
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value
from campaignsync.model.plan import (
    Blocked,
    Plan,
    PlannedCampaign,
    PlanSummary,
    digest_of,
    fingerprint_of,
    seal_of,
    with_campaigns,
)
from campaignsync.plan import TOOL, plan_campaign

KIND = re.compile(rb'\s*\{\s*"version": *\d+,\s*"kind": *"([a-z]+)"')
"""Matches the beginning of every JSON document of this program."""
GUARD = "GUARD_"
"""The prefix of the codes of guards: they depend on the time and on --allow."""
CLOCK_SKEW = timedelta(minutes=5)
"""Maximum time by which the clock of the machine that made a plan may be ahead of this one."""
AGAIN = "plan again, and have the new plan reviewed"


def read_plan(text: bytes) -> Plan:
    """Parse a saved plan and verify its fingerprint.

    Raises ConfigurationError for another kind of file, StalePlan for a damaged or edited plan.
    """
    _refuse_other_kind(text)
    try:
        plan = Plan.from_json(text)
    except ValueError as error:
        raise StalePlan(
            f"the file is not a plan of this version: {error}",
            hint="make the plan again with `campaignsync plan --out FILE`",
            code="UNUSABLE_PLAN",
        ) from None
    if plan.fingerprint != fingerprint_of(plan):
        raise _edited("the fingerprint does not match the content")
    return plan


def _refuse_other_kind(text: bytes) -> None:
    """Raise ConfigurationError for a file that is not a plan, as opposed to a damaged plan."""
    match = KIND.match(text)
    kind = match[1] if match else b""
    is_damaged = not match and (b'"kind"' in text or text.lstrip()[:1] in (b"", b"{"))
    if kind == b"plan" or is_damaged:
        return
    what = f"a document of kind `{kind.decode()}`" if match else "not a JSON document"
    raise ConfigurationError(
        f"the file is not a saved plan: it is {what}",
        hint="`campaignsync plan --out plan.json` saves a plan; -o writes the report",
        code="UNUSABLE_PLAN",
    )


def refuse_unless_sealed(plan: Plan, key: bytes | None) -> None:
    """Raise StalePlan unless the plan is sealed with this key, or unsealed if there is no key."""
    if key is None and plan.seal is None:
        return
    if key is None:
        raise StalePlan(
            "the plan is sealed, but CAMPAIGNSYNC_PLAN_KEY is not set",
            hint="set it to the key that sealed the plan",
            code="PLAN_SEAL",
        )
    if plan.seal is None:
        raise StalePlan(
            "the plan is not sealed, but CAMPAIGNSYNC_PLAN_KEY is set",
            hint="plan again with CAMPAIGNSYNC_PLAN_KEY set to the same key",
            code="PLAN_SEAL",
        )
    if not hmac.compare_digest(plan.seal.encode(), seal_of(plan, key).encode()):
        raise StalePlan(
            "the plan's seal does not match: it was edited, or sealed with another key",
            hint=f"{AGAIN}; both jobs need the same CAMPAIGNSYNC_PLAN_KEY",
            code="PLAN_SEAL",
        )


def refuse_unless_it_fits(plan: Plan, desired: Desired, *, environment: str, base_url: str) -> None:
    """Raise StalePlan unless the saved plan was made from these definitions, for this account."""
    bound = (
        ("tool", plan.tool, TOOL),
        ("environment", plan.environment.name, environment),
        ("base URL", plan.environment.base_url, base_url),
    )
    for what, planned, here in bound:
        if planned != here:
            raise StalePlan(
                f"the plan was made for another {what}: {planned}, not {here}",
                hint="make the plan again here",
                code="OTHER_PLAN",
            )
    planned_ids = [campaign.id for campaign in plan.campaigns]
    defined_ids = [definition.id for definition in desired.definitions]
    if plan.environment.definitions != digest_of(desired) or planned_ids != defined_ids:
        raise StalePlan("the definitions have changed since the plan was made", hint=AGAIN)


def refuse_if_old(plan: Plan, now: datetime, max_age: float) -> None:
    """Raise StalePlan for a plan older than `max_age` hours, or made in the future.

    `now` is a timezone-aware time.
    """
    try:
        age = now - datetime.fromisoformat(plan.created_at)
    except (ValueError, TypeError):
        raise _edited(f"`created_at` is not a time in UTC: {plan.created_at}") from None
    # Divide: `timedelta(hours=max_age)` raises for an infinite or very large number.
    if not age / timedelta(hours=1) <= max_age:
        raise StalePlan(
            f"the plan is older than {max_age:g} hours: it was made at {plan.created_at}",
            hint=f"{AGAIN}; --max-age sets the limit",
            code="OLD_PLAN",
        )
    if age < -CLOCK_SKEW:
        raise StalePlan(
            f"the plan is dated in the future: it was made at {plan.created_at}",
            hint="set the clocks of both machines, then plan again",
            code="FUTURE_PLAN",
        )


def refuse_wrong_total(plan: Plan) -> None:
    """Raise StalePlan if the totals are wrong, or an environment is duplicate or missing."""
    if plan.summary != PlanSummary(**total(each.summary for each in plan.environments)):
        raise _edited("the summary is not the sum of the environments")
    names = [environment.name for environment in plan.environments]
    if len(set(names)) < len(names):
        raise _edited("duplicate environment")
    if lost := {campaign.environment for campaign in plan.campaigns} - set(names):
        raise _edited(f"the environment {min(lost)} is missing")


def refuse_unless_derived(plan: Plan, desired: Desired) -> None:
    """Raise StalePlan unless the plan follows from the definitions and its own `before` values.

    Actions, changes, bodies, the codes of blocked campaigns, counts and the shard are checked.
    Names, notes and messages are not: they have no effect.
    """
    unreadable = any(_sends_unreadable(campaign) for campaign in plan.campaigns)
    for campaign, definition in zip(plan.campaigns, desired.definitions, strict=True):
        derived = _derived(campaign, definition, send_unreadable=unreadable)
        if wrong := _difference(campaign, derived):
            raise _edited(f"campaign {campaign.id}: {wrong}")
    counted = with_campaigns(plan, plan.campaigns)
    for name, expected in counted.summary:
        planned = getattr(plan.summary, name)
        if planned != expected:
            raise _edited(f"`summary.{name}` is {planned}, and the plan has {expected}")
    planned_writes, writes = (each.environment.requests.write for each in (plan, counted))
    if planned_writes != writes:
        raise _edited(f"`requests.write` is {planned_writes}, not {writes}")
    if plan.shard is not None and not _is_of_shard(desired, plan.shard):
        raise _edited(f"its campaigns are not those of shard {plan.shard}")


def _derived(
    campaign: PlannedCampaign, definition: Definition, *, send_unreadable: bool
) -> PlannedCampaign:
    """Plan a campaign again from its definition and from the live values that the plan holds.

    Blocked reasons that depend on values missing from the plan are copied: they send nothing.
    """
    live = _live_of(campaign, definition)
    derived = plan_campaign(definition, live, send_unreadable=send_unreadable)
    known = {**definition.values, **(live.values if live else {})}
    copied = [
        reason
        for reason in campaign.blocked
        if _depends_on_unknown(reason, known)
        or (reason.code.startswith(GUARD) and derived.action == "update")
    ]
    if not copied or derived.action == "frozen":
        return derived
    # A field has only one blocked reason, its first unmet requirement: keep the copied one.
    fields = {reason.field for reason in copied if reason.field}
    others = [reason for reason in derived.blocked if reason.field not in fields]
    blocked = {"action": "blocked", "requests": (), "blocked": (*others, *copied)}
    return derived.model_copy(update=blocked)


def _live_of(campaign: PlannedCampaign, definition: Definition) -> LiveCampaign | None:
    """Return the live values that the plan holds; None if the campaign did not exist."""
    codes = {blocked.code for blocked in campaign.blocked}
    if "NOT_FOUND" in codes:
        return None
    changes = {change.field: change for change in campaign.changes}
    values: dict[str, Value] = {}
    for path, desired in definition.values.items():
        if path not in changes:
            values[path] = desired
        elif changes[path].known:
            values[path] = changes[path].before
    if campaign.status is not None:
        values["status"] = campaign.status
    if "ARCHIVED" in codes:
        values["archived"] = True
    return LiveCampaign(campaign.id, values)


def _depends_on_unknown(blocked: Blocked, known: Mapping[str, Value]) -> bool:
    """Return whether a change was blocked because of a live value that the plan does not hold."""
    field = BY_PATH.get(blocked.field or "")
    requirements = field.api.requires if field else ()
    return any(each.code == blocked.code and each.path not in known for each in requirements)


def _difference(planned: PlannedCampaign, derived: PlannedCampaign) -> str:
    """Return which part of a campaign does not follow from its definition; empty if all does."""
    if planned.action != derived.action:
        return f"its action is `{planned.action}`, expected `{derived.action}` from its definition"
    if _changes(planned) != _changes(derived):
        return "its changes do not follow from its definition"
    if _requests(planned) != _requests(derived):
        return "its requests do not follow from its changes"
    if _codes(planned) != _codes(derived):
        return "its blocked reasons do not follow from its definition"
    return ""


def _changes(campaign: PlannedCampaign) -> str:
    """Return the changes as JSON text: in Python, 1, 1.0 and True are equal."""
    return json.dumps(reviewed(campaign)[1], sort_keys=True)


def _requests(campaign: PlannedCampaign) -> str:
    return json.dumps([request.model_dump() for request in campaign.requests], sort_keys=True)


def _codes(campaign: PlannedCampaign) -> set[tuple[str, str | None]]:
    return {(blocked.code, blocked.field) for blocked in campaign.blocked}


def _sends_unreadable(campaign: PlannedCampaign) -> bool:
    """Return whether a campaign shows that the plan was made with --send-unreadable."""
    known = [change for change in campaign.changes if change.known]
    if campaign.action == "update":
        return not any(BY_PATH[change.field].is_sendable for change in known)
    is_kept_out = campaign.action == "frozen" or ("ARCHIVED", None) in _codes(campaign)
    return is_kept_out and bool(campaign.changes) and not known


def _is_of_shard(desired: Desired, part: str) -> bool:
    try:
        return shard(desired, part).definitions == desired.definitions
    except ConfigurationError:
        return False


def refuse_omissions(plan: Plan, desired: Desired, live: Live) -> None:
    """Raise StalePlan if a campaign needs a change, and is unchanged or frozen in the plan.

    `desired` has the definitions of these campaigns alone. Either live changed since the
    review, or the plan was edited. In both cases the plan no longer matches the definitions.
    """
    actions = {campaign.id: campaign.action for campaign in plan.campaigns}
    lines = []
    for definition in desired.definitions:
        now = plan_campaign(definition, live.campaigns.get(definition.id))
        if now.action == "update":
            fields = ", ".join(change.field for change in now.changes if change.known)
            lines.append(
                f"campaign {definition.id} is `{actions[definition.id]}` in the plan, and"
                f" {fields} must change now"
            )
    if lines:
        raise StalePlan("; ".join(lines), hint=AGAIN)


def _edited(why: str) -> StalePlan:
    return StalePlan(
        f"the plan was edited after it was made: {why}",
        hint="a plan is applied exactly as reviewed: change the definitions, and plan again",
        code="EDITED_PLAN",
    )
