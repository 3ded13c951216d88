"""`campaignsync comment`."""

import os
from pathlib import Path

import click

from campaignsync.cli import options


@click.command("comment")
@click.argument("planfile", type=click.Path(path_type=Path))
@options.option(
    "--forge",
    type=click.Choice(("github", "gitlab")),
    help="Where the request is; by default the forge whose job this is.",
)
@options.option(
    "--request",
    type=click.IntRange(min=1),
    metavar="N",
    help="The number of the pull or merge request; by default the job's.",
)
def command(planfile: Path, forge: str | None, request: int | None) -> None:
    """Put a saved plan on the pull or merge request that a job is about.

    A comment for each environment, updated in place. Without changes none is made, and one that is
    there says so. GitHub's job needs GITHUB_TOKEN, GitLab's GITLAB_TOKEN.

    \b
    Example: campaignsync plan --out plan.json && campaignsync comment plan.json
    """
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.saved import read_saved
    from campaignsync.forge import put_comment, thread_of
    from campaignsync.report import words

    plan = read_saved(planfile)
    thread = thread_of(os.environ, forge, request)
    for part in plan.parts:
        changes = bool(part.summary.update or part.summary.blocked)
        put = signals.run(put_comment(thread, report.comment(part, thread.longest), make=changes))
        what = "No changes, and no comment to update" if put == "left out" else f"Comment {put}"
        place = (
            thread.request if plan.kind == "plan" else f"{thread.request} for {part.environment}"
        )
        options.emit(words.line(f"{what} on {place}."), None)
