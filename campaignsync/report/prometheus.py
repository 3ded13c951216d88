"""Drift as a Prometheus textfile, for the textfile collector of node_exporter."""

from datetime import datetime

from campaignsync.model.results import Drift

CAMPAIGNS = "campaignsync_drift_campaigns"
SUCCESS = "campaignsync_last_success_timestamp_seconds"


def drift(drift: Drift) -> str:
    """Return how many campaigns are in each state, and when they were read, in Unix seconds.

    Series of a part of the workspace have the label `shard`; without it, the parts add up.
    """
    labels = {each.name: _labels(each.name, drift.shard) for each in drift.environments}
    read_at = datetime.fromisoformat(drift.created_at).timestamp()
    lines = [
        f"# HELP {CAMPAIGNS} Campaigns by who is ahead: their definitions, or live.",
        f"# TYPE {CAMPAIGNS} gauge",
        *(
            f'{CAMPAIGNS}{{{labels[environment.name]},state="{state}"}} {count}'
            for environment in drift.environments
            for state, count in environment.summary
            if state != "unreadable_fields"
        ),
        f"# HELP {SUCCESS} When live was last compared with the definitions.",
        f"# TYPE {SUCCESS} gauge",
        *(f"{SUCCESS}{{{labels[each.name]}}} {read_at:.0f}" for each in drift.environments),
    ]
    return "".join(f"{line}\n" for line in lines)


def _labels(environment: str, shard: str | None) -> str:
    """Return the labels of an environment, or of a part of it."""
    part = f",{_label('shard', shard)}" if shard else ""
    return _label("environment", environment) + part


def _label(name: str, value: str) -> str:
    """Write a label: what would end it, or its line, stands behind a backslash."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'
