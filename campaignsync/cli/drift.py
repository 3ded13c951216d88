"""`campaignsync drift`."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, note_left, result

if TYPE_CHECKING:
    from campaignsync.cli.progress import Counted
    from campaignsync.cli.session import Session
    from campaignsync.journal import Record
    from campaignsync.model.drifts import Drift
    from campaignsync.model.plans import Plan


@click.command("drift")
@options.paths
@options.option(
    "--metrics",
    type=options.OutputFile(),
    help="Write a Prometheus textfile, too: for node_exporter, it ends in .prom.",
)
@options.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 where live differs, 0 where it does not."
)
@options.choice
@options.part
@options.environments
@options.target
@options.journal
@result("drift")
@options.chatter
def command(
    paths: tuple[Path, ...],
    metrics: Path | None,
    journal: Path | None,
    *,
    detailed_exitcode: bool,
    result: Result,
    **account: Any,
) -> int:
    """Show where live and the definitions differ, and who is ahead; change nothing.

    Ahead is the repo where an edit was not applied yet, and live where somebody changed a campaign
    elsewhere. The journal of applies and git's history are the evidence; without either it is
    unknown. Values are shown as by plan: live, then what the definition says.

    \b
    Examples: campaignsync drift --detailed-exitcode --metrics /var/lib/node_exporter/altur.prom
              campaignsync drift -e staging -e production
    """
    from campaignsync import report
    from campaignsync.cli.environments import exit_code, side_by_side
    from campaignsync.cli.saved import journal_folder, records_in
    from campaignsync.cli.session import Session
    from campaignsync.drift import drifts_of
    from campaignsync.files import PUBLIC, write_whole

    several = options.environments_meant(account)
    sessions = Session.each_at(paths, allow=(), guards_from=None, send_unreadable=False, **account)
    folder = journal_folder(sessions[0].account.workspace, journal)
    records = records_in(folder, result.progress)
    compared = side_by_side((session.name, session.compare()) for session in sessions)
    failed = compared.told()
    with result.progress.count("asking git", "campaigns") as counted:
        drifts = _drifts(sessions, compared.found, records, counted)
    found = drifts_of(drifts, failed) if several else drifts[0]
    result.give(partial(report.drift, found))
    if metrics and failed:
        named = ", ".join(failure.environment for failure in failed)
        note_left(metrics, f"{named} could not be compared")
    elif metrics:
        write_whole(metrics, report.metrics(found), PUBLIC)
    return exit_code(compared.found, failed, detailed=detailed_exitcode)


def _drifts(
    sessions: "Iterable[Session]",
    plans: "Iterable[Plan]",
    records: "Sequence[Record]",
    counted: "Counted",
) -> "list[Drift]":
    """Say who is ahead in each environment that could be planned.

    After all of them were read: git is waited for, and nobody's requests should be.
    """
    from campaignsync.drift import drift
    from campaignsync.evidence import Histories, evidence_for

    by_name = {session.name: session for session in sessions}
    histories = Histories()
    drifts = []
    for plan in plans:
        session = by_name[plan.environment]
        workspace = session.account.workspace
        evidence = evidence_for(
            session.desired, plan, workspace, records, histories, counted=counted
        )
        drifts.append(drift(session.desired, plan, evidence))
    return drifts
