"""Write drift as a Prometheus textfile for the textfile collector of node_exporter."""

from datetime import datetime

from campaignsync.model.results import Drift

CAMPAIGNS = "campaignsync_drift_campaigns"
SUCCESS = "campaignsync_last_success_timestamp_seconds"


def drift(drift: Drift) -> str:
    """Return the number of campaigns in each state, and the time they were read, in Unix seconds.

    Series of a shard have the label `shard`, so that the shards can be summed.
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
    """Return the labels of an environment and, if given, its shard."""
    part = f",{_label('shard', shard)}" if shard else ""
    return _label("environment", environment) + part


def _label(name: str, value: str) -> str:
    """Return a label, with backslashes, line feeds and quotes in its value escaped."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'
