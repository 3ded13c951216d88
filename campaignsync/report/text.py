"""Render plans, drift, outcomes, problems and errors as lines for terminals and logs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from unicodedata import east_asian_width

from campaignsync.errors import (
    CampaignSyncError,
    ConfigurationError,
    DefinitionError,
    Problem,
    Source,
)
from campaignsync.model.document import ErrorSummary
from campaignsync.model.fields import BY_PATH
from campaignsync.model.plan import Change, Plan, PlannedCampaign, PlannedEnvironment
from campaignsync.model.results import ComparedEnvironment, Drift, DriftedCampaign
from campaignsync.model.runs import Applied, AppliedEnvironment, Outcome
from campaignsync.report import wording as words
from campaignsync.report.changes import (
    Reason,
    blocked_last,
    diff_characters,
    diff_lines,
    fold_weekdays,
    is_long,
    reason_of,
    shared_reasons,
)
from campaignsync.report.terminal import Line, Piece, apart

SYMBOLS = {"update": "~", "unchanged": "=", "blocked": "!", "frozen": "="}
OUTCOME_MARKS = {"updated": "✓", "unchanged": "=", "frozen": "=", "skipped": "-"}
STYLES = {"~": "yellow", "!": "red", "✗": "red", "✓": "green", "+": "green", "-": "red"}
AHEAD_STYLES = {"repo": "yellow", "live": "red", "both": "red", "missing": "red"}
WIDEST_EXCERPT = 100
"""Maximum characters shown of a line with a caret."""


def plan(plan: Plan) -> list[Line]:
    """Return a plan grouped by campaign; unchanged campaigns are only counted."""
    parts = [_planned(plan, *part) for part in plan.by_environment()]
    return _sections(parts, plan.failed(), words.plan_summary(plan))


def _sections(
    parts: Iterable[Iterable[Line]],
    failed: Iterable[tuple[str, ErrorSummary]],
    summary: str,
) -> list[Line]:
    """Return the parts of the environments, the errors of those that failed, and the summary."""
    return apart([*parts, *(_failed(*each) for each in failed), [[(summary, "bold")]]])


def _failed(name: str, error: ErrorSummary) -> Iterator[Line]:
    yield [("✗ ", "red"), (f"Environment {words.line(name)}", "bold")]
    yield [(f"    {words.line(error.code)}: {words.line(error.message)}", "")]
    if error.hint:
        yield [(f"    → {words.line(error.hint)}", "cyan")]


def _planned(
    plan: Plan, environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign]
) -> Iterator[Line]:
    shared = shared_reasons(campaigns)
    shown = [c for c in blocked_last(campaigns) if c.changes or c.blocked or c.notes]
    blocks: list[Iterable[Line]] = [[[(words.account(environment, plan.shard), "dim")]]]
    blocks += [[[("! ", "red"), (words.line(note), "red bold")]] for note in environment.notes]
    blocks += [_campaign(campaign, shared) for campaign in shown]
    blocks += [_shared(*each) for each in shared.items()]
    if len(plan.environments) > 1:
        blocks.append([[(words.plan_counts(environment.summary, environment.name), "bold")]])
    yield from apart(blocks)


def _shared(reason: Reason, count: int) -> Iterator[Line]:
    """Yield the lines of a reason that blocks several campaigns."""
    code, message, hint = reason
    campaigns = words.count(count, "campaign")
    yield [("! ", "red"), (f"{words.line(code)} blocks {campaigns}", "red bold")]
    yield [(f"    {words.line(message)}", "")]
    yield [(f"    → {words.line(hint)}", "cyan")]


def _campaign(campaign: PlannedCampaign, shared: Collection[Reason]) -> Iterator[Line]:
    """Yield the lines of a campaign; a reason in `shared` appears only by its code."""
    symbol = SYMBOLS[campaign.action]
    state = campaign.action if campaign.action in ("blocked", "frozen") else campaign.status or ""
    yield [
        (f"{symbol} ", STYLES.get(symbol, "")),
        (f"{campaign.id} {words.line(campaign.name)}", "bold"),
        (f"  {words.line(state)}" if state else "", STYLES.get(symbol, "")),
        (f"  {words.line(campaign.source.file)}:{campaign.source.line}", "dim"),
    ]
    named = list(fold_weekdays(campaign.changes))
    column = max((len(name) for name, change in named if not is_long(change)), default=0)
    for name, change in named:
        yield from _changed(name, change, min(column, 32))
    for field, blocked in fold_weekdays(campaign.blocked, ignored=("field",)):
        yield [("    ! ", "red"), (words.line(f"{blocked.code} {field}".rstrip()), "red bold")]
        if reason_of(blocked) not in shared:
            yield [(f"      {words.line(blocked.message)}", ""), _at(blocked.source)]
            yield [(f"      → {words.line(blocked.hint)}", "cyan")]
    for note in campaign.notes:
        yield [(f"    {words.line(note)}", "dim")]


def _changed(name: str, change: Change, column: int) -> Iterator[Line]:
    """Yield the lines of a change, with its name padded to `column` columns.

    A long text follows its name line by line.
    """
    if not change.known:
        yield [("  ? ", "yellow"), (f"{name:{column}}", ""), ("  ", ""), (_unread(change), "")]
    elif is_long(change):
        yield [(f"    {name}", "")]
        yield from _long(str(change.before or ""), str(change.after))
    else:
        yield short_change(name, change, column)


def short_change(name: str, change: Change, column: int = 0) -> Line:
    """Return a line with a field's value before and after, its name padded to `column` columns."""
    return [
        (f"    {name:{column}}  ", ""),
        (words.value(change.before), "red"),
        (" → ", "dim"),
        (words.value(change.after), "green"),
    ]


