"""`campaignsync drift`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.concurrency import run_each
from campaignsync.cli.journals import journal_folder, journal_option, read_runs
from campaignsync.cli.options import Filters, Target, WriteLimits
from campaignsync.cli.output import Output, OutputFile, note_unchanged, output_options
from campaignsync.cli.planning import exit_code_of, planned
from campaignsync.cli.progress import Counted
from campaignsync.cli.session import Session
from campaignsync.cli.streams import print_message
from campaignsync.drift import drift, merge_drift
from campaignsync.drift.evidence import FileHistories, evidence_for
from campaignsync.model.plan import Plan, merge
from campaignsync.model.results import Drift
from campaignsync.model.runs import Record
from campaignsync.report import prometheus
from campaignsync.write_files import PUBLIC, write_whole


@click.command("drift", cls=Command)
@options.paths
@options.option(
    "--metrics",
    type=OutputFile(),
    section="Output",
    help="Also write a Prometheus textfile (for node_exporter, name it *.prom).",
)
@options.option(
    "--detailed-exitcode",
    is_flag=True,
    section="Output",
    help="Exit with 2 if live differs, with 0 if it does not.",
)
@options.filters
@options.accounts
@journal_option
@output_options("drift")
def command(
    paths: tuple[Path, ...],
    metrics: Path | None,
    journal: Path | None,
    *,
    detailed_exitcode: bool,
    filters: Filters,
    target: Target,
    output: Output,
) -> int:
    """Show where live and the definitions differ, and which side changed; change nothing.

    The repo is ahead if an edit was not applied yet. Live is ahead if the campaign was changed
    elsewhere. The journal of applies and git's history are the evidence; without either, the state
    is unknown. Values are shown as in a plan: live, then the definition's.

    \b
    Examples: campaignsync drift --detailed-exitcode --metrics /var/lib/node_exporter/altur.prom
              campaignsync drift -e staging -e production
    """
    sessions = Session.load_at(paths, target, filters, WriteLimits(), progress=output.progress)
    folder = journal_folder(sessions[0].account.workspace, journal)
    records = read_runs(folder, output.progress)
    compared = run_each((session.name, session.compare()) for session in sessions)
    failed = compared.print_errors()
    with output.progress.count("reading git history", "campaigns") as counted:
        drifts = _drifts(planned(sessions, compared), records, counted)
    document = merge_drift(drifts, failed)
    output.write(lambda to: to.drift(document))
    if metrics and failed:
        note_unchanged(metrics, f"{', '.join(failed)} could not be compared")
    elif metrics:
        write_whole(metrics, prometheus.drift(document), PUBLIC)
    if not output.is_for_programs:
        _print_next_steps(document, sessions)
    plan = merge([*compared.results.values()], {})
    return exit_code_of(plan.summary, failed.values(), detailed=detailed_exitcode)


def _drifts(
    compared: Iterable[tuple[Session, Plan]],
    records: Sequence[Record],
    counted: Counted,
) -> list[Drift]:
    """Return the drift of each session and its plan.

    This comes after all requests, because git may be slow.
    """
    histories = FileHistories()
    drifts = []
    for session, plan in compared:
        workspace = session.account.workspace
        evidence = evidence_for(
            session.desired, plan, workspace, records, histories, counted=counted
        )
        drifts.append(drift(session.desired, plan, evidence))
    return drifts


def _print_next_steps(drift: Drift, sessions: Sequence[Session]) -> None:
    """Print how to apply the definitions or adopt live values, by the side that changed."""
    if len(sessions) == 1:
        planned = adopted = sessions[0].account.option
    else:
        planned, adopted = "".join(f" -e {each.name}" for each in sessions), " -e NAME"
    states = {campaign.state for campaign in drift.campaigns}
    if states & {"repo", "both", "unknown"}:
        print_message(
            "To send the definitions' values to live:"
            f" `campaignsync plan{planned} --out plan.json`."
        )
    if states & {"live", "both", "unknown"}:
        print_message(f"To keep live values in the definitions: `campaignsync adopt{adopted}`.")
