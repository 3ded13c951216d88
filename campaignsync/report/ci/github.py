"""Write annotations of a GitHub Actions job: problems and changes at their file, line and column.

Texts from definitions and the API are escaped: they cannot end the line or start a command.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem, Source
from campaignsync.model.plan import Plan, PlannedCampaign, PlannedEnvironment
from campaignsync.model.runs import Applied
from campaignsync.report import wording as words
from campaignsync.report.changes import (
    Reason,
    fold_weekdays,
    on_one_line,
    ordered,
    reason_of,
    shared_reasons,
)

MOST = 10
"""Maximum annotations of one level that GitHub shows for a step; it drops the rest."""
LONGEST = 1000
"""Maximum characters of a message."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One workflow command: `level` is error, warning or notice."""

    level: str
    source: Source
    title: str
    message: str

    def __str__(self) -> str:
        source = self.source
        place = f"file={_value(source.file)},line={source.line},col={source.column}"
        return f"::{self.level} {place},title={_value(self.title)}::{_data(self.message)}"


def plan(plan: Plan) -> str:
    """Return errors for blocked campaigns, warnings for frozen ones, and notices for changes."""
    annotations = (each for part in plan.by_environment() for each in _plan(*part))
    return _annotated(annotations, words.plan_summary(plan))


def _plan(
    environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign]
) -> Iterator[Annotation]:
    for note in environment.notes:
        yield Annotation("warning", Source("campaignsync.yaml", 1), "Guards", note)
    shared = shared_reasons(campaigns)
    in_order = ordered(campaigns)
    for (code, message, hint), count in shared.items():
        about = f"{message} ({words.count(count, 'campaign')})"
        yield Annotation("error", in_order[0].source, code, words.with_hint(about, hint))
    for campaign in in_order:
        yield from _campaign(campaign, shared)


def _campaign(campaign: PlannedCampaign, shared: Collection[Reason]) -> Iterator[Annotation]:
    """Yield the annotations of a campaign, except for the reasons in `shared`."""
    title = f"{campaign.id} {campaign.name}"
    for blocked in campaign.blocked:
        if reason_of(blocked) not in shared:
            message = words.with_hint(blocked.message, blocked.hint)
            yield Annotation("error", blocked.source, f"{blocked.code}: {title}", message)
    for note in campaign.notes if campaign.action == "frozen" else ():
        yield Annotation("warning", campaign.source, title, note)
    for name, change in fold_weekdays(campaign.changes) if campaign.action == "update" else ():
        message = f"{name}: {on_one_line(change)}"
        yield Annotation("notice", change.source, title, message)


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return an annotation for each problem; its severity is the level."""
    annotations = (
        Annotation(
            problem.severity,
            problem.source,
            problem.code,
            words.with_hint(problem.message, problem.hint),
        )
        for problem in problems
    )
    return _annotated(annotations, words.problems_summary(files, problems))


def error(error: CampaignSyncError) -> str:
    """Return annotations for the problems of definitions, or one for the error of the job."""
    if isinstance(error, DefinitionError):
        return problems(error.files, error.problems)
    return (
        f"::error title={_value(error.code)}::{_data(words.with_hint(error.message, error.hint))}"
    )


def applied(applied: Applied) -> str:
    """Return an error for each campaign whose outcome has one."""
    annotations = (
        Annotation(
            "error",
            outcome.error.source,
            f"{outcome.outcome}: {outcome.id} {outcome.name}",
            words.with_hint(f"{outcome.error.code}: {outcome.error.message}", outcome.error.hint),
        )
        for outcome in applied.campaigns
        if outcome.error
    )
    return _annotated(annotations, words.applied_summary(applied))


def _annotated(annotations: Iterable[Annotation], summary: str) -> str:
    """Return at most `MOST` annotations of each level, the totals if more exist, the summary."""
    lines: list[str] = []
    counts = Counter[str]()
    for annotation in annotations:
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
    """Escape the message of a command, so that it cannot end the line."""
    shown = words.clipped(text, LONGEST)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    """Escape a property of a command, so that it cannot end the property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
