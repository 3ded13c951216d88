"""Read file versions from git, and list the files that git ignores.

This is the only module that runs a process. It does not trust the repository: git runs without a
pager, hooks, programs from the repository's configuration, network access, a shell or `GIT_…`
variables of the caller. Git itself checks whether the user may read the repository
(`safe.directory`).
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

MOST_VERSIONS = 100
"""Maximum versions of a file that are read."""
LARGEST = 32 * 2**20
"""Maximum bytes of all versions of a file together."""
TIMEOUT = 10.0
"""Timeout of one git command, in seconds."""
TIMED_OUT = "git timed out"

SAFE_GIT = (
    "git", "--no-pager", "--literal-pathspecs", "--no-replace-objects",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false",
    "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip
PASSED_VARIABLES = ("PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "TMPDIR", "SUDO_UID")
"""Environment variables passed to git: PATH to find it, and those that git needs to find the user's
configuration, which lists the trusted repositories."""
SAFE_VARIABLES = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}

VERSION = re.compile(
    rb"(?:\A|\0)([0-9a-f]{40,64}) ([0-9]{4}-[0-9]{2}-[0-9]{2})\0\n"
    rb":[0-7]+ [0-7]+ [0-9a-f]+ ([0-9a-f]+) "
)
"""Matches a commit, its date, and the object name of the file's content in that commit."""
HEADER = re.compile(rb"([0-9a-f]+) (?:blob ([0-9]+)|missing)\n")
SHORT = 10
"""Digits of an abbreviated commit hash."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file after a commit; `date` is the commit's ISO date, in the committer's time zone."""

    commit: str
    date: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The versions of a file, newest first, renames followed; empty if no commit has the file.

    `is_whole` is False if there may be more versions: the history exceeds the limits of this
    module, the clone is shallow, or git failed. `reason` is set if there are no versions.
    """

    versions: tuple[Version, ...]
    is_whole: bool
    reason: str = ""


def history(file: Path) -> FileHistory:
    """Return the history of a file; if git fails, return an empty one with the reason."""
    try:
        is_shallow = _git(file, "rev-parse", "--is-shallow-repository").strip() != b"false"
        log = VERSION.findall(_git(file, *_log_arguments(file)))
        present = [(commit, date, blob) for commit, date, blob in log if blob.strip(b"0")]
        contents = dict(_contents(file, [blob for _, _, blob in present[:MOST_VERSIONS]]))
    except (OSError, subprocess.SubprocessError) as error:
        return FileHistory((), is_whole=False, reason=_reason(error))
    versions = tuple(
        Version(commit[:SHORT].decode(), date.decode(), contents[blob])
        for commit, date, blob in present
        if blob in contents
    )
    is_whole = not is_shallow and len(versions) == len(present)
    return FileHistory(versions, is_whole, "" if present else "no commit contains the file")


def file_at(folder: Path, revision: str, name: str) -> bytes | None:
    """Return the content of a file in a folder at a revision; None if the file is missing there.

    Raises ValueError with the reason if git does not find the revision, fails or times out.
    """
    here = folder / name
    try:
        output = _git(here, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        commit = output.decode().strip()
        if not _git(here, "ls-tree", "--name-only", commit, "--", name).strip():
            return None
        return _git(here, "cat-file", "blob", f"{commit}:./{name}")
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(_reason(error)) from None


def ignored_files(folder: Path) -> frozenset[PurePath]:
    """Return the ignored files and folders below a folder, relative to it.

    Files in an ignored folder are not listed. The result is empty outside a repository, and if git
    fails or times out.
    """
    arguments = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    try:
        listed = _git(folder / "any", *arguments)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(PurePath(os.fsdecode(path)) for path in listed.split(b"\0") if path)


def _reason(error: Exception) -> str:
    match error:
        case subprocess.CalledProcessError(stderr=bytes(stderr)) if stderr.strip():
            return f"git: {stderr.decode(errors='replace').splitlines()[0]}"
        case FileNotFoundError():
            return "git is not installed"
        case subprocess.TimeoutExpired():
            return TIMED_OUT
        case _:
            return "git failed"


def _log_arguments(file: Path) -> Sequence[str]:
    return (
        "log", f"--max-count={MOST_VERSIONS + 1}", "--follow", "--raw", "-z", "--no-abbrev",
        "--diff-merges=first-parent", "--no-color", "--no-show-signature", "--no-ext-diff",
        "--no-textconv", "--format=%H %cs", "--", file.name,
    )  # fmt: skip


def _contents(file: Path, blobs: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield object names and contents in the given order, until their total exceeds LARGEST."""
    names = b"".join(blob + b"\n" for blob in dict.fromkeys(blobs))
    free_bytes, fitting = LARGEST, b""
    for entry in HEADER.finditer(_git(file, "cat-file", "--batch-check", stdin=names)):
        free_bytes -= int(entry[2] or 0)
        if free_bytes < 0:
            break
        fitting += entry[1] + b"\n"
    output, at = _git(file, "cat-file", "--batch", stdin=fitting), 0
    while header := HEADER.match(output, at):
        end = header.end() + int(header[2] or 0)
        if header[2]:
            yield header[1], output[header.end() : end]
        at = end + (1 if header[2] else 0)


def _git(file: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Return the output of a git command, run in the folder of a file.

    Raises OSError if git cannot be started, SubprocessError if it fails or times out.
    """
    kept = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    return subprocess.run(  # noqa: S603 - no shell, and file names follow `--`
        [*SAFE_GIT, "-C", str(file.parent), *arguments],
        env={**kept, **SAFE_VARIABLES, "LC_ALL": "C"},
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    ).stdout
