"""(Desired, Live) → Plan: a value that says what would be sent, to whom, from which baseline.

A plan is made whole, shown, saved, read again and applied; nothing here talks to anybody.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from campaignsync import __version__
from campaignsync.diff import diff
from campaignsync.errors import StalePlan
from campaignsync.hours import hours_ahead
from campaignsync.model.documents import added, json_of, members
from campaignsync.model.fields import BY_PATH, REFUSALS, WEEKS, Value, unmet
from campaignsync.model.plans import (
    Action,
    Blocked,
    Change,
    EnvironmentFailure,
    Plan,
    PlannedCampaign,
    Plans,
    PlanSummary,
    Requests,
)
from campaignsync.model.values import Definition, Desired, Live, LiveCampaign
from campaignsync.patch import patch

TOOL = f"campaignsync {__version__}"
OF_SEVERAL = re.compile(rb'\s*\{\s*"version": *1,\s*"kind": *"plans"')
"""How the plans of several environments begin, as they are written."""


def make_plan(
    desired: Desired,
    live: Live,
    *,
    environment: str,
    base_url: str,
    created_at: str,
    send_unreadable: bool = False,
    counted: Callable[[Collection[Definition]], Iterable[Definition]] = iter,
) -> Plan:
    """Plan every definition; `created_at` is UTC in ISO 8601, `environment` and `base_url` bind.

    Definitions are `counted` while they are compared.
    """
    today = date.fromisoformat(created_at[:10])
    campaigns = tuple(
        plan_campaign(
            definition,
            live.campaigns.get(definition.id),
            send_unreadable=send_unreadable,
            today=today,
        )
        for definition in counted(desired.definitions)
    )
    plan = Plan(
        tool=TOOL,
        created_at=created_at,
        environment=environment,
        base_url=base_url,
        shard=desired.shard,
        summary=PlanSummary(left_out=desired.left_out),
        requests=Requests(read=live.reads),
        campaigns=(),
        definitions=digest_of(desired),
    )
    return with_campaigns(plan, campaigns)


def with_campaigns(plan: Plan, campaigns: tuple[PlannedCampaign, ...]) -> Plan:
    """Give the plan with these campaigns, counted and sealed anew."""
    actions = Counter[str](campaign.action for campaign in campaigns)
    unknown = sum(not change.known for campaign in campaigns for change in campaign.changes)
    summary = {word: actions[word] for word in ("update", "unchanged", "blocked", "frozen")}
    return seal(
        replace(
            plan,
            campaigns=campaigns,
            summary=replace(plan.summary, **summary, unknown_fields=unknown),
            requests=replace(plan.requests, write=actions["update"]),
        )
    )


def plans_of(plans: Iterable[Plan], errors: Iterable[EnvironmentFailure]) -> Plans:
    """Put the plans of several environments into one document, counted and sealed."""
    parts = tuple(plans)
    summary = PlanSummary(**added(part.summary for part in parts))
    return seal(Plans(summary=summary, plans=parts, errors=tuple(errors)))


def plan_campaign(
    definition: Definition,
    live: LiveCampaign | None,
    *,
    send_unreadable: bool = False,
    today: date | None = None,
) -> PlannedCampaign:
    """Plan one campaign; `live` is None where the account has no such campaign.

    Where its hours change they are told for the days from `today`.
    """
    changes = diff(definition, live) if live else ()
    body = patch(changes, send_unreadable=send_unreadable)
    facts = _facts(definition, live)
    status = facts.get("status")
    moved = bool(body) or any(change.known for change in changes)
    # A finished campaign is a record: what differs is shown, and nobody has to act on it.
    frozen = moved and status == "finished"
    blocked = () if frozen else tuple(_reasons(definition, live, changes, facts, moved=moved))
    action: Action = (
        "frozen" if frozen else "blocked" if blocked else "update" if body else "unchanged"
    )
    return PlannedCampaign(
        id=definition.id,
        name=str(facts.get("name", "")),
        # The API decides what a status is; a plan shows even one that is no text.
        status=status if status is None or isinstance(status, str) else _brief(status),
        source=definition.source,
        action=action,
        changes=changes,
        patch=body if action == "update" else {},
        blocked=blocked,
        notes=(
            *_notes(facts, action),
            *(_hours(definition, live, changes, today) if action == "update" else ()),
        ),
    )


def _facts(definition: Definition, live: LiveCampaign | None) -> Mapping[str, Value]:
    """Give what is known of the campaign: by what live says, else by its definition."""
    return {**definition.values, **(live.values if live else {})}


def _reasons(
    definition: Definition,
    live: LiveCampaign | None,
    changes: Iterable[Change],
    facts: Mapping[str, Value],
    *,
    moved: bool,
) -> Iterator[Blocked]:
    """Give every reason why the API would refuse this campaign's changes (API.md, its rules)."""
    if live is None:
        yield _blocked("NOT_FOUND", definition, "id")
    elif moved and facts.get("archived"):
        yield _blocked("ARCHIVED", definition)
    for change in changes:
        field = BY_PATH[change.field]
        if not field.sendable and change.known:
            yield _blocked(
                "IMMUTABLE_FIELD",
                definition,
                change.field,
                f" (live is {_brief(change.before)}, the definition says {_brief(change.after)})",
            )
        elif field.sendable and (requirement := unmet(field, facts)):
            yield _blocked(
                requirement.code,
                definition,
                change.field,
                f" (the campaign's {requirement.path} is {_brief(facts[requirement.path])})",
            )


