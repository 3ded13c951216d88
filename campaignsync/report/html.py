"""Render a plan as one HTML page without scripts, fonts, images or other requests.

The page is `templates/plan.html`; this module computes its values. `wording` makes hidden
characters of definitions and of the API visible, and jinja2 escapes all values.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from campaignsync.model.plan import Change, Plan, PlannedCampaign, PlannedEnvironment, Request
from campaignsync.report import wording as words
from campaignsync.report.changes import (
    ORDER,
    Obstacle,
    Reason,
    diff_characters,
    diff_lines,
    fold_weekdays,
    is_long,
    obstacles,
    ordered,
    shared_reasons,
)
from campaignsync.report.week_drawing import Week, weeks

OPEN_UP_TO = 25
"""Up to this many campaigns are unfolded when the page opens."""
CONTEXT = 2
"""Unchanged lines shown before and after a changed one."""
MOST_ROWS = 200
"""Maximum rows shown of one field; the request below contains the whole text."""

Pieces = Sequence[tuple[str, bool]]
"""A line in pieces, each with True if it differs from the other side."""


@dataclass(frozen=True, slots=True)
class Row:
    """Two lines side by side; None if a side has no such line."""

    live: Pieces | None
    desired: Pieces | None
    is_same: bool = False


@dataclass(frozen=True, slots=True)
class FieldRows:
    """A field's live and desired lines; `known` is False if live is not readable."""

    name: str
    known: bool
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Card:
    """A campaign of the plan, with the fields, weeks and requests that the page shows."""

    campaign: PlannedCampaign
    fields: Sequence[FieldRows]
    weeks: Sequence[Week]
    requests: Sequence[tuple[Request, str]]
    is_open: bool


@dataclass(frozen=True, slots=True)
class EnvironmentSection:
    """One environment of the plan; the ids of its elements start with `anchor`."""

    environment: PlannedEnvironment
    anchor: str
    obstacles: Sequence[Obstacle]
    shared: Collection[Reason]
    cards: Sequence[Card]
    unchanged: Sequence[PlannedCampaign]


def plan(plan: Plan) -> str:
    """Return the page of a plan, with one section per environment."""
    counts = {state: getattr(plan.summary, state) for state in ORDER}
    parts = [*plan.by_environment()]
    return _template().render(
        plan=plan,
        environments=", ".join(words.line(each.name) for each, _ in parts),
        summary=words.plan_summary(plan),
        parts=[
            _part(*part, plan.created_at, f"c{place}-" if len(parts) > 1 else "c")
            for place, part in enumerate(parts)
        ],
        errors=[*plan.failed()],
        states=counts.items(),
        total=sum(counts.values()),
    )


def _part(
    environment: PlannedEnvironment,
    campaigns: Sequence[PlannedCampaign],
    created_at: str,
    anchor: str,
) -> EnvironmentSection:
    shown = [each for each in ordered(campaigns) if each.action != "unchanged" or each.changes]
    ids = {each.id for each in shown}
    return EnvironmentSection(
        environment=environment,
        anchor=anchor,
        obstacles=obstacles(campaigns),
        shared=shared_reasons(campaigns),
        cards=[_card(each, created_at, is_open=len(shown) <= OPEN_UP_TO) for each in shown],
        unchanged=[each for each in campaigns if each.id not in ids],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("campaignsync.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = words.line
    return environment.get_template("plan.html")


def _card(campaign: PlannedCampaign, created_at: str, *, is_open: bool) -> Card:
    return Card(
        campaign=campaign,
        fields=[
            FieldRows(name, change.known, _cut(list(_rows(change))))
            for name, change in fold_weekdays(campaign.changes)
        ],
        weeks=list(weeks(campaign, created_at)),
        requests=[(request, words.exact(request.body)) for request in campaign.requests],
        is_open=is_open,
    )


def _cut(rows: list[Row]) -> list[Row]:
    left_out = len(rows) - MOST_ROWS
    if left_out <= 0:
        return rows
    return [*rows[:MOST_ROWS], _same(f"… {words.count(left_out, 'more line')} …")]


def _rows(change: Change) -> Iterator[Row]:
    if not is_long(change):
        before = words.value(change.before) if change.known else "not readable"
        yield Row([(before, False)], [(words.value(change.after), False)])
        return
    before = words.visible(str(change.before or "")) if change.known else ""
    lines = diff_lines(before, words.visible(str(change.after or "")))
    for same, group in groupby(lines, lambda line: line[0] == " "):
        run = list(group)
        yield from _context([body for _, body in run]) if same else _changed(run)


def _context(lines: Sequence[str]) -> Iterator[Row]:
    """Yield unchanged lines; if there are many, only the first and last ones."""
    if len(lines) > 2 * CONTEXT + 1:
        middle = f"… {words.count(len(lines) - 2 * CONTEXT, 'unchanged line')} …"
        lines = [*lines[:CONTEXT], middle, *lines[-CONTEXT:]]
    yield from map(_same, lines)


def _same(line: str) -> Row:
    return Row([(line, False)], [(line, False)], is_same=True)


def _changed(lines: Sequence[tuple[str, str]]) -> Iterator[Row]:
    """Yield rows of removed lines next to added ones; an empty line has no partner with text."""
    removed = deque(body for sign, body in lines if sign == "-")
    added = deque(body for sign, body in lines if sign == "+")
    while removed or added:
        old, new = (side[0] if side else None for side in (removed, added))
        if old and new == "":
            old = None
        elif new and old == "":
            new = None
        for side, line in ((removed, old), (added, new)):
            if line is not None:
                side.popleft()
        yield Row(_pieces(old, new or ""), _pieces(new, old or ""))


def _pieces(text: str | None, partner: str) -> Pieces | None:
    if text is None:
        return None
    return list(diff_characters(text, partner)) or [(text, True)]
