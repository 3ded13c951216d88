"""The guard `risky-fields`."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import GetJsonSchemaHandler, RootModel

from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.fields import BY_PATH, groups_of
from campaignsync.model.kind import InvalidValue, Kind, Raw, Value, clip
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.yaml_model import OneOrMore

NAMES = sorted({name for path in BY_PATH for name in groups_of(path)})


class FieldNameKind(Kind):
    """A field, or a group of fields."""

    def parse(self, text: Raw) -> Value:
        if text not in NAMES:
            raise InvalidValue("UNKNOWN_FIELD", f"names an unknown field: {clip(text)}")
        return str(text)

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"enum": NAMES}


FIELD_NAME = FieldNameKind()
FieldName = Annotated[str, FIELD_NAME]
Names = Annotated[frozenset[FieldName], OneOrMore()]


class RiskyFields(RootModel[Names], Guard):
    """Block changes of the listed fields, or groups of fields."""

    root: Names = frozenset()

    example: ClassVar[list[str]] = ["first_message", "template", "scheduling"]

    @property
    def is_set(self) -> bool:
        return bool(self.root)

    def stricter(self, other: Self) -> Self:
        return type(self)(self.root | other.root)

    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        del facts
        for change in campaign.changes:
            if not self.root.isdisjoint(groups_of(change.field)):
                yield Objection(f"changes of `{change.field}` require approval", change.field)
