"""A plan as a comment on a pull or merge request: found again by its first line, never too long."""

from urllib.parse import quote

from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Plan
from campaignsync.report import markdown
from campaignsync.report.markup import plain


def plan(plan: Plan, environment: str, longest: int) -> str:
    """Return one environment's plan in at most `longest` characters of Markdown.

    A hidden first line names the environment and the part of the workspace.
    """
    foot = f"\n\n{plain(f'{plan.tool}, {plan.created_at}')}"
    head = _head(environment, plan.shard)
    room = longest - len(head) - len(foot)
    text = markdown.plan(plan.only(environment), room)
    if len(text) > room:
        # What is in its way fills it alone: lines of a list, of which the first ones stay.
        text = text[: text.rfind("\n", 0, room)]
    return f"{head}{text}{foot}"


def failed(environment: str, error: ErrorSummary, shard: str | None) -> str:
    """Return why an environment has no plan, to take the place of its plan."""
    return f"{_head(environment, shard)}{markdown.failed(environment, error)}"


def _head(environment: str, shard: str | None) -> str:
    part = f", shard {quote(shard)}" if shard else ""
    return f"<!-- campaignsync: plan of {quote(environment, safe='')}{part} -->\n"
