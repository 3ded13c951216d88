"""The guard `protected`."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from annotated_types import Ge, Le
from pydantic import RootModel

from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.kind import LARGEST_INTEGER
from campaignsync.model.kinds import IntegerKind
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.yaml_model import OneOrMore


class ProtectedIdKind(IntegerKind):
    null_hint = "write a campaign's number, or remove the key"


ProtectedId = Annotated[int, Ge(1), Le(LARGEST_INTEGER), ProtectedIdKind()]
Ids = Annotated[frozenset[ProtectedId], OneOrMore()]


class Protected(RootModel[Ids], Guard):
    """Block changes of the listed campaigns, by id."""

    root: Ids = frozenset()

    example: ClassVar[list[int]] = [1234]

    @property
    def is_set(self) -> bool:
        return bool(self.root)

    def stricter(self, other: Self) -> Self:
        return type(self)(self.root | other.root)

    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        del facts
        if campaign.id in self.root:
            yield Objection("the campaign is protected")
