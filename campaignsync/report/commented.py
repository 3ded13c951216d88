"""A plan as a comment on a pull or merge request: found again by its first line, never too long."""

from urllib.parse import quote

from campaignsync.model.documents import Plan
from campaignsync.report import markdown

CUT = "**The plan is longer than a comment can be, and was cut here.** The saved plan is whole."


def plan(plan: Plan, longest: int) -> str:
    """Give the Markdown of a plan behind a hidden line that names its environment.

    It has `longest` characters at the most.
    """
    head = f"<!-- campaignsync: plan of {quote(plan.environment, safe='')} -->\n"
    foot = f"\n\n{markdown.plain(f'{plan.tool}, {plan.created_at}')}"
    text = markdown.plan(plan)
    if len(head) + len(text) + len(foot) > longest:
        foot = f"\n\n{CUT}{foot}"
        text = _cut(text, longest - len(head) - len(foot))
    return f"{head}{text}{foot}"


def _cut(text: str, longest: int) -> str:
    """Cut where nothing is left open: before a campaign's block, or else after a line of the table.

    No line of a value begins with a tag: values stand in code, or behind a sign or a space.
    """
    before_block = text.rfind("\n<details>", 0, longest)
    return text[: before_block if before_block >= 0 else text.rfind("\n", 0, longest)].rstrip()
