"""Drift as a Prometheus textfile, for the textfile collector of node_exporter."""

from datetime import datetime

from campaignsync.model.documents import members
from campaignsync.model.drifts import Drift, Drifts

CAMPAIGNS = "campaignsync_drift_campaigns"
SUCCESS = "campaignsync_last_success_timestamp_seconds"


def drift(drift: Drift | Drifts) -> str:
    """Give how many campaigns are in each state, and when that was read, in Unix seconds.

    Those of a part of the workspace have a label of their own: the parts are added up by leaving it
    out.
    """
    lines = [
        f"# HELP {CAMPAIGNS} Campaigns by who is ahead: their definitions, or live.",
        f"# TYPE {CAMPAIGNS} gauge",
        *(
            f'{CAMPAIGNS}{{{_whose(part)},state="{state}"}} {count}'
            for part in drift.parts
            for state, count in members(part.summary).items()
            if state != "unreadable_fields"
        ),
        f"# HELP {SUCCESS} When live was last compared with the definitions.",
        f"# TYPE {SUCCESS} gauge",
        *(f"{SUCCESS}{{{_whose(part)}}} {_read_at(part):.0f}" for part in drift.parts),
    ]
    return "".join(f"{line}\n" for line in lines)


def _whose(drift: Drift) -> str:
    """Write the labels of an environment, or of a part of it."""
    part = f",{_label('shard', drift.shard)}" if drift.shard else ""
    return _label("environment", drift.environment) + part


def _label(name: str, value: str) -> str:
    """Write a label: what would end it, or its line, stands behind a backslash."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'


def _read_at(drift: Drift) -> float:
    return datetime.fromisoformat(drift.created_at).timestamp()
