"""(Desired, Live) → Plan: a value that says what would be sent, to whom, from which baseline.

A plan is made whole, shown, saved, read again and applied; nothing here talks to anybody.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from campaignsync import __version__
from campaignsync.diff import diff
from campaignsync.model.document import ErrorSummary, total
from campaignsync.model.fields import BY_PATH, REFUSALS, WEEKDAYS, WEEKS, Value, unmet
from campaignsync.model.hours import hours_ahead
from campaignsync.model.plan import (
    Action,
    Blocked,
    Change,
    Plan,
    PlannedCampaign,
    PlannedEnvironment,
    PlanSummary,
    Request,
    RequestCounts,
)
from campaignsync.model.spelling import respelled
from campaignsync.model.values import Definition, Desired, Live, LiveCampaign
from campaignsync.patch import patch

TOOL = f"campaignsync {__version__}"


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
            environment=environment,
            send_unreadable=send_unreadable,
            today=today,
        )
        for definition in counted(desired.definitions)
    )
    account = PlannedEnvironment(
        name=environment,
        base_url=base_url,
        definitions=digest_of(desired),
        summary=PlanSummary(left_out=desired.left_out),
        requests=RequestCounts(read=live.reads),
    )
    plan = Plan(
        tool=TOOL,
        created_at=created_at,
        shard=desired.shard,
        environments=(account,),
        summary=account.summary,
        campaigns=(),
    )
    return with_campaigns(plan, campaigns)


def with_campaigns(plan: Plan, campaigns: tuple[PlannedCampaign, ...]) -> Plan:
    """Return the plan with these campaigns, counted and sealed again."""
    environments = tuple(
        _counted(environment, [c for c in campaigns if c.environment == environment.name])
        for environment in plan.environments
    )
    return _assembled(plan, environments, campaigns)


def _counted(
    environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign]
) -> PlannedEnvironment:
    actions = Counter[str](campaign.action for campaign in campaigns)
    counts = {word: actions[word] for word in ("update", "unchanged", "blocked", "frozen")}
    unknown = sum(not change.known for campaign in campaigns for change in campaign.changes)
    summary = {**dict(environment.summary), **counts, "unknown_fields": unknown}
    requests = {
        "read": environment.requests.read,
        "write": sum(len(campaign.requests) for campaign in campaigns),
    }
    return environment.model_copy(
        update={"summary": PlanSummary(**summary), "requests": RequestCounts(**requests)}
    )


def _assembled(
    plan: Plan,
    environments: tuple[PlannedEnvironment, ...],
    campaigns: tuple[PlannedCampaign, ...],
) -> Plan:
    summary = PlanSummary(**total(environment.summary for environment in environments))
    parts = {"environments": environments, "summary": summary, "campaigns": campaigns}
    return seal(plan.model_copy(update=parts))


def merge(plans: Sequence[Plan], failed: Mapping[str, ErrorSummary]) -> Plan:
    """Return one plan of several environments; `failed` says why others could not be planned.

    There is at least one plan. The oldest one gives the time.
    """
    accounts = [each for plan in plans for each in plan.environments]
    nothing = PlanSummary()
    accounts += [
        PlannedEnvironment(
            name=name,
            base_url="",
            definitions="",
            summary=nothing,
            requests=RequestCounts(),
            error=error,
        )
        for name, error in failed.items()
    ]
    oldest = min(plans, key=lambda plan: plan.created_at)
    campaigns = tuple(campaign for plan in plans for campaign in plan.campaigns)
    return _assembled(oldest, tuple(accounts), campaigns)


def plan_campaign(
    definition: Definition,
    live: LiveCampaign | None,
    *,
    environment: str = "",
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
        environment=environment,
        id=definition.id,
        name=str(facts.get("name", "")),
        # The API decides what a status is; a plan shows even one that is no text.
        status=status if status is None or isinstance(status, str) else _brief(status),
        source=definition.source,
        action=action,
        changes=changes,
        requests=requests_for(definition.id, body) if action == "update" else (),
        blocked=blocked,
        notes=(
            *_notes(facts, action),
            *_spellings(changes),
            *(_hours(definition, live, changes, today) if action == "update" else ()),
        ),
        unchanged_hours=_unchanged_hours(live, changes) if live else {},
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


def _spellings(changes: Iterable[Change]) -> Iterator[str]:
    """Yield how a change that only alters the spelling differs: some cannot be seen."""
    for change in changes:
        if change.known and (how := respelled(change.field, change.after, change.before)):
            yield f"{change.field}: {how}; `campaignsync adopt` takes the API's spelling"


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


def _unchanged_hours(live: LiveCampaign, changes: Iterable[Change]) -> dict[str, Value]:
    """Return the live time zone and weekdays that stay as they are beside changed ones."""
    changed = {change.field for change in changes}
    weeks = [
        week
        for week in WEEKS
        if "timezone" in changed or any(path.startswith(f"{week}.") for path in changed)
    ]
    paths = ["timezone", *(f"{week}.{day}" for week in weeks for day in WEEKDAYS)]
    return {
        path: live.values[path]
        for path in paths
        if weeks and path in live.values and path not in changed
    }


def _brief(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def digest_of(desired: Desired) -> str:
    """Digest every managed value by campaign: comments, order and file names do not count."""
    return _digest([[definition.id, definition.values] for definition in desired.definitions])


def requests_for(id_: int, body: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return the requests that change one campaign."""
    return (Request(method="PATCH", path=f"/campaigns/{id_}", body=dict(body)),)


def seal(plan: Plan, key: bytes | None = None) -> Plan:
    """Return the plan with its fingerprint and, where there is a key, an HMAC made with it.

    The fingerprint is a plain digest: it detects accidents. Only the HMAC detects forgery.
    """
    signed = plan.model_copy(update={"seal": seal_of(plan, key) if key else None})
    return signed.model_copy(update={"fingerprint": fingerprint_of(signed)})


def fingerprint_of(plan: Plan) -> str:
    """Return the digest of the whole document without its `fingerprint`."""
    return _digest(plan.model_dump(exclude={"fingerprint"}))


def seal_of(plan: Plan, key: bytes) -> str:
    """Return the HMAC of the whole document without its `seal` and `fingerprint`."""
    text = _canonical(plan.model_dump(exclude={"seal", "fingerprint"}))
    return f"hmac-sha256:{hmac.new(key, text, hashlib.sha256).hexdigest()}"


def _digest(document: Any) -> str:
    return f"sha256:{hashlib.sha256(_canonical(document)).hexdigest()}"


def _canonical(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode()
