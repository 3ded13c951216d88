"""Campaigns and definitions beside each other: exported, listed, rendered."""

from dataclasses import dataclass
from typing import Any, Literal

from campaignsync.errors import Source
from campaignsync.model.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCampaign(Document):
    """What became of one campaign: `file` is where it stands, or would.

    `pending` is a file that would be written, `managed` one that manages the campaign already,
    `exists` another file in the new one's place, `refused` a campaign that no definition can hold.
    """

    id: int
    name: str
    status: str | None
    file: str | None
    outcome: Literal["written", "pending", "managed", "exists", "refused"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary(Document):
    written: int = 0
    pending: int = 0
    managed: int = 0
    exists: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Document):
    """Live campaigns that became definitions, and those that did not."""

    version: Literal[1] = 1
    kind: Literal["export"] = "export"
    environment: str
    summary: ExportSummary
    campaigns: tuple[ExportedCampaign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCampaign(Document):
    """One live campaign; null is what the API's list does not say, or what nothing manages."""

    id: int
    name: str
    status: str | None
    archived: bool | None
    channel: str | None
    agent_id: str | None
    managed_by: Source | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSummary(Document):
    managed: int
    unmanaged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Document):
    """The live campaigns beside their definitions.

    `missing` are definitions whose campaign the account does not have; it is empty where only some
    campaigns were asked for.
    """

    version: Literal[1] = 1
    kind: Literal["list"] = "list"
    environment: str
    summary: ListSummary
    campaigns: tuple[ListedCampaign, ...]
    missing: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedField(Document):
    """One field, and where its value stands: in the definition, or in what it shares."""

    field: str
    value: Any
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedDefinition(Document):
    id: int
    source: Source
    labels: dict[str, str]
    fields: tuple[RenderedField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered(Document):
    """Definitions with defaults, schedules, texts and environment resolved."""

    version: Literal[1] = 1
    kind: Literal["render"] = "render"
    environment: str
    definitions: tuple[RenderedDefinition, ...]
