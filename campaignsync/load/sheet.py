"""One document → a sheet: what a definition says in itself, before environment and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaignsync.errors import Source
from campaignsync.fields import Value
from campaignsync.fields.kinds import Integer
from campaignsync.load.entries import Entries
from campaignsync.load.hints import nearest
from campaignsync.load.nodes import Document, named
from campaignsync.load.page import Page
from campaignsync.load.texts import Texts
from campaignsync.model.values import Shared
from campaignsync.yamltree.nodes import MappingNode, Node

ID = Integer(least=1)
BESIDE = ("id", "labels", "environments")
"""Keys of a definition that are no fields of a campaign."""

Said = tuple[Mapping[str, Value], Mapping[str, Source]]
"""Values, and where they stand."""


@dataclass(slots=True, eq=False)
class Sheet:
    """A definition as its file says it.

    `ids` holds one id for all environments under None, or one for each by name; `places` has the
    place of the id under "id". `overrides` are values and places by environment.
    """

    page: Page
    ids: Mapping[str | None, int]
    values: Mapping[str, Value]
    places: Mapping[str, Source]
    overrides: Mapping[str, Said] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def id_in(self, environment: str | None) -> int | None:
        """Give the campaign's id in an environment; None where it has none there."""
        return self.ids.get(None) or self.ids.get(environment)


def read_sheet(document: Document, shared: Shared, texts: Texts) -> Sheet | None:
    """Read a document; None, and a problem, where it has no usable id."""
    return _Reader(document, shared, texts).read()


class _Reader:
    def __init__(self, document: Document, shared: Shared, texts: Texts) -> None:
        self._document = document
        self._shared = shared
        self._texts = texts
        self._entries = Entries(document, shared, texts, BESIDE)
        self._ids: dict[str | None, int] = {}
        self._labels: dict[str, str] = {}
        self._overrides: dict[str, Said] = {}
        self._named: dict[str, Node] = {}

    def read(self) -> Sheet | None:
        own, root = self._entries, self._document.root
        id_at: Node | None = None
        for name, key, value in self._document.items(root):
            if name == "id":
                id_at = value
                self._read_ids(value)
            elif name == "labels":
                self._read_labels(value)
            elif name == "environments":
                self._read_overrides(value)
            else:
                own.read(name, key, value)
        if id_at is None:
            hint = "write the campaign's number: id: 1234"
            self._document.problem("MISSING_ID", "`id` is missing", root, hint)
            return None
        self._note_nothing(id_at)
        self._note_nowhere()
        places = {"id": self._document.source(id_at), **own.places}
        page = self._document.page
        return Sheet(page, self._ids, own.values, places, self._overrides, self._labels)

    def _read_ids(self, node: Node) -> None:
        if not isinstance(node, MappingNode):
            if (id_ := self._entries.scalar("id", ID, node)) is not None:
                self._ids[None] = id_
            return
        ids = self._document.mapping(node, "`id`")
        if not ids:
            hint = "write the campaign's number in each: id: {production: 1234}"
            self._document.problem("MISSING_ID", "`id` names no environment", node, hint)
        for name, (key, value) in ids.items():
            self._refuse_unknown(name, key)
            if (id_ := self._entries.scalar(f"id.{named(name)}", ID, value)) is not None:
                self._ids[name] = id_

    def _read_labels(self, node: Node) -> None:
        for name, (_, value) in self._document.mapping(node, "`labels`").items():
            if (text := self._document.scalar(value, f"label `{named(name)}`")) is not None:
                self._labels[name] = text

    def _read_overrides(self, node: Node) -> None:
        for name, (key, value) in self._document.mapping(node, "`environments`").items():
            self._refuse_unknown(name, key)
            self._named[name] = key
            entries = Entries(self._document, self._shared, self._texts)
            for path, (inner, given) in self._document.mapping(value, f"`{named(name)}`").items():
                entries.read(path, inner, given)
            self._overrides[name] = entries.values, entries.places

    def _refuse_unknown(self, name: str, key: Node) -> None:
        known = self._shared.environments
        if name not in known:
            hint = nearest(name, known) if known else "campaignsync.yaml names the environments"
            self._document.problem(
                "UNKNOWN_ENVIRONMENT", f"no environment `{named(name)}`", key, hint
            )

    def _note_nowhere(self) -> None:
        for name, key in self._named.items():
            if self._ids and not self._ids.keys() & {None, name}:
                self._document.problem(
                    "NO_ID_THERE",
                    f"there is no id for `{named(name)}`, and so no use for these values",
                    key,
                    f"write `id: {{{named(name)}: 1234}}`, or remove them",
                    severity="warning",
                )

    def _note_nothing(self, id_at: Node) -> None:
        says = self._entries.values or self._overrides or self._shared.defaults
        if not says and not self._document.page.problems:
            self._document.problem(
                "NOTHING_MANAGED",
                "the definition manages nothing but its id",
                id_at,
                "write the fields that it is to keep, or remove the file",
                severity="warning",
            )
