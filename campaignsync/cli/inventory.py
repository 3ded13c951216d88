"""The live campaigns of an account: the options that select them, and how they are read."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import click

from campaignsync.api.client import ApiClient
from campaignsync.cli.account import Account, account_of, connect
from campaignsync.cli.command import Choice, WholeNumber
from campaignsync.cli.options import Target, TextWithSpaces, option, passed_as
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, NotFound
from campaignsync.live import LiveReader
from campaignsync.load import load
from campaignsync.load.files import find
from campaignsync.load.select import choose
from campaignsync.load.workspace import Workspace, find_workspace
from campaignsync.model.campaign import CHANNELS, STATUSES
from campaignsync.model.definitions import Definition, Desired, LiveCampaign, Selection
from campaignsync.model.fields import MANAGEABLE

EVERYTHING = tuple(field.path for field in MANAGEABLE)
"""The fields of a complete reading."""
FOLDER = "campaigns"
"""The default folder for definitions."""


def _selection(  # noqa: PLR0917 - passed by name
    ids: tuple[int, ...],
    statuses: tuple[str, ...],
    names: tuple[str, ...],
    agents: tuple[str, ...],
    channels: tuple[str, ...],
    archived: bool,  # noqa: FBT001 - passed by name
    finished: bool,  # noqa: FBT001
) -> Selection:
    return Selection(
        ids=frozenset(ids),
        statuses=frozenset(statuses),
        names=names,
        agents=frozenset(agents),
        channels=frozenset(channels),
        archived=archived,
        finished=finished,
    )


selection_options = passed_as(
    "selection",
    _selection,
    click.argument("ids", nargs=-1, type=WholeNumber(min=1), metavar="[ID]..."),
    option(
        "--status",
        "statuses",
        multiple=True,
        type=Choice(STATUSES),
        section="What",
        help="Only campaigns with this status. Repeatable.",
    ),
    option(
        "--name",
        "names",
        type=TextWithSpaces(),
        multiple=True,
        metavar="PATTERN",
        section="What",
        help="Only campaigns whose name matches a pattern ('Q2 *'). Repeatable.",
    ),
    option(
        "--agent",
        "agents",
        multiple=True,
        metavar="ID",
        section="What",
        help="Only campaigns of this agent. Repeatable.",
    ),
    option(
        "--channel",
        "channels",
        multiple=True,
        type=Choice(CHANNELS),
        section="What",
        help="Only campaigns of this channel. Repeatable.",
    ),
    option("--archived", is_flag=True, section="What", help="Include archived campaigns."),
    option("--finished", is_flag=True, section="What", help="Include finished campaigns."),
)


def refuse_empty(selection: Selection, campaigns: Sized) -> None:
    """Raise ConfigurationError if a filter is set and no campaign matches."""
    if selection.is_narrow and not campaigns:
        hint = "to include archived or finished campaigns, add --archived or --finished"
        raise ConfigurationError(
            "no campaign matches the filters", hint=hint, code="NOTHING_SELECTED"
        )


@dataclass(frozen=True, slots=True)
class Selected:
    """The selected campaigns, and the ids of all campaigns of the account.

    `left_out` is the number of archived or finished campaigns that were skipped by default.
    """

    campaigns: list[LiveCampaign]
    ids: Collection[int]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """The live campaigns of an account, and the definitions that manage them, by id."""

    account: Account
    managed: Mapping[int, Definition]
    progress: Progress

    @classmethod
    def load_at(cls, folder: Path | None, target: Target, progress: Progress) -> Self:
        """Load the definitions of the workspace around a folder, and those in that folder.

        Without a workspace, load all definitions below the current folder, as `plan` does. There
        may be none yet. Raises ConfigurationError, and DefinitionError for an invalid definition,
        because it is not known which campaign it manages.
        """
        start = folder or Path()
        existing = next(each for each in (start, *start.absolute().parents) if each.is_dir())
        workspace = find_workspace(existing)
        return cls.load(workspace, folder or folder_of(workspace), target, progress)

    @classmethod
    def load(cls, workspace: Workspace, folder: Path, target: Target, progress: Progress) -> Self:
        """Load the definitions of a workspace, and those in a folder; see `load_at`."""
        environment = choose(workspace, target.environment, sandbox=target.sandbox)
        account = account_of(workspace, environment, target)
        places = [*map(Path, workspace.definitions or (".",)), folder]
        with progress.count("reading", "definitions") as counted:
            files = _definition_files(place for place in places if place.exists())
            desired = load(counted(files), workspace.shared, account.name)
        return cls(account, desired.by_id, progress)

    async def read_list(
        self, selection: Selection, *, channels: bool = False, expected: Collection[int] = ()
    ) -> Selected:
        """Read the selected campaigns with the fields of the API's list, or also their channels.

        Without channels, the result counts skipped campaigns. An `expected` id that the list lacks
        is looked for among archived campaigns. Raises ApiError, and ConfigurationError for an id
        that the account does not have.
        """
        async with self._connect() as connection:
            return await connection.read_list(selection, channels=channels, expected=expected)

    async def read(self, selection: Selection) -> Selected:
        """Read every manageable field of the selected campaigns.

        Without ids, only the list is read for campaigns that a definition manages already.
        Raises ApiError, and ConfigurationError for an id that the account does not have.
        """
        async with self._connect() as connection:
            if selection.ids:
                full = await connection.read_in_full(sorted(selection.ids))
                _refuse_missing(selection.ids, full)
                campaigns = [one for one in full.values() if selection.matches(one)]
                return Selected(campaigns, full.keys())
            selected = await connection.read_list(selection)
            listed = {one.id: one for one in selected.campaigns}
            new = [id_ for id_ in listed if id_ > 0 and id_ not in self.managed]
            full = await connection.read_in_full(new)
            existing = (id_ for id_ in listed if id_ not in new or id_ in full)
            return replace(selected, campaigns=[full.get(id_, listed[id_]) for id_ in existing])

    async def read_managed(
        self, definitions: Sequence[Definition], *, in_full: bool
    ) -> Mapping[int, LiveCampaign]:
        """Read the managed fields of some definitions, or all fields. Raises ApiError."""
        async with self._connect() as connection:
            if in_full:
                return await connection.read_in_full([one.id for one in definitions])
            return await connection.read_managed(definitions)

    @asynccontextmanager
    async def _connect(self) -> "AsyncIterator[_Connection]":
        async with connect(self.account, self.progress) as api:
            yield _Connection(api, LiveReader(api), self.progress)


@dataclass(frozen=True, slots=True)
class _Connection:
    """Read through one connection, with progress."""

    api: ApiClient
    reader: LiveReader
    progress: Progress

    async def read_list(
        self,
        selection: Selection,
        *,
        channels: bool = False,
        expected: Collection[int] = (),
    ) -> Selected:
        counts_archived = not channels and not selection.is_narrow
        with self._show_pages("reading the list"):
            listed = await self.reader.read_all(
                archived=selection.archived or counts_archived,
                expected={*selection.ids, *expected},
            )
            listed |= await self.reader.read_details(selection.ids - listed.keys())
        known: Mapping[int, str] = {}
        if channels or selection.channels:
            with self._show_pages("reading the channels"):
                known = await self.reader.listed.read_channels()
        completed = (
            LiveCampaign(id_, {**campaign.values, "integration_type": known[id_]})
            if id_ in known and "integration_type" not in campaign.values
            else campaign
            for id_, campaign in listed.items()
        )
        _refuse_missing(selection.ids, listed)
        campaigns = [campaign for campaign in completed if selection.matches(campaign)]
        left_out = 0 if selection.is_narrow else len(listed) - len(campaigns)
        return Selected(campaigns, listed.keys(), left_out)

    async def read_in_full(self, ids: Iterable[int]) -> Mapping[int, LiveCampaign]:
        """Read all fields of some campaigns; skip those deleted since they were listed."""
        wanted = [Definition.to_read(id_, EVERYTHING) for id_ in ids]
        read = await self.read_managed(wanted)
        return {id_: one for id_, one in read.items() if self.reader.has_detail(id_)}

    async def read_managed(self, definitions: Sequence[Definition]) -> Mapping[int, LiveCampaign]:
        """Read the managed fields of some definitions."""
        desired = Desired(tuple(definitions))
        least = LiveReader.fewest_requests(desired)
        with self.progress.requests("reading", self.api, least):
            return (await self.reader.read(desired)).campaigns

    def _show_pages(self, what: str) -> AbstractContextManager[None]:
        listed = self.reader.listed
        before = listed.pages_read
        return self.progress.requests(
            what, self.api, lambda: listed.pages_read - before + listed.pages_left
        )


def folder_of(workspace: Workspace) -> Path:
    """Return the folder for new definitions of a workspace."""
    root = Path(workspace.root)
    paths = (Path(path) for path in workspace.definitions)
    folders = [path for path in paths if not path.is_file() and path.resolve() != root.resolve()]
    return folders[0] if folders else root / FOLDER


def _definition_files(places: Iterable[Path]) -> list[Path]:
    files: dict[Path, Path] = {}
    for place in places:
        try:
            files |= {file.resolve(): file for file in find([place])}
        except ConfigurationError as error:
            if error.code != "NO_DEFINITION":
                raise
    return list(files.values())


def _refuse_missing(ids: Collection[int], existing: Collection[int]) -> None:
    if missing := sorted(set(ids) - set(existing)):
        raise ConfigurationError(
            f"the account has no campaign {', '.join(map(str, missing))}",
            hint="see `campaignsync list`, and check that the key belongs to the right account",
            code=NotFound.code,
        )
