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
    Raises ConfigurationError where a path does not exist, or where nothing is found.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        files = list(_under(path)) if path.is_dir() else [_existing(path)]
        if not files:
            raise _nothing(path)
        found |= {file.resolve(): _sayable(file) for file in files}
    if not found:
        raise _nothing(Path())
    return sorted(found.values(), key=shown)


def _under(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith(".") and name != WORKSPACE:
                yield _inside(Path(where, name), folder)


def _inside(file: Path, folder: Path) -> Path:
    """Refuse a symbolic link that leads out of the folder: what it shows was not reviewed."""
    if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            f"{shown(file)} is a link that leads out of {shown(folder)}",
            hint="put the definition itself there",
        )
    return file


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(
            f"no such file or folder: {shown(path)}",
            hint="name a workspace, a folder of definitions, or a definition",
            code="NO_DEFINITION",
        )
    return path


def _sayable(file: Path) -> Path:
    """Refuse a name whose bytes are no text: neither a plan nor a report could say it."""
    spelled = os.fsencode(shown(file)).decode(errors="backslashreplace")
    if spelled != shown(file):
        raise ConfigurationError(f"the name of {spelled} is not UTF-8", hint="rename the file")
    return file


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
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest // 1024} KiB")
    return content


def shown(path: Path) -> str:
    """Give a path as the user would type it from the current folder."""
    relative = os.path.relpath(path)
    far = path.is_absolute() and relative.startswith("..")
    return path.as_posix() if far else Path(relative).as_posix()
