"""Collect the earlier values of fields that differ, from journals and git's history.

A field is looked up in the file that holds its value today: the definition, `campaignsync.yaml`, or
a text file. Each version of that file is read together with today's version of all other files. If
the value moved there from the definition, the definition's versions follow.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from campaignsync.drift import CommittedValue, EarlierValues, FieldHistory, FieldKey, LastWrite
from campaignsync.errors import Problem
from campaignsync.load import check_content, content_of
from campaignsync.load.definition import resolve
from campaignsync.load.git import TIMED_OUT, FileHistory, Version, history
from campaignsync.load.shared import read_shared
from campaignsync.load.workspace import Workspace
from campaignsync.load.yaml_document import SourceFile, compose_content
from campaignsync.model.definitions import Definition, Desired, Shared
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import InvalidValue, Raw
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import Record
from campaignsync.yamltree.nodes import Node
from campaignsync.yamltree.text import Unreadable, decode


@dataclass(slots=True)
class FileHistories:
    """The history of each file, read once for all environments."""

    _timed_out: FileHistory | None = None
    _known: dict[Path, FileHistory] = field(default_factory=dict)

    def of(self, file: Path) -> FileHistory:
        if file not in self._known:
            # After one timeout, do not call git again.
            self._known[file] = self._timed_out or history(file)
            if self._known[file].reason == TIMED_OUT:
                self._timed_out = self._known[file]
        return self._known[file]


def evidence_for(
    desired: Desired,
    plan: Plan,
    workspace: Workspace,
    records: Iterable[Record],
    histories: FileHistories,
    *,
    counted: Callable[[Collection[PlannedCampaign]], Iterable[PlannedCampaign]] = iter,
) -> EarlierValues:
    """Return the earlier values of each field that differs in one environment's plan.

    `records` are runs, oldest first; runs of other accounts are ignored. `counted` wraps the
    campaigns that differ, to report progress while their history is read.
    """
    writes = _last_writes(plan, records)
    definitions = desired.by_id
    versions = EarlierVersions(workspace, plan.environment.name, histories)
    histories_of_fields = {
        (campaign.id, change.field): versions.history(definitions[campaign.id], change.field)
        for campaign in counted([each for each in plan.campaigns if each.changes])
        for change in campaign.changes
        if change.known and (campaign.id, change.field) not in writes
    }
    return EarlierValues(writes, histories_of_fields)


def _last_writes(plan: Plan, records: Iterable[Record]) -> Mapping[FieldKey, LastWrite]:
    """Return the values that the last confirmed writes left, including collateral changes."""
    writes: dict[FieldKey, LastWrite] = {}
    for record in records:
        if record.is_of(plan.environment.name, plan.environment.base_url):
            date = record.started[:10]
            for id_, outcome in record.outcomes.items():
                if outcome["outcome"] == "updated" and (intent := record.intents.get(id_)):
                    collateral = record.collateral.get(id_, {})
                    after = {**intent.after, **{path: both[1] for path, both in collateral.items()}}
                    writes |= {
                        (id_, path): LastWrite(value, record.run, date)
                        for path, value in after.items()
                    }
    return writes


@dataclass(slots=True)
class EarlierVersions:
    """Earlier versions of a workspace's files, read for one environment."""

    workspace: Workspace
    environment: str
    histories: FileHistories
    _read: dict[tuple[int, str, str], Definition | None] = field(default_factory=dict)

    def history(self, definition: Definition, path: str) -> FieldHistory:
        """Return the values of a field in the commits of the files that hold or held it."""
        files = dict.fromkeys((definition.source_of(path).file, definition.file))
        parts = [self._history_in(file, definition, path) for file in files]
        values = tuple(value for part in parts for value in part.values)
        return FieldHistory(
            values, is_whole=all(part.is_whole for part in parts), reason=parts[0].reason
        )

    def _history_in(self, file: str, definition: Definition, path: str) -> FieldHistory:
        history = self.histories.of(Path(file))
        values = [self._value_in(version, file, definition, path) for version in history.versions]
        known = tuple(each for each in values if each)
        reason = history.reason or "no version of the file can be read"
        return FieldHistory(
            known, is_whole=history.is_whole and len(known) == len(values), reason=reason
        )

    def _value_in(
        self, version: Version, file: str, definition: Definition, path: str
    ) -> CommittedValue | None:
        """Return a field's value in a version of a file; None if it cannot be determined."""
        if file not in (definition.file, self.workspace.file):
            return _text_in(version, path)
        key = definition.id, file, version.commit
        if key not in self._read:
            self._read[key] = self._definition_in(version, file, definition)
        if (earlier := self._read[key]) is None:
            return None
        managed = path in earlier.values and earlier.id == definition.id
        if managed and earlier.source_of(path).file != file:
            # The value came from another file, and that file's versions are read separately.
            if definition.source_of(path).file == file:
                return None
            managed = False
        value = earlier.values[path] if managed else None
        return CommittedValue(version.commit, version.date, managed, value)

    def _definition_in(
        self, version: Version, file: str, definition: Definition
    ) -> Definition | None:
        """Read a definition with an earlier version of one file; None if it was invalid."""
        shared, content = self.workspace.shared, version.content
        if file != definition.file:
            content = content_of(Path(definition.file))
            if (read := _shared(version, file, shared)) is None:
                return None
            shared = read
        unresolved, problems = check_content(definition.file, content, shared)
        if unresolved is None or any(problem.severity == "error" for problem in problems):
            return None
        without_fields = replace(definition, id=0)
        return resolve(unresolved, shared, self.environment) or without_fields


def _shared(version: Version, file: str, today: Shared) -> Shared | None:
    """Read the shared values in a version of the workspace file; None if they are invalid."""
    problems: list[Problem] = []
    document = compose_content(SourceFile(file, problems), version.content)
    if document is None:
        return None
    nodes = document.mapping(document.root, "the workspace")
    sections: dict[str, Node] = {
        key: nodes[key][1] for key in ("defaults", "schedules") if key in nodes
    }
    shared = read_shared(document, today.root, today.environments, sections)
    return None if problems else shared


def _text_in(version: Version, path: str) -> CommittedValue | None:
    """Read a field's value in a version of a text file; None if it is invalid."""
    try:
        value = BY_PATH[path].parse(Raw(decode(version.content), plain=False))
    except (Unreadable, InvalidValue):
        return None
    return CommittedValue(version.commit, version.date, is_managed=True, value=value)
