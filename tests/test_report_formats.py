"""Reports for CI systems: their structure, and safety against any text."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from pydantic_sarif import model as sarif_model  # type: ignore[import-untyped] # ships no types
from support.control_characters import CONTROLS, assert_harmless
from support.naughty_strings import all_of_them
from support.plans import (
    PLACE,
    a_drift_about,
    a_plan,
    a_plan_about,
    an_apply_about,
    blocked,
    campaign,
    change,
    patch,
    problems_about,
)

from campaignsync.errors import Problem, Source
from campaignsync.report import wording as words
from campaignsync.report.format import FORMATS, Format, format_named, names_for
from campaignsync.report.markdown_parts import COMMENT, STEP_SUMMARY

TRICKS = (
    "".join(CONTROLS), "a\n::error::b", "::stop-commands::x", "##[error]x", "a%0A::b", "a,b:c=d",
    "]]>", "<!--", "&amp;", '"\'<a>', "[x](http://e)", "{0} {{x}}", "```", "</details>", "\ufffe",
    "\udcff", "\u202ex", "@team #1", "</script><script>", "--></style><b>", "${{ secrets.X }}",
)  # fmt: skip
HOSTILE = (*TRICKS, *all_of_them())
BY_MACHINES = ("gitlab", "gitlab-widget", "junit", "sarif", "html", "json", "markdown", "text")
KINDS: dict[str, Callable[[str], Any]] = {
    "plan": a_plan_about,
    "drift": a_drift_about,
    "applied": an_apply_about,
}


def rendered(format_: str, text: str) -> Iterator[str]:
    """Return every report in a format, with the text."""
    shown = format_named(format_)
    for what, about in KINDS.items():
        if shown.can_show(what):
            yield getattr(shown, what)(about(text))
    if shown.can_show("problems"):
        yield shown.problems([f"c/{text}.yaml", "c/good.yaml"], problems_about(text))


# The table


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: each.name)
def test_each_command_offers_its_formats(format_: Format) -> None:
    """A format is offered for exactly what its module can show; others are refused."""
    shown = {field.name for field in fields(Format)} - {"name"}

    offered = {what for what in shown if format_.name in names_for(what)}
    assert offered == {what for what in shown if format_.can_show(what)}
    for what in shown - offered:
        with pytest.raises(ValueError, match="cannot show"):
            getattr(format_, what)(None)


def test_each_format_has_a_name_of_its_own() -> None:
    """A name of --format selects one format."""
    assert len({each.name for each in FORMATS}) == len(FORMATS)


# All of them


@pytest.mark.slow
@pytest.mark.fault("C5")
@pytest.mark.parametrize("format_", BY_MACHINES)
def test_texts_cannot_control_a_terminal_or_a_runner(format_: str) -> None:
    """In a CI log, no text of a definition or of the API is executed as a command."""
    for text in TRICKS:
        # Paths may contain a lone surrogate, unlike JSON and YAML.
        for shown in rendered(format_, text.replace("\udcff", "") if format_ == "json" else text):
            assert_harmless(shown)
            shown.encode()


# GitHub


class Command(NamedTuple):
    """A workflow command, as a runner parses it."""

    name: str
    properties: dict[str, str]
    message: str


def obeyed(output: str) -> list[Command]:
    """Parse the commands of a log like GitHub's runner."""
    return [
        Command(match[1], dict(_properties(match[2] or "")), _unescaped(match[3]))
        for line in output.splitlines()
        if (match := re.match(r"\s*::([a-zA-Z-]+)(?: ([^:]*))?::(.*)\Z", line))
    ]


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        name, _, value = part.partition("=")
        value = value.replace("%3A", ":").replace("%2C", ",")
        yield name.strip(), _unescaped(value)


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@pytest.mark.fault("C5")
def test_an_annotation_is_only_that() -> None:
    """A runner reads exactly the intended annotations, each with its text."""
    for text in HOSTILE:
        annotations = obeyed(format_named("github").problems(["x"], problems_about(text)))

        file = words.clipped(f"c/{text}.yaml", 1000)
        assert [(each.name, each.properties) for each in annotations] == [
            ("error", {"file": file, "line": "2", "col": "3", "title": "WRONG"}),
            ("warning", {"file": file, "line": "4", "col": "1", "title": "ODD"}),
        ], ascii(text)
        assert annotations[1].message == words.clipped(text, 1000), ascii(text)
        for about, levels in (
            (a_plan_about, {"error", "warning", "notice"}),
            (an_apply_about, {"error"}),
        ):
            what = "plan" if about is a_plan_about else "applied"
            shown = getattr(format_named("github"), what)(about(text))
            assert {each.name for each in obeyed(shown)} == levels, ascii(text)
            assert "##[" not in shown, ascii(text)


