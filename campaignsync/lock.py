"""One apply at a time for a workspace and environment on a machine.

The lock is the operating system's: it ends with its holder, however that ends. Who holds it is told
in a file beside it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
        owner.write_text(json.dumps({"pid": os.getpid(), "started": started}))
    except Timeout:
        raise LockHeld(
            f"another apply of {name} is under way{_holder(owner)}",
            hint="wait for it, or pass --lock-timeout SECONDS",
        ) from None
    except OSError as error:
        lock.release()
        raise ConfigurationError(
            f"the lock cannot be taken: {folder}: {error.strerror or error}", code="LOCK"
        ) from None
    try:
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _holder(owner: Path) -> str:
    try:
        told = json.loads(owner.read_text())
        return f": process {told['pid']}, since {told['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
