"""What git knows of files: versions in the history of HEAD, and which ones it ignores.

The only module that runs a process. Git is asked, and trusted with nothing: no pager, no hook, no
program that a repository's configuration names, no network; neither a shell nor a `GIT_…` variable
has a say. Whose repository may be read at all (`safe.directory`) is git's own business.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

MOST_VERSIONS = 100
"""Versions of a file that are looked at."""
LARGEST = 32 * 2**20
"""Bytes of all versions of a file together."""
PATIENCE = 10.0
"""Seconds that one question to git may take."""
NO_ANSWER = "git did not answer in time"

SAFELY = (
    "git", "--no-pager", "--literal-pathspecs", "--no-replace-objects",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false",
    "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip
KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "TMPDIR", "SUDO_UID")
"""Variables that git is given: to be found, and to find whose repositories its user trusts."""
QUIETLY = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}

VERSION = re.compile(
    rb"(?:\A|\0)([0-9a-f]{40,64}) ([0-9]{4}-[0-9]{2}-[0-9]{2})\0\n"
    rb":[0-7]+ [0-7]+ [0-9a-f]+ ([0-9a-f]+) "
)
"""A commit, its date, and the file's content in it, by name."""
HEADER = re.compile(rb"([0-9a-f]+) (?:blob ([0-9]+)|missing)\n")
SHORT = 10
"""Digits of a commit that are shown."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file as a commit left it; `date` is the commit's, ISO, in its own zone."""

    commit: str
    date: str
    content: bytes


@dataclass(frozen=True, slots=True)
class History:
    """The versions of a file, newest first, renames followed; none where no commit holds it.

    `whole` is False where there may be more: past the limits here, in a shallow clone, and where
    git did not answer. `why` says why there are none.
    """

    versions: tuple[Version, ...]
    whole: bool
    why: str = ""


def history(file: Path) -> History:
    """Read a file's history, as far as git gives it."""
    try:
        shallow = _ask(file, "rev-parse", "--is-shallow-repository").strip() != b"false"
        found = VERSION.findall(_ask(file, *_log(file)))
        there = [(commit, date, blob) for commit, date, blob in found if blob.strip(b"0")]
        contents = dict(_contents(file, [blob for _, _, blob in there[:MOST_VERSIONS]]))
    except (OSError, subprocess.SubprocessError) as error:
        return History((), whole=False, why=_why(error))
    versions = tuple(
        Version(commit[:SHORT].decode(), date.decode(), contents[blob])
        for commit, date, blob in there
        if blob in contents
    )
    whole = not shallow and len(versions) == len(there)
    return History(versions, whole, "" if there else "no commit holds the file")


def file_at(folder: Path, revision: str, name: str) -> bytes | None:
    """Return a file of a folder as it is at a revision; None where the revision has no such file.

    Raises ValueError, saying why, for a revision that git does not know.
    """
    here = folder / name
    try:
        found = _ask(here, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        commit = found.decode().strip()
        if not _ask(here, "ls-tree", "--name-only", commit, "--", name).strip():
            return None
        return _ask(here, "cat-file", "blob", f"{commit}:./{name}")
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(_why(error)) from None


def ignored(folder: Path) -> frozenset[PurePath]:
    """Return the ignored files below a folder, relative to it; a folder stands for all in it.

    The result is empty outside a repository, and where git does not answer.
    """
    question = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    try:
        listed = _ask(folder / "any", *question)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(PurePath(os.fsdecode(path)) for path in listed.split(b"\0") if path)


def _why(error: Exception) -> str:
    match error:
        case subprocess.CalledProcessError(stderr=bytes(said)) if said.strip():
            return f"git says: {said.decode(errors='replace').splitlines()[0]}"
        case FileNotFoundError():
            return "git is not here"
        case subprocess.TimeoutExpired():
            return NO_ANSWER
        case _:
            return "git failed"


def _log(file: Path) -> Sequence[str]:
    return (
        "log", f"--max-count={MOST_VERSIONS + 1}", "--follow", "--raw", "-z", "--no-abbrev",
        "--diff-merges=first-parent", "--no-color", "--no-show-signature", "--no-ext-diff",
        "--no-textconv", "--format=%H %cs", "--", file.name,
    )  # fmt: skip


def _contents(file: Path, blobs: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Give contents by name, the first ones first, as many as are not too large together."""
    names = b"".join(blob + b"\n" for blob in dict.fromkeys(blobs))
    room, fitting = LARGEST, b""
    for found in HEADER.finditer(_ask(file, "cat-file", "--batch-check", given=names)):
        room -= int(found[2] or 0)
        if room < 0:
            break
        fitting += found[1] + b"\n"
    said, at = _ask(file, "cat-file", "--batch", given=fitting), 0
    while header := HEADER.match(said, at):
        end = header.end() + int(header[2] or 0)
        if header[2]:
            yield header[1], said[header.end() : end]
        at = end + (1 if header[2] else 0)


def _ask(file: Path, *question: str, given: bytes = b"") -> bytes:
    """Ask git in a file's folder; raises OSError or SubprocessError where it does not answer."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(  # noqa: S603 - no shell, and a file's name stands behind `--`
        [*SAFELY, "-C", str(file.parent), *question],
        env={**kept, **QUIETLY, "LC_ALL": "C"},
        input=given,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
