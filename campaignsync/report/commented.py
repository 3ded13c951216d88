"""A plan as a comment on a pull or merge request: found again by its first line, never too long."""

from urllib.parse import quote

from campaignsync.model.plans import EnvironmentFailure, Plan
from campaignsync.report import markdown
from campaignsync.report.markup import plain


def plan(plan: Plan, longest: int) -> str:
    """Give the Markdown of a plan behind a hidden line that names its environment, and its part.

    It has `longest` characters at the most.
    """
    foot = f"\n\n{plain(f'{plan.tool}, {plan.created_at}')}"
    head = _head(plan.environment, plan.shard)
    room = longest - len(head) - len(foot)
    text = markdown.plan(plan, room)
    if len(text) > room:
        # What is in its way fills it alone: lines of a list, of which the first ones stay.
        text = text[: text.rfind("\n", 0, room)]
    return f"{head}{text}{foot}"


def failed(failed: EnvironmentFailure, shard: str | None) -> str:
    """Give why there is no plan of an environment, where its plan would stand."""
    return f"{_head(failed.environment, shard)}{markdown.failed(failed)}"


def _head(environment: str, shard: str | None) -> str:
    part = f", shard {quote(shard)}" if shard else ""
    return f"<!-- campaignsync: plan of {quote(environment, safe='')}{part} -->\n"
