"""What the models of YAML files share: keys whose values are read by the kind of their field."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from campaignsync.model.kinds import Kind, kind_of

UNSET: Any = None
"""The default of a key that may be left out: then nothing is managed and nothing is compared."""


class YamlModel(BaseModel):
    """Keys and values of a YAML file; unknown keys are errors.

    Scalars come in as Raw text, so that YAML's guesses never reach a model.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )

    kinds: ClassVar[Mapping[str, Kind]] = {}
    """The kinds of the fields, by name."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        found = {name: cls.kind_for(info) for name, info in cls.model_fields.items()}
        cls.kinds = {name: kind for name, kind in found.items() if kind}

    @classmethod
    def kind_for(cls, info: FieldInfo) -> Kind | None:
        """Return the kind that reads a field's raw value."""
        return kind_of(info.metadata)

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.kinds.get(info.field_name or "")
        return kind.read(value) if kind else value
