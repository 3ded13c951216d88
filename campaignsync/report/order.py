"""What a reader of a plan needs first: what stands in its way, then what calls people now."""

from collections.abc import Iterable
from dataclasses import dataclass

from campaignsync.model.plan import Action, PlannedCampaign

ORDER: tuple[Action, ...] = ("blocked", "update", "frozen", "unchanged")


def ordered(campaigns: Iterable[PlannedCampaign]) -> list[PlannedCampaign]:
    """Give a plan's campaigns as a person should read them."""
    return sorted(campaigns, key=lambda each: (ORDER.index(each.action), each.status != "active"))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What blocks campaigns of a plan; `message` is empty where it is another for each of them."""

    code: str
    message: str
    hint: str
    campaigns: tuple[PlannedCampaign, ...]


def obstacles(campaigns: Iterable[PlannedCampaign]) -> list[Obstacle]:
    """Gather what stands in a plan's way, that of most campaigns first."""
    found: dict[tuple[str, str], dict[int, tuple[PlannedCampaign, str]]] = {}
    for campaign in campaigns:
        for blocked in campaign.blocked:
            alike = found.setdefault((blocked.code, blocked.hint), {})
            alike.setdefault(campaign.id, (campaign, blocked.message))
    gathered = []
    for (code, hint), alike in found.items():
        affected, messages = zip(*alike.values(), strict=True)
        message = messages[0] if len(set(messages)) == 1 else ""
        gathered.append(Obstacle(code, message, hint, affected))
    return sorted(gathered, key=lambda each: -len(each.campaigns))
