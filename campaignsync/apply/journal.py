"""Record each write of a run on disk: its intent before it is sent, its outcome after it.

A run has one file, with one JSON object per line. Each line has its number and a checksum over the
rest of the line. An intent is on disk (fsync) before its PATCH is sent. The journal is not a state
file: it records what this program did, and only the API has the current values.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Self

from pydantic import ValidationError

from campaignsync.apply.lock import open_locked
from campaignsync.errors import ConfigurationError, JournalDamaged, JournalUnwritable, Source
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value
from campaignsync.model.plan import PlannedCampaign, Request
from campaignsync.model.runs import Intent, Record
from campaignsync.write_files import make_private, sync_folder

SUFFIX = ".jsonl"
STAMP = "%Y%m%dT%H%M%S.%f"
STAMP_LENGTH = len("20260105T120000.000")
"""A run's name begins with its start in UTC, to the millisecond, so that names sort by age."""


class Journal:
    """The journal of one run, open for appending."""

    def __init__(self, path: Path, descriptor: int, lines: int = 0) -> None:
        self.path = path
        self._descriptor = descriptor
        self._lines = lines
        self._intents: set[int] = set()
        self._broken: OSError | None = None
        self._is_closed = False

    @classmethod
    def begin(cls, folder: Path, run: str, header: Mapping[str, Any]) -> Self:
        """Create the journal of a run, mode 0600. Raises ConfigurationError if that fails."""
        path = folder / f"{run}{SUFFIX}"
        try:
            make_private(folder)
            with open_locked(path, os.O_CREAT | os.O_EXCL) as descriptor:
                journal = cls(path, descriptor)
                journal.append("run", run=run, **header)
                sync_folder(folder)
        except (OSError, JournalUnwritable) as error:
            raise _unwritable(path, error) from None
        return journal

    @classmethod
    def resume(cls, record: Record) -> Self:
        """Open the journal of an earlier run for appending, without an incomplete last line.

        Raises LockHeld if the run has not ended, ConfigurationError if it cannot be opened.
        """
        try:
            with open_locked(record.path) as descriptor:
                whole, newline, _ = _read_file(record.path).rpartition(b"\n")
                os.ftruncate(descriptor, len(whole) + len(newline))
        except OSError as error:
            raise _unwritable(record.path, error) from None
        return cls(Path(record.path), descriptor, whole.count(b"\n") + len(newline))

    def record_intent(self, intent: Intent) -> None:
        """Write an intent to disk, before its PATCH is sent. Raises JournalUnwritable."""
        self.append(
            "intent",
            id=intent.id,
            name=intent.name,
            requests=[request.model_dump() for request in intent.requests],
            before=intent.before,
            after=intent.after,
            siblings=intent.siblings,
        )
        self._intents.add(intent.id)

    def has_intent(self, id_: int) -> bool:
        """Return whether an intent for this campaign is on disk."""
        return id_ in self._intents

    def record_collateral(self, id_: int, changed: Mapping[str, tuple[Value, Value]]) -> None:
        """Write collateral changes of a PATCH, (before, after), to disk: undo restores them."""
        self.append("collateral", id=id_, fields=dict(changed))

    def record_outcome(self, id_: int, outcome: str, **details: Any) -> None:
        """Write the outcome of a write to disk. Raises JournalUnwritable."""
        self.append("outcome", id=id_, outcome=outcome, **details)

    def end(self, exit_code: int) -> None:
        """Write the end of the run to disk, and close the file. Raises JournalUnwritable."""
        try:
            self.append("end", exit_code=exit_code)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file if it is open. A run whose end was not written counts as unfinished."""
        if not self._is_closed:
            os.close(self._descriptor)
        self._is_closed = True

    def append(self, kind: str, **content: Any) -> None:
        """Write a line to disk. Raises JournalUnwritable, and then again for every later line.

        A line after an incomplete one would make the journal unreadable.
        """
        line = with_checksum({"n": self._lines + 1, "kind": kind, **content})
        try:
            if self._broken:
                raise self._broken
            written = os.write(self._descriptor, line)
            if written != len(line):
                os.write(self._descriptor, line[written:])  # raises the error of the short write
            os.fsync(self._descriptor)
        except OSError as error:
            self._broken = error
            raise JournalUnwritable(
                f"cannot write the journal {self.path}: {_reason(error)}",
                hint="free some disk space, then run apply again: it reads live before it writes",
                line=line.decode().strip(),
            ) from None
        self._lines += 1


def make_writable(folder: Path) -> None:
    """Create the folder of journals. Raises ConfigurationError if it is not writable."""
    try:
        make_private(folder)
        with tempfile.TemporaryFile(dir=folder) as trial:
            os.write(trial.fileno(), b"?")
            os.fsync(trial.fileno())
    except OSError as error:
        raise _unwritable(folder, error) from None


def read_journal(path: PurePath) -> Record:
    """Parse the journal of a run, without an incomplete last line, as after a power failure.

    The PATCH of an incomplete intent was not sent. Raises JournalDamaged with the number of the
    first invalid line, and ConfigurationError if the file is not readable.
    """
    whole = _read_file(path).rpartition(b"\n")[0]
    lines = whole.split(b"\n") if whole else []
    run: dict[str, str] = {}
    intents: dict[int, Intent] = {}
    outcomes: dict[int, Mapping[str, Any]] = {}
    collateral: dict[int, Mapping[str, tuple[Value, Value]]] = {}
    exit_code: int | None = None
    for number, line in enumerate(lines, start=1):
        match _parse_line(line, number, path):
            case {"kind": "run", "environment": str(name), "base_url": str(url)} as first:
                run = {
                    "environment": name,
                    "base_url": url,
                    "started": str(first.get("started", "")),
                }
            case {
                "kind": "intent", "id": int(id_), "name": str(name), "requests": list(sent),
                "before": dict(before), "after": dict(after), "siblings": dict(siblings),
            } if (
                before.keys() <= after.keys()
                and siblings.keys() | after.keys() <= BY_PATH.keys()
                and (requests := _requests(sent)) is not None
            ):  # fmt: skip
                place = Source(str(path), number)
                intents[id_] = Intent(id_, name, requests, before, after, place, siblings)
            case {"kind": "outcome", "id": int(id_), "outcome": str(outcome), **details}:
                outcomes[id_] = {"id": id_, "outcome": outcome, **details}
            case {"kind": "collateral", "id": int(id_), "fields": dict(fields)} if (
                fields.keys() <= BY_PATH.keys() and all(map(_is_pair, fields.values()))
            ):
                collateral[id_] = {path: (was, is_) for path, (was, is_) in fields.items()}
            case {"kind": "end", "exit_code": int(code)}:
                exit_code = code
            case _:
                raise _damaged(path, number)
    return Record(
        run=path.stem,
        path=path,
        intents=intents,
        outcomes=outcomes,
        collateral=collateral,
        exit_code=exit_code,
        **run,
    )


def journals(folder: Path) -> Iterator[Path]:
    """Yield the journals of a folder, oldest first; none if the folder does not exist."""
    yield from sorted(folder.glob(f"*{SUFFIX}"))


def undoes_run(campaign: PlannedCampaign) -> bool:
    """Return whether a planned campaign undoes a run: its source is a line of a journal."""
    return Path(campaign.source.file).suffix == SUFFIX


def name_run(folder: Path, now: datetime, suffix: str) -> str:
    """Return the name of a run that starts `now` (UTC), later than all runs of the folder.

    Names sort by the start of the runs, and `undo last` and `drift` rely on that order. If the
    clock was ahead when an earlier run started, the name is 1 ms later than that run's.
    """
    started = now.replace(microsecond=now.microsecond // 1000 * 1000)
    for path in journals(folder):
        if (earlier := _started(path)) and earlier >= started:
            started = earlier + timedelta(milliseconds=1)
    return f"{started.strftime(STAMP)[:STAMP_LENGTH]}Z-{suffix}"


def _started(path: Path) -> datetime | None:
    """Return the start time in the name of a run's journal; None if the name has none."""
    try:
        return datetime.strptime(f"{path.name[:STAMP_LENGTH]}+0000", f"{STAMP}%z")
    except ValueError:
        return None