def test_a_change_is_a_notice_on_its_line() -> None:
    """Each change is an annotation on its line, and each blocked campaign an error."""
    annotations = obeyed(
        format_named("github").plan(a_plan(campaign(7, "Seven"), blocked(8, "Eight")))
    )

    assert [each.name for each in annotations] == ["error", "notice"]
    assert annotations[1].properties == {
        "file": PLACE.file,
        "line": "3",
        "col": "5",
        "title": "7 Seven",
    }
    assert annotations[1].message == "retries: 1 → 2"
    assert annotations[0].message == "it is gone → let it go"


@pytest.mark.parametrize("format_", ["github", "gitlab", "junit"])
def test_a_change_at_the_end_of_a_long_line_is_shown(format_: str) -> None:
    """A report on one line shows where two long texts differ, not their equal beginning."""
    begin = "Hola {{name}}. " * 20
    moved = change("first_message", f"{begin}Su saldo vence el lunes.", f"{begin}Su saldo venció.")
    shown = format_named(format_).plan(a_plan(campaign(7, changes=(moved,))))

    assert "Su saldo vence el lunes." in shown
    assert "Su saldo venció." in shown


def test_annotations_beyond_what_github_shows_are_counted() -> None:
    """Of a thousand changes ten are annotations, and one line gives the total."""
    plan = a_plan(*(campaign(number) for number in range(1, 1001)), blocked(1001))
    shown = format_named("github").plan(plan)

    assert [each.name for each in obeyed(shown)] == ["error", *["notice"] * 10]
    assert "1000 notices, of which GitHub shows 10." in shown
    assert shown.splitlines()[-1] == "Plan: 1000 to update, 1 blocked, 0 unchanged."


# GitLab: no package has the schema of the format; these facts are from its reference.


def entries(shown: str) -> list[dict[str, Any]]:
    """Read a Code Quality report, and check it against GitLab's reference."""
    parsed: list[dict[str, Any]] = json.loads(shown)
    for entry in parsed:
        assert entry.keys() == {
            "description", "check_name", "fingerprint", "severity", "location",
        }  # fmt: skip
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert re.fullmatch("[0-9a-f]{64}", entry["fingerprint"])
        assert entry["location"].keys() == {"path", "lines"}
        assert entry["location"]["lines"]["begin"] >= 1
        assert not entry["location"]["path"].startswith("./")
        assert all(isinstance(entry[key], str) for key in ("description", "check_name"))
    assert len({entry["fingerprint"] for entry in parsed}) == len(parsed)
    return parsed


@pytest.mark.slow
def test_code_quality_is_as_gitlab_reads_it() -> None:
    """With any text, GitLab gets a list of findings with unique fingerprints."""
    for text in HOSTILE:
        reports = [entries(shown) for shown in rendered("gitlab", text)]
        assert [len(each) for each in reports] == [6, 2]


def test_a_finding_is_the_same_when_its_line_moves() -> None:
    """A comment at the top of a file makes no finding new, and a new value does."""
    before, moved = (
        entries(
            format_named("gitlab").problems(
                [], [Problem("X", "wrong", Source("./c.yaml", line))] * 2
            )
        )
        for line in (3, 30)
    )
    other = entries(
        format_named("gitlab").problems([], [Problem("X", "worse", Source("./c.yaml", 3))])
    )

    assert [each["fingerprint"] for each in before] == [each["fingerprint"] for each in moved]
    assert other[0]["fingerprint"] not in [each["fingerprint"] for each in before]
    assert before[0]["location"] == {"path": "c.yaml", "lines": {"begin": 3}}


