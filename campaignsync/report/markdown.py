"""Render plans, drift, outcomes, problems and errors as Markdown, within a comment's size limit.

`markup` escapes every value, so that no value is interpreted as markup. A later run finds the
comment with a plan by its hidden first line.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from urllib.parse import quote

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.model.document import ErrorSummary
from campaignsync.model.drift import ComparedEnvironment, Drift, DriftedCampaign
from campaignsync.model.plan import Change, Plan, PlannedCampaign, PlannedEnvironment
from campaignsync.model.runs import Applied, AppliedEnvironment, Outcome
from campaignsync.report import wording as words
from campaignsync.report.blocking import (
    Obstacle,
    Reason,
    obstacles,
    ordered,
    reason_of,
    shared_reasons,
)
from campaignsync.report.changes import diff_lines, fold_weekdays, is_long
from campaignsync.report.markup import (
    COMMENT,
    code,
    fenced,
    in_equal_shares,
    list_within,
    plain,
    row,
    table,
    table_and_blocks_within,
    table_within,
)


def plan(plan: Plan, limit: int = COMMENT) -> str:
    """Return a plan in at most `limit` bytes: obstacles, a table, a folded block per campaign."""
    parts = [*plan.by_environment()]
    return in_equal_shares(
        [failed(*each) for each in plan.failed()],
        parts,
        lambda part, room: _planned(plan, *part, room),
        limit,
    )


def failed(environment: str, error: ErrorSummary) -> str:
    """Return the error of an environment that has no result."""
    why = f"{code(error.code)} {plain(words.clipped(error.message, 300))}"
    hint = f"  \n→ {plain(error.hint)}" if error.hint else ""
    return f"### Stopped\n\nEnvironment {code(environment)}\n\n{why}{hint}"


def plan_comment(planned: Plan, environment: str, longest: int) -> str:
    """Return one environment's plan as a comment of at most `longest` characters."""
    foot = f"\n\n{plain(f'{planned.tool}, {planned.created_at}')}"
    head = _hidden_line(environment, planned.shard)
    room = longest - len(head) - len(foot)
    text = plan(planned.only(environment), room)
    if len(text) > room:
        # The list of obstacles alone is too long: keep its first lines.
        text = text[: text.rfind("\n", 0, room)]
    return f"{head}{text}{foot}"


def failure_comment(environment: str, error: ErrorSummary, shard: str | None) -> str:
    """Return a comment that explains why an environment has no plan, instead of the plan."""
    return f"{_hidden_line(environment, shard)}{failed(environment, error)}"


def _hidden_line(environment: str, shard: str | None) -> str:
    """Return the line that identifies the environment and the part of the workspace."""
    part = f", shard {quote(shard)}" if shard else ""
    return f"<!-- campaignsync: plan of {quote(environment, safe='')}{part} -->\n"


def _planned(
    plan: Plan, environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign], limit: int
) -> str:
    relevant = [each for each in ordered(campaigns) if each.changes or each.blocked]
    summary = words.plan_counts(environment.summary, environment.name)
    head = _head(summary, environment.name, plan.shard)
    head += [f"> **{plain(note)}**" for note in environment.notes]
    head += ["\n".join(map(_obstacle, obstacles(campaigns)))] if environment.summary.blocked else []
    saved = "in the saved plan: `campaignsync show PLANFILE`"
    block = partial(_block, shared=shared_reasons(campaigns))
    return table_and_blocks_within(head, relevant, (_row, block), limit, saved)


def _head(summary: str, environment: str, shard: str | None = None) -> list[str]:
    part = f", shard {code(shard)}" if shard else ""
    return [f"### {plain(summary)}", f"Environment {code(environment)}{part}"]


def _obstacle(obstacle: Obstacle) -> str:
    count = words.count(len(obstacle.campaigns), "campaign")
    message = f": {plain(words.clipped(obstacle.message, 300))}" if obstacle.message else ""
    return f"- {count} blocked by {code(obstacle.code)}{message} → {plain(obstacle.hint)}"


def _row(campaign: PlannedCampaign) -> str:
    fields = ", ".join(code(name) for name, _ in fold_weekdays(campaign.changes))
    reasons = ", ".join(sorted({code(blocked.code) for blocked in campaign.blocked}))
    action = f"**{campaign.action}** {reasons}".strip()
    return row((f"{campaign.id} {plain(campaign.name)}", action, fields))


