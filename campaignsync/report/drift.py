"""Render drift as text: each difference, which side is ahead, and the evidence."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from campaignsync.report import wording as words
from campaignsync.report.text import Line, account, apart, changed, sections

if TYPE_CHECKING:
    from campaignsync.model.results import ComparedEnvironment, Drift, DriftedCampaign

STYLES = {"repo": "yellow", "live": "red", "both": "red", "missing": "red"}


def drift(drift: "Drift", *, colour: bool = False) -> str:
    """Return drift grouped by campaign; campaigns in sync are only counted."""
    parts = [_compared(drift, *part) for part in drift.by_environment()]
    return sections(parts, drift.failed(), words.drift_summary(drift), colour=colour)


def _compared(
    drift: "Drift", environment: "ComparedEnvironment", campaigns: Iterable["DriftedCampaign"]
) -> Iterator[Line]:
    blocks: list[Iterable[Line]] = [account(environment, drift.shard)]
    blocks += [_campaign(campaign) for campaign in campaigns if campaign.state != "in_sync"]
    if len(drift.environments) > 1:
        blocks.append([[(words.drift_counts(environment.summary), "bold")]])
    yield from apart(blocks)


def _campaign(campaign: "DriftedCampaign") -> Iterator[Line]:
    style = STYLES.get(campaign.state, "")
    yield [
        (f"{words.AHEAD[campaign.state]}: ", style),
        (f"{campaign.id} {words.line(campaign.name)}", "bold"),
        (f"  {words.line(campaign.status or '')}", ""),
        (f"  {words.line(campaign.source.file)}:{campaign.source.line}", "dim"),
    ]
    last = ""
    for name, field in words.folded(campaign.fields):
        if (evidence := words.ahead(field)) != last:
            yield [(f"  {evidence}", STYLES.get(field.ahead, ""))]
        yield from changed(name, field, 0)
        last = evidence
