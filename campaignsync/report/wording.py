"""Write values and summaries for all report formats that people read."""

import json
import re
from collections.abc import Iterable, Sequence

from campaignsync.characters import HIDDEN
from campaignsync.errors import Problem
from campaignsync.model.document import ErrorSummary
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan, PlannedEnvironment, PlanSummary
from campaignsync.model.results import (
    ComparedEnvironment,
    Drift,
    DriftedField,
    DriftSummary,
    Exported,
    Listing,
)
from campaignsync.model.runs import Applied, ApplySummary, RunSummary

AHEAD = {
    "repo": "repo ahead",
    "live": "live ahead",
    "both": "both ahead",
    "unknown": "unknown",
    "missing": "missing",
    "frozen": "frozen",
    "in_sync": "in sync",
}
"""The label of a campaign or field, by its state of drift."""

EXPECTED_OUTCOMES = ("updated", "unchanged", "frozen")
"""Outcomes that need no action."""
LONG = 48
"""Maximum characters of a text shown next to another one on one line."""

COMMAND = r"(?<=#)#(?=\w*\[)"
"""The second `#` of `##[error]`: CI runners execute such a command anywhere in a line."""

# Control characters change a terminal's cursor and colours. Hidden characters make a text look
# different from what is sent.
TRICKY = re.compile(
    rf"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|{HIDDEN.pattern}|{COMMAND}"
)


def visible(text: str) -> str:
    """Return a text with control and hidden characters made visible; line feeds stay."""
    return TRICKY.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    point = ord(match.group())
    if point < 0x20:  # noqa: PLR2004 - the C0 controls, as terminals write them: ^[ for escape
        return f"^{chr(point + 0x40)}"
    return f"\\x{point:02x}" if point < 0x100 else f"<U+{point:04X}>"  # noqa: PLR2004 - one byte


def line(text: str) -> str:
    """Return a text on one line, with line feeds and hidden characters made visible."""
    return visible(text).replace("\n", "⏎")


def inert(text: str) -> str:
    """Return a line that is not a CI command: escape two colons at its start."""
    return text.replace(":", "\\x3a", 1) if text.lstrip().startswith("::") else text


def clipped(text: str, longest: int = LONG) -> str:
    """Return at most `longest` characters of a text, on one line."""
    return line(text if len(text) <= longest else f"{text[: longest - 1]}…")


def with_hint(message: str, hint: str) -> str:
    """Return a message and its hint on one line."""
    return line(f"{message} → {hint}" if hint else message)


