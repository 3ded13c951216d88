"""Values → text for people, documents for programs, pages for pull requests; prints nothing.

`words` holds what the formats share, `compare` what became of a text, `order` what is read first,
`bounds` what fits into a comment, `prints` by what a finding is known again, `weeks` what a drawing
of calling hours measures, `inventory` the text of lists of campaigns, `drifted` that of drift,
`window` what a narrow one shows, `markup` what keeps a value from being Markdown; every other
module is one format, and its first line says whose. A format's module is imported when it is asked
for: who wants text does not wait for HTML.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from campaignsync.errors import CampaignSyncError, Problem

if TYPE_CHECKING:
    from campaignsync.explain import Explanation
    from campaignsync.journal import Record
    from campaignsync.model.applies import Applied, Applies
    from campaignsync.model.drifts import Drift, Drifts
    from campaignsync.model.lists import Exported, Listing, Rendered
    from campaignsync.model.plans import EnvironmentFailure, Plan, Plans

FORMATS = {
    "text": "text",
    "json": "documents",
    "markdown": "markdown",
    "step-summary": "summary",
    "html": "html",
    "github": "github",
    "gitlab": "gitlab",
    "gitlab-widget": "widget",
    "junit": "junit",
    "sarif": "sarif",
}
"""Each format, and its module here."""
TEXTS = {
    "drift": "drifted",
    **dict.fromkeys(("exported", "listing", "rendered", "explained"), "inventory"),
}
"""What has a module of its own for its text."""

BASIC = ("text", "json", "markdown")
OFFERED = {
    "plan": (*BASIC, "step-summary", "html", "github", "gitlab", "gitlab-widget", "junit"),
    "drift": BASIC,
    "applied": (*BASIC, "github", "junit"),
    "problems": (*BASIC, "github", "gitlab", "junit", "sarif"),
    "exported": BASIC,
    "listing": BASIC,
    "rendered": BASIC,
    "history": BASIC,
    "run": BASIC,
    "error": (*BASIC, "step-summary", "github", "junit"),
}
"""What there is to report, and the formats that have a word for it."""


def plan(plan: "Plan | Plans", format_: str, *, colour: bool = False) -> str:
    """Show what would be sent; the last line of the text is the summary."""
    return _format(format_, "plan", plan, colour=colour)


def comment(plan: "Plan", longest: int) -> str:
    """Give a plan as a comment of so many characters at the most, begun by a hidden marker."""
    from campaignsync.report import commented  # noqa: PLC0415 - as in `_format`

    return commented.plan(plan, longest)


def comment_of_failure(failed: "EnvironmentFailure", shard: str | None) -> str:
    """Give why there is no plan as a comment, in the place of that plan's."""
    from campaignsync.report import commented  # noqa: PLC0415 - as in `_format`

    return commented.failed(failed, shard)


def drift(drift: "Drift | Drifts", format_: str, *, colour: bool = False) -> str:
    """Show what differs and who is ahead; the last line of the text is the summary."""
    return _format(format_, "drift", drift, colour=colour)


def metrics(drift: "Drift | Drifts") -> str:
    """Give drift as a Prometheus textfile, of several environments as one."""
    from campaignsync.report import prometheus  # noqa: PLC0415 - as in `_format`

    return prometheus.drift(drift)


def applied(applied: "Applied | Applies", format_: str, *, colour: bool = False) -> str:
    """Show what came of each campaign; the last line of the text is the summary."""
    return _format(format_, "applied", applied, colour=colour)


def problems(
    files: Sequence[str], problems: Sequence[Problem], format_: str, *, colour: bool = False
) -> str:
    """Show what is wrong with definitions, each problem with its place.

    `files` are all definitions that were read, named as the sources of the problems name them.
    """
    return _format(format_, "problems", files, problems, colour=colour)


def rendered(rendered: "Rendered", format_: str, *, colour: bool = False) -> str:
    """Show definitions with all that they share resolved, and where each value stands."""
    return _format(format_, "rendered", rendered, colour=colour)


def history(records: Sequence["Record"], format_: str, *, colour: bool = False) -> str:
    """List runs, oldest first."""
    return _format(format_, "history", records, colour=colour)


def run(record: "Record", format_: str, *, colour: bool = False) -> str:
    """Show one run, write by write."""
    return _format(format_, "run", record, colour=colour)


def exported(exported: "Exported", format_: str, *, colour: bool = False) -> str:
    """Show which campaigns became definitions; the last line of the text is the summary."""
    return _format(format_, "exported", exported, colour=colour)


def listing(listing: "Listing", format_: str, *, colour: bool = False, width: int = 0) -> str:
    """Show live campaigns beside their definitions, in `width` columns; 0 for no such limit."""
    more = {"width": width} if format_ == "text" else {}
    return _format(format_, "listing", listing, colour=colour, **more)


def explained(
    codes: Sequence["Explanation"], format_: str, *, whole: bool, colour: bool = False
) -> str:
    """Show what codes mean: the whole of it, or a line each."""
    return _format(format_, "explained", codes, whole, colour=colour)


def error(error: CampaignSyncError, format_: str, *, colour: bool = False) -> str:
    """Show why a command stopped, and what to do about it."""
    return _format(format_, "error", error, colour=colour)


def folded(text: str, width: int) -> str:
    """Fold a text, painted or not, to a window of so many columns; its last line stays whole."""
    if all(len(line) <= width for line in text.split("\n")) and text.isascii():
        return text
    from campaignsync.report import window  # noqa: PLC0415 - rich takes its time

    return window.folded(text, width)


def _format(format_: str, what: str, *values: Any, colour: bool, **more: Any) -> str:
    module = TEXTS.get(what, "text") if format_ == "text" else FORMATS[format_]
    render = getattr(import_module(f"campaignsync.report.{module}"), what)
    text: str = render(*values, colour=colour, **more) if format_ == "text" else render(*values)
    return text
