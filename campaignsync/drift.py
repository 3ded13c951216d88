"""(Desired, Plan, Evidence) → Drift: a plan read the other way, for who is ahead.

A plan says what would be sent. This says why it differs: `repo` is ahead where an edit was not
applied yet, `live` where somebody changed the campaign elsewhere, `both` where both happened, and
`unknown` where nothing speaks for either.

Field by field, the first rule that applies decides.

By the journal, with v the value that the last confirmed write of this field left there:

1. Live is v, the definition is not: the repo is ahead.
2. The definition is v, live is not: live is ahead.
3. Neither is v: both are.

By git, where no journal here tells of the field, with the versions of the file that the value
stands in, newest first, each read with everything else as it is today:

4. Live is what an earlier version said: the repo is ahead. (Somebody may have put exactly that
   value back in the dashboard: git cannot tell.)
5. The history is not whole, such as in a shallow clone: unknown, for rule 4 might have applied.
6. The edit is in no commit: both are ahead where a commit said another value, for live has neither;
   the repo is where no commit said the field at all.
7. Else live is ahead: it says what no commit ever said. (Whether the newest commit was applied, git
   cannot tell: of a definition that never was, this is wrong.)

Without either, and for a file that is in no commit: unknown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from campaignsync.model.documents import added, members
from campaignsync.model.drifts import (
    Ahead,
    Drift,
    DriftedCampaign,
    DriftedField,
    Drifts,
    DriftState,
    DriftSummary,
    Proof,
)
from campaignsync.model.fields import Value, satisfies
from campaignsync.model.plans import Change, EnvironmentFailure, Plan, PlannedCampaign
from campaignsync.model.values import Definition, Desired

Place = tuple[int, str]
"""A campaign's id, and the path of one of its fields."""


@dataclass(frozen=True, slots=True)
class Left:
    """What the last confirmed write of a field left there: its value, its run, and the day."""

    value: Value
    run: str
    date: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a commit said of a field; `managed` is False where it said nothing."""

    commit: str
    date: str
    managed: bool
    value: Value = None


@dataclass(frozen=True, slots=True)
class Past:
    """What commits said of a field, newest first; `whole` where there are no others.

    `why` says why nothing is known.
    """

    said: tuple[Said, ...] = ()
    whole: bool = False
    why: str = "nobody looked at git"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the journal and git know of fields."""

    left: Mapping[Place, Left] = field(default_factory=dict)
    past: Mapping[Place, Past] = field(default_factory=dict)


def drift(desired: Desired, plan: Plan, evidence: Evidence) -> Drift:
    """Say who is ahead in each difference of these definitions' plan, and what speaks for it."""
    definitions = {definition.id: definition for definition in desired.definitions}
    campaigns = tuple(
        _campaign(definitions[campaign.id], campaign, evidence) for campaign in plan.campaigns
    )
    states = Counter[str](campaign.state for campaign in campaigns)
    return Drift(
        tool=plan.tool,
        created_at=plan.created_at,
        environment=plan.environment,
        base_url=plan.base_url,
        shard=plan.shard,
        summary=DriftSummary(**states, unreadable_fields=plan.summary.unknown_fields),
        campaigns=campaigns,
    )


def drifts_of(drifts: Iterable[Drift], errors: Iterable[EnvironmentFailure]) -> Drifts:
    """Put the drift of several environments into one document, counted."""
    parts = tuple(drifts)
    summary = DriftSummary(**added(part.summary for part in parts))
    return Drifts(summary=summary, drifts=parts, errors=tuple(errors))


def _campaign(
    definition: Definition, planned: PlannedCampaign, evidence: Evidence
) -> DriftedCampaign:
    fields = tuple(
        _field(definition, change, evidence) for change in planned.changes if change.known
    )
    return DriftedCampaign(
        id=planned.id,
        name=planned.name,
        status=planned.status,
        source=planned.source,
        state=_state(planned, fields),
        fields=fields,
    )


def _state(planned: PlannedCampaign, fields: Iterable[DriftedField]) -> DriftState:
    """Sum a campaign's fields up; those that nothing speaks for yield to those that are known."""
    if any(blocked.code == "NOT_FOUND" for blocked in planned.blocked):
        return "missing"
    ahead = {field.ahead for field in fields}
    if not ahead:
        return "in_sync"
    if planned.action == "frozen":
        return "frozen"
    known = ahead - {"unknown"}
    if len(known) > 1:
        return "both"
    return known.pop() if known else "unknown"


def _field(definition: Definition, change: Change, evidence: Evidence) -> DriftedField:
    place = (definition.id, change.field)
    if left := evidence.left.get(place):
        ahead, proof = _by_journal(definition, change, left)
    else:
        ahead, proof = _by_git(definition, change, evidence.past.get(place, Past()))
    return DriftedField(**members(change), ahead=ahead, proof=proof)


def _by_journal(definition: Definition, change: Change, left: Left) -> tuple[Ahead, Proof]:
    desired = definition.values[change.field]
    ahead: Ahead
    if satisfies(change.field, change.before, left.value):
        ahead, told = "repo", "live is as the last apply left it"
    elif satisfies(change.field, left.value, desired):
        ahead, told = "live", "the last apply left what the definition says"
    else:
        ahead, told = "both", "the last apply left another value"
    return ahead, Proof(by="journal", reference=left.run, date=left.date, message=told)


def _by_git(definition: Definition, change: Change, past: Past) -> tuple[Ahead, Proof]:
    if not past.said:
        return "unknown", Proof(message=f"no journal here tells of it, and {past.why}")
    newest = past.said[0]
    as_live = (
        said
        for said in past.said
        if said.managed and satisfies(change.field, change.before, said.value)
    )
    if said := next(as_live, None):
        return "repo", _proof(said, "live says what this commit said")
    if not past.whole:
        return "unknown", _proof(
            past.said[-1], "git knows no further back here: a shallow clone, or a long history"
        )
    if newest.managed and newest.value == definition.values[change.field]:
        told = "said since this commit, and what live says was never said"
        return "live", _proof(_since(past.said), told)
    if any(said.managed for said in past.said):
        return "both", _proof(newest, "the edit came after it, and what live says was never said")
    return "repo", _proof(newest, "the field came after it, and was never said before")


def _since(said: tuple[Said, ...]) -> Said:
    """Give the commit from which on the newest value was said."""
    newest = oldest = said[0]
    for each in said:
        if not each.managed or each.value != newest.value:
            break
        oldest = each
    return oldest


def _proof(said: Said, message: str) -> Proof:
    return Proof(by="git", reference=said.commit, date=said.date, message=message)
