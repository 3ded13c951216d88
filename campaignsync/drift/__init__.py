"""Determine for each difference of a plan which side is ahead: the repo or live.

`repo` is ahead if an edit was not applied yet, `live` if the campaign was changed elsewhere, `both`
if both happened. `unknown` means that there is no evidence.

For each field, the first rule that applies decides.

If the journal has a confirmed write of the field, and the last one left the value v:

1. Live is v, the definition is not: the repo is ahead.
2. The definition is v, live is not: live is ahead.
3. Neither is v: both are.

If no local journal has the field, git decides. The versions of the file that holds the value are
read newest first. For each version, all other files are read as they are today:

4. Live is the value of an earlier version: the repo is ahead. This is wrong if someone restored
   exactly that value in the dashboard.
5. The history is incomplete, as in a shallow clone: unknown, because rule 4 might apply.
6. The edit is not committed: both are ahead if a commit has another value, because live has
   neither; the repo is ahead if no commit has the field.
7. Otherwise live is ahead: no commit ever had its value. This is wrong if the newest commit was
   never applied.

Without a journal entry and a commit of the file: unknown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.document import ErrorSummary, total
from campaignsync.model.fields import satisfies
from campaignsync.model.kind import Value
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

FieldKey = tuple[int, str]
"""A campaign's id, and the path of one of its fields."""


@dataclass(frozen=True, slots=True)
class LastWrite:
    """The value that the last confirmed write of a field left, its run, and the run's date."""

    value: Value
    run: str
    date: str


@dataclass(frozen=True, slots=True)
class CommittedValue:
    """The value of a field in a commit; `is_managed` is False if the commit lacks the field."""

    commit: str
    date: str
    is_managed: bool
    value: Value = None


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """The values of a field in commits, newest first; `is_whole` is True if none is missing.

    `reason` explains why there are no values.
    """

    values: tuple[CommittedValue, ...] = ()
    is_whole: bool = False
    reason: str = "git was not used"


@dataclass(frozen=True, slots=True)
class EarlierValues:
    """The earlier values of fields, from the journals and from git."""

    writes: Mapping[FieldKey, LastWrite] = field(default_factory=dict)
    histories: Mapping[FieldKey, FieldHistory] = field(default_factory=dict)


def drift(desired: Desired, plan: Plan, earlier: EarlierValues) -> Drift:
    """Return which side is ahead in each difference of one environment's plan, with evidence."""
    definitions = desired.by_id
    campaigns = tuple(
        _campaign(definitions[campaign.id], campaign, earlier) for campaign in plan.campaigns
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
    """Return one document for several environments; `failed` has the errors of all others.

    `drifts` has at least one document. The result has the time of the oldest one.
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


def _campaign(
    definition: Definition, planned: PlannedCampaign, earlier: EarlierValues
) -> DriftedCampaign:
    fields = tuple(
        _field(definition, change, earlier) for change in planned.changes if change.known
    )
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
    """Return the state of a campaign; fields without evidence count only if no field has any."""
    if any(blocked.code == "NOT_FOUND" for blocked in planned.blocked):
        return "missing"
    ahead = {field.ahead for field in fields}
    if not ahead:
        return "in_sync"
    if planned.action == "frozen":
        return "frozen"
    proven = ahead - {"unknown"}
    if len(proven) > 1:
        return "both"
    return proven.pop() if proven else "unknown"


def _field(definition: Definition, change: Change, earlier: EarlierValues) -> DriftedField:
    key = (definition.id, change.field)
    if write := earlier.writes.get(key):
        ahead, evidence = _by_journal(definition, change, write)
    else:
        ahead, evidence = _by_git(definition, change, earlier.histories.get(key, FieldHistory()))
    return DriftedField(**dict(change), ahead=ahead, evidence=evidence)


def _by_journal(definition: Definition, change: Change, write: LastWrite) -> tuple[Ahead, Evidence]:
    desired = definition.values[change.field]
    ahead: Ahead
    if satisfies(change.field, change.before, write.value):
        ahead, message = "repo", "live has the value that the last apply wrote"
    elif satisfies(change.field, write.value, desired):
        ahead, message = "live", "the last apply wrote the definition's value"
    else:
        ahead, message = "both", "live and the definition both differ from the last apply"
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
        if each.is_managed and satisfies(change.field, change.before, each.value)
    )
    if commit := next(like_live, None):
        return "repo", _commit(commit, "live has the value of this commit")
    if not history.is_whole:
        message = "git's history ends here: a shallow clone, or a long history"
        return "unknown", _commit(history.values[-1], message)
    if newest.is_managed and newest.value == definition.values[change.field]:
        message = "set in this commit; the live value never appeared in git"
        return "live", _commit(first_with_newest(history.values), message)
    if any(each.is_managed for each in history.values):
        message = "edited after this commit; the live value never appeared in git"
        return "both", _commit(newest, message)
    return "repo", _commit(newest, "the field was added after this commit")


def first_with_newest(values: tuple[CommittedValue, ...]) -> CommittedValue:
    """Return the oldest of the newest commits with the same value: it introduced that value."""
    newest = oldest = values[0]
    for each in values:
        if not each.is_managed or each.value != newest.value:
            break
        oldest = each
    return oldest


def _commit(value: CommittedValue, message: str) -> Evidence:
    return Evidence(by="git", reference=value.commit, date=value.date, message=message)