def exact(body: Value) -> str:
    """Return a value as JSON, with control and hidden characters as JSON escapes."""
    return TRICKY.sub(_escaped, json.dumps(body, indent=2, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    escaped = json.dumps(match.group())[1:-1]
    return escaped if escaped != match.group() else f"\\u{ord(escaped):04x}"


def text(value: Value) -> str | None:
    """Return an API value as text, as JSON if it is not a string; None stays None."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def value(value: Value) -> str:
    """Return a value in its form for people, on one line."""
    match value:
        case None | "" | []:
            return "(empty)"
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(line(str(item)) for item in value)
        case dict():
            return _window(value)
        case _:
            return line(str(value))


def _window(window: dict[str, Value]) -> str:
    start, stop = (line(str(window.get(key) or "")) for key in ("startTime", "stopTime"))
    span = f"{start}–{stop}" if start or stop else ""
    if not isinstance(active := window.get("active"), bool):
        return f"{span} (active: {line(str(active))})".lstrip()
    if active:
        return span or "open"
    return f"closed ({span})" if span else "closed"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def account(environment: PlannedEnvironment | ComparedEnvironment, shard: str | None) -> str:
    """Return an environment's name, its API address and the shard."""
    part = f" · shard {line(shard)}" if shard else ""
    return f"Environment {line(environment.name)} · {line(environment.base_url)}{part}"


def plan_summary(plan: Plan) -> str:
    """Return the summary of a plan for all environments, one line of stable wording."""
    names = [environment.name for environment in plan.environments]
    where = names[0] if len(names) == 1 else "every environment"
    return _despite("Not planned", plan.failed(), plan_counts(plan.summary, where))


def _despite(not_done: str, failed: Iterable[tuple[str, ErrorSummary]], counts: str) -> str:
    """Return `counts`, preceded by the names of environments that failed.

    Their names are first, so that the counts do not read as a complete success.
    """
    names = ", ".join(line(name) for name, _ in failed)
    return f"{not_done}: {names}. {counts}" if names else counts


def plan_counts(summary: PlanSummary, environment: str) -> str:
    """Return the counts of planned campaigns, one line of stable wording."""
    unread = f", {count(summary.unknown_fields, 'field')} not readable"
    unread = unread if summary.unknown_fields else ""
    absent = f", {summary.left_out} not in {line(environment)}" if summary.left_out else ""
    if not summary.update and not summary.blocked:
        if not summary.unchanged and not summary.frozen:
            return f"No changes{unread}{absent}."
        match_ = "matches its definition" if summary.unchanged == 1 else "match their definitions"
        frozen = f", {summary.frozen} frozen" if summary.frozen else ""
        return (
            f"No changes. {count(summary.unchanged, 'campaign')} {match_}{frozen}{unread}{absent}."
        )
    parts = [f"{summary.update} to update"]
    parts += [f"{summary.blocked} blocked"] if summary.blocked else []
    parts += [f"{summary.frozen} frozen"] if summary.frozen else []
    return f"Plan: {', '.join(parts)}, {summary.unchanged} unchanged{unread}{absent}."


def drift_summary(drift: Drift) -> str:
    """Return the summary of drift for all environments, one line of stable wording."""
    return _despite("Not compared", drift.failed(), drift_counts(drift.summary))


def drift_counts(summary: DriftSummary) -> str:
    """Return the counts of compared campaigns, one line of stable wording."""
    counts = dict(summary)
    unreadable = counts["unreadable_fields"]
    parts = [f"{counts[state]} {words}" for state, words in AHEAD.items() if counts[state]]
    parts += [f"{count(unreadable, 'field')} not readable"] if unreadable else []
    drifted = sum(counts[state] for state in ("repo", "live", "both", "unknown", "missing"))
    return f"{'Drift' if drifted else 'No drift'}: {', '.join(parts) or '0 in sync'}."


def ahead(field: DriftedField) -> str:
    """Return which side is ahead in a field, and the evidence."""
    evidence = field.evidence
    author = f", by {evidence.by} ({evidence.reference}, {evidence.date})" if evidence.by else ""
    return line(f"{AHEAD[field.ahead]}{author}: {evidence.message}")


def applied_summary(applied: Applied) -> str:
    """Return the summary of an apply for all environments, one line of stable wording."""
    return _despite("Not applied", applied.failed(), applied_counts(applied.summary))


def applied_counts(summary: ApplySummary) -> str:
    """Return the counts of applied campaigns, one line of stable wording."""
    counts = dict(summary)
    updated, failed = counts.pop("updated"), counts.pop("failed")
    others = [f"{number} {word}" for word, number in counts.items() if number]
    return f"Applied: {', '.join([f'{updated} updated', f'{failed} failed', *others])}."


def run_summary(run: RunSummary) -> str:
    """Return the summary of a run: its writes by outcome, and its exit code."""
    outcomes = ", ".join(f"{number} {line(word)}" for word, number in sorted(run.outcomes.items()))
    ended = "cut off" if run.exit_code is None else f"exit {run.exit_code}"
    return f"{count(run.writes, 'write')}{f' ({outcomes})' if outcomes else ''}, {ended}."


def export_summary(exported: Exported) -> str:
    """Return the summary of an export, one line of stable wording."""
    summary = exported.summary
    first = f"{summary.pending} to write" if summary.pending else f"{summary.written} written"
    others = {
        "already managed": summary.managed,
        "skipped because the file exists": summary.exists,
        "refused": summary.refused,
    }
    other_counts = [f"{number} {label}" for label, number in others.items() if number]
    return f"Exported: {', '.join([first, *other_counts])}."


def listing_summary(listing: Listing) -> str:
    """Return the counts of live campaigns, one line of stable wording."""
    summary = listing.summary
    missing = (
        f", {count(len(listing.missing), 'definition')} without a campaign"
        if listing.missing
        else ""
    )
    total = count(summary.managed + summary.unmanaged, "campaign")
    return f"{total}: {summary.managed} managed, {summary.unmanaged} unmanaged{missing}."


def problems_summary(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return the counts of problems that `validate` found in `files`."""
    errors = [problem for problem in problems if problem.severity == "error"]
    warnings = len(problems) - len(errors)
    also = f", {count(warnings, 'warning')}" if warnings else ""
    if not errors:
        are = "definition is" if len(files) == 1 else "definitions are"
        return f"{len(files)} {are} valid{also}."
    wrong = len({problem.source.file for problem in errors})
    return f"{count(len(errors), 'problem')} in {wrong} of {count(len(files), 'definition')}{also}."
