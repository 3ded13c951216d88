"""Markdown for a pull request; no value of a campaign can become markup.

Every value stands in code, inline or fenced, or has its special characters written as entities:
backticks, pipes, HTML, mentions and references to issues stay what they are, text.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.explain import Explanation
from campaignsync.journal import Record
from campaignsync.model.documents import (
    Applied,
    Change,
    Drift,
    DriftedCampaign,
    Exported,
    Listing,
    Plan,
    PlannedCampaign,
    Rendered,
)
from campaignsync.report import words
from campaignsync.report.documents import run_of, summary_of

ORDER = ("blocked", "update", "frozen", "unchanged")
"""What needs a person comes first."""
SPECIAL = re.compile(r"[^a-zA-Z0-9 .,;:/()'·–→-]")


def plan(plan: Plan) -> str:
    """Show a plan: the summary, a table of campaigns, and a folded block for each."""
    told = [campaign for campaign in plan.campaigns if campaign.changes or campaign.blocked]
    told.sort(key=lambda campaign: ORDER.index(campaign.action))
    parts = [f"### {plain(words.plan_summary(plan))}", f"Environment {code(plan.environment)}"]
    if told:
        parts.append(_table(("campaign", "", "fields"), map(_row, told)))
    parts += map(_block, told)
    return "\n\n".join(parts)


def _row(campaign: PlannedCampaign) -> tuple[str, ...]:
    fields = ", ".join(code(name) for name, _ in words.folded(campaign.changes))
    reasons = ", ".join(sorted({code(blocked.code) for blocked in campaign.blocked}))
    action = f"**{campaign.action}** {reasons}".strip()
    return f"{campaign.id} {plain(campaign.name)}", action, fields


def _block(campaign: PlannedCampaign) -> str:
    parts = [f"<details><summary>{campaign.id} {plain(campaign.name)}</summary>"]
    parts += [
        f"**{plain(blocked.code)}** {code(blocked.field or 'campaign')}: {plain(blocked.message)}"
        f" ({code(str(blocked.source))})  \n→ {plain(blocked.hint)}"
        for blocked in campaign.blocked
    ]
    parts += _changes(campaign.changes)
    parts += [plain(note) for note in campaign.notes]
    if campaign.patch:
        body = json.dumps(campaign.patch, indent=2, ensure_ascii=False)
        parts += [f"PATCH {code(f'/campaigns/{campaign.id}')}", fenced(body, "json")]
    return "\n\n".join([*parts, "</details>"])


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    named = list(words.folded(changes))
    if short := [(name, change) for name, change in named if not words.is_long(change)]:
        rows = (
            (code(name), _before(change), code(words.value(change.after))) for name, change in short
        )
        yield _table(("field", "live", "desired"), rows)
    for name, change in ((name, change) for name, change in named if words.is_long(change)):
        yield from (code(name), _difference(change))


def _before(change: Change) -> str:
    return code(words.value(change.before)) if change.known else "*not readable*"


def _difference(change: Change) -> str:
    before = str(change.before or "") if change.known else ""
    lines = words.compared(before, str(change.after))
    return fenced("\n".join(f"{sign} {body}" for sign, body in lines), "diff")


def drift(drift: Drift) -> str:
    """Show drift: the summary, a table of campaigns, and a folded block for each."""
    parts = [f"### {plain(words.drift_summary(drift))}", f"Environment {code(drift.environment)}"]
    told = [campaign for campaign in drift.campaigns if campaign.state != "in_sync"]
    rows = [
        (
            f"{campaign.id} {plain(campaign.name)}",
            f"**{words.AHEAD[campaign.state]}**",
            ", ".join(code(name) for name, _ in words.folded(campaign.fields)),
        )
        for campaign in told
    ]
    table = [_table(("campaign", "", "fields"), rows)] if rows else []
    return "\n\n".join([*parts, *table, *map(_drifted, told)])


def _drifted(campaign: DriftedCampaign) -> str:
    rows = (
        (code(name), plain(words.ahead(field))) for name, field in words.folded(campaign.fields)
    )
    evidence = [_table(("field", "evidence"), rows)] if campaign.fields else []
    head = f"<details><summary>{campaign.id} {plain(campaign.name)}</summary>"
    return "\n\n".join([head, *evidence, *_changes(campaign.fields), "</details>"])


def applied(applied: Applied) -> str:
    """Show what came of each campaign that was to be changed."""
    parts = [f"### {plain(words.applied_summary(applied))}"]
    told = [outcome for outcome in applied.campaigns if outcome.outcome != "unchanged"]
    if told:
        rows = (
            (
                f"{outcome.id} {plain(outcome.name)}",
                f"**{outcome.outcome}**",
                f"{code(outcome.error.code)} {plain(outcome.error.message)}"
                if outcome.error
                else "",
            )
            for outcome in told
        )
        parts.append(_table(("campaign", "", "why"), rows))
    return "\n\n".join(parts)


def exported(exported: Exported) -> str:
    """Show which campaigns became definitions."""
    told = [campaign for campaign in exported.campaigns if campaign.outcome != "managed"]
    rows = (
        (f"{each.id} {plain(each.name)}", f"**{each.outcome}**", code(each.file or ""))
        for each in told
    )
    table = [_table(("campaign", "", "file"), rows)] if told else []
    return "\n\n".join([f"### {plain(words.export_summary(exported))}", *table])


def explained(codes: Sequence[Explanation], whole: bool) -> str:  # noqa: FBT001 - as in the text
    """Show a table of codes, or a section each."""
    if not whole:
        return _table(("code", "meaning"), ((code(c.code), plain(c.meaning)) for c in codes))
    return "\n\n".join(
        f"### {code(each.code)}\n\n{plain(each.meaning)}\n\n{plain(each.why)}\n\n{plain(each.fix)}"
        for each in codes
    )


def rendered(rendered: Rendered) -> str:
    """Show each definition with its values, and where they stand."""
    parts = [f"### {words.count(len(rendered.definitions), 'definition')}"]
    for definition in rendered.definitions:
        rows = (
            (code(field.field), code(words.value(field.value)), code(str(field.source)))
            for field in definition.fields
        )
        parts += [f"#### {definition.id}", _table(("field", "value", "stands in"), rows)]
    return "\n\n".join(parts)


def listing(listing: Listing) -> str:
    """Show live campaigns beside their definitions."""
    rows = (
        (
            f"{each.id} {plain(each.name)}",
            plain(each.status or "?") + (" archived" if each.archived else ""),
            plain(each.channel or "?"),
            code(each.managed_by.file) if each.managed_by else "",
        )
        for each in listing.campaigns
    )
    table = [_table(("campaign", "status", "channel", "file"), rows)] if listing.campaigns else []
    missing = [f"{code(str(source))} has no live campaign" for source in listing.missing]
    return "\n\n".join([f"### {plain(words.listing_summary(listing))}", *table, *missing])


def history(records: Sequence[Record]) -> str:
    """List runs, oldest first."""
    found = map(summary_of, records)
    rows = ((code(run.run), code(run.environment), plain(words.run_summary(run))) for run in found)
    return _table(("run", "environment", "writes"), rows)


def run(record: Record) -> str:
    """Show one run, write by write."""
    found = run_of(record)
    rows = (
        (
            f"{write.id} {plain(write.name)}",
            f"**{plain(write.outcome or 'unknown')}**",
            ", ".join(code(path) for path in write.after),
        )
        for write in found.details
    )
    table = _table(("campaign", "", "fields"), rows)
    return f"### {plain(words.run_summary(found))}\n\n{table}"


def problems(definitions: int, problems: Sequence[Problem]) -> str:
    """Show what is wrong with the definitions, by file."""
    errors = [problem for problem in problems if problem.severity == "error"]
    files = len({problem.source.file for problem in errors})
    summary = words.problems_summary(definitions, len(errors), len(problems) - len(errors), files)
    return "\n\n".join([f"### {plain(summary)}", *_by_file(problems)])


def _by_file(problems: Iterable[Problem]) -> Iterator[str]:
    for file, found in groupby(problems, key=lambda problem: problem.source.file):
        lines = (
            f"- line {problem.source.line}: {plain(problem.message)}"
            f"{f' → {plain(problem.hint)}' if problem.hint else ''}"
            for problem in found
        )
        yield "\n".join([code(file), "", *lines])


def error(error: CampaignSyncError) -> str:
    """Show why a command stopped."""
    parts = [f"### Error: {plain(error.message)}"]
    parts += [plain(error.hint)] if error.hint else []
    parts += _by_file(error.problems) if isinstance(error, DefinitionError) else []
    return "\n\n".join(parts)


def plain(text: str) -> str:
    """Write a text as itself: whatever could be markup becomes an entity."""
    shown = SPECIAL.sub(_entity, words.line(text))
    return shown.replace("www.", "www&#46;").replace("://", "&#58;//")


def _entity(found: re.Match[str]) -> str:
    entity = f"&#{ord(found.group())};"
    # GitHub looks for people and issues in the text that entities have become: something without
    # width has to stand behind the sign.
    return f"{entity}&#8203;" if found.group() in "@#" else entity


def code(text: str) -> str:
    """Write a text as inline code, safe in a table: a longer run of backticks round it."""
    shown = words.line(text)
    if not shown.strip():
        return "<code>&#32;</code>"
    if "|" in shown or "\\" in shown:
        # A pipe ends a cell even in backticks, and a backslash would have to be doubled.
        return f"<code>{plain(text)}</code>"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Write a text as a block of code, with a fence longer than any run of backticks in it."""
    shown = words.visible(text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