def _blocked(
    code: str, definition: Definition, field: str | None = None, fact: str = ""
) -> Blocked:
    refusal = REFUSALS[code]
    return Blocked(
        code=code,
        field=None if field == "id" else field,
        message=refusal.means + fact,
        hint=refusal.remedy,
        source=definition.source_of(field) if field else definition.source,
    )


def _notes(facts: Mapping[str, Value], action: Action) -> Iterator[str]:
    if action == "frozen":
        yield f"{REFUSALS['CAMPAIGN_FINISHED'].means}: {REFUSALS['CAMPAIGN_FINISHED'].remedy}"
    elif action == "unchanged" and facts.get("archived"):
        yield REFUSALS["ARCHIVED"].means


def _hours(
    definition: Definition,
    live: LiveCampaign | None,
    changes: Iterable[Change],
    today: date | None,
) -> Iterator[str]:
    """Tell the hours that the changes lead to, if they touch any."""
    touched = any(change.field.startswith(("timezone", *WEEKS)) for change in changes)
    if today and live and touched:
        yield from hours_ahead({**live.values, **definition.settled(live.values)}, today)


def _brief(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def digest_of(desired: Desired) -> str:
    """Digest every managed value by campaign: comments, order and file names do not count."""
    return _digest([[definition.id, definition.values] for definition in desired.definitions])


Sealed = TypeVar("Sealed", Plan, Plans)


def seal(plan: Sealed) -> Sealed:
    """Give the plan its fingerprint: the digest of the whole document without that line."""
    return replace(plan, fingerprint=_fingerprint(plan))


def _fingerprint(plan: Plan | Plans) -> str:
    keys = members(plan)
    del keys["fingerprint"]
    return _digest(keys)


def _digest(document: Any) -> str:
    text = json_of(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_plan(text: bytes) -> Plan | Plans:
    """Read a saved plan; raises StalePlan where it is not one, or not as it was written."""
    # Only here: pydantic takes as long to import as all else that a plan needs of ours.
    from campaignsync.model.strict import parse  # noqa: PLC0415 - see above

    try:
        plan: Plan | Plans = parse(Plans, text) if OF_SEVERAL.match(text) else parse(Plan, text)
    except ValueError as error:
        raise StalePlan(
            f"the file is no plan of this version: {error}",
            hint="make the plan again with `campaignsync plan --out FILE`",
            code="UNUSABLE_PLAN",
        ) from None
    # A plan alone is its own and only part.
    sealed: tuple[Plan | Plans, ...] = plan.parts if plan.kind == "plan" else (plan, *plan.parts)
    if any(each.fingerprint != _fingerprint(each) for each in sealed):
        raise StalePlan(
            "the plan was edited after it was made: its fingerprint does not fit",
            hint="a plan is applied exactly as reviewed: change the definitions, and plan again",
            code="EDITED_PLAN",
        )
    return plan


def refuse_unless_it_fits(plan: Plan, desired: Desired, *, environment: str, base_url: str) -> None:
    """Raise StalePlan unless the saved plan was made from these definitions, for this account."""
    bound = (
        ("tool", plan.tool, TOOL),
        ("environment", plan.environment, environment),
        ("base URL", plan.base_url, base_url),
    )
    for what, planned, here in bound:
        if planned != here:
            raise StalePlan(
                f"the plan was made for another {what}: {planned}, and this is {here}",
                hint="make the plan again here",
                code="OTHER_PLAN",
            )
    told = [campaign.id for campaign in plan.campaigns]
    defined = [definition.id for definition in desired.definitions]
    if plan.definitions != digest_of(desired) or told != defined:
        raise StalePlan(
            "the definitions have changed since the plan was made",
            hint="make the plan again, and have it reviewed",
        )


def refuse_if_old(plan: Plan, now: datetime, max_age: float) -> None:
    """Raise StalePlan for a plan that was made more than `max_age` hours before `now`, aware."""
    try:
        old = now - datetime.fromisoformat(plan.created_at) > timedelta(hours=max_age)
    except (ValueError, TypeError):
        old = True
    if old:
        raise StalePlan(
            f"the plan is older than {max_age:g} hours: it was made at {plan.created_at}",
            hint="plan again, and have it reviewed; --max-age sets the limit",
            code="OLD_PLAN",
        )
