"""`campaignsync comment`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campaignsync.cli import options

if TYPE_CHECKING:
    from campaignsync.model.plans import Plan


@click.command("comment")
@click.argument("planfile", type=click.Path(path_type=Path))
@options.option(
    "--forge",
    type=click.Choice(("github", "gitlab")),
    help="The request's forge. Default: the forge of this job.",
)
@options.option(
    "--request",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of the pull or merge request. Default: that of this job.",
)
@options.quiet
def command(planfile: Path, forge: str | None, request: int | None, *, quiet: bool) -> None:
    """Write a saved plan as a comment on the job's pull or merge request.

    One comment for each environment and each part of --shard; the next plan replaces it. A plan
    without changes updates an existing comment and writes no new one. Requires GITHUB_TOKEN on
    GitHub, GITLAB_TOKEN on GitLab.

    \b
    Example: campaignsync plan --out plan.json && campaignsync comment plan.json
    """
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.progress import Pause, Progress
    from campaignsync.cli.saved import read_saved
    from campaignsync.forge import put_comment, thread_of
    from campaignsync.report import words

    progress, pause = Progress(quiet=quiet), Pause()
    plan = read_saved(planfile, progress)
    thread = thread_of(os.environ, forge, request)
    comments = [
        (part.environment, report.comment(part, thread.longest), _has_changes(part))
        for part in plan.parts
    ]
    shard = next((part.shard for part in plan.parts), None)
    # Replace the former plan: a reviewer would take it for this one.
    comments += [
        (each.environment, report.comment_of_failure(each, shard), True) for each in plan.errors
    ]
    for environment, text, make in comments:
        with progress.watch("commenting", waits=pause.told):
            put = signals.run(put_comment(thread, text, make=make, on_wait=pause.begin))
        what = "No changes, and no comment to update" if put == "left out" else f"Comment {put}"
        whose = [environment] if plan.kind == "plans" else []
        whose += [f"shard {shard}"] if shard else []
        place = f"{thread.request}{' for ' if whose else ''}{', '.join(whose)}"
        options.emit(words.line(f"{what} on {place}."), None)


def _has_changes(plan: "Plan") -> bool:
    """Return whether a plan needs a new comment."""
    return bool(plan.summary.update or plan.summary.blocked)
