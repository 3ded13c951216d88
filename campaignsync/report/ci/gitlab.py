"""Write GitLab reports: problems and changes by line (Code Quality), and the counts of a plan."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from campaignsync.errors import Problem, Source
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.report import wording as words
from campaignsync.report.changes import fold_weekdays, on_one_line, ordered
from campaignsync.report.ci import fingerprints

SEVERITIES = {"error": "major", "warning": "minor"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of a report; `about` identifies it within its code and file, without its line."""

    code: str
    severity: str
    message: str
    source: Source
    about: tuple[str, ...]


def plan(plan: Plan) -> str:
    """Return blocking reasons as critical, frozen campaigns as minor, and changes as info."""
    return _report(each for campaign in ordered(plan.campaigns) for each in _campaign(campaign))


def widget(plan: Plan) -> str:
    """Return the counts that a merge request shows (`artifacts:reports:terraform`)."""
    return json.dumps({"create": 0, "update": plan.summary.update, "delete": 0})


def _campaign(campaign: PlannedCampaign) -> Iterator[Finding]:
    title = f"{campaign.id} {campaign.name}"
    about = str(campaign.id)
    for blocked in campaign.blocked:
        message = f"{title}: {words.with_hint(blocked.message, blocked.hint)}"
        field = blocked.field or ""
        yield Finding(blocked.code, "critical", message, blocked.source, (about, field))
    for note in campaign.notes if campaign.action == "frozen" else ():
        yield Finding("FROZEN", "minor", f"{title}: {note}", campaign.source, (about,))
    for name, change in fold_weekdays(campaign.changes) if campaign.action == "update" else ():
        message = f"{title}: {name} {on_one_line(change)}"
        after = json.dumps(change.after, sort_keys=True)
        yield Finding("CHANGE", "info", message, change.source, (about, name, after))


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return every problem of the definitions."""
    del files  # the report lists problems only
    return _report(
        Finding(
            problem.code,
            SEVERITIES[problem.severity],
            words.with_hint(problem.message, problem.hint),
            problem.source,
            (problem.message,),
        )
        for problem in problems
    )


def _report(findings: Iterable[Finding]) -> str:
    findings = list(findings)
    prints = fingerprints((each.code, each.source.file, *each.about) for each in findings)
    entries = [
        {
            "description": words.line(finding.message),
            "check_name": finding.code,
            "fingerprint": print_,
            "severity": finding.severity,
            "location": {
                # GitLab matches the normalised path in the repository only.
                "path": words.line(str(PurePosixPath(finding.source.file))),
                "lines": {"begin": finding.source.line},
            },
        }
        for finding, print_ in zip(findings, prints, strict=True)
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)