def test_the_widget_counts_what_apply_would_do() -> None:
    """GitLab's widget counts updates; blocked campaigns are not included."""
    plan = a_plan(campaign(1), campaign(2), blocked(3))

    assert json.loads(format_named("gitlab-widget").plan(plan)) == {
        "create": 0,
        "update": 2,
        "delete": 0,
    }


# SARIF


@pytest.mark.slow
def test_sarif_is_sarif() -> None:
    """The SARIF report validates against the standard's schema."""
    for text in HOSTILE:
        shown = format_named("sarif").problems(["c.yaml"], problems_about(text))
        sarif_model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(shown)
        (run,) = json.loads(shown)["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert [rules[each["ruleIndex"]] for each in run["results"]] == ["WRONG", "ODD"]
        assert [each["level"] for each in run["results"]] == ["error", "warning"]


def test_sarif_points_at_the_place() -> None:
    """A problem is at its line and column, in a file with any name."""
    problem = Problem("X", "see {{n}}, [a](b)", Source("a b/ñ#?.yaml", 3, 7))
    (run,) = json.loads(format_named("sarif").problems(["x"], [problem]))["runs"]

    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3, "startColumn": 7}
    assert place["artifactLocation"]["uri"] == "a%20b/%C3%B1%23%3F.yaml"
    assert result["message"]["text"] == "see {{{{n}}}}, [a] (b)"


def test_sarif_names_a_file_elsewhere_by_its_uri() -> None:
    """A definition outside the current folder is named by an absolute URI."""
    problem = Problem("X", "wrong", Source("/srv/a b.yaml", 1))
    (run,) = json.loads(format_named("sarif").problems(["x"], [problem]))["runs"]

    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == "file:///srv/a b.yaml"


# JUnit: no package has the schema that Jenkins publishes; these are its facts.

CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "skipped", "system-out"},
    "failure": set(),
    "skipped": set(),
    "system-out": set(),
}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}


def suite(shown: str) -> ET.Element:
    """Read a report, and check its elements, attributes and counts."""
    root = ET.fromstring(shown.encode())  # noqa: S314 - our own report
    for element in root.iter():
        assert {child.tag for child in element} <= CHILDREN[element.tag]
        assert set(element.attrib) == ATTRIBUTES[element.tag]
    (test_suite,) = root
    cases = test_suite.findall("testcase")
    for counted in (root, test_suite):
        assert int(counted.attrib["tests"]) == len(cases)
        assert int(counted.attrib["failures"]) == len(test_suite.findall("testcase/failure"))
    assert int(test_suite.attrib["skipped"]) == len(test_suite.findall("testcase/skipped"))
    return test_suite


@pytest.mark.slow
def test_junit_is_as_ci_systems_read_it() -> None:
    """With any text, the XML is well formed, and its counts match its tests."""
    for text in HOSTILE:
        plan, applied, validated = (suite(shown) for shown in rendered("junit", text))
        assert [len(each) for each in (plan, applied, validated)] == [4, 2, 2]


def test_a_blocked_campaign_is_a_failed_test() -> None:
    """Blocked campaigns fail, frozen ones are skipped, and the rest pass."""
    frozen = campaign(3, action="frozen", requests=(), notes=("finished",))
    tests = suite(format_named("junit").plan(a_plan(campaign(1), blocked(2, "Two"), frozen)))

    results = [[child.tag for child in case if child.tag != "system-out"] for case in tests]
    assert results == [[], ["failure"], ["skipped"]]
    assert tests[1].attrib["name"] == "2 Two"
    assert tests[1].attrib["classname"] == PLACE.file
    assert "campaigns/a.yaml:3:5 ARCHIVED: it is gone → let it go" in (tests[1][0].text or "")


def test_a_valid_definition_is_a_passed_test() -> None:
    """Each definition is a test; warnings are its output."""
    odd = Problem("ODD", "is odd", Source("b.yaml", 1), severity="warning")
    wrong = [Problem("X", f"wrong {line}", Source("c.yaml", line)) for line in (1, 2)]
    tests = suite(format_named("junit").problems(["a.yaml", "b.yaml", "c.yaml"], [odd, *wrong]))

    assert [case.attrib["name"] for case in tests] == ["a.yaml", "b.yaml", "c.yaml"]
    assert [[child.tag for child in case] for case in tests] == [[], ["system-out"], ["failure"]]
    assert tests[2][0].attrib["message"] == "2 problems"


