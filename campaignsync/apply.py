"""(Plan, Api) → outcomes: the only room that writes.

Each campaign is read again just before its PATCH, and planned again from that reading: only the
very changes that were reviewed are sent. The answer is then held against what was expected.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaignsync.api import Api
from campaignsync.errors import (
    ApiError,
    BillingLimit,
    Inconsistent,
    NotFound,
    OutcomeUnknown,
    Unauthorized,
    Unreachable,
)
from campaignsync.fields import BY_PATH, REFUSALS, WEEKS, Mutability, Value, readings
from campaignsync.live import Reader, together
from campaignsync.model.documents import (
    Applied,
    ApplySummary,
    Change,
    Failure,
    Outcome,
    Plan,
    PlannedCampaign,
    Result,
)
from campaignsync.model.values import Definition, Desired, LiveCampaign
from campaignsync.plan import plan_campaign

STOPPING = (Unauthorized, BillingLimit, Unreachable)
"""Errors after which every further request would end the same way."""

EXIT_CODES: Mapping[Result, int] = {"blocked": 6, "stale": 7, "failed": 8, "unknown": 9}


@dataclass(slots=True)
class Apply:
    """One apply under way: what came of each campaign so far, and why it stopped, if it did.

    `on_outcome` is told of each campaign once, in the order in which they end.
    """

    plan: Plan
    desired: Desired
    api: Api
    reader: Reader
    on_outcome: Callable[[Outcome], None] = lambda _: None
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    stopped_by: ApiError | None = None
    _unconfirmed: dict[int, set[str]] = field(default_factory=dict)
    _definitions: dict[int, Definition] = field(init=False)

    def __post_init__(self) -> None:
        self._definitions = {found.id: found for found in self.desired.definitions}

    async def run(self) -> None:
        """Send every update of the plan; what goes wrong with a campaign becomes its outcome."""
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                self._end(campaign, campaign.action, _as_planned(campaign))
        # Alone: a server that merges in another way than we think harms one campaign, not all.
        await together([self._update(campaign) for campaign in updates[:1]])
        await together([self._update(campaign) for campaign in updates[1:]])
        await self._confirm()

    def result(self, run: str) -> Applied:
        """Report the outcomes in the plan's order, counted; `run` names this run."""
        counts = Counter[str](outcome.outcome for outcome in self.outcomes.values())
        return Applied(
            run=run,
            environment=self.plan.environment,
            summary=ApplySummary(**{word: counts[word] for word in ApplySummary.model_fields}),
            campaigns=tuple(self.outcomes[campaign.id] for campaign in self.plan.campaigns),
        )

    def exit_code(self) -> int:
        """Give the exit code of DESIGN's table: the highest that holds."""
        results = {outcome.outcome for outcome in self.outcomes.values()}
        codes = {EXIT_CODES.get(result, 0) for result in results}
        if self.stopped_by:
            # Nothing was written: the cause says more than "failed".
            codes -= {8} if "updated" not in results else set()
            codes.add(8 if "updated" in results else self.stopped_by.exit_code)
        return max(codes, default=0)

    async def _update(self, campaign: PlannedCampaign) -> None:
        if self.stopped_by:
            self._end(campaign, "skipped")
            return
        definition = self._definitions[campaign.id]
        try:
            await self._write(campaign, definition)
        except ApiError as error:
            if isinstance(error, STOPPING):
                self.stopped_by = self.stopped_by or error
            self._end(campaign, _result_of(error), _failure(error, definition))

    async def _write(self, campaign: PlannedCampaign, definition: Definition) -> None:
        """Read, compare with what was reviewed, send, verify: back to back in one task."""
        live = await self.reader.again(definition)
        now = plan_campaign(definition, live, send_unreadable=True)
        if not any(change.known for change in now.changes) and _known(campaign.changes):
            self._end(campaign, "unchanged", notes=("live already is as desired",))
        elif now.action != "update" or _reviewed(now.changes) != _reviewed(campaign.changes):
            self._end(campaign, "stale", _moved(campaign, now, definition))
        elif self.stopped_by:
            self._end(campaign, "skipped")
        else:
            answer = await self.api.patch(campaign.id, campaign.patch)
            self._verify(campaign, definition, live, _said(answer, live))

    def _verify(
        self,
        campaign: PlannedCampaign,
        definition: Definition,
        live: LiveCampaign,
        said: Mapping[str, Value],
    ) -> None:
        """Hold the PATCH's answer against what was live and what was sent."""
        sent = {change.field: change.after for change in _sent(campaign)}
        if refused := _differences(sent, said):
            self._end(campaign, "failed", _failure(_not_taken(refused), definition))
        elif lost := _differences(_untouched(live.values, sent), said):
            # It would do the same to the next campaign.
            self.stopped_by = self.stopped_by or _unasked(lost)
            self._end(campaign, "failed", _failure(_unasked(lost), definition))
        elif unsaid := {path for path in sent if path not in said and path in live.values}:
            self._unconfirmed[campaign.id] = unsaid
        else:
            self._end(campaign, "updated")

    async def _confirm(self) -> None:
        """Read back, once for the whole run, what the answers to the PATCHes left out."""
        if not self._unconfirmed:
            return
        definitions = tuple(self._definitions[id_] for id_ in self._unconfirmed)
        campaigns = {campaign.id: campaign for campaign in self.plan.campaigns}
        try:
            live = await Reader(self.api).read(Desired(definitions))
        except ApiError as error:
            for definition in definitions:
                failure = _failure(OutcomeUnknown(error.message, hint=error.hint), definition)
                self._end(campaigns[definition.id], "unknown", failure)
            return
        for definition in definitions:
            campaign = campaigns[definition.id]
            found = live.campaigns.get(definition.id, LiveCampaign(definition.id, {}))
            sent = {change.field: change.after for change in _sent(campaign)}
            wanted = {path: sent[path] for path in self._unconfirmed[definition.id]}
            if refused := _differences(wanted, found.values):
                self._end(campaign, "failed", _failure(_not_taken(refused), definition))
            else:
                self._end(campaign, "updated")

    def _end(
        self,
        campaign: PlannedCampaign,
        result: Result,
        error: Failure | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        outcome = Outcome(
            id=campaign.id,
            name=campaign.name,
            outcome=result,
            patch=campaign.patch,
            error=error,
            notes=notes,
        )
        self.outcomes[campaign.id] = outcome
        self.on_outcome(outcome)


Differences = Mapping[str, tuple[Value, Value]]
"""By path: what was expected, and what the API says instead."""


def _differences(expected: Mapping[str, Value], said: Mapping[str, Value]) -> Differences:
    """Compare where an answer says the field at all: what it leaves out is unknown."""
    return {
        path: (value, said[path])
        for path, value in expected.items()
        if path in said and said[path] != BY_PATH[path].kind.settle(value, said[path])
    }


def _said(answer: Mapping[str, Any], live: LiveCampaign) -> Mapping[str, Value]:
    """Read a PATCH's answer; a weekday that is gone from its week was lost, not left out."""
    said = dict(readings(answer, "detailed"))
    weeks = {path.rpartition(".")[0] for path in said} & set(WEEKS)
    gone = (path for path in live.values if path not in said and path.rpartition(".")[0] in weeks)
    return {**dict.fromkeys(gone), **said}


def _untouched(live: Mapping[str, Value], sent: Mapping[str, Value]) -> Mapping[str, Value]:
    """Give what a PATCH must leave alone; what the API decides may move at any time."""
    return {
        path: value
        for path, value in live.items()
        if path not in sent and BY_PATH[path].mutability is not Mutability.READ_ONLY
    }


def _sent(campaign: PlannedCampaign) -> Iterator[Change]:
    return (change for change in campaign.changes if BY_PATH[change.field].sendable)


def _known(changes: Iterable[Change]) -> bool:
    return any(change.known for change in changes)


def _reviewed(changes: Iterable[Change]) -> list[tuple[str, Value, Value, bool]]:
    """Give what a reviewer saw of changes; that a line moved in its file is no difference."""
    return [(change.field, change.before, change.after, change.known) for change in changes]


def _result_of(error: ApiError) -> Result:
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    # Both mean that the campaign moved on after it was planned.
    if isinstance(error, NotFound) or error.code == "CAMPAIGN_FINISHED":
        return "stale"
    return "failed"


def _not_taken(refused: Differences) -> ApiError:
    return Inconsistent(
        f"the API accepted the PATCH, but not its values: {_both(refused, 'sent')}",
        hint="look at the campaign in the dashboard, and plan again",
        code="NOT_TAKEN",
        field=next(iter(refused)),
    )


def _unasked(lost: Differences) -> ApiError:
    return Inconsistent(
        f"the PATCH changed what it did not name: {_both(lost, 'was')}",
        hint="nothing further is sent; put the values back, and report how the API merges",
        code="CHANGED_UNASKED",
        field=next(iter(lost)),
    )


def _both(differences: Differences, word: str) -> str:
    return "; ".join(
        f"{path} {word} {_brief(expected)}, is {_brief(said)}"
        for path, (expected, said) in differences.items()
    )


def _brief(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _failure(error: ApiError, definition: Definition) -> Failure:
    refusal = REFUSALS.get(error.code)
    return Failure(
        code=error.code,
        field=error.field,
        status=error.status,
        message=error.message,
        hint=error.hint or (refusal.remedy if refusal else ""),
        source=definition.source_of(error.field or ""),
    )


def _moved(campaign: PlannedCampaign, now: PlannedCampaign, definition: Definition) -> Failure:
    """Say what live was, is, and should be, for each field that moved since the plan."""
    planned = {change.field: change for change in campaign.changes}
    found = {change.field: change for change in now.changes}
    lines = [
        f"{path}: planned from {_seen(planned.get(path))}, live is {_seen(found.get(path))}"
        for path in {**planned, **found}
        if _seen(planned.get(path)) != _seen(found.get(path))
    ]
    reasons = [f"{blocked.code}: {blocked.message}" for blocked in now.blocked]
    return Failure(
        code="STALE",
        message="; ".join(lines + reasons + list(now.notes)) or "the campaign moved",
        hint="nothing was sent; plan again, and have it reviewed",
        source=definition.source,
    )


def _seen(change: Change | None) -> str:
    if change is None:
        return "as desired"
    return _brief(change.before) if change.known else "not readable"


def _as_planned(campaign: PlannedCampaign) -> Failure | None:
    """Repeat the plan's first reason for a campaign of which nothing is sent."""
    for blocked in campaign.blocked:
        return Failure(
            code=blocked.code,
            field=blocked.field,
            message=blocked.message,
            hint=blocked.hint,
            source=blocked.source,
        )
    return None
