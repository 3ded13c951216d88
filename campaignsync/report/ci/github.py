"""Annotations of a GitHub Actions job: each problem and change at its file, line and column.

A text of a definition or of the API can neither end its line nor begin a command of its own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem, Source
from campaignsync.model.plan import Plan, PlannedCampaign, PlannedEnvironment
from campaignsync.model.results import Applied
from campaignsync.report import wording as words
from campaignsync.report.order import Reason, ordered, reason_of, shared_reasons

MOST = 10
"""Annotations of one level that GitHub shows for a step; what comes behind them is lost."""
LONGEST = 1000
"""Characters of a message: more is no annotation any more."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One command of a workflow: `level` is error, warning or notice."""

    level: str
    source: Source
    title: str
    message: str

    def __str__(self) -> str:
        source = self.source
        place = f"file={_value(source.file)},line={source.line},col={source.column}"
        return f"::{self.level} {place},title={_value(self.title)}::{_data(self.message)}"


def plan(plan: Plan) -> str:
    """Annotate what is blocked as errors, what is frozen as warnings, each change as a notice."""
    found = (each for part in plan.by_environment() for each in _plan(*part))
    return _annotated(found, words.plan_summary(plan))


def _plan(
    environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign]
) -> Iterator[Annotation]:
    for note in environment.notes:
        yield Annotation("warning", Source("campaignsync.yaml", 1), "Guards", note)
    shared = shared_reasons(campaigns)
    in_order = ordered(campaigns)
    for (code, message, hint), count in shared.items():
        about = f"{message} ({words.count(count, 'campaign')})"
        yield Annotation("error", in_order[0].source, code, words.told(about, hint))
    for campaign in in_order:
        yield from _campaign(campaign, shared)


def _campaign(campaign: PlannedCampaign, shared: Collection[Reason]) -> Iterator[Annotation]:
    """Annotate a campaign, without the reasons that it shares with others."""
    title = f"{campaign.id} {campaign.name}"
    for blocked in campaign.blocked:
        if reason_of(blocked) not in shared:
            message = words.told(blocked.message, blocked.hint)
            yield Annotation("error", blocked.source, f"{blocked.code}: {title}", message)
    for note in campaign.notes if campaign.action == "frozen" else ():
        yield Annotation("warning", campaign.source, title, note)
    for name, change in words.folded(campaign.changes) if campaign.action == "update" else ():
        message = f"{name}: {words.brief(change)}"
        yield Annotation("notice", change.source, title, message)


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Annotate every problem, as the error or the warning that it is."""
    found = (
        Annotation(
            problem.severity,
            problem.source,
            problem.code,
            words.told(problem.message, problem.hint),
        )
        for problem in problems
    )
    return _annotated(found, words.problems_summary(files, problems))


def error(error: CampaignSyncError) -> str:
    """Annotate the problems of definitions, or the job, with why a command stopped."""
    if isinstance(error, DefinitionError):
        return problems(error.files, error.problems)
    return f"::error title={_value(error.code)}::{_data(words.told(error.message, error.hint))}"


def applied(applied: Applied) -> str:
    """Annotate what went wrong with a campaign."""
    found = (
        Annotation(
            "error",
            outcome.error.source,
            f"{outcome.outcome}: {outcome.id} {outcome.name}",
            words.told(f"{outcome.error.code}: {outcome.error.message}", outcome.error.hint),
        )
        for outcome in applied.campaigns
        if outcome.error
    )
    return _annotated(found, words.applied_summary(applied))


def _annotated(found: Iterable[Annotation], summary: str) -> str:
    """Join annotations, at most so many of each level, and say how many there are beside them."""
    lines: list[str] = []
    counts = Counter[str]()
    for annotation in found:
        counts[annotation.level] += 1
        if counts[annotation.level] <= MOST:
            lines.append(str(annotation))
    cut = [
        f"{words.count(count, level)}, of which GitHub shows {MOST}."
        for level, count in counts.items()
        if count > MOST
    ]
    return "\n".join([*lines, *cut, words.inert(words.line(summary))])


def _data(text: str) -> str:
    """Write a text behind the second pair of colons: nothing of it ends the line."""
    shown = words.clipped(text, LONGEST)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    """Write a text between a command's colons: nothing of it ends the property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
