"""What all guards share: one guard is a settings model with a check."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from campaignsync.model.fields import Value
from campaignsync.model.plan import PlannedCampaign


@dataclass(frozen=True, slots=True)
class Facts:
    """What a guard knows beside the plan.

    `moment` is an aware time. `changed` counts the campaigns that the run changes in the account,
    `existing` the campaigns of the whole workspace that exist there. `live` holds live values by
    campaign, as far as a guard needs them.
    """

    moment: datetime
    changed: int
    existing: int
    live: Mapping[int, Mapping[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a guard blocks a campaign; `field` is None where the reason is not one field."""

    message: str
    field: str | None = None


class Guard(ABC):
    """One guard: the settings of its key below `guards`, and what they forbid.

    The first line of a subclass's docstring is its help text, `example` its row in the docs.
    """

    example: ClassVar[Any]
    """A setting as `campaignsync.yaml` would have it."""

    @property
    @abstractmethod
    def is_set(self) -> bool:
        """Whether the guard can block anything."""

    @abstractmethod
    def stricter(self, other: Self) -> Self:
        """Return the settings that forbid what either of the two forbids; `self` if it does."""

    @abstractmethod
    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        """Yield every reason to block a campaign that the plan would update."""
