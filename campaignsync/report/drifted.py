"""Drift as text: each difference, who is ahead, and what speaks for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from campaignsync.report import words
from campaignsync.report.text import Line, changed, joined

if TYPE_CHECKING:
    from campaignsync.model.drifts import Drift, DriftedCampaign

STYLES = {"repo": "yellow", "live": "red", "both": "red", "missing": "red"}


def drift(drift: "Drift", *, colour: bool = False) -> str:
    """Show drift grouped by campaign; those in sync are only counted."""
    lines: list[Line] = [[(words.account(drift), "dim")], []]
    for campaign in drift.campaigns:
        if campaign.state != "in_sync":
            lines += [*_campaign(campaign), []]
    lines.append([(words.drift_summary(drift), "bold")])
    return joined(lines, colour=colour)


def _campaign(campaign: "DriftedCampaign") -> Iterator[Line]:
    style = STYLES.get(campaign.state, "")
    yield [
        (f"{words.AHEAD[campaign.state]}: ", style),
        (f"{campaign.id} {words.line(campaign.name)}", "bold"),
        (f"  {words.line(campaign.status or '')}", ""),
        (f"  {words.line(campaign.source.file)}:{campaign.source.line}", "dim"),
    ]
    named = list(words.folded(campaign.fields))
    last = ""
    for name, field in named:
        if (told := words.ahead(field)) != last:
            yield [(f"  {told}", STYLES.get(field.ahead, ""))]
        yield from changed(name, field, 0)
        last = told
