"""Say on stderr which command to run after `plan`, `undo` or `drift`."""

import shlex
from pathlib import Path

from campaignsync.cli.results import Result
from campaignsync.cli.streams import tell
from campaignsync.model.plan import Plan
from campaignsync.model.results import Drift
from campaignsync.report import wording as words


def after_plan(plan: Plan, saved: Path | None, result: Result) -> None:
    """Print how to apply a plan."""
    if result.is_for_programs or any(plan.failed()):
        return  # an error has a hint of its own
    if saved and plan.summary.update:
        _print(f"Saved {saved}. Apply it with `campaignsync apply {shlex.quote(str(saved))}`.")
    elif saved:
        _print(f"Saved {saved}. It has nothing to apply.")
    elif plan.summary.update:
        _print("To apply exactly these changes, save the plan: add `--out plan.json`.")


def after_drift(drift: Drift, result: Result) -> None:
    """Print how to apply the definitions or adopt live values, by the side that changed."""
    if result.is_for_programs:
        return
    states = {campaign.state for campaign in drift.campaigns}
    if states & {"repo", "both", "unknown"}:
        _print("To send the definitions' values to live: `campaignsync plan --out plan.json`.")
    if states & {"live", "both", "unknown"}:
        _print("To keep live values in the definitions: `campaignsync adopt`.")


def _print(text: str) -> None:
    tell(words.line(text))
