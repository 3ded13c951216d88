"""Journals and git's history → Evidence: what was once said, or left, of fields that differ.

A field is looked for in the file that its value stands in today: the definition, the workspace's
`campaignsync.yaml`, or a text of its own. Each version is read as that file was then, and all else
as it is today; where the value moved there from the definition, that one's versions follow.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from campaignsync.drift import Evidence, Left, Past, Place, Said
from campaignsync.errors import Problem
from campaignsync.git import NO_ANSWER, History, Version, history
from campaignsync.journal import Record
from campaignsync.load import check_content, content_of, read_shared
from campaignsync.load.nodes import compose_content
from campaignsync.load.page import Page, Unreadable, decode
from campaignsync.load.parse import Node
from campaignsync.load.resolve import resolve
from campaignsync.model.fields import BY_PATH, InvalidValue
from campaignsync.model.kinds import Raw
from campaignsync.model.plans import Plan, PlannedCampaign
from campaignsync.model.values import Definition, Desired, Shared, Workspace


@dataclass(slots=True)
class Histories:
    """What git remembers of files, whichever environment they are read for; each is asked once."""

    _silence: History | None = None
    _known: dict[Path, History] = field(default_factory=dict)

    def of(self, file: Path) -> History:
        if file not in self._known:
            # Who does not answer once is not waited for at each file anew.
            self._known[file] = self._silence or history(file)
            if self._known[file].why == NO_ANSWER:
                self._silence = self._known[file]
        return self._known[file]


def evidence_for(
    desired: Desired,
    plan: Plan,
    workspace: Workspace,
    records: Iterable[Record],
    histories: Histories,
    *,
    counted: Callable[[Collection[PlannedCampaign]], Iterable[PlannedCampaign]] = iter,
) -> Evidence:
    """Look for what speaks for who is ahead, of each difference in a plan of these definitions.

    `records` are runs, oldest first; those of another account count for nothing. What differs is
    `counted` while it is looked into.
    """
    left = _left(plan, records)
    definitions = {definition.id: definition for definition in desired.definitions}
    archive = Archive(workspace, plan.environment, histories)
    past = {
        (campaign.id, change.field): archive.past(definitions[campaign.id], change.field)
        for campaign in counted([each for each in plan.campaigns if each.changes])
        for change in campaign.changes
        if change.known and (campaign.id, change.field) not in left
    }
    return Evidence(left, past)


def _left(plan: Plan, records: Iterable[Record]) -> Mapping[Place, Left]:
    """Give what the last confirmed writes left, those that they did not name included."""
    here = plan.environment, plan.base_url
    left: dict[Place, Left] = {}
    for record in records:
        if (record.header.get("environment"), record.header.get("base_url")) == here:
            date = str(record.header.get("started", ""))[:10]
            for id_, told in record.outcomes.items():
                if told["outcome"] == "updated" and (intent := record.intents.get(id_)):
                    unasked = record.collateral.get(id_, {})
                    after = {**intent.after, **{path: both[1] for path, both in unasked.items()}}
                    left |= {
                        (id_, path): Left(value, record.run, date) for path, value in after.items()
                    }
    return left


@dataclass(slots=True)
class Archive:
    """The files of a workspace as git remembers them, read for one environment."""

    workspace: Workspace
    environment: str
    histories: Histories
    _then: dict[tuple[int, str, str], Definition | None] = field(default_factory=dict)

    def past(self, definition: Definition, path: str) -> Past:
        """Give what commits said of a field."""
        files = dict.fromkeys((definition.source_of(path).file, definition.file))
        found = [self._past_in(file, definition, path) for file in files]
        said = tuple(said for past in found for said in past.said)
        return Past(said, whole=all(past.whole for past in found), why=found[0].why)

    def _past_in(self, file: str, definition: Definition, path: str) -> Past:
        found = self.histories.of(Path(file))
        said = [self._said(version, file, definition, path) for version in found.versions]
        known = tuple(each for each in said if each)
        why = found.why or "no version of the file can be read"
        return Past(known, whole=found.whole and len(known) == len(said), why=why)

    def _said(self, version: Version, file: str, definition: Definition, path: str) -> Said | None:
        """Give what a version of a file said of a field; None where that cannot be told."""
        if file not in (definition.file, self.workspace.file):
            return _text(version, path)
        key = definition.id, file, version.commit
        if key not in self._then:
            self._then[key] = self._as_then(version, file, definition)
        if (then := self._then[key]) is None:
            return None
        managed = path in then.values and then.id == definition.id
        if managed and then.source_of(path).file != file:
            # It came from another file, of which this version says nothing: that file's own
            # versions tell, where it is the one that is looked at.
            if definition.source_of(path).file == file:
                return None
            managed = False
        value = then.values[path] if managed else None
        return Said(version.commit, version.date, managed, value)

    def _as_then(self, version: Version, file: str, definition: Definition) -> Definition | None:
        """Read a definition with one file as it was; None where it was wrong, and never applied."""
        shared, content = self.workspace.shared, version.content
        if file != definition.file:
            content = content_of(Path(definition.file))
            if (read := _shared(version, file, shared)) is None:
                return None
            shared = read
        sheet, problems = check_content(definition.file, content, shared)
        if sheet is None or any(problem.severity == "error" for problem in problems):
            return None
        nowhere = definition._replace(id=0)
        return resolve(sheet, shared, self.environment) or nowhere


def _shared(version: Version, file: str, today: Shared) -> Shared | None:
    """Read what a workspace said for all its definitions; None where that was wrong."""
    problems: list[Problem] = []
    document = compose_content(Page(file, problems), version.content)
    if document is None:
        return None
    nodes = document.mapping(document.root, "the workspace")
    said: dict[str, Node] = {
        key: nodes[key][1] for key in ("defaults", "schedules") if key in nodes
    }
    shared = read_shared(document, today.root, today.environments, said)
    return None if problems else shared


def _text(version: Version, path: str) -> Said | None:
    """Read a version of a text that has a file of its own."""
    try:
        value = BY_PATH[path].parse(Raw(decode(version.content), plain=False))
    except (Unreadable, InvalidValue):
        return None
    return Said(version.commit, version.date, managed=True, value=value)
