"""Sort a plan's campaigns for reports, and group the reasons that block them.

Blocked campaigns are first, and active campaigns precede others with the same action.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from campaignsync.model.plan import Action, Blocked, PlannedCampaign

ORDER: tuple[Action, ...] = ("blocked", "update", "frozen", "unchanged")

Reason = tuple[str, str, str]
"""The code, message and hint of what blocks a campaign."""


def ordered(campaigns: Iterable[PlannedCampaign]) -> list[PlannedCampaign]:
    """Return a plan's campaigns by action as in `ORDER`, active ones first."""
    return sorted(campaigns, key=lambda each: (ORDER.index(each.action), each.status != "active"))


def blocked_last(campaigns: Iterable[PlannedCampaign]) -> list[PlannedCampaign]:
    """Return campaigns in the order for a terminal, where the end is next to the summary."""
    return sorted(campaigns, key=lambda each: each.action == "blocked")


def reason_of(blocked: Blocked) -> Reason:
    return blocked.code, blocked.message, blocked.hint


def shared_reasons(campaigns: Iterable[PlannedCampaign]) -> dict[Reason, int]:
    """Return the number of campaigns for each reason that blocks several whole campaigns.

    Reports show such a reason once. Reasons about a single field are not counted.
    """
    counts = Counter(
        reason_of(blocked)
        for campaign in campaigns
        for blocked in campaign.blocked
        if blocked.field is None
    )
    return {reason: count for reason, count in counts.items() if count > 1}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A code and hint that block campaigns; `message` is empty if it differs between them."""

    code: str
    message: str
    hint: str
    campaigns: tuple[PlannedCampaign, ...]


def obstacles(campaigns: Iterable[PlannedCampaign]) -> list[Obstacle]:
    """Return the obstacles of a plan, most campaigns first."""
    affected: dict[tuple[str, str], dict[int, tuple[PlannedCampaign, str]]] = {}
    for campaign in campaigns:
        for blocked in campaign.blocked:
            by_id = affected.setdefault((blocked.code, blocked.hint), {})
            by_id.setdefault(campaign.id, (campaign, blocked.message))
    gathered = []
    for (code, hint), by_id in affected.items():
        blocked_campaigns, messages = zip(*by_id.values(), strict=True)
        message = messages[0] if len(set(messages)) == 1 else ""
        gathered.append(Obstacle(code, message, hint, blocked_campaigns))
    return sorted(gathered, key=lambda each: -len(each.campaigns))
