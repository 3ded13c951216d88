"""`campaignsync plan`; `campaignsync undo` saves and reports its plan in the same way.

A saved plan names its files relative to the workspace, and is sealed if a key is set.

In a job of GitHub Actions, the runner names two files for the step's outputs and its summary. Both
are appended to, because a step may run several commands. A file that cannot be written leads to a
note on stderr; the plan is unaffected.
"""

import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import click

from campaignsync.apply.journal import undoes_run
from campaignsync.cli import options
from campaignsync.cli.account import plan_key_of
from campaignsync.cli.command import Command
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Filters, Target, WriteLimits, option
from campaignsync.cli.planning import exit_code_of, plan_all
from campaignsync.cli.results import YAML, Output, OutputFile, result
from campaignsync.cli.session import Session
from campaignsync.cli.streams import print_message
from campaignsync.errors import CampaignSyncError, ConfigurationError, StalePlan
from campaignsync.load.workspace import Workspace, source_in
from campaignsync.model.plan import Blocked, Change, Plan, PlannedCampaign, merge, seal
from campaignsync.report import json as documents
from campaignsync.report import markdown
from campaignsync.report import wording as words
from campaignsync.report.markdown_parts import STEP_SUMMARY
from campaignsync.write_files import write_whole

Part = TypeVar("Part", PlannedCampaign, Change, Blocked)


class PlanFile(OutputFile):
    """A file to save a plan in. Refuses the name of a definition."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).suffix.lower() in YAML:
            raise ConfigurationError(
                f"a saved plan is JSON, and {value} would replace or become a definition",
                hint=f"write --out {Path(value).with_suffix('.json')}",
            )
        return super().convert(value, param, ctx)


out_option = option(
    "--out",
    type=PlanFile(),
    section="Output",
    help="Save the plan as JSON, for review and for `campaignsync apply FILE`.",
)


@click.command("plan", cls=Command)
@options.paths
@out_option
@options.option(
    "--detailed-exitcode",
    is_flag=True,
    section="Output",
    help="Exit with 2 if changes are pending, with 0 if there are none.",
)
@options.option(
    "--strict",
    is_flag=True,
    section="Safety",
    help="Also fail (exit 6) when a finished campaign differs from its definition.",
)
@options.filters
@options.accounts
@options.write_limits()
@result("plan")
def command(
    paths: tuple[Path, ...],
    out: Path | None,
    *,
    detailed_exitcode: bool,
    strict: bool,
    filters: Filters,
    target: Target,
    limits: WriteLimits,
    result: Output,
) -> int:
    """Show what apply would change, and change nothing.

    PATH is a workspace folder, a folder of definitions, or a definition file; the default is the
    current folder.

    \b
    Examples: campaignsync plan
              campaignsync plan campaigns/q2.yaml --out plan.json
    """
    key = plan_key_of(os.environ)
    sessions = Session.load_at(paths, target, filters, limits, progress=result.progress)
    planned = plan_all(sessions)
    plan = merge([*planned.results.values()], planned.print_errors())
    write_plan(plan, sessions[0].account.workspace, key, out, result)
    errors = [error for _, error in plan.failed()]
    code = exit_code_of(plan.summary, errors, detailed=detailed_exitcode, strict=strict)
    write_step_outputs(plan, code, out)
    print_next_step(plan, out, result)
    return code


def write_plan(
    plan: Plan, workspace: Workspace, key: bytes | None, out: Path | None, result: Output
) -> None:
    """Save the plan to `out` if that is set, sealed with the key, and write its report.

    Raises ConfigurationError for a plan to save that apply would refuse: one with sources outside
    the workspace's `definitions`.
    """
    saved = seal(_relative_to(Path(workspace.root), plan), key)
    if out:
        _refuse_outside(saved, workspace)
        with result.progress.watch("saving the plan"):
            write_whole(out, documents.dump(saved) + "\n")
    # The JSON is the saved plan; other formats name files as the user would type them.
    shown = plan.model_copy(update={"fingerprint": saved.fingerprint})
    result.write(lambda to: to.plan(saved if to.name == "json" else shown))


def print_next_step(plan: Plan, out: Path | None, result: Output) -> None:
    """Print how to apply a plan; an error has a hint of its own."""
    if result.is_for_programs or any(plan.failed()):
        return
    if out and plan.summary.update:
        step = f"Saved {out}. Apply it with `campaignsync apply {shlex.quote(str(out))}`."
    elif out:
        step = f"Saved {out}. It has nothing to apply."
    elif plan.summary.update:
        step = "To apply exactly these changes, save the plan: add `--out plan.json`."
    else:
        return
    print_message(words.line(step))


def _relative_to(root: Path, plan: Plan) -> Plan:
    """Return the plan with every file relative to the workspace."""

    @cache
    def relative_folder(folder: Path) -> Path:
        return Path(os.path.relpath(folder.resolve(), root.resolve()))

    def name(file: str) -> str:
        path = Path(file)
        # Only the folder is resolved: a definition that is a link keeps its own place.
        return (relative_folder(path.parent) / path.name).as_posix()

    def relative(part: Part, **more: object) -> Part:
        source = replace(part.source, file=name(part.source.file))
        return part.model_copy(update={"source": source, **more})

    campaigns = (
        relative(
            campaign,
            changes=tuple(map(relative, campaign.changes)),
            blocked=tuple(map(relative, campaign.blocked)),
        )
        for campaign in plan.campaigns
    )
    return plan.model_copy(update={"campaigns": tuple(campaigns)})


def _refuse_outside(plan: Plan, workspace: Workspace) -> None:
    for file in {each.source.file for each in plan.campaigns if not undoes_run(each)}:
        try:
            source_in(workspace, file)
        except StalePlan as error:
            raise ConfigurationError(
                f"the plan cannot be saved for apply: {file} is not in `definitions` of"
                f" {workspace.file or 'the current folder'}",
                hint="move the file there, or run `campaignsync apply` with its path instead",
                code=error.code,
            ) from None


def write_step_outputs(plan: Plan, code: int, out: Path | None) -> None:
    """Append a plan's outputs and summary to the files of a CI step.

    `code` is the command's exit code, `out` the file of the saved plan.
    """
    # The summaries of all commands of a step share one limit.
    _append_to_step(
        {"changes": plan.summary.update, "exit_code": code, "plan_file": out or ""},
        lambda used: f"{markdown.plan(plan, STEP_SUMMARY - used)}\n\n",
    )


def write_step_error(error: CampaignSyncError) -> None:
    """Append the error instead of a plan; `changes` is empty then, not 0."""
    outputs = {"changes": "", "exit_code": error.exit_code, "plan_file": ""}
    text = f"{markdown.error(error)}\n\n"
    _append_to_step(outputs, lambda used: text if len(text.encode()) <= STEP_SUMMARY - used else "")


def _append_to_step(outputs: Mapping[str, object], summary: Callable[[int], str]) -> None:
    """Append outputs and a summary; `summary` receives the number of bytes already there."""
    # With a random delimiter, no value can end itself.
    delimiter = f"end-{secrets.token_hex(16)}"
    assignments = "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in outputs.items()
    )
    for variable, text in (
        ("GITHUB_OUTPUT", lambda _: assignments),
        ("GITHUB_STEP_SUMMARY", summary),
    ):
        if not (name := os.environ.get(variable)):
            continue
        try:
            with Path(name).open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text(file.tell()))
        except OSError as error:
            print_note(f"cannot write {variable}: {name}: {error.strerror or error}")
