"""The live campaigns of an account, and the definitions that manage them."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from campaignsync.api import Api
from campaignsync.cli.connect import Account, account_of, connect
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, NotFound, Source
from campaignsync.live import Reader
from campaignsync.load import find, load
from campaignsync.load.workspace import Workspace, find_workspace
from campaignsync.model.fields import MANAGEABLE
from campaignsync.model.values import Definition, Desired, LiveCampaign, Selection

EVERYTHING = dict.fromkeys(field.path for field in MANAGEABLE)
"""The values of a definition that manages every field: reading for it is complete."""
FOLDER = "campaigns"
"""The default folder for definitions."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The selected campaigns, and the ids of all campaigns of the account.

    `left_out` is the number of archived or finished campaigns that were skipped by default.
    """

    chosen: list[LiveCampaign]
    ids: Collection[int]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """A workspace's definitions by id, and an account."""

    account: Account
    managed: Mapping[int, Definition]
    progress: Progress

    @classmethod
    def at(cls, folder: Path | None, target: Target, progress: Progress) -> Self:
        """Load the definitions of the workspace around a folder, and those in that folder.

        Without a workspace, load all definitions below the current folder, as `plan` does. There
        may be none yet. Raises ConfigurationError, and DefinitionError for an invalid definition,
        because it is not known which campaign it manages.
        """
        workspace = find_workspace(_existing(folder or Path()))
        return cls.of(workspace, folder or folder_of(workspace), target, progress)

    @classmethod
    def of(cls, workspace: Workspace, folder: Path, target: Target, progress: Progress) -> Self:
        """Load the definitions of a workspace, and those in a folder; see `at`."""
        account = account_of(workspace, target)
        places = [*map(Path, workspace.definitions or (".",)), folder]
        with progress.count("reading", "definitions") as counted:
            files = _found(place for place in places if place.exists())
            desired = load(counted(files), workspace.shared, account.environment.name)
        managed = {definition.id: definition for definition in desired.definitions}
        return cls(account, managed, progress)

    async def listed(self, selection: Selection) -> Listed:
        """Read the selected campaigns, with the fields of the API's list.

        The result counts skipped campaigns. Raises ApiError, and ConfigurationError for an id
        that the account does not have.
        """
        async with self._reading() as reading:
            return await reading.listed(selection, counts_archived=not selection.is_narrow)

    async def inventory(self, selection: Selection, expected: Collection[int]) -> Listed:
        """Read the selected campaigns as `listed` does, and their channels.

        An `expected` id that the list lacks is looked for among archived campaigns.
        """
        async with self._reading() as reading:
            return await reading.listed(selection, channels=True, expected=expected)

    async def read(self, selection: Selection) -> Listed:
        """Read every manageable field of the selected campaigns.

        Without ids, only the list is read for campaigns that a definition manages already.
        Raises ApiError, and ConfigurationError for an id that the account does not have.
        """
        async with self._reading() as reading:
            if selection.ids:
                found = await reading.in_full(sorted(selection.ids))
                _refuse_missing(selection.ids, found)
                chosen = [one for one in found.values() if selection.admits(one)]
                return Listed(chosen, found.keys())
            listed = await reading.listed(selection, counts_archived=not selection.is_narrow)
            found = {one.id: one for one in listed.chosen}
            new = [id_ for id_ in found if id_ > 0 and id_ not in self.managed]
            full = await reading.in_full(new)
            there = (id_ for id_ in found if id_ not in new or id_ in full)
            return replace(listed, chosen=[full.get(id_, found[id_]) for id_ in there])

    async def live(
        self, definitions: Sequence[Definition], *, in_full: bool
    ) -> Mapping[int, LiveCampaign]:
        """Read the managed fields of some definitions, or all fields. Raises ApiError."""
        async with self._reading() as reading:
            if in_full:
                return await reading.in_full([one.id for one in definitions])
            return await reading.managed(definitions)

    @asynccontextmanager
    async def _reading(self) -> "AsyncIterator[_Reading]":
        async with connect(self.account, self.progress) as api:
            yield _Reading(api, Reader(api), self.progress, self.account.rate)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Read through one connection, with progress."""

    api: Api
    reader: Reader
    progress: Progress
    rate: float

    async def listed(
        self,
        selection: Selection,
        *,
        channels: bool = False,
        counts_archived: bool = False,
        expected: Collection[int] = (),
    ) -> Listed:
        with self._walking("reading the list"):
            found = await self.reader.everything(
                archived=selection.archived or counts_archived,
                expected={*selection.ids, *expected},
            )
            found |= await self.reader.look_up(selection.ids - found.keys())
        known: Mapping[int, str] = {}
        if channels or selection.channels:
            with self._walking("reading the channels"):
                known = await self.reader.channels()
        completed = (
            LiveCampaign(id_, {**campaign.values, "integration_type": known[id_]})
            if id_ in known and "integration_type" not in campaign.values
            else campaign
            for id_, campaign in found.items()
        )
        _refuse_missing(selection.ids, found)
        chosen = [campaign for campaign in completed if selection.admits(campaign)]
        left_out = 0 if selection.is_narrow else len(found) - len(chosen)
        return Listed(chosen, found.keys(), left_out)

    async def in_full(self, ids: Iterable[int]) -> Mapping[int, LiveCampaign]:
        """Read all fields of some campaigns; skip those deleted since they were listed."""
        wanted = [Definition(id_, "", EVERYTHING, {"id": Source("", 1)}) for id_ in ids]
        found = await self.managed(wanted)
        return {id_: one for id_, one in found.items() if self.reader.has_detail(id_)}

    async def managed(self, definitions: Sequence[Definition]) -> Mapping[int, LiveCampaign]:
        """Read the managed fields of some definitions."""
        desired = Desired(tuple(definitions))
        least = Reader.least(desired)
        with self.progress.requests("reading", self.api, lambda: least, self.rate):
            return (await self.reader.read(desired)).campaigns

    def _walking(self, what: str) -> AbstractContextManager[None]:
        before, reader = self.reader.pages_read, self.reader
        return self.progress.requests(
            what, self.api, lambda: reader.pages_read - before + reader.pages_left, self.rate
        )


def folder_of(workspace: Workspace) -> Path:
    """Return the folder for new definitions of a workspace."""
    root = Path(workspace.root)
    named = (Path(path) for path in workspace.definitions)
    folders = [path for path in named if not path.is_file() and path.resolve() != root.resolve()]
    return folders[0] if folders else root / FOLDER


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())


def _found(places: Iterable[Path]) -> list[Path]:
    files: dict[Path, Path] = {}
    for place in places:
        try:
            files |= {file.resolve(): file for file in find([place])}
        except ConfigurationError as error:
            if error.code != "NO_DEFINITION":
                raise
    return list(files.values())


def _refuse_missing(ids: Collection[int], found: Collection[int]) -> None:
    if missing := sorted(set(ids) - set(found)):
        raise ConfigurationError(
            f"the account has no campaign {', '.join(map(str, missing))}",
            hint="see `campaignsync list`, and check that the key belongs to the right account",
            code=NotFound.code,
        )
