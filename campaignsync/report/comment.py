"""Render a plan as a comment on a pull or merge request, within its size limit.

A later run finds the comment by its hidden first line.
"""

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
        # The list of obstacles alone is too long: keep its first lines.
        text = text[: text.rfind("\n", 0, room)]
    return f"{head}{text}{foot}"


def failed(environment: str, error: ErrorSummary, shard: str | None) -> str:
    """Return a comment that explains why an environment has no plan, instead of the plan."""
    return f"{_head(environment, shard)}{markdown.failed(environment, error)}"


def _head(environment: str, shard: str | None) -> str:
    part = f", shard {quote(shard)}" if shard else ""
    return f"<!-- campaignsync: plan of {quote(environment, safe='')}{part} -->\n"
