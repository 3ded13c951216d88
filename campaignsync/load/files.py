"""Files of definitions: which ones, and their bytes."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from campaignsync.errors import ConfigurationError

SUFFIXES = (".yaml", ".yml")
WORKSPACE = "campaignsync.yaml"
LARGEST = 2 * 1024 * 1024
"""Bytes of one file: a prompt may be long, a book is a mistake."""


def find(paths: Sequence[Path]) -> list[Path]:
    """Give the files of definitions under paths, each once, in the order of their names.

    A folder means its YAML files, recursively; hidden ones and campaignsync.yaml are left out.
    Raises ConfigurationError where a path does not exist, where nothing is found, and for what is
    no regular file or a link that leads away: what it shows was not reviewed (FAULTS.md, F6).
    """
    found: dict[tuple[int, int], Path] = {}
    for path in paths:
        if path.suffix.lower() == ".json":
            raise _saved_plan(path)
        files = list(_under(path)) if path.is_dir() else [within(path, path.parent)]
        if not files:
            raise _nothing(path)
        for file in files:
            found.setdefault(_identity(file), _sayable(file))
    if not found:
        raise _nothing(Path())
    return sorted(found.values(), key=shown)


def _under(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder, onerror=_refuse_unlisted):
        if WORKSPACE in files and Path(where) != folder:
            raise ConfigurationError(
                f"{shown(Path(where))} is a workspace of its own",
                hint=f"name it, or name the folders beside it, instead of {shown(folder)}",
                code="SEVERAL_WORKSPACES",
            )
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            # A linked folder is not walked: inside, it is found anyway; outside, it is refused.
            within(Path(where, name), folder)
        for name in files:
            if name.endswith(SUFFIXES) and not name.startswith(".") and name != WORKSPACE:
                yield within(Path(where, name), folder)


def within(path: Path, folder: Path) -> Path:
    """Give the path back; raises ConfigurationError for a link that leads out of the folder."""
    if path.is_symlink() and not _leads_into(path, folder):
        raise ConfigurationError(
            f"{shown(path)} is a link that leads out of {shown(folder)}",
            hint="put what it shows there itself, or name that",
            code="OUTSIDE",
        )
    return path


def _leads_into(link: Path, folder: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # it leads nowhere, or round in a circle
        return False


def _identity(file: Path) -> tuple[int, int]:
    """Tell a file by what it is, not by how it was spelled; it is not opened for that."""
    try:
        status = file.stat()
    except (OSError, ValueError):
        raise ConfigurationError(
            f"no such file or folder: {shown(file)}",
            hint="name a workspace, a folder of definitions, or a definition",
            code="NO_DEFINITION",
        ) from None
    if not stat.S_ISREG(status.st_mode):
        hint = "a definition is a file, and not a device or a pipe"
        message = f"{shown(file)} is not a regular file"
        raise ConfigurationError(message, hint=hint, code="UNREADABLE")
    return status.st_dev, status.st_ino


def _sayable(file: Path) -> Path:
    """Refuse a name whose bytes are no text: neither a plan nor a report could say it."""
    spelled = os.fsencode(shown(file)).decode(errors="backslashreplace")
    if spelled != shown(file):
        message = f"the name of {spelled} is not UTF-8"
        raise ConfigurationError(message, hint="rename the file", code="NOT_UTF8")
    return file


def _refuse_unlisted(error: OSError) -> None:
    """Stop at a folder that cannot be listed: its definitions would be missing in silence."""
    folder = shown(Path(error.filename))
    message = f"the folder {folder} cannot be read: {error.strerror}"
    hint = "give yourself the right to list it, or name what is beside it"
    raise ConfigurationError(message, hint=hint, code="UNREADABLE") from None


def _saved_plan(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{shown(path)} is not a definition: definitions are .yaml or .yml files",
        hint=f"`campaignsync apply {shown(path)}` applies a saved plan,"
        f" `campaignsync show {shown(path)}` shows it",
        code="NO_DEFINITION",
    )


def _nothing(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"no definition found in {shown(path)}",
        hint="a definition is a .yaml or .yml file; `campaignsync.yaml` is none",
        code="NO_DEFINITION",
    )


def read(path: Path, largest: int = LARGEST) -> bytes:
    """Read a regular file, opened once; raises ValueError saying why it cannot be read."""
    try:
        # Without O_NONBLOCK a FIFO would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest // 1024} KiB")
    return content


def shown(path: Path) -> str:
    """Give a path as the user would type it from the current folder."""
    if not path.is_absolute() and ".." not in path.parts:
        return path.as_posix()  # of thousands of files nearly every one, and it is so already
    relative = os.path.relpath(path)
    far = path.is_absolute() and relative.startswith("..")
    return path.as_posix() if far else Path(relative).as_posix()
