"""Find and read definition files."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from campaignsync.errors import ConfigurationError

SUFFIXES = (".yaml", ".yml")
WORKSPACE = "campaignsync.yaml"
LARGEST = 2 * 1024 * 1024
"""Maximum bytes of a definition file; a long prompt fits, a larger file is a mistake."""


def is_yaml(path: Path) -> bool:
    """Return whether a path has the suffix of a definition, in lower or upper case."""
    return path.suffix.lower() in SUFFIXES


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the definition files under some paths, without duplicates, sorted by name.

    A folder is searched recursively for YAML files; hidden files and campaignsync.yaml are skipped.
    Raises ConfigurationError if a path does not exist, if no file is found, or if a file is not a
    regular file or is a link that leads out of its folder: its content was not reviewed there.
    """
    found: list[Path] = []
    for path in paths:
        if path.suffix.lower() == ".json":
            raise _saved_plan(path)
        if path.name == WORKSPACE:
            raise _workspace_file(path)
        # Path.exists() would raise OSError for a name that is too long.
        if not os.path.lexists(path):
            raise _not_found(path)
        files = list(_under(path)) if path.is_dir() else [check_link(path, path.parent)]
        if not files:
            raise _no_definition(path)
        found += files
    files_by_identity: dict[tuple[int, int], Path] = {}
    # A definition that is also linked is named by its file: git has no history of its link.
    for file in sorted(found, key=lambda file: (file.is_symlink(), file)):
        files_by_identity.setdefault(_identity(file), _with_utf8_name(file))
    return sorted(files_by_identity.values(), key=display_path)


def _under(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder, onerror=_refuse_unlisted):
        if WORKSPACE in files and Path(where) != folder:
            raise ConfigurationError(
                f"{display_path(Path(where))} is a workspace of its own",
                hint=f"pass it, or the folders beside it, instead of {display_path(folder)}",
                code="SEVERAL_WORKSPACES",
            )
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            # os.walk does not follow a linked folder: its target is found anyway if it is inside
            # `folder`, and rejected here if it is outside.
            check_link(Path(where, name), folder)
        for name in files:
            if is_yaml(Path(name)) and not name.startswith(".") and name != WORKSPACE:
                yield check_link(Path(where, name), folder)


def check_link(path: Path, folder: Path) -> Path:
    """Return the path; raise ConfigurationError if it is a link that leads out of the folder."""
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - Path's raises for long names
        raise ConfigurationError(
            f"{display_path(path)} is a broken link",
            hint="remove it, or correct its target",
            code="UNREADABLE",
        )
    if path.is_symlink() and not _leads_into(path, folder):
        raise ConfigurationError(
            f"{display_path(path)} is a link that leads out of {display_path(folder)}",
            hint="move the target into that folder, or pass the target's own path",
            code="OUTSIDE",
        )
    return path


def _leads_into(link: Path, folder: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a broken link, or a loop of links
        return False


def _identity(file: Path) -> tuple[int, int]:
    """Return the device and inode of a file, which are the same for every spelling of its path.

    The file is not opened, because opening a device or a pipe may block. Raises ConfigurationError
    if the file is missing or not a regular file.
    """
    try:
        status = file.stat()
    except (OSError, ValueError):
        raise _not_found(file) from None
    if not stat.S_ISREG(status.st_mode):
        hint = "a definition must be a regular file, not a device or a pipe"
        message = f"{display_path(file)} is not a regular file"
        raise ConfigurationError(message, hint=hint, code="UNREADABLE")
    return status.st_dev, status.st_ino


def _with_utf8_name(file: Path) -> Path:
    """Return the path; raise ConfigurationError if its name is not UTF-8.

    Plans and reports could not contain the name.
    """
    spelled = os.fsencode(display_path(file)).decode(errors="backslashreplace")
    if spelled != display_path(file):
        message = f"the name of {spelled} is not UTF-8"
        raise ConfigurationError(message, hint="rename the file", code="NOT_UTF8")
    return file


def _refuse_unlisted(error: OSError) -> None:
    """Raise ConfigurationError for an unlistable folder: os.walk would skip its definitions."""
    folder = display_path(Path(error.filename))
    message = f"the folder {folder} cannot be read: {error.strerror}"
    hint = "fix the folder's permissions, or pass other paths"
    raise ConfigurationError(message, hint=hint, code="UNREADABLE") from None


def _saved_plan(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{display_path(path)} is not a definition: definitions are .yaml or .yml files",
        hint=f"`campaignsync apply {display_path(path)}` applies a saved plan,"
        f" `campaignsync show {display_path(path)}` shows it",
        code="NO_DEFINITION",
    )


def _workspace_file(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{display_path(path)} is the workspace's file, not a definition",
        hint=f"pass its folder: {display_path(path.parent)}",
        code="NO_DEFINITION",
    )


def _not_found(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"no such file or folder: {display_path(path)}",
        hint="pass a workspace, a folder of definitions, or a definition",
        code="NO_DEFINITION",
    )


def _no_definition(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"no definition found in {display_path(path)}",
        hint="a definition is a .yaml or .yml file; `campaignsync.yaml` is not one",
        code="NO_DEFINITION",
    )


def read(path: Path, largest: int = LARGEST) -> bytes:
    """Return the bytes of a regular file.

    Raises ValueError with the reason if it cannot be read, is not a regular file, or is larger than
    `largest` bytes. The file is opened once, so what is checked is also what is read.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO blocks until it has a writer.
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


def display_path(path: Path) -> str:
    """Return a path as the user would type it from the current folder.

    It is relative to that folder, except for an absolute path outside of it.
    """
    if not path.is_absolute() and ".." not in path.parts:
        return path.as_posix()  # the fast way for most of thousands of files
    relative = os.path.relpath(path)
    far = path.is_absolute() and relative.startswith("..")
    return path.as_posix() if far else Path(relative).as_posix()