def _block(campaign: PlannedCampaign, shared: Collection[Reason]) -> str:
    """Return a campaign's block; a reason in `shared` appears only by its code."""
    parts = [
        f"**{plain(blocked.code)}**"
        if reason_of(blocked) in shared
        else f"**{plain(blocked.code)}** {code(field or 'campaign')}: {plain(blocked.message)}"
        f" ({code(str(blocked.source))})  \n→ {plain(blocked.hint)}"
        for field, blocked in fold_weekdays(campaign.blocked, ignored=("field",))
    ]
    parts += _changes(campaign.changes)
    parts += [plain(note) for note in campaign.notes]
    for request in campaign.requests:
        parts += [
            f"{request.method} {code(request.path)}",
            fenced(words.exact(request.body), "json"),
        ]
    return _under_its_name(campaign, parts)


def _under_its_name(campaign: PlannedCampaign | DriftedCampaign, parts: Iterable[str]) -> str:
    head = f"<details><summary>{campaign.id} {plain(campaign.name)}</summary>"
    return "\n\n".join([head, *parts, "</details>"])


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    named = list(fold_weekdays(changes))
    if short := [(name, change) for name, change in named if not is_long(change)]:
        rows = (
            (code(name), _before(change), code(words.value(change.after))) for name, change in short
        )
        yield table(("field", "live", "desired"), rows)
    for name, change in ((name, change) for name, change in named if is_long(change)):
        yield from (code(name), _difference(change))


def _before(change: Change) -> str:
    return code(words.value(change.before)) if change.known else "*not readable*"


def _difference(change: Change) -> str:
    before = str(change.before or "") if change.known else ""
    lines = diff_lines(before, str(change.after))
    return fenced("\n".join(f"{sign} {body}" for sign, body in lines), "diff")


def drift(drift: Drift) -> str:
    """Return drift within a comment's size: a table, and a folded block per campaign."""
    return in_equal_shares(
        [failed(*each) for each in drift.failed()],
        [*drift.by_environment()],
        lambda part, room: _compared(drift, *part, room),
        COMMENT,
    )


def _compared(
    drift: Drift, environment: ComparedEnvironment, campaigns: Sequence[DriftedCampaign], limit: int
) -> str:
    relevant = [campaign for campaign in campaigns if campaign.state != "in_sync"]
    head = _head(words.drift_counts(environment.summary), environment.name, drift.shard)
    return table_and_blocks_within(
        head, relevant, (_drifted, _evidence), limit, "in the output of `campaignsync drift`"
    )


def _drifted(campaign: DriftedCampaign) -> str:
    fields = ", ".join(code(name) for name, _ in fold_weekdays(campaign.fields))
    state = f"**{words.AHEAD[campaign.state]}**"
    return row((f"{campaign.id} {plain(campaign.name)}", state, fields))


def _evidence(campaign: DriftedCampaign) -> str:
    rows = (
        (code(name), plain(words.ahead(field))) for name, field in fold_weekdays(campaign.fields)
    )
    evidence = [table(("field", "evidence"), rows)] if campaign.fields else []
    return _under_its_name(campaign, [*evidence, *_changes(campaign.fields)])


def applied(applied: Applied) -> str:
    """Return the outcome of each changed campaign, failures first."""
    parts = [failed(*each) for each in applied.failed()]
    parts += [_applied(*part) for part in applied.by_environment()]
    return "\n\n".join(parts)


def _applied(environment: AppliedEnvironment, outcomes: Sequence[Outcome]) -> str:
    relevant = [outcome for outcome in outcomes if outcome.outcome != "unchanged"]
    relevant.sort(
        key=lambda outcome: (
            outcome.outcome in words.EXPECTED_OUTCOMES,
            outcome.outcome == "updated",
        )
    )
    head = _head(words.applied_counts(environment.summary), environment.name)
    return table_within(
        head, ("campaign", "", "why"), relevant, _outcome, "campaignsync history last"
    )


def _outcome(outcome: Outcome) -> str:
    failure = outcome.error
    why = f"{code(failure.code)} {plain(failure.message)}" if failure else ""
    return row((f"{outcome.id} {plain(outcome.name)}", f"**{outcome.outcome}**", why))


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return the problems of the definitions, each with its file and line."""
    return _problems([f"### {plain(words.problems_summary(files, problems))}"], problems)


def error(error: CampaignSyncError) -> str:
    """Return the error of a command, with its hint and problems."""
    head = [f"### Error: {plain(error.message)}"]
    head += [plain(error.hint)] if error.hint else []
    return _problems(head, error.problems if isinstance(error, DefinitionError) else ())


def _problems(head: list[str], problems: Sequence[Problem]) -> str:
    return list_within(head, problems, _problem, "campaignsync validate")


def _problem(problem: Problem) -> str:
    text = words.with_hint(problem.message, problem.hint)
    return f"- {code(str(problem.source))}: {plain(text)}"