def with_checksum(content: Mapping[str, Any]) -> bytes:
    """Return a line of a journal: the content as JSON, with a checksum over it."""
    checksum = hashlib.sha256(_dump(content)).hexdigest()[:16]
    return _dump({**content, "checksum": checksum}) + b"\n"


def _parse_line(line: bytes, number: int, path: PurePath) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(line)
        del content["checksum"]
        # Compare bytes: JSON can encode a text in several ways, and we write only one of them.
        is_intact = with_checksum(content) == line + b"\n" and content.pop("n") == number
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        is_intact = False
    if not is_intact:
        raise _damaged(path, number)
    return content


def _read_file(path: PurePath) -> bytes:
    """Read a regular file. Raises ConfigurationError for links, pipes and folders; never blocks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, _reason(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unreadable(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _unreadable(path: PurePath, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot read the journal {path}: {reason}",
        hint="fix the file, or move it away to continue without it",
        code="JOURNAL",
    )


def _unwritable(path: PurePath, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"cannot write the journal {path}: {_reason(error)}",
        hint="nothing is sent without a journal; pass --journal DIR to use another folder",
        code="JOURNAL",
    )


def _requests(sent: list[Any]) -> tuple[Request, ...] | None:
    """Parse the requests of an intent; None if one of them is invalid."""
    try:
        return tuple(Request.model_validate(each) for each in sent)
    except ValidationError:
        return None


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - before and after


def _damaged(path: PurePath, number: int) -> JournalDamaged:
    return JournalDamaged(
        f"{path}:{number}: the journal is corrupt",
        hint="move the file away to continue without it; campaignsync never deletes it",
    )


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
