"""The guard `mass-change`."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from annotated_types import Ge, Le
from pydantic import Field

from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.kind import LARGEST_INTEGER
from campaignsync.model.kinds import INTEGER
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.yaml_model import Section

ALL = 100


class MassChange(Section, Guard):
    """Block plans that change too large a share of the account's campaigns."""

    percent: Annotated[int, Ge(0), Le(ALL), INTEGER] = Field(
        default=30,
        description="The maximum share of the workspace's existing campaigns that may change,"
        " in percent.",
    )
    at_least: Annotated[int, Ge(1), Le(LARGEST_INTEGER), INTEGER] = Field(
        default=10,
        description="The minimum number of existing campaigns for which the guard is active.",
    )

    example: ClassVar[dict[str, int]] = {"percent": 20, "at_least": 5}

    @property
    def is_set(self) -> bool:
        return self.percent < ALL

    def stricter(self, other: Self) -> Self:
        percent = min(self.percent, other.percent)
        at_least = min(self.at_least, other.at_least)
        return self.model_copy(update={"percent": percent, "at_least": at_least})

    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        del campaign
        if facts.existing >= self.at_least and self.is_exceeded(facts.changed, facts.existing):
            yield Objection(
                f"the plan changes {facts.changed} of {facts.existing} campaigns;"
                f" at most {self.percent} % may change at once"
            )

    def is_exceeded(self, changed: int, existing: int) -> bool:
        """Return whether the changed share of the existing campaigns exceeds `percent`."""
        return changed * 100 > existing * self.percent
