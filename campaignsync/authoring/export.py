"""Live campaigns → definitions: what can be managed of each, its text, and its file's name.

What the API decides alone stays out, and so does what our own reader would refuse: a definition
that is written here is valid, and planning it gives no change.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from campaignsync.authoring.style import definition_lines
from campaignsync.model.calendar import WINDOW_PARTS, WindowKind
from campaignsync.model.campaign import Id
from campaignsync.model.fields import (
    MANAGEABLE,
    UNSAID,
    Field,
    InvalidValue,
    Typed,
    Value,
    satisfies,
    unmet,
)
from campaignsync.model.kinds import LabelsKind, Raw, clip
from campaignsync.model.values import LiveCampaign
from campaignsync.yamltree.scalars import comment

LONGEST_SLUG = 60
"""Characters of a file's name, so that a folder of them can still be read."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|campaignsync)\Z")
"""Names that Windows keeps for devices, and the workspace's own."""
EMPTY: tuple[Value, ...] = ("", [], None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A live value that no definition can say, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    """One campaign as a definition: its text, and what that leaves out."""

    text: str
    left_out: tuple[LeftOut, ...]


def export(
    campaign: LiveCampaign,
    schema: str,
    environment: str | None = None,
    defaulted: Collection[str] = (),
) -> Exported:
    """Write a live campaign as a definition; `schema` is where its JSON Schema lies, from there.

    With an environment the id is of that one alone: in another account the number is another
    campaign. Fields that have a default are said even where they are empty. Raises InvalidValue for
    an id that no definition can hold.
    """
    Typed(Id).parse(Raw(str(campaign.id)))
    values, left_out = manageable(campaign, defaulted)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        f"# {_status(campaign)}",
        *(f"# left out: {comment(f'{found.field} {found.reason}')}" for found in left_out),
        *definition_lines(campaign.id, values, environment),
    ]
    return Exported("\n".join(lines) + "\n", tuple(left_out))


def _status(campaign: LiveCampaign) -> str:
    status = campaign.values.get("status", UNSAID)
    said = "not readable" if status is UNSAID else comment(str(status)).strip() or "(empty)"
    return f"Status when exported: {said}{', archived' if campaign.values.get('archived') else ''}"


def manageable(
    campaign: LiveCampaign, defaulted: Collection[str] = ()
) -> tuple[dict[str, Value], list[LeftOut]]:
    """Give the desired values that say just what is live, in the field table's order.

    An empty text, list or date is not managed, unless it has a default: there is nothing to keep.
    Neither is what the API would refuse, such as a field of the other channel. What the reader
    would refuse is given apart.
    """
    values: dict[str, Value] = {}
    left_out: list[LeftOut] = []
    for field in MANAGEABLE:
        live = campaign.values.get(field.path, UNSAID)
        if live is UNSAID or unmet(field, campaign.values):
            continue
        if live in EMPTY and field.path not in defaulted:
            continue
        try:
            values[field.path] = desired_of(field, live)
        except InvalidValue as invalid:
            left_out.append(LeftOut(field.path, invalid.message))
    first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
    if first in values and last in values and values[last] < values[first]:
        del values[last]
        left_out.append(LeftOut(last, f"is before {first}"))
    return values, left_out


def desired_of(field: Field, live: Value) -> Value:
    """Give the value as a definition says it, by the reader's own rules; raises InvalidValue."""
    read = _read(field, live)
    if not satisfies(field.path, live, read):
        raise InvalidValue(
            "NOT_SAYABLE", f"is no such value: {clip(json.dumps(live, ensure_ascii=False))}"
        )
    return read


def _read(field: Field, live: Value) -> Value:
    if isinstance(field.kind, LabelsKind):
        if not isinstance(live, list):
            raise InvalidValue("WRONG_TYPE", "is no list")
        return field.parse([_scalar(item) for item in live])
    if isinstance(field.kind, WindowKind) and isinstance(live, dict):
        if live.get("active") is False:
            return {"active": False}
        parts = {key: live[key] for key in WINDOW_PARTS if live.get(key) is not None}
        return field.parse({key: _scalar(part) for key, part in parts.items()})
    return field.parse(_scalar(live))


def _scalar(value: Value) -> Raw:
    return Raw(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def file_names(campaigns: Iterable[LiveCampaign], taken: Collection[str] = ()) -> dict[int, str]:
    """Name each campaign's file by its name: the same for the same campaigns, and each once.

    A name that two campaigns share, that says nothing in ASCII, or that is taken (compared without
    case, as some file systems do) is followed by the campaign's id.
    """
    names = {campaign.id: slug(str(campaign.values.get("name") or "")) for campaign in campaigns}
    used = {name.casefold() for name in taken}
    plain = dict(names)
    while clashing := set(_clashing(names, used)):
        if not (unmarked := {id_ for id_ in clashing if names[id_] == plain[id_]}):
            break  # only what is on the disk already stands in the way: it is never written over
        names |= {id_: f"{plain[id_] or 'campaign'}-{id_}" for id_ in unmarked}
    return {id_: f"{name}.yaml" for id_, name in names.items()}


def _clashing(names: Mapping[int, str], used: Collection[str]) -> Iterator[int]:
    counts = Counter(names.values())
    for id_, name in names.items():
        if not name or RESERVED.match(name) or counts[name] > 1 or f"{name}.yaml" in used:
            yield id_


def slug(name: str) -> str:
    """Give a name in lower-case ASCII letters, digits and dashes; empty where none are left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
