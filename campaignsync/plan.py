"""Plan: compare definitions with live campaigns, and decide what would be sent.

The plan is a document. It is shown, saved, read again and applied; nothing here sends a request.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from campaignsync import __version__
from campaignsync.diff import diff
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.fields import BY_PATH, WEEKS, unmet
from campaignsync.model.kind import Value
from campaignsync.model.metadata import REFUSALS
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
    digest_of,
    with_campaigns,
)
from campaignsync.model.week import WEEKDAYS
from campaignsync.patch import patch
from campaignsync.plan_notes import notes_on

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
    """Return the plan of every definition for one account.

    `created_at` is UTC in ISO 8601. The plan can only be applied to `environment` and `base_url`.
    `counted` wraps the definitions to report progress while they are compared.
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


def plan_campaign(
    definition: Definition,
    live: LiveCampaign | None,
    *,
    environment: str = "",
    send_unreadable: bool = False,
    today: date | None = None,
) -> PlannedCampaign:
    """Plan one campaign; `live` is None if the account does not have it.

    If its calling hours change, a note lists them for the days from `today`.
    """
    changes = diff(definition, live) if live else ()
    body = patch(changes, send_unreadable=send_unreadable)
    # Live values take precedence; fields that are not readable have those of the definition.
    values = {**definition.values, **(live.values if live else {})}
    status = values.get("status")
    differs = bool(body) or any(change.known for change in changes)
    # A finished campaign is a record: differences are shown, and need no action.
    frozen = differs and status == "finished"
    blocked = () if frozen else tuple(_reasons(definition, live, changes, values, differs=differs))
    action: Action = (
        "frozen" if frozen else "blocked" if blocked else "update" if body else "unchanged"
    )
    return PlannedCampaign(
        environment=environment,
        id=definition.id,
        name=str(values.get("name", "")),
        # A plan shows even a status that is not text.
        status=status if status is None or isinstance(status, str) else brief(status),
        source=definition.source,
        action=action,
        changes=changes,
        requests=requests_for(definition.id, body) if action == "update" else (),
        blocked=blocked,
        notes=tuple(notes_on(definition, live, changes, values, action=action, today=today)),
        unchanged_hours=_unchanged_hours(live, changes) if live else {},
    )


def _reasons(
    definition: Definition,
    live: LiveCampaign | None,
    changes: Iterable[Change],
    values: Mapping[str, Value],
    *,
    differs: bool,
) -> Iterator[Blocked]:
    """Yield every reason why the API would refuse this campaign's changes."""
    if live is None:
        yield _blocked("NOT_FOUND", definition, "id")
    elif differs and values.get("archived"):
        yield _blocked("ARCHIVED", definition)
    for change in changes:
        field = BY_PATH[change.field]
        if not field.is_sendable and change.known:
            yield _blocked(
                "IMMUTABLE_FIELD",
                definition,
                change.field,
                f" (live is {brief(change.before)}, the definition says {brief(change.after)})",
            )
        elif field.is_sendable and (requirement := unmet(field, values)):
            yield _blocked(
                requirement.code,
                definition,
                change.field,
                f" (the campaign's {requirement.path} is {brief(values[requirement.path])})",
            )


def _blocked(
    code: str, definition: Definition, field: str | None = None, detail: str = ""
) -> Blocked:
    refusal = REFUSALS[code]
    return Blocked(
        code=code,
        field=None if field == "id" else field,
        message=refusal.means + detail,
        hint=refusal.remedy,
        source=definition.source_of(field) if field else definition.source,
    )


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


def brief(value: Value) -> str:
    """Return a value for a message: its JSON text."""
    return json.dumps(value, ensure_ascii=False)


def requests_for(id_: int, body: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return the requests that change one campaign."""
    return (Request(method="PATCH", path=f"/campaigns/{id_}", body=dict(body)),)
