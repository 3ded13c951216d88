"""Markdown for the summary of a CI step, which holds sixteen times what a comment does."""

from campaignsync.errors import CampaignSyncError
from campaignsync.model.plan import Plan
from campaignsync.report import markdown
from campaignsync.report.bounds import STEP_SUMMARY


def plan(plan: Plan, limit: int = STEP_SUMMARY) -> str:
    """Show a plan in at most `limit` bytes of Markdown."""
    return markdown.plan(plan, limit)


def error(error: CampaignSyncError) -> str:
    """Show why a command stopped, as a comment does: that is short enough."""
    return markdown.error(error)
