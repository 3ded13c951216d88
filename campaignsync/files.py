"""Files and folders of our own: private, and whole whenever the power goes."""

import contextlib
import os
import tempfile
from pathlib import Path

from campaignsync.errors import CampaignSyncError


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner can read (mode 0600), replacing an older one at once.

    Raises CampaignSyncError where that cannot be done; what was there before is then untouched.
    """
    try:
        _replace(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CampaignSyncError(f"cannot write {path}: {reason}", code="OUTPUT") from None


def _replace(path: Path, text: str) -> None:
    if path.parent.resolve() == Path("/dev") or (path.exists() and not path.is_file()):
        raise OSError("it is a device or a pipe, and would be replaced by a file")
    # mkstemp's files have mode 0600 from the start.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - a str from mkstemp
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - a str from mkstemp
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's own entries on the disk: a new file is lost with them otherwise."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, that only its owner can enter (mode 0700).

    One that is there keeps what it is. Raises OSError; a symbolic link in the folder's place is
    refused, for it leads somewhere else.
    """
    if folder.is_symlink():
        raise OSError(f"{folder} is a symbolic link")
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
