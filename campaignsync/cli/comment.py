"""`campaignsync comment`."""

import os
from pathlib import Path
from urllib.parse import quote

import click

from campaignsync.cli import concurrency, options
from campaignsync.cli.command import Choice, Command, WholeNumber
from campaignsync.cli.plan_files import read_saved
from campaignsync.cli.progress import Pause, Progress
from campaignsync.cli.streams import print_result
from campaignsync.forge.comments import put_comment
from campaignsync.forge.thread import thread_of
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Plan
from campaignsync.report import markdown
from campaignsync.report import wording as words
from campaignsync.report.markdown_parts import plain


@click.command("comment", cls=Command)
@click.argument("planfile", type=click.Path(path_type=Path))
@options.option(
    "--forge",
    type=Choice(("github", "gitlab")),
    section="Where",
    help="Forge of the request. Default: the one that runs the job.",
)
@options.option(
    "--request",
    type=WholeNumber(min=1),
    metavar="N",
    section="Where",
    help="Number of the pull or merge request. Default: the job's.",
)
@options.quiet
def command(planfile: Path, forge: str | None, request: int | None, progress: Progress) -> None:
    """Post a saved plan as a comment on the job's pull or merge request.

    There is one comment per environment and shard, updated in place. A plan without changes
    updates an existing comment, and posts none. GitHub needs GITHUB_TOKEN, GitLab GITLAB_TOKEN.

    \b
    Example: campaignsync plan --out plan.json && campaignsync comment plan.json
    """
    pause = Pause()
    plan = read_saved(planfile, progress)
    thread = thread_of(os.environ, forge, request)
    comments = [
        (
            environment.name,
            plan_comment(plan, environment.name, thread.longest),
            bool(environment.summary.update or environment.summary.blocked),
        )
        for environment, _ in plan.by_environment()
    ]
    # Otherwise the comment of an older plan would be taken for this one.
    comments += [
        (name, _failure_comment(name, error, plan.shard), True) for name, error in plan.failed()
    ]
    for environment, text, post in comments:
        with progress.watch("commenting", pause_reason=pause.describe):
            outcome = concurrency.run(put_comment(thread, text, post=post, on_wait=pause.begin))
        what = (
            "No changes, and no comment to update"
            if outcome == "left out"
            else f"Comment {outcome}"
        )
        scope = [environment] if len(plan.environments) > 1 else []
        scope += [f"shard {plan.shard}"] if plan.shard else []
        place = f"{thread.request}{' for ' if scope else ''}{', '.join(scope)}"
        print_result(words.line(f"{what} on {place}."))


def plan_comment(plan: Plan, environment: str, longest: int) -> str:
    """Return one environment's plan as a comment of at most `longest` characters."""
    foot = f"\n\n{plain(f'{plan.tool}, {plan.created_at}')}"
    head = _hidden_line(environment, plan.shard)
    room = longest - len(head) - len(foot)
    text = markdown.plan(plan.only(environment), room)
    if len(text) > room:
        # The list of obstacles alone is too long: keep its first lines.
        text = text[: text.rfind("\n", 0, room)]
    return f"{head}{text}{foot}"


def _failure_comment(environment: str, error: ErrorSummary, shard: str | None) -> str:
    """Return a comment that explains why an environment has no plan, instead of the plan."""
    return f"{_hidden_line(environment, shard)}{markdown.failed(environment, error)}"


def _hidden_line(environment: str, shard: str | None) -> str:
    """Return the line by which a later run finds the comment of an environment and shard."""
    part = f", shard {quote(shard)}" if shard else ""
    return f"<!-- campaignsync: plan of {quote(environment, safe='')}{part} -->\n"
