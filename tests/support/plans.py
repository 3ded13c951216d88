"""Plans, applies and problems with a given text in every text field."""

from typing import Any

from campaignsync.errors import Problem, Source
from campaignsync.model.plan import (
    Blocked,
    Change,
    Plan,
    PlannedCampaign,
    PlannedEnvironment,
    PlanSummary,
    Request,
    RequestCounts,
    seal,
    with_campaigns,
)
from campaignsync.model.results import (
    ComparedEnvironment,
    Drift,
    DriftedCampaign,
    DriftedField,
    DriftSummary,
    Evidence,
)
from campaignsync.model.runs import Applied, AppliedEnvironment, ApplySummary, Failure, Outcome

PLACE = Source("campaigns/a.yaml", 3, 5)


def change(field: str, before: Any, after: Any, *, known: bool = True) -> Change:
    return Change(field=field, before=before, after=after, known=known, source=PLACE)


def window(start: str, stop: str, *, active: bool = True) -> dict[str, Any]:
    return {"startTime": start, "stopTime": stop, "active": active}


def patch(id_: int, body: dict[str, Any]) -> tuple[Request, ...]:
    return (Request(method="PATCH", path=f"/campaigns/{id_}", body=body),)


def body_of(campaign: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a published campaign's PATCH; empty if nothing is sent."""
    bodies = [each["body"] for each in campaign["requests"]]
    return bodies[0] if bodies else {}


def campaign(id_: int, name: str = "A", **values: Any) -> PlannedCampaign:
    """Return a planned campaign that changes `retries`; `values` replace its fields."""
    usual = {
        "environment": "production",
        "status": "active",
        "source": PLACE,
        "action": "update",
        "changes": (change("retries", 1, 2),),
        "requests": patch(id_, {"retries": 2}),
    }
    return PlannedCampaign(id=id_, name=name, **{**usual, **values})


def blocked(id_: int, name: str = "A", **values: Any) -> PlannedCampaign:
    why = Blocked(code="ARCHIVED", field=None, message="it is gone", hint="let it go", source=PLACE)
    return campaign(id_, name, **{"action": "blocked", "requests": (), "blocked": (why,), **values})


def a_plan(
    *campaigns: PlannedCampaign, environment: str = "production", shard: str | None = None
) -> Plan:
    account = PlannedEnvironment(
        name=environment,
        base_url="https://api.altur.io",
        definitions="sha256:0",
        summary=PlanSummary(),
        requests=RequestCounts(read=1),
    )
    empty = Plan(
        tool="campaignsync 1.0",
        created_at="2026-01-05T12:00:00Z",
        shard=shard,
        environments=(account,),
        summary=PlanSummary(),
        campaigns=(),
    )
    own = [each.model_copy(update={"environment": environment}) for each in campaigns]
    return seal(with_campaigns(empty, tuple(own)))


def a_drift_about(text: str, environment: str | None = None) -> Drift:
    """Return drift with the text in every field that can contain untrusted text."""
    environment = text if environment is None else environment
    plan = a_plan_about(text)
    evidence = Evidence(by="git", reference=text, date=text, message=text)
    campaigns = tuple(
        DriftedCampaign(
            environment=environment,
            id=each.id,
            name=each.name,
            status=each.status,
            source=each.source,
            state="live",
            fields=tuple(
                DriftedField(**dict(change), ahead="live", evidence=evidence)
                for change in each.changes
            ),
        )
        for each in plan.campaigns
    )
    summary = DriftSummary(live=len(campaigns))
    return Drift(
        tool=plan.tool,
        created_at=plan.created_at,
        shard=text,
        environments=(ComparedEnvironment(name=environment, base_url=text, summary=summary),),
        summary=summary,
        campaigns=campaigns,
    )


def a_plan_about(text: str) -> Plan:
    """Return a plan with the text in every field that can contain untrusted text."""
    place = Source(f"c/{text}.yaml", 1)
    why = Blocked(code="IMMUTABLE_FIELD", field="agent_id", message=text, hint=text, source=place)
    changes = (
        change("name", text, f"{text}."),
        change("first_message", f"{text}\n{text}\nx\n", f"{text}\n{text}\ny\n{text}"),
        change("scheduling.mon", window(text, text), window("09:00", "18:00")),
        change("cycles.filter_tags", [text], [f"{text}.", text]),
    )
    values = {"status": text, "source": place, "changes": changes, "notes": (text,)}
    return a_plan(
        campaign(1, text, requests=patch(1, {"name": text, "first_message": text}), **values),
        campaign(2, text, action="blocked", requests=(), blocked=(why,), **values),
        campaign(3, text, action="frozen", requests=(), **values),
        campaign(4, text, action="unchanged", requests=(), **{**values, "changes": ()}),
        environment=text,
        shard=text,
    )


def an_apply_about(text: str) -> Applied:
    failure = Failure(code="NO", message=text, hint=text, source=Source(f"c/{text}.yaml", 1))
    failed = Outcome(
        environment=text, id=1, name=text, outcome="failed", error=failure, notes=(text,)
    )
    frozen = Outcome(environment=text, id=2, name=text, outcome="frozen", notes=(text,))
    summary = ApplySummary()
    return Applied(
        environments=(AppliedEnvironment(name=text, run=text, summary=summary),),
        summary=summary,
        campaigns=(failed, frozen),
    )


def problems_about(text: str) -> list[Problem]:
    file = f"c/{text}.yaml"
    return [
        Problem("WRONG", f"wrong {text}", Source(file, 2, 3), f"do {text}", excerpt=text),
        Problem("ODD", text, Source(file, 4, 1), severity="warning"),
    ]
