"""The base of all saved and published JSON documents."""

from collections.abc import Iterable, Iterator
from typing import Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, with_config

from campaignsync.errors import Problem, Source

SHAPE = ConfigDict(
    frozen=True,
    # Most commands use few of the documents: pydantic builds each at its first use.
    defer_build=True,
    extra="forbid",
    strict=True,
    # Every key is always written, so readers can rely on all of them.
    json_schema_serialization_defaults_required=True,
)

# Source and Problem are plain dataclasses: `errors` does not import pydantic.
for plain in (Source, Problem):
    with_config(SHAPE)(plain)


class Document(BaseModel):
    """A JSON document, frozen and strict: an unknown, missing or mistyped key is an error."""

    model_config = SHAPE

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the document that a JSON text holds.

        Raises ValueError that names the first invalid key and the reason.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            known = first["type"] not in ("extra_forbidden", "unexpected_keyword_argument")
            message = first["msg"] if known else "unknown key"
            raise ValueError(f"{place}: {message}" if place else message) from None


class ErrorSummary(Document):
    """The error of one environment without a result."""

    exit_code: int
    code: str
    message: str
    hint: str = ""


class EnvironmentEntry(Protocol):
    """One entry of a document's `environments`."""

    @property
    def name(self) -> str: ...
    @property
    def error(self) -> ErrorSummary | None: ...


class CampaignEntry(Protocol):
    """One entry of a document's `campaigns`."""

    @property
    def environment(self) -> str: ...


E = TypeVar("E", bound=EnvironmentEntry)
C = TypeVar("C", bound=CampaignEntry)


def grouped(environments: Iterable[E], campaigns: Iterable[C]) -> Iterator[tuple[E, list[C]]]:
    """Yield each environment without an error, with its campaigns."""
    by_name: dict[str, list[C]] = {}
    for campaign in campaigns:
        by_name.setdefault(campaign.environment, []).append(campaign)
    for environment in environments:
        if environment.error is None:
            yield environment, by_name.get(environment.name, [])


def failures(environments: Iterable[E]) -> Iterator[tuple[str, ErrorSummary]]:
    """Yield the name of each environment with an error, and the error."""
    for environment in environments:
        if environment.error is not None:
            yield environment.name, environment.error


def total(summaries: Iterable[Document]) -> dict[str, int]:
    """Return the sum of each key over all summaries."""
    sums: dict[str, int] = {}
    for summary in summaries:
        for key, count in summary:
            sums[key] = sums.get(key, 0) + count
    return sums