# Markdown, bounded


def many(count: int) -> Iterator[Any]:
    text = "Hola {{name}}, le llamamos de parte de la empresa 🦊.\n" * 20
    for number in range(1, count + 1):
        values = {
            "changes": (change("first_message", text, f"{text}x"),),
            "requests": patch(number, {"x": text}),
        }
        name = f"Campaña {number} " + "n" * 200
        yield (
            blocked(number, name, **values) if number % 3 == 0 else campaign(number, name, **values)
        )


@pytest.mark.slow
@pytest.mark.fault("C7")
@pytest.mark.parametrize(
    ("format_", "limit"), [("markdown", COMMENT), ("step-summary", STEP_SUMMARY)]
)
@pytest.mark.parametrize("count", [1, 40, 3000])
def test_markdown_fits(format_: str, limit: int, count: int) -> None:
    """A comment and a step's page contain the report, and state what was cut."""
    shown = format_named(format_).plan(a_plan(*many(count)))

    assert len(shown.encode()) < limit
    assert ("**Cut:**" in shown) == (count == 3000 or (count, format_) == (40, "markdown"))
    blocks = re.findall(r"<summary>(\d+) ", shown)
    assert shown.count("</details>") == len(blocks) > 0


@pytest.mark.fault("C7")
def test_blocked_campaigns_come_first() -> None:
    """The beginning states what blocks the plan, and for how many campaigns."""
    shown = format_named("markdown").plan(
        a_plan(*(campaign(number) for number in range(5)), blocked(9))
    )
    lines = shown.split("\n")

    assert lines[0] == "### Plan: 5 to update, 1 blocked, 0 unchanged."
    assert lines[4] == "- 1 campaign blocked by `ARCHIVED`: it is gone → let it go"
    assert re.findall(r"(?m)^\| (\d)", shown) == ["9", "0", "1", "2", "3", "4"]


@pytest.mark.fault("C7")
def test_active_campaigns_come_first() -> None:
    """Updates of active campaigns come first."""
    plan = a_plan(campaign(1, status="inactive"), campaign(2, status="active"))

    assert re.findall(r"(?m)^\| (\d)", format_named("markdown").plan(plan)) == ["2", "1"]


@pytest.mark.slow
@pytest.mark.fault("C7")
def test_other_reports_in_markdown_fit_too() -> None:
    """Ten thousand problems or failures are cut to a comment's size, with their count."""
    problems = [Problem("X", "wrong " * 20, Source("c.yaml", line)) for line in range(1, 10_001)]
    applied = an_apply_about("x" * 100)
    failed = applied.campaigns[0]
    outcomes = tuple(failed.model_copy(update={"id": number}) for number in range(10_000))
    reports = (
        format_named("markdown").problems(["c.yaml"], problems),
        format_named("markdown").applied(applied.model_copy(update={"campaigns": outcomes})),
    )

    for shown in reports:
        assert len(shown.encode()) < COMMENT
        assert re.search(r"\*\*Cut:\*\* \d{4} more", shown)


@pytest.mark.fault("C5")
def test_an_unchanged_line_is_not_a_command() -> None:
    """Lines of a message are shown in blocks, and no runner executes them."""
    text = "a\n::stop-commands::x\nb"
    plan = a_plan(campaign(1, changes=(change("first_message", text, f"{text}\nc"),)))

    assert_harmless(format_named("markdown").plan(plan))


def test_the_request_in_markdown_is_the_request() -> None:
    """The body that is shown is, character for character, the one that is sent."""
    body = {"first_message": "".join(chain(TRICKS, "\u200b\U000e0041")).replace("\udcff", "")}
    shown = format_named("markdown").plan(a_plan(campaign(1, requests=patch(1, body))))

    fenced = re.search(r"(?s)(`{3,})json\n(.*?)\n\1", shown)
    assert fenced
    assert json.loads(fenced[2]) == body


def test_paths_are_relative_as_in_git() -> None:
    """A definition is named by its path from the current folder, with slashes."""
    for shown in rendered("gitlab", "x"):
        for entry in entries(shown):
            assert PurePosixPath(entry["location"]["path"]).parts[0] in ("c", "campaigns")
