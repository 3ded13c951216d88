"""Write files atomically, so that a power failure never leaves a partial one.

Our own files and folders are private. Definitions keep the mode that they had.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from campaignsync.errors import CampaignSyncError

PRIVATE, PUBLIC = 0o600, 0o644


def write_whole(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a file, replacing an older one atomically.

    By default only its owner can read it. Use the mode PUBLIC for files that a program of another
    user collects. Raises CampaignSyncError if the file cannot be written; the older one then stays.
    """
    try:
        if path.parent.resolve() == Path("/dev") or (path.exists() and not path.is_file()):
            raise OSError("it is a device or a pipe, and would be replaced by a file")  # noqa: TRY301 - reported like an error of the system
        _put(path, text.encode(), mode)
    except OSError as error:
        raise _unwritable(path, error) from None


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file's content atomically; its mode stays, and a link to it stays a link.

    Raises CampaignSyncError if the file cannot be written; it is then unchanged.
    """
    try:
        real = path.resolve(strict=True)
        _put(real, content, real.stat().st_mode & 0o7777)
    except OSError as error:
        raise _unwritable(path, error) from None


def create(path: Path, text: str) -> bool:
    """Write a new file with the user's default mode; return False if the file exists.

    Raises CampaignSyncError if the file cannot be written.
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
    hint = "free some disk space, or use a path that you can write to"
    return CampaignSyncError(f"cannot write {path}: {reason}", hint=hint, code="OUTPUT")


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _put(path: Path, content: bytes, mode: int, *, anew: bool = False) -> None:
    """Write a file atomically; with `anew`, raise FileExistsError if it exists."""
    # mkstemp's files have mode 0600 from the start.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        if anew:
            # A link, unlike a rename, never replaces an existing file.
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
    """Write a folder's entries to disk; otherwise a power failure may lose a new file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(folder: Path) -> None:
    """Create a folder, and missing folders above it, with mode 0700.

    An existing folder keeps its mode. Raises OSError, also if the folder is a symbolic link, which
    may lead to another user's folder.
    """
    if folder.is_symlink():
        raise OSError(f"{folder} is a symbolic link")
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
