"""Reports show hostile text as text, in every format."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.plans import a_plan, patch

from campaignsync.apply.saved_plan import read_plan
from campaignsync.errors import ConfigurationError, Problem, Source
from campaignsync.model.plan import Blocked, Change, Plan, PlannedCampaign, PlanSummary
from campaignsync.report.format import format_named

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
PLACE = Source("c.yaml", 3, 5)

texts = st.text(max_size=60) | st.sampled_from(
    ["\x1b[31m", "```", "</details>", "@team #1", "| a | b |", "![x](http://e/x)", "::error::x",
     "<img src=x onerror=alert(1)>", "\u202eabc", "a\nb\n::stop-commands::x", "`a` `` b", "\\|"],
)  # fmt: skip
safe_texts = texts.map(lambda text: text.encode("utf-8", "ignore").decode())


def planned(name: str, before: str, after: str) -> Plan:
    change = Change(field="first_message", before=before, after=after, known=True, source=PLACE)
    blocked = Blocked(code="X", field="name", message=name, hint=after, source=PLACE)
    campaigns = (
        PlannedCampaign(
            environment="e", id=1, name=name, status=after, source=PLACE, action="update",
            changes=(change,), requests=patch(1, {"first_message": after}), notes=(before,),
        ),
        PlannedCampaign(
            environment="e", id=2, name=name, status=None, source=PLACE, action="blocked",
            changes=(change,), blocked=(blocked,),
        ),
    )  # fmt: skip
    return a_plan(*campaigns, environment="e")


@given(safe_texts, safe_texts, safe_texts)
@pytest.mark.fault("C4")
def test_no_control_character_reaches_a_terminal(name: str, before: str, after: str) -> None:
    """A terminal receives only printable characters and line ends."""
    assert not CONTROL.search(format_named("text").plan(planned(name, before, after)))


@pytest.mark.slow
@given(safe_texts, safe_texts, safe_texts)
def test_colour_changes_no_character(name: str, before: str, after: str) -> None:
    """A coloured plan without its colours is the plain one."""
    plan = planned(name, before, after)
    painted = format_named("text", colour=True).plan(plan)

    stripped = re.sub(r"\x1b\[[0-9;]*m", "", painted)
    assert [line.rstrip() for line in stripped.split("\n")] == format_named("text").plan(
        plan
    ).split("\n")


@pytest.mark.slow
@given(safe_texts, safe_texts, safe_texts)
def test_the_json_is_the_plan(name: str, before: str, after: str) -> None:
    """A saved plan is read back unchanged."""
    plan = planned(name, before, after)

    assert read_plan(format_named("json").plan(plan).encode()) == plan


@pytest.mark.slow
@given(safe_texts, safe_texts, safe_texts)
@pytest.mark.fault("C6")
def test_markdown_holds_no_markup_of_a_value(name: str, before: str, after: str) -> None:
    """No value opens or closes an element on the page of a pull request."""
    text = format_named("markdown").plan(planned(name, before, after))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)

    html = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert [block.partition("<summary>")[0] for block in html if block.startswith("<d")] == [
        "<details>", "<details>",
    ]  # fmt: skip
    assert [block for block in html if not block.startswith("<d")] == ["</details>"] * 2
    inline = [child for token in tokens for child in token.children or []]
    allowed = {"text", "code_inline", "strong_open", "strong_close", "html_inline", "hardbreak",
               "em_open", "em_close", "softbreak"}  # fmt: skip
    assert {child.type for child in inline} <= allowed
    tags = {child.content for child in inline if child.type == "html_inline"}
    assert tags <= {"<code>", "</code>"}
    fences = [token for token in tokens if token.type == "fence" and token.info == "json"]
    assert len(fences) == 1
    assert "first_message" in fences[0].content


def test_a_problem_shows_its_line_with_a_caret() -> None:
    """The caret points at the problem, also behind tabs and wide characters."""
    problem = Problem("X", "is wrong", Source("c.yaml", 2, 7), "mend it", excerpt="名前: [x")
    lines = format_named("text").problems(["c.yaml"], [problem]).split("\n")

    assert lines[0] == "c.yaml:2:7: error: is wrong [X]"
    assert lines[1] == "    2 | 名前: [x"
    assert lines[2].index("^") == len("    2 | ") + 8
    assert lines[-1] == "1 problem in 1 of 1 definition."


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (PlanSummary(update=2, unchanged=5, blocked=1, frozen=1),
         "Plan: 2 to update, 1 blocked, 1 frozen, 5 unchanged."),
        (PlanSummary(unchanged=9), "No changes. 9 campaigns match their definitions."),
        (PlanSummary(unchanged=1), "No changes. 1 campaign matches its definition."),
        (PlanSummary(unchanged=8, frozen=1),
         "No changes. 8 campaigns match their definitions, 1 frozen."),
        (PlanSummary(blocked=1), "Plan: 0 to update, 1 blocked, 0 unchanged."),
    ],
)  # fmt: skip
def test_the_last_line_is_the_summary(summary: PlanSummary, line: str) -> None:
    """The summary has stable words in a stable place, for scripts and people."""
    plan = planned("a", "b", "c").model_copy(update={"summary": summary, "campaigns": ()})

    assert format_named("text").plan(plan).split("\n")[-1] == line


def test_an_error_has_one_line_and_a_hint() -> None:
    """An error is one line, and the hint another."""
    error = ConfigurationError("no such thing", hint="look there")

    assert format_named("text").error(error) == "Error: no such thing\n  → look there"
    error = ConfigurationError("no such thing", code="NO_DEFINITION")
    assert format_named("text").error(error) == "Error: no such thing [NO_DEFINITION]"
    assert json.loads(format_named("json").error(error))["exit_code"] == 3
