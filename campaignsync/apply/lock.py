"""One apply at a time for a workspace and environment on a machine.

The lock is the operating system's: it ends with its holder, however that ends. Who holds it is told
in a file beside it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from campaignsync.errors import ConfigurationError, LockHeld
from campaignsync.files import make_private


@contextmanager
def locked(folder: Path, name: str, *, timeout: float, started: str) -> Iterator[None]:
    """Hold the lock of an environment; waits `timeout` seconds for another holder to end.

    `started` is told to whoever waits. Raises LockHeld, naming the holder, and ConfigurationError
    where the folder cannot be used.
    """
    owner = folder / f"{name}.json"
    lock = FileLock(folder / f"{name}.lock", timeout=timeout, mode=0o600)
    try:
        make_private(folder)
        lock.acquire()
        _tell(owner, {"pid": os.getpid(), "started": started})
    except Timeout:
        raise LockHeld(
            f"another apply of {name} is under way{_holder(owner)}",
            hint="wait for it, or pass --lock-timeout SECONDS",
        ) from None
    except OSError as error:
        lock.release()
        raise ConfigurationError(
            f"the lock cannot be taken: {folder}: {error.strerror or error}",
            hint="mend the rights of that folder",
            code="LOCK",
        ) from None
    try:
        yield
    finally:
        # Left behind, it is made anew by the next holder: no reason to lose a run's report.
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _tell(owner: Path, holder: Mapping[str, object]) -> None:
    # Made anew: a symbolic link in its place would lead to somebody else's file.
    owner.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(owner, flags, 0o600), "w") as file:
        json.dump(holder, file)


def _holder(owner: Path) -> str:
    try:
        told = json.loads(owner.read_text())
        return f": process {told['pid']}, since {told['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
