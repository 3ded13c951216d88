"""The guard `protected`."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import RootModel

from campaignsync.fields.kinds import Integer
from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.section import OneOrMore, Scalar

Ids = Annotated[frozenset[Annotated[int, Scalar(Integer(least=1))]], OneOrMore()]


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
