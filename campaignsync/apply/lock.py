"""Allow one apply at a time per environment, and one writer per journal.

The operating system holds the locks, and releases them when their holder ends, even after a crash.
A JSON file beside the lock of an environment names the holder.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from campaignsync.errors import ConfigurationError, LockHeld
from campaignsync.write_files import make_private


@contextmanager
def locked(folder: Path, name: str, *, timeout: float, started: str) -> Iterator[None]:
    """Hold the lock of an environment; wait up to `timeout` seconds for another holder to end.

    `started` is the time that other processes show for this holder. Raises LockHeld, naming the
    holder, and ConfigurationError if the folder cannot be used.
    """
    owner = folder / f"{name}.json"
    lock = FileLock(folder / f"{name}.lock", timeout=timeout, mode=0o600)
    try:
        make_private(folder)
        lock.acquire()
        _write_holder(owner, {"pid": os.getpid(), "started": started})
    except Timeout:
        raise LockHeld(
            f"another apply of {name} is running{_describe_holder(owner)}",
            hint="wait for it, or pass --lock-timeout SECONDS",
        ) from None
    except OSError as error:
        lock.release()
        raise ConfigurationError(
            f"cannot lock {folder}: {error.strerror or error}",
            hint="fix the permissions of that folder",
            code="LOCK",
        ) from None
    try:
        yield
    finally:
        # Ignore errors: the next holder replaces this file, and the run's report is not lost.
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


@contextmanager
def open_locked(path: PurePath, flags: int = 0) -> Iterator[int]:
    """Open a journal for appending, and lock it until it is closed: here only if the block raises.

    Two workspaces may share a folder of journals: their environments have separate locks. Raises
    LockHeld if another process writes the journal, and OSError.
    """
    descriptor = os.open(path, flags | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        os.close(descriptor)
        raise LockHeld(
            f"run {path.stem} has not ended: another process writes {path}",
            hint="wait for it, or pass --lock-timeout SECONDS",
        ) from None
    except BaseException:
        os.close(descriptor)
        raise


def _write_holder(owner: Path, holder: Mapping[str, object]) -> None:
    # Create a new file: writing through a symbolic link would overwrite another file.
    owner.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(owner, flags, 0o600), "w") as file:
        json.dump(holder, file)


def _describe_holder(owner: Path) -> str:
    try:
        holder = json.loads(owner.read_text())
        return f": process {holder['pid']}, since {holder['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
