"""One value by itself: read, checked and described as its type says."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from campaignsync.model.kinds import (
    LARGEST_INTEGER,
    Kind,
    Raw,
    Value,
    invalid_value,
    kind_of,
)


@dataclass(frozen=True)
class Typed:
    """A type with its kind and constraints."""

    annotation: Any

    @cached_property
    def kind(self) -> Kind:
        kind = kind_of(self.annotation.__metadata__)
        assert kind  # noqa: S101 - each of our types has one
        return kind

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """Return the least and the largest number that the type allows."""
        least, most = 0, LARGEST_INTEGER
        for limit in self.annotation.__metadata__:
            if isinstance(limit, Ge):
                least = int(str(limit.ge))
            elif isinstance(limit, Le):
                most = int(str(limit.le))
        return least, most

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        annotation: Any = Annotated[self.annotation, BeforeValidator(self.kind.read)]
        return TypeAdapter(annotation)

    def parse(self, written: Any) -> Value:
        """Return the value of what a file says: Raw text, or a list or mapping of Raw texts.

        Raises InvalidValue.
        """
        try:
            return self._adapter.validate_python(written)
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
        text = written if isinstance(written, Raw) else None
        raise invalid_value(found, text, self.bounds)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what a file may say."""
        return TypeAdapter(self.annotation).json_schema()