def _unread(change: Change) -> str:
    if BY_PATH[change.field].is_sendable:
        return f"not readable → {words.value(change.after)}"
    return f"not readable, so not checked ({words.value(change.after)})"


def _long(before: str, after: str) -> Iterator[Line]:
    """Yield the changed lines of two texts, with edits within a line highlighted."""
    # Unchanged lines are left out: the name of the campaign is enough context.
    lines = diff_lines(words.visible(before), words.visible(after))
    changed = [(sign, body) for sign, body in lines if sign != " "]
    nothing = ("", "")
    neighbours = zip([nothing, *changed], changed, [*changed[1:], nothing], strict=False)
    for above, (sign, body), below in neighbours:
        other, partner = below if sign == "-" else above
        edited = _edited(body, partner if other != sign else "", STYLES[sign])
        yield [(f"      {sign} ", STYLES[sign]), *edited]


def _edited(text: str, partner: str, style: str) -> Line:
    pieces = diff_characters(text, partner)
    marked = [(piece, f"{style} bold underline" if other else "") for piece, other in pieces]
    return marked or [(text, style)]


def drift(drift: Drift) -> list[Line]:
    """Return drift grouped by campaign; campaigns in sync are only counted."""
    parts = [_compared(drift, *part) for part in drift.by_environment()]
    return _sections(parts, drift.failed(), words.drift_summary(drift))


def _compared(
    drift: Drift, environment: ComparedEnvironment, campaigns: Iterable[DriftedCampaign]
) -> Iterator[Line]:
    blocks: list[Iterable[Line]] = [[[(words.account(environment, drift.shard), "dim")]]]
    blocks += [_drifted(campaign) for campaign in campaigns if campaign.state != "in_sync"]
    if len(drift.environments) > 1:
        blocks.append([[(words.drift_counts(environment.summary), "bold")]])
    yield from apart(blocks)


def _drifted(campaign: DriftedCampaign) -> Iterator[Line]:
    style = AHEAD_STYLES.get(campaign.state, "")
    yield [
        (f"{words.AHEAD[campaign.state]}: ", style),
        (f"{campaign.id} {words.line(campaign.name)}", "bold"),
        (f"  {words.line(campaign.status or '')}", ""),
        (f"  {words.line(campaign.source.file)}:{campaign.source.line}", "dim"),
    ]
    last = ""
    for name, field in fold_weekdays(campaign.fields):
        if (evidence := words.ahead(field)) != last:
            yield [(f"  {evidence}", AHEAD_STYLES.get(field.ahead, ""))]
        yield from _changed(name, field, 0)
        last = evidence


