"""Write JUnit XML, which most CI systems show: each definition or campaign is a test.

The dialect is the one that Jenkins, GitLab and Azure read: suites, tests, failures, skips.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Blocked, Plan, PlannedCampaign
from campaignsync.model.runs import Applied, Outcome
from campaignsync.report import wording as words
from campaignsync.report.changes import fold_weekdays, on_one_line

NO_XML = re.compile("[\ufffe\uffff]")
"""Characters that `wording` does not escape and XML 1.0 does not allow."""
LONGEST = 1000
"""Maximum characters of a message, which test reports show on one line."""

Bad = Literal["failure", "skipped"]


def plan(plan: Plan) -> str:
    """Return a test per campaign: blocked campaigns fail, frozen ones are skipped."""
    suites = {each.name: [*map(_campaign, campaigns)] for each, campaigns in plan.by_environment()}
    return _report("campaignsync plan", suites | _failed(plan.failed()))


def _failed(failures: Iterable[tuple[str, ErrorSummary]]) -> dict[str, list[Element]]:
    """Return a failing test for each environment that has no result, by its name."""
    suites = {}
    for name, error in failures:
        case = _case(name, "environment")
        _bad(case, "failure", error.code, error.message, [error.message, error.hint])
        suites[name] = [case]
    return suites


def _campaign(campaign: PlannedCampaign) -> Element:
    case = _case(f"{campaign.id} {campaign.name}", campaign.source.file)
    for blocked in campaign.blocked[:1]:
        # A test can fail only once: use the first reason as its title and all of them as its text.
        _bad(case, "failure", blocked.code, blocked.message, map(_located, campaign.blocked))
    if campaign.action == "frozen":
        _bad(case, "skipped", "", " ".join(campaign.notes), ())
    if campaign.changes:
        lines = (f"{name}: {on_one_line(each)}" for name, each in fold_weekdays(campaign.changes))
        SubElement(case, "system-out").text = _lines(lines)
    return case


def applied(applied: Applied) -> str:
    """Return a test per campaign: it passes if updated or unchanged, is skipped if frozen."""
    suites = {each.name: [*map(_outcome, outcomes)] for each, outcomes in applied.by_environment()}
    return _report("campaignsync apply", suites | _failed(applied.failed()))


def _outcome(outcome: Outcome) -> Element:
    case = _case(f"{outcome.id} {outcome.name}", outcome.error.source.file if outcome.error else "")
    if outcome.outcome not in words.EXPECTED_OUTCOMES:
        error = outcome.error
        message = words.with_hint(error.message, error.hint) if error else outcome.outcome
        at = f"{error.source} {error.code}" if error else ""
        _bad(case, "failure", outcome.outcome, message, (at, *outcome.notes))
    elif outcome.outcome == "frozen":
        _bad(case, "skipped", "", " ".join(outcome.notes), ())
    return case


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return a test per definition: errors make it fail, warnings are in its output."""
    grouped = groupby(problems, lambda problem: problem.source.file)
    by_file = {file: list(group) for file, group in grouped}
    cases = [_file(each, by_file.get(each, [])) for each in files]
    return _report("campaignsync validate", {"definitions": cases})


def _file(file: str, problems: Sequence[Problem]) -> Element:
    case = _case(file, file)
    errors, warnings = (
        [problem for problem in problems if problem.severity == severity]
        for severity in ("error", "warning")
    )
    if errors:
        title = errors[0].message if len(errors) == 1 else words.count(len(errors), "problem")
        _bad(case, "failure", errors[0].code, title, map(_located, errors))
    if warnings:
        SubElement(case, "system-out").text = _lines(map(_located, warnings))
    return case


def error(error: CampaignSyncError) -> str:
    """Return a test per definition for a DefinitionError, else one failing test."""
    if isinstance(error, DefinitionError):
        return problems(error.files, error.problems)
    case = _case("campaignsync", "command")
    _bad(case, "failure", error.code, error.message, [error.message, error.hint])
    return _report("campaignsync", {"command": [case]})


def _located(problem: Problem | Blocked) -> str:
    return f"{problem.source} {problem.code}: {words.with_hint(problem.message, problem.hint)}"


def _case(name: str, file: str) -> Element:
    return Element("testcase", name=_text(name), classname=_text(file or "campaign"), time="0")


def _bad(case: Element, how: Bad, type_: str, message: str, lines: Iterable[str]) -> None:
    attributes = {"message": _text(words.clipped(message, LONGEST))}
    attributes |= {"type": _text(type_)} if type_ else {}
    SubElement(case, how, attributes).text = _lines(lines) or None


def _report(name: str, suites: Mapping[str, Sequence[Element]]) -> str:
    """Return the XML of test suites, named by the report's name and their own."""
    everything = [case for cases in suites.values() for case in cases]
    root = Element("testsuites", {"name": name, **_counts(everything), "time": "0"})
    for suite, cases in suites.items():
        skipped = str(sum(case.find("skipped") is not None for case in cases))
        attributes = {
            "name": _text(f"{name}: {suite}"),
            **_counts(cases),
            "skipped": skipped,
            "time": "0",
        }
        SubElement(root, "testsuite", attributes).extend(cases)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}'


def _counts(cases: Sequence[Element]) -> dict[str, str]:
    failures = sum(case.find("failure") is not None for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(words.inert(_text(line)) for line in lines)


def _text(text: str) -> str:
    return NO_XML.sub(lambda match: f"<U+{ord(match.group()):04X}>", words.line(text))
