"""Drift as a Prometheus textfile, for the textfile collector of node_exporter."""

from datetime import datetime

from campaignsync.model.drifts import Drift

CAMPAIGNS = "campaignsync_drift_campaigns"
SUCCESS = "campaignsync_last_success_timestamp_seconds"


def drift(drift: Drift) -> str:
    """Give how many campaigns are in each state, and when that was read, in Unix seconds.

    Those of a part of the workspace have a label of their own: the parts are added up by leaving it
    out.
    """
    whose = f'environment="{_escaped(drift.environment)}"'
    if drift.shard:
        whose += f',shard="{_escaped(drift.shard)}"'
    states = drift.summary.model_dump(exclude={"unreadable_fields"})
    read_at = datetime.fromisoformat(drift.created_at).timestamp()
    lines = [
        f"# HELP {CAMPAIGNS} Campaigns by who is ahead: their definitions, or live.",
        f"# TYPE {CAMPAIGNS} gauge",
        *(f'{CAMPAIGNS}{{{whose},state="{state}"}} {count}' for state, count in states.items()),
        f"# HELP {SUCCESS} When live was last compared with the definitions.",
        f"# TYPE {SUCCESS} gauge",
        f"{SUCCESS}{{{whose}}} {read_at:.0f}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _escaped(value: str) -> str:
    """Write a label's value: what would end it, or its line, behind a backslash."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