def applied(applied: Applied) -> list[Line]:
    """Return the outcome of each campaign; unchanged campaigns without notes are left out."""
    several = len(applied.environments) > 1
    parts = ([*_outcomes(*part, named=several)] for part in applied.by_environment())
    return _sections(filter(None, parts), applied.failed(), words.applied_summary(applied))


def _outcomes(
    environment: AppliedEnvironment, outcomes: Iterable[Outcome], *, named: bool
) -> Iterator[Line]:
    if named:
        yield [(f"Environment {words.line(environment.name)}", "dim")]
    for outcome in outcomes:
        if outcome.outcome != "unchanged" or outcome.notes:
            yield from _outcome(outcome)


def _outcome(outcome: Outcome) -> Iterator[Line]:
    mark = OUTCOME_MARKS.get(outcome.outcome, "✗")
    style = STYLES.get(mark, "")
    yield [
        (f"{mark} ", style),
        (f"{outcome.id} {words.line(outcome.name)}", "bold"),
        (f"  {outcome.outcome}", style),
    ]
    if failure := outcome.error:
        yield [(f"    {failure.code}: {words.line(failure.message)}", ""), _at(failure.source)]
        if failure.hint:
            yield [(f"    → {words.line(failure.hint)}", "cyan")]
    for note in outcome.notes:
        yield [(f"    {words.line(note)}", "dim")]


def problems(files: Sequence[str], problems: Sequence[Problem]) -> Iterator[Line]:
    """Yield every problem with its line and a caret."""
    for problem in problems:
        yield from _problem(problem)
    yield [(words.problems_summary(files, problems), "bold")]


def _problem(problem: Problem) -> Iterator[Line]:
    style = "red bold" if problem.severity == "error" else "yellow bold"
    yield [
        (f"{words.line(str(problem.source))}: ", "bold"),
        (f"{problem.severity}: ", style),
        (words.line(problem.message), ""),
        (f" [{problem.code}]", "dim"),
    ]
    if problem.excerpt is not None:
        excerpt, before = _excerpt(problem.excerpt, problem.source.column - 1)
        gutter = f"{problem.source.line:>5} | "
        yield [(gutter, "dim"), (excerpt, "")]
        yield [(" " * 5 + " | ", "dim"), (" " * before + "^", style)]
    if problem.hint:
        yield [("      → ", "cyan"), (words.line(problem.hint), "cyan")]
    yield []


def _excerpt(text: str, column: int) -> tuple[str, int]:
    """Return a line cut around a column (from 0), and the terminal columns before that column."""
    start = max(0, column - WIDEST_EXCERPT // 2)
    cut = text[start : start + WIDEST_EXCERPT]
    before = words.line(text[start:column].replace("\t", " "))
    mark = "…" if start else ""
    more = "…" if text[start + WIDEST_EXCERPT :] else ""
    shown = mark + words.line(cut.replace("\t", " ")) + more
    return shown, len(mark) + sum(2 if east_asian_width(each) in "WF" else 1 for each in before)


def error(error: CampaignSyncError) -> Iterator[Line]:
    """Yield an error on one line, and its hint on the next."""
    for problem in error.problems:
        yield from _problem(problem)
    # A generic ConfigurationError needs no code; each problem of a definition shows its own.
    is_plain = isinstance(error, DefinitionError) or error.code == ConfigurationError.code
    code = "" if is_plain else f" [{words.line(error.code)}]"
    yield [("Error: ", "red bold"), (words.line(error.message), ""), (code, "dim")]
    if error.hint:
        yield [("  → ", "cyan"), (words.line(error.hint), "cyan")]


def _at(source: Source) -> Piece:
    return f"  ({words.line(str(source))})", "dim"
