"""(Desired, Plan, Known) → Drift: for each difference of a plan, who is ahead.

`repo` is ahead if an edit was not applied yet, `live` if the campaign was changed elsewhere, `both`
if both happened. `unknown` means that there is no evidence.

For each field, the first rule that applies decides.

With the journal, where v is the value that the last confirmed write of this field left:

1. Live is v, the definition is not: the repo is ahead.
2. The definition is v, live is not: live is ahead.
3. Neither is v: both are.

With git, if no journal here has the field. The versions of the file that holds the value are read
newest first, each with everything else as it is today:

4. Live is the value of an earlier version: the repo is ahead. (Someone may have restored exactly
   that value in the dashboard. Git cannot tell.)
5. The history is not whole, as in a shallow clone: unknown, because rule 4 might apply.
6. The edit is in no commit: both are ahead if a commit has another value, because live has neither;
   the repo is if no commit has the field.
7. Otherwise live is ahead: no commit ever had its value. (Git cannot tell whether the newest commit
   was applied. For a definition that never was, this is wrong.)

Without either, and for a file that is in no commit: unknown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from campaignsync.model.document import ErrorSummary, total
from campaignsync.model.fields import Value, satisfies
from campaignsync.model.plan import Change, Plan, PlannedCampaign
from campaignsync.model.results import (
    Ahead,
    ComparedEnvironment,
    Drift,
    DriftedCampaign,
    DriftedField,
    DriftState,
    DriftSummary,
    Evidence,
)
from campaignsync.model.values import Definition, Desired

FieldKey = tuple[int, str]
"""A campaign's id, and the path of one of its fields."""


@dataclass(frozen=True, slots=True)
class LastWrite:
    """The value that the last confirmed write of a field left, its run, and the day."""

    value: Value
    run: str
    date: str


@dataclass(frozen=True, slots=True)
class CommittedValue:
    """The value of a field in a commit; `managed` is False if the commit did not have the field."""

    commit: str
    date: str
    managed: bool
    value: Value = None


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """The values of a field in commits, newest first; `whole` means that there are no others.

    `reason` says why nothing is known.
    """

    values: tuple[CommittedValue, ...] = ()
    whole: bool = False
    reason: str = "git was not asked"


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal and git know of fields."""

    writes: Mapping[FieldKey, LastWrite] = field(default_factory=dict)
    histories: Mapping[FieldKey, FieldHistory] = field(default_factory=dict)


def drift(desired: Desired, plan: Plan, known: Known) -> Drift:
    """Return who is ahead in each difference of one environment's plan, and the evidence."""
    definitions = {definition.id: definition for definition in desired.definitions}
    campaigns = tuple(
        _campaign(definitions[campaign.id], campaign, known) for campaign in plan.campaigns
    )
    states = Counter[str](campaign.state for campaign in campaigns)
    summary = DriftSummary(**states, unreadable_fields=plan.summary.unknown_fields)
    [account] = plan.environments
    return Drift(
        tool=plan.tool,
        created_at=plan.created_at,
        shard=plan.shard,
        environments=(
            ComparedEnvironment(name=account.name, base_url=account.base_url, summary=summary),
        ),
        summary=summary,
        campaigns=campaigns,
    )


def merge_drift(drifts: Sequence[Drift], failed: Mapping[str, ErrorSummary]) -> Drift:
    """Return one document for several environments; `failed` says why others have no result.

    There is at least one. The oldest one gives the time.
    """
    environments = [each for drift in drifts for each in drift.environments]
    environments += [
        ComparedEnvironment(name=name, base_url="", summary=DriftSummary(), error=error)
        for name, error in failed.items()
    ]
    oldest = min(drifts, key=lambda drift: drift.created_at)
    summary = DriftSummary(**total(environment.summary for environment in environments))
    campaigns = tuple(campaign for drift in drifts for campaign in drift.campaigns)
    parts = {"environments": tuple(environments), "summary": summary, "campaigns": campaigns}
    return oldest.model_copy(update=parts)


def _campaign(definition: Definition, planned: PlannedCampaign, known: Known) -> DriftedCampaign:
    fields = tuple(_field(definition, change, known) for change in planned.changes if change.known)
    return DriftedCampaign(
        environment=planned.environment,
        id=planned.id,
        name=planned.name,
        status=planned.status,
        source=planned.source,
        state=_state(planned, fields),
        fields=fields,
    )


def _state(planned: PlannedCampaign, fields: Iterable[DriftedField]) -> DriftState:
    """Return the state of a campaign; fields without evidence yield to those with evidence."""
    if any(blocked.code == "NOT_FOUND" for blocked in planned.blocked):
        return "missing"
    ahead = {field.ahead for field in fields}
    if not ahead:
        return "in_sync"
    if planned.action == "frozen":
        return "frozen"
    evident = ahead - {"unknown"}
    if len(evident) > 1:
        return "both"
    return evident.pop() if evident else "unknown"


def _field(definition: Definition, change: Change, known: Known) -> DriftedField:
    key = (definition.id, change.field)
    if write := known.writes.get(key):
        ahead, evidence = _by_journal(definition, change, write)
    else:
        ahead, evidence = _by_git(definition, change, known.histories.get(key, FieldHistory()))
    return DriftedField(**dict(change), ahead=ahead, evidence=evidence)


def _by_journal(definition: Definition, change: Change, write: LastWrite) -> tuple[Ahead, Evidence]:
    desired = definition.values[change.field]
    ahead: Ahead
    if satisfies(change.field, change.before, write.value):
        ahead, message = "repo", "live is as the last apply left it"
    elif satisfies(change.field, write.value, desired):
        ahead, message = "live", "the last apply left what the definition says"
    else:
        ahead, message = "both", "the last apply left another value"
    return ahead, Evidence(by="journal", reference=write.run, date=write.date, message=message)


def _by_git(
    definition: Definition, change: Change, history: FieldHistory
) -> tuple[Ahead, Evidence]:
    if not history.values:
        return "unknown", Evidence(message=f"no local journal entry, and {history.reason}")
    newest = history.values[0]
    like_live = (
        each
        for each in history.values
        if each.managed and satisfies(change.field, change.before, each.value)
    )
    if found := next(like_live, None):
        return "repo", _commit(found, "the live value is the one in this commit")
    if not history.whole:
        message = "git's history ends here: a shallow clone, or a long history"
        return "unknown", _commit(history.values[-1], message)
    if newest.managed and newest.value == definition.values[change.field]:
        message = "set in this commit; the live value never appeared in git"
        return "live", _commit(first_with_newest(history.values), message)
    if any(each.managed for each in history.values):
        message = "edited after this commit; the live value never appeared in git"
        return "both", _commit(newest, message)
    return "repo", _commit(newest, "the field was added after this commit")


def first_with_newest(values: tuple[CommittedValue, ...]) -> CommittedValue:
    """Return the commit that introduced the newest value."""
    newest = oldest = values[0]
    for each in values:
        if not each.managed or each.value != newest.value:
            break
        oldest = each
    return oldest


def _commit(found: CommittedValue, message: str) -> Evidence:
    return Evidence(by="git", reference=found.commit, date=found.date, message=message)
