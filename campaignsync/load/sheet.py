"""Read a document into a sheet: a definition before environment and defaults are applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaignsync.errors import Source
from campaignsync.load.document import Document, Page, named
from campaignsync.load.placed import Said, fields_of
from campaignsync.load.raw import RawMapping, raw_mapping
from campaignsync.load.texts import Texts
from campaignsync.load.validate import Part, validated
from campaignsync.model.campaign import EVERYWHERE, DefinitionFile
from campaignsync.model.fields import Value
from campaignsync.model.values import Shared
from campaignsync.suggest import suggestion


@dataclass(slots=True, eq=False)
class Sheet:
    """The content of one definition file.

    `ids` holds the campaign's id by environment; the key None is an id for all environments.
    `places` holds the position of each value by path, and that of the id under "id". `overrides`
    holds the values and positions of each environment's section.
    """

    page: Page
    ids: Mapping[str | None, int]
    values: Mapping[str, Value]
    places: Mapping[str, Source]
    overrides: Mapping[str, Said] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def id_in(self, environment: str | None) -> int | None:
        """Return the campaign's id in an environment, or None."""
        return self.ids.get(None) or self.ids.get(environment)


def read_sheet(document: Document, shared: Shared, texts: Texts) -> Sheet | None:
    """Return the sheet of a document; if it has no valid id, note a problem and return None."""
    raw = raw_mapping(document, document.root)
    ids, environments = _mapping(raw, "id"), _mapping(raw, "environments")
    for name, (key, _) in (*ids.nodes.items(), *environments.nodes.items()):
        if name not in shared.environments:
            known = shared.environments
            hint = (
                suggestion(name, known)
                if known
                else "define it under `environments` in campaignsync.yaml"
            )
            document.problem("UNKNOWN_ENVIRONMENT", f"no environment `{named(name)}`", key, hint)
    own = fields_of(document, raw, shared, texts)
    overrides = {
        name: fields_of(document, each, shared, texts)
        for name in environments
        if isinstance(each := environments[name] or RawMapping({}), RawMapping)
    }
    file = validated(Part(document, document.root, raw, DefinitionFile))
    for fields in (own, *overrides.values()):
        fields.note_hidden()
    if file is None:
        return None
    values, places = own.said(file)
    id_at = raw.nodes["id"][1]
    sheet = Sheet(
        document.page,
        {None if name == EVERYWHERE else name: id_ for name, id_ in file.id.items()},
        values,
        {"id": document.source(id_at), **places},
        {name: overrides[name].said(each) for name, each in (file.environments or {}).items()},
        file.labels or {},
    )
    if not (sheet.values or sheet.overrides or shared.defaults or document.page.problems):
        document.problem(
            "NOTHING_MANAGED",
            "the definition sets only its id, and so manages no field",
            id_at,
            "add the fields to manage, or remove the file",
            severity="warning",
        )
    _note_missing_ids(document, sheet, environments)
    return sheet


def _mapping(raw: RawMapping, key: str) -> RawMapping:
    """Return the mapping of a key; empty if the value is missing or not a mapping."""
    value = raw.get(key)
    return value if isinstance(value, RawMapping) else RawMapping({})


def _note_missing_ids(document: Document, sheet: Sheet, environments: RawMapping) -> None:
    """Warn of values for an environment without an id of the campaign."""
    for name, (key, _) in environments.nodes.items():
        if not sheet.ids.keys() & {None, name}:
            document.problem(
                "NO_ID_THERE",
                f"no id for environment `{named(name)}`: these values have no effect",
                key,
                f"write `id: {{{named(name)}: 1234}}`, or remove the values",
                severity="warning",
            )
