"""Render documents as Markdown, within a comment's size limit.

`markdown_parts` escapes every value, so that no value is interpreted as markup.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from campaignsync.errors import CampaignSyncError, Problem
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Change, Plan, PlannedCampaign, PlannedEnvironment
from campaignsync.model.results import (
    ComparedEnvironment,
    Drift,
    DriftedCampaign,
    ExplainedCode,
    Exported,
    ExportedCampaign,
    ListedCampaign,
    Listing,
    Rendered,
)
from campaignsync.model.runs import Applied, AppliedEnvironment, History, Outcome, Run
from campaignsync.report import wording as words
from campaignsync.report.changes import (
    Obstacle,
    Reason,
    diff_lines,
    fold_weekdays,
    is_long,
    obstacles,
    ordered,
    reason_of,
    shared_reasons,
)
from campaignsync.report.markdown_parts import (
    COMMENT,
    code,
    fenced,
    fitting,
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
    return in_equal_shares(
        [failed(*each) for each in plan.failed()],
        [*plan.by_environment()],
        lambda part, room: _planned(plan, *part, room),
        limit,
    )


def failed(environment: str, error: ErrorSummary) -> str:
    """Return the error of an environment that has no result."""
    why = f"{code(error.code)} {plain(words.clipped(error.message, 300))}"
    hint = f"  \n→ {plain(error.hint)}" if error.hint else ""
    return f"### Stopped\n\nEnvironment {code(environment)}\n\n{why}{hint}"


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
    if rows := [_values(name, change) for name, change in named if not is_long(change)]:
        yield table(("field", "live", "desired"), rows)
    for name, change in named:
        if is_long(change):
            yield from (code(name), _difference(change))


def _values(name: str, change: Change) -> tuple[str, str, str]:
    before = code(words.value(change.before)) if change.known else "*not readable*"
    return code(name), before, code(words.value(change.after))


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
    head = [f"### {plain(words.problems_summary(files, problems))}"]
    return list_within(head, problems, _problem, "campaignsync validate")


def error(error: CampaignSyncError) -> str:
    """Return the error of a command, with its hint and problems."""
    head = [f"### Error: {plain(error.message)}"]
    head += [plain(error.hint)] if error.hint else []
    return list_within(head, error.problems, _problem, "campaignsync validate")


def _problem(problem: Problem) -> str:
    text = words.with_hint(problem.message, problem.hint)
    return f"- {code(str(problem.source))}: {plain(text)}"


def exported(exported: Exported) -> str:
    """Return the outcome of each exported campaign that was not already managed."""
    relevant = [campaign for campaign in exported.campaigns if campaign.outcome != "managed"]
    head = [f"### {plain(words.export_summary(exported))}"]
    return table_within(head, ("campaign", "", "file"), relevant, _exported, "campaignsync list")


def _exported(campaign: ExportedCampaign) -> str:
    title = f"{campaign.id} {plain(campaign.name)}"
    return row((title, f"**{campaign.outcome}**", code(campaign.file or "")))


def codes(codes: Sequence[ExplainedCode]) -> str:
    """Return a table of codes; their texts are Markdown."""
    return table(("code", "meaning"), ((code(each.code), each.meaning) for each in codes))


def explained(codes: Sequence[ExplainedCode]) -> str:
    """Return a section for each code."""
    return "\n\n".join(part for each in codes for part in _explanation(each))


def _explanation(explanation: ExplainedCode) -> Iterator[str]:
    yield f"### {code(explanation.code)}"
    yield from (explanation.meaning, explanation.why, explanation.fix)
    for name, example in (("Before", explanation.before), ("After", explanation.after)):
        if example:
            yield f"{name}:"
            yield fenced(example, "sh" if example.startswith("$") else "yaml")


def rendered(rendered: Rendered) -> str:
    """Return each definition's values with their sources."""
    parts = [f"### {words.count(len(rendered.definitions), 'definition')}"]
    for definition in rendered.definitions:
        rows = (
            (code(field.field), code(words.value(field.value)), code(str(field.source)))
            for field in definition.fields
        )
        parts += [f"#### {definition.id}", table(("field", "value", "source"), rows)]
    return "\n\n".join(parts)


def listing(listing: Listing) -> str:
    """Return definitions without a live campaign, then a table of live campaigns."""
    missing, _ = fitting(
        listing.missing, lambda source: f"- {code(str(source))} has no live campaign", COMMENT // 2
    )
    head = [f"### {plain(words.listing_summary(listing))}", *(["\n".join(missing)] * bool(missing))]
    columns = ("campaign", "status", "channel", "file")
    return table_within(head, columns, listing.campaigns, _listed, "campaignsync list")


def _listed(campaign: ListedCampaign) -> str:
    status = plain(campaign.status or "?") + (" archived" if campaign.archived else "")
    file = code(campaign.managed_by.file) if campaign.managed_by else ""
    title = f"{campaign.id} {plain(campaign.name)}"
    return row((title, status, plain(campaign.channel or "?"), file))


def history(history: History) -> str:
    """Return a table of runs, oldest first."""
    rows = (
        (code(run.run), code(run.environment), plain(words.run_summary(run)))
        for run in history.runs
    )
    return table(("run", "environment", "writes"), rows)


def run(run: Run) -> str:
    """Return one run with a row per write."""
    rows = (
        (
            f"{write.id} {plain(write.name)}",
            f"**{plain(write.outcome or 'unknown')}**",
            ", ".join(code(path) for path in write.after),
        )
        for write in run.details
    )
    return f"### {plain(words.run_summary(run))}\n\n{table(('campaign', '', 'fields'), rows)}"
