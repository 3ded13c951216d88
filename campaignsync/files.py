"""Files and folders of our own: private, and whole whenever the power goes.

Definitions are written here, too, whole like everything else, and with the mode that they had.
"""

import contextlib
import os
from pathlib import Path

from campaignsync.errors import CampaignSyncError

PRIVATE, PUBLIC = 0o600, 0o644


def write_whole(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a file, replacing an older one at once; only its owner can read it.

    With the mode PUBLIC everybody can: that is for what a program of another user collects.
    Raises CampaignSyncError where that cannot be done; what was there before is then untouched.
    """
    try:
        if path.parent.resolve() == Path("/dev") or (path.exists() and not path.is_file()):
            raise OSError("it is a device or a pipe, and would be replaced by a file")  # noqa: TRY301 - told as what the system refuses is
        _put(path, text.encode(), mode)
    except OSError as error:
        raise _unwritable(path, error) from None


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file's content at once; its mode stays, and a link to it stays a link.

    Raises CampaignSyncError where that cannot be done; the file is then untouched.
    """
    try:
        real = path.resolve(strict=True)
        _put(real, content, real.stat().st_mode & 0o7777)
    except OSError as error:
        raise _unwritable(path, error) from None


def create(path: Path, text: str) -> bool:
    """Write a new file, whole, as readable as the user's other files; False where one is there.

    Raises CampaignSyncError where that cannot be done.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put(path, text.encode(), 0o666 & ~_umask(), anew=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def _unwritable(path: Path, error: OSError) -> CampaignSyncError:
    reason = error.strerror or str(error)
    hint = "make room, or name a place that you can write to"
    return CampaignSyncError(f"cannot write {path}: {reason}", hint=hint, code="OUTPUT")


def _umask() -> int:
    """Give the mask of new files' modes: it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _put(path: Path, content: bytes, mode: int, *, anew: bool = False) -> None:
    """Put content into a path's place at once; `anew` raises FileExistsError if one is there."""
    import tempfile  # noqa: PLC0415 - seven milliseconds, for those who write alone

    # mkstemp's files have mode 0600 from the start.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        if anew:
            # A link, unlike a rename, never takes the place of what is there.
            os.link(temporary, path)
            os.unlink(temporary)  # noqa: PTH108 - a str from mkstemp
        else:
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
