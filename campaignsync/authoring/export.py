"""Write live campaigns as definitions, and choose their file names.

A definition leaves out read-only fields and values that the loader would reject. It is therefore
valid, and a plan of it has no changes.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from campaignsync.authoring.style import definition_lines
from campaignsync.model.campaign import Id
from campaignsync.model.definitions import LiveCampaign
from campaignsync.model.fields import MANAGEABLE, Field, Typed, satisfies, unmet
from campaignsync.model.kind import UNKNOWN_VALUE, InvalidValue, Raw, Value, clip
from campaignsync.model.kinds import LabelsKind
from campaignsync.model.week import WINDOW_PARTS, WindowKind
from campaignsync.yamltree.scalars import comment

LONGEST_SLUG = 60
"""Maximum characters of a file name, so that folder listings stay readable."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|campaignsync)\Z")
"""File names that Windows reserves for devices, and the name of the workspace file."""
EMPTY: tuple[Value, ...] = ("", [], None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A live value that a definition cannot hold, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExportedDefinition:
    """One campaign as a definition: its text, and the values left out of it."""

    text: str
    left_out: tuple[LeftOut, ...]


def export(
    campaign: LiveCampaign,
    schema: str,
    environment: str | None = None,
    defaulted: Collection[str] = (),
) -> ExportedDefinition:
    """Return a live campaign as a definition.

    `schema` is the path of the JSON Schema, relative to the definition. With an environment, the id
    is valid there only: the same number is another campaign in another account. Fields in
    `defaulted` have a default in the workspace and are written even if empty. Raises InvalidValue
    for an id that a definition cannot hold.
    """
    Typed(Id).parse(Raw(str(campaign.id)))
    values, left_out = manageable(campaign, defaulted)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        f"# {_status(campaign)}",
        *(f"# left out: {comment(f'{each.field} {each.reason}')}" for each in left_out),
        *definition_lines(campaign.id, values, environment),
    ]
    return ExportedDefinition("\n".join(lines) + "\n", tuple(left_out))


def _status(campaign: LiveCampaign) -> str:
    status = campaign.values.get("status", UNKNOWN_VALUE)
    text = "not readable" if status is UNKNOWN_VALUE else comment(str(status)).strip() or "(empty)"
    return f"Status when exported: {text}{', archived' if campaign.values.get('archived') else ''}"


def manageable(
    campaign: LiveCampaign, defaulted: Collection[str] = ()
) -> tuple[dict[str, Value], list[LeftOut]]:
    """Return the desired values that equal the live ones, and the values left out.

    Values are in the field table's order. Empty texts, lists and dates are omitted unless the field
    is in `defaulted`. Fields that the API would reject, such as those of the other channel, are
    omitted too. Values that the loader would reject are returned as left out.
    """
    values: dict[str, Value] = {}
    left_out: list[LeftOut] = []
    for field in MANAGEABLE:
        live = campaign.values.get(field.path, UNKNOWN_VALUE)
        if live is UNKNOWN_VALUE or unmet(field, campaign.values):
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
    """Return a live value as a definition holds it; raises InvalidValue if it cannot."""
    read = _read(field, live)
    if not satisfies(field.path, live, read):
        raise InvalidValue(
            "NOT_EXPORTABLE",
            f"cannot be written in a definition: {clip(json.dumps(live, ensure_ascii=False))}",
        )
    return read


def _read(field: Field, live: Value) -> Value:
    if isinstance(field.kind, LabelsKind):
        if not isinstance(live, list):
            raise InvalidValue("WRONG_TYPE", "is not a list")
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
    """Return a unique file name for each campaign, by id; the same campaigns get the same names.

    The file name is the slug of the campaign's name. The campaign's id is appended if two campaigns
    share the slug, if it is empty or reserved, or if the file name is in `taken` (compared without
    case, as some file systems do).
    """
    names = {campaign.id: slug(str(campaign.values.get("name") or "")) for campaign in campaigns}
    used = {name.casefold() for name in taken}
    plain = dict(names)
    while clashing := set(_clashing(names, used)):
        if not (unmarked := {id_ for id_ in clashing if names[id_] == plain[id_]}):
            break  # even the name with the id is taken; export never overwrites a file
        names |= {id_: f"{plain[id_] or 'campaign'}-{id_}" for id_ in unmarked}
    return {id_: f"{name}.yaml" for id_, name in names.items()}


def _clashing(names: Mapping[int, str], used: Collection[str]) -> Iterator[int]:
    counts = Counter(names.values())
    for id_, name in names.items():
        if not name or RESERVED.match(name) or counts[name] > 1 or f"{name}.yaml" in used:
            yield id_


def slug(name: str) -> str:
    """Return a name as lower-case ASCII letters, digits and dashes; "" if nothing remains."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
