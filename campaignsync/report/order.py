"""What a reader of a plan needs first: what stands in its way, then what calls people now."""

from dataclasses import dataclass

from campaignsync.model.plans import Action, Plan, PlannedCampaign

ORDER: tuple[Action, ...] = ("blocked", "update", "frozen", "unchanged")


def ordered(plan: Plan) -> list[PlannedCampaign]:
    """Give a plan's campaigns as a person should read them."""
    return sorted(
        plan.campaigns, key=lambda each: (ORDER.index(each.action), each.status != "active")
    )


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What blocks campaigns of a plan; `message` is empty where it is another for each of them."""

    code: str
    message: str
    hint: str
    campaigns: tuple[PlannedCampaign, ...]


def obstacles(plan: Plan) -> list[Obstacle]:
    """Gather what stands in a plan's way, that of most campaigns first."""
    found: dict[tuple[str, str], dict[int, tuple[PlannedCampaign, str]]] = {}
    for campaign in plan.campaigns:
        for blocked in campaign.blocked:
            alike = found.setdefault((blocked.code, blocked.hint), {})
            alike.setdefault(campaign.id, (campaign, blocked.message))
    gathered = []
    for (code, hint), alike in found.items():
        campaigns, messages = zip(*alike.values(), strict=True)
        message = messages[0] if len(set(messages)) == 1 else ""
        gathered.append(Obstacle(code, message, hint, campaigns))
    return sorted(gathered, key=lambda each: -len(each.campaigns))
