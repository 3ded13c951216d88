"""What was about to be written, and what came of it, on disk before and after each write.

One file a run, one JSON object a line, each with its number and a checksum over the rest of the
line. A line is on the disk (fsync) before anything that it announces happens. There is no state
here: live is the truth, the journal says what this program did to it.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from campaignsync.errors import ConfigurationError, JournalDamaged, JournalUnwritable, Source
from campaignsync.files import make_private, sync_folder
from campaignsync.model.fields import BY_PATH, Value

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Intent:
    """A PATCH that was about to be sent: its body, and its fields before and after."""

    id: int
    name: str
    patch: Mapping[str, Any]
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    source: Source


@dataclass(frozen=True, slots=True)
class Record:
    """One run, read back: what it intended, what came of it, and whether it came to its end.

    `collateral` holds what a PATCH changed without naming it, before and after.

    An intent without an outcome is a write of which nothing is known. `torn` says that the last
    line was cut, as a power failure does; it announced nothing that happened.
    """

    run: str
    path: Path
    header: Mapping[str, Any]
    intents: Mapping[int, Intent] = field(default_factory=dict)
    outcomes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    collateral: Mapping[int, Mapping[str, tuple[Value, Value]]] = field(default_factory=dict)
    exit_code: int | None = None
    torn: bool = False

    @property
    def unfinished(self) -> bool:
        """Tell whether the run was cut off, or left a write of which nothing is known."""
        return self.exit_code is None or bool(self.unresolved)

    @property
    def unresolved(self) -> tuple[Intent, ...]:
        """Give the writes whose outcome was never learnt."""
        known = {id_ for id_, told in self.outcomes.items() if told["outcome"] != "unknown"}
        return tuple(intent for id_, intent in self.intents.items() if id_ not in known)


class Journal:
    """The journal of one run, open for appending."""

    def __init__(self, path: Path, descriptor: int, lines: int = 0) -> None:
        self.path = path
        self._descriptor = descriptor
        self._lines = lines
        self._announced: set[int] = set()
        self._broken: OSError | None = None

    @classmethod
    def begin(cls, folder: Path, run: str, header: Mapping[str, Any]) -> Self:
        """Start the journal of a run, mode 0600; raises ConfigurationError where that cannot be."""
        path = folder / f"{run}{SUFFIX}"
        try:
            make_private(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
            journal = cls(path, os.open(path, flags, 0o600))
            journal.append("run", run=run, **header)
            sync_folder(folder)
        except (OSError, JournalUnwritable) as error:
            raise _unwritable(path, error) from None
        return journal

    @classmethod
    def resume(cls, record: Record) -> Self:
        """Append to the journal of an earlier run, after cutting off a torn last line.

        Raises ConfigurationError where that cannot be.
        """
        whole, newline, _ = _content(record.path).rpartition(b"\n")
        try:
            descriptor = os.open(record.path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
            os.ftruncate(descriptor, len(whole) + len(newline))
        except OSError as error:
            raise _unwritable(record.path, error) from None
        return cls(record.path, descriptor, whole.count(b"\n") + len(newline))

    def intend(self, intent: Intent) -> None:
        """Put an intent on disk; only then may its PATCH be sent. Raises JournalUnwritable."""
        self.append(
            "intent",
            id=intent.id,
            name=intent.name,
            patch=intent.patch,
            before=intent.before,
            after=intent.after,
        )
        self._announced.add(intent.id)

    def announced(self, id_: int) -> bool:
        """Tell whether an intent for this campaign is on disk."""
        return id_ in self._announced

    def note_collateral(self, id_: int, lost: Mapping[str, tuple[Value, Value]]) -> None:
        """Put on disk what a PATCH changed without naming it, so that it can be put back."""
        self.append("collateral", id=id_, fields={path: list(both) for path, both in lost.items()})

    def conclude(self, id_: int, outcome: str, **told: Any) -> None:
        """Put on disk what came of a write; raises JournalUnwritable."""
        self.append("outcome", id=id_, outcome=outcome, **told)

    def end(self, exit_code: int) -> None:
        """Say that the run came to its end, and close. Raises JournalUnwritable."""
        self.append("end", exit_code=exit_code)
        os.close(self._descriptor)

    def append(self, kind: str, **content: Any) -> None:
        line = sealed({"n": self._lines + 1, "kind": kind, **content})
        try:
            if self._broken:  # behind half a line nothing would be readable
                raise self._broken
            written = os.write(self._descriptor, line)
            if written != len(line):
                os.write(self._descriptor, line[written:])  # raises what cut the first write short
            os.fsync(self._descriptor)
        except OSError as error:
            self._broken = error
            raise JournalUnwritable(
                f"the journal cannot be written: {self.path}: {_reason(error)}",
                hint="make room, then run apply again: it reads what is live before it writes",
                line=line.decode().strip(),
            ) from None
        self._lines += 1


def make_ready(folder: Path) -> None:
    """Make the folder of the journals; raises ConfigurationError where none can be written."""
    try:
        make_private(folder)
        with tempfile.TemporaryFile(dir=folder) as trial:
            os.write(trial.fileno(), b"?")
            os.fsync(trial.fileno())
    except OSError as error:
        raise _unwritable(folder, error) from None


def read_journal(path: Path) -> Record:
    """Read a run back.

    Raises JournalDamaged with the line, and ConfigurationError where it cannot be read.
    """
    whole, _, tail = _content(path).rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    header: dict[str, Any] = {}
    intents: dict[int, Intent] = {}
    outcomes: dict[int, Mapping[str, Any]] = {}
    collateral: dict[int, Mapping[str, tuple[Value, Value]]] = {}
    exit_code: int | None = None
    for number, line in enumerate(lines, start=1):
        match _opened(line, number, path):
            case {"kind": "run", "environment": str(), "base_url": str()} as told:
                header = told
            case {
                "kind": "intent", "id": int(id_), "name": str(name), "patch": dict(patch),
                "before": dict(before), "after": dict(after),
            } if {*before, *after} <= BY_PATH.keys():  # fmt: skip
                place = Source(str(path), number)
                intents[id_] = Intent(id_, name, patch, before, after, place)
            case {"kind": "outcome", "id": int(id_), "outcome": str(outcome), **told}:
                outcomes[id_] = {"id": id_, "outcome": outcome, **told}
            case {"kind": "collateral", "id": int(id_), "fields": dict(fields)} if (
                fields.keys() <= BY_PATH.keys() and all(map(_is_pair, fields.values()))
            ):
                collateral[id_] = {path: (was, is_) for path, (was, is_) in fields.items()}
            case {"kind": "end", "exit_code": int(code)}:
                exit_code = code
            case _:
                raise _damaged(path, number)
    return Record(
        path.stem, path, header, intents, outcomes, collateral, exit_code, torn=bool(tail)
    )


def journals(folder: Path) -> Iterator[Path]:
    """Give the journals of a folder, oldest first; none where there is no folder."""
    yield from sorted(folder.glob(f"*{SUFFIX}"))


def sealed(content: Mapping[str, Any]) -> bytes:
    """Give a line: the content, and a checksum over it."""
    return _dump({**content, "checksum": _checksum(content)}) + b"\n"


def _opened(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(line)
        del content["checksum"]
        # Byte for byte: one text has many spellings in JSON, and only one of them is ours.
        intact = sealed(content) == line + b"\n" and content.pop("n") == number
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise _damaged(path, number)
    found: dict[str, Any] = content
    return found


def _content(path: Path) -> bytes:
    """Read a regular file; nothing else in its place is waited for, or followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, _reason(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unreadable(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _unreadable(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the journal cannot be read: {path}: {reason}",
        hint="put the file in order, or move it away to go on without what it says",
        code="JOURNAL",
    )


def _unwritable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the journal cannot be written: {path}: {_reason(error)}",
        hint="without it nothing is sent; pass --journal DIR for another place",
        code="JOURNAL",
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - before and after


def _damaged(path: Path, number: int) -> JournalDamaged:
    return JournalDamaged(
        f"{path}:{number}: the journal is damaged",
        hint="move the file away to go on without what it says; nothing deletes it for you",
    )


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(content)).hexdigest()[:16]


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
