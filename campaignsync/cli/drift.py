"""`campaignsync drift`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options
from campaignsync.cli.plan import exit_code
from campaignsync.cli.results import Result, result


@click.command("drift")
@options.paths
@options.option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a Prometheus textfile, too: for node_exporter, it ends in .prom.",
)
@options.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 where live differs, 0 where it does not."
)
@options.choice
@options.part
@options.connection
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
    Example: campaignsync drift --detailed-exitcode --metrics /var/lib/node_exporter/altur.prom
    """
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.saved import journal_folder
    from campaignsync.cli.session import Session
    from campaignsync.drift import drift
    from campaignsync.evidence import evidence_for
    from campaignsync.files import PUBLIC, write_whole
    from campaignsync.journal import journals, read_journal

    session = Session.at(paths, allow=(), send_unreadable=False, **account)
    workspace = session.account.workspace
    records = [read_journal(path) for path in journals(journal_folder(workspace, journal))]
    plan = signals.run(session.compare())
    evidence = evidence_for(session.desired, plan, workspace, records)
    found = drift(session.desired, plan, evidence)
    result.give(partial(report.drift, found))
    if metrics:
        write_whole(metrics, report.metrics(found), PUBLIC)
    return exit_code(
        blocked=plan.summary.blocked, pending=plan.summary.update if detailed_exitcode else 0
    )
