"""The table of report formats: what each can show."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec

from campaignsync.errors import CampaignSyncError, Problem
from campaignsync.model.plan import Plan
from campaignsync.model.results import Drift, ExplainedCode, Exported, Listing, Rendered
from campaignsync.model.runs import Applied, History, Run
from campaignsync.report import json, markdown, text, text_lists
from campaignsync.report.ci import github, gitlab, junit, sarif
from campaignsync.report.markdown_parts import STEP_SUMMARY
from campaignsync.report.terminal import Line, joined, wrapped

Values = ParamSpec("Values")


def _unsupported(*_: object) -> str:
    raise ValueError("the format cannot show this")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One report format: a function for each thing that it can show.

    `problems` takes the names of all definitions that were read, then what is wrong with them.
    `codes` lists error codes, `explained` shows all of each.
    """

    name: str
    plan: Callable[[Plan], str] = _unsupported
    drift: Callable[[Drift], str] = _unsupported
    applied: Callable[[Applied], str] = _unsupported
    problems: Callable[[Sequence[str], Sequence[Problem]], str] = _unsupported
    exported: Callable[[Exported], str] = _unsupported
    listing: Callable[[Listing], str] = _unsupported
    rendered: Callable[[Rendered], str] = _unsupported
    history: Callable[[History], str] = _unsupported
    run: Callable[[Run], str] = _unsupported
    codes: Callable[[Sequence[ExplainedCode]], str] = _unsupported
    explained: Callable[[Sequence[ExplainedCode]], str] = _unsupported
    error: Callable[[CampaignSyncError], str] = _unsupported

    def can_show(self, what: str) -> bool:
        """Return whether the format has a function `what`."""
        return getattr(self, what) is not _unsupported


def text_format(*, colour: bool = False, width: int = 0) -> Format:
    """Return the text format, wrapped to `width` columns; 0 means no limit."""

    def as_text(lines: Callable[Values, Iterable[Line]]) -> Callable[Values, str]:
        def render(*values: Values.args, **named: Values.kwargs) -> str:
            return wrapped(joined(lines(*values, **named), colour=colour), width)

        return render

    return Format(
        name="text",
        plan=as_text(text.plan),
        drift=as_text(text.drift),
        applied=as_text(text.applied),
        problems=as_text(text.problems),
        exported=as_text(text_lists.exported),
        listing=as_text(partial(text_lists.listing, width=width)),
        rendered=as_text(text_lists.rendered),
        history=as_text(text_lists.history),
        run=as_text(text_lists.run),
        codes=as_text(text_lists.codes),
        explained=as_text(text_lists.explained),
        error=as_text(text.error),
    )


def _html(plan: Plan) -> str:
    # The template engine is an eighth of the start of a command, and only this format needs it.
    from campaignsync.report import html  # noqa: PLC0415

    return html.plan(plan)


FORMATS = (
    text_format(),
    Format(
        name="json",
        plan=json.dump,
        drift=json.dump,
        applied=json.dump,
        problems=json.problems,
        exported=json.dump,
        listing=json.dump,
        rendered=json.dump,
        history=json.dump,
        run=json.dump,
        codes=json.explained,
        explained=json.explained,
        error=json.error,
    ),
    Format(
        name="markdown",
        plan=markdown.plan,
        drift=markdown.drift,
        applied=markdown.applied,
        problems=markdown.problems,
        exported=markdown.exported,
        listing=markdown.listing,
        rendered=markdown.rendered,
        history=markdown.history,
        run=markdown.run,
        codes=markdown.codes,
        explained=markdown.explained,
        error=markdown.error,
    ),
    Format(
        name="step-summary",
        plan=partial(markdown.plan, limit=STEP_SUMMARY),
        error=markdown.error,
    ),
    Format(name="html", plan=_html),
    Format(
        name="github",
        plan=github.plan,
        applied=github.applied,
        problems=github.problems,
        error=github.error,
    ),
    Format(name="gitlab", plan=gitlab.plan, problems=gitlab.problems),
    Format(name="gitlab-widget", plan=gitlab.widget),
    Format(
        name="junit",
        plan=junit.plan,
        applied=junit.applied,
        problems=junit.problems,
        error=junit.error,
    ),
    Format(name="sarif", problems=sarif.problems),
    # `render` writes definitions itself.
    Format(name="yaml"),
)
"""Every format. A new one is a module of this package, and one entry here."""

BY_NAME = {each.name: each for each in FORMATS}


def names_for(what: str) -> tuple[str, ...]:
    """Return the names of the formats that can show something, such as "plan"."""
    return tuple(each.name for each in FORMATS if each.can_show(what))


def format_named(name: str, *, colour: bool = False, width: int = 0) -> Format:
    """Return a format by its name; colour and width are for text."""
    return text_format(colour=colour, width=width) if name == "text" else BY_NAME[name]
