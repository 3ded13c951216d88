"""Documents held to their shape, by pydantic: read strictly, and described as JSON Schema.

An unknown key, a missing one or a value of another type is refused, so that a saved plan is either
what this program wrote or nothing.
"""

from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from campaignsync.errors import Problem, Source
from campaignsync.model.documents import Document

Shape = TypeVar("Shape", bound=Document)

SHAPE = ConfigDict(
    extra="forbid",
    strict=True,
    # What we write has all its keys: who reads it may rely on each of them.
    json_schema_serialization_defaults_required=True,
    use_attribute_docstrings=True,
)

for part in (Source, Problem, Document):
    with_config(SHAPE)(part)


def parse(shape: type[Shape], text: str | bytes) -> Shape:
    """Read JSON; raises ValueError with the first thing that does not fit, and where."""
    try:
        return TypeAdapter(shape).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        # pydantic thinks of a class's arguments, and whoever reads this of a file.
        known = first["type"] != "unexpected_keyword_argument"
        message = first["msg"] if known else "the key is not known"
        raise ValueError(f"{place}: {message}" if place else message) from None


def json_schema(shape: type[Document]) -> dict[str, Any]:
    """Describe the JSON of a shape, as it is written, as JSON Schema (2020-12)."""
    return TypeAdapter(shape).json_schema(mode="serialization")
