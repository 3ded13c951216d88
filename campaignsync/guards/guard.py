"""The base class of all guards: a guard is a settings model with a check."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from campaignsync.model.kind import Value
from campaignsync.model.plan import PlannedCampaign


@dataclass(frozen=True, slots=True)
class Facts:
    """The input of a guard, in addition to the plan.

    `moment` is an aware datetime. `changed` counts the campaigns that the run changes in the
    account, `existing` the campaigns of the whole workspace that exist there. `live` maps campaign
    ids to the live values that guards need.
    """

    moment: datetime
    changed: int
    existing: int
    live: Mapping[int, Mapping[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a guard blocks a campaign; `field` is None if the reason is not a single field."""

    message: str
    field: str | None = None


class Guard(ABC):
    """One guard: the settings of its key below `guards`, and the check that they configure.

    The first line of a subclass's docstring is its help text; `example` is used in the docs.
    """

    example: ClassVar[Any]
    """An example of the setting in `campaignsync.yaml`."""

    @property
    @abstractmethod
    def is_set(self) -> bool:
        """Return whether the guard can block anything."""

    @abstractmethod
    def stricter(self, other: Self) -> Self:
        """Return settings that forbid what either of the two forbids; `self` if it is as strict."""

    @abstractmethod
    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        """Yield every reason to block a campaign that the plan would update."""
