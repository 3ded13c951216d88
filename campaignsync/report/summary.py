"""Markdown for the summary of a CI step, which holds sixteen times what a comment does."""

from campaignsync.model.documents import Plan, Plans
from campaignsync.report import markdown
from campaignsync.report.bounds import STEP_SUMMARY


def plan(plan: Plan | Plans, limit: int = STEP_SUMMARY) -> str:
    """Show a plan in at most `limit` bytes of Markdown."""
    return markdown.plan(plan, limit)
