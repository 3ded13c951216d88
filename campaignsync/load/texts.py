"""Read the texts that definitions keep in files of the workspace: `{file: hello.txt}`.

These texts are sent to people and shown in reports, so only files that are reviewed with the
definitions are allowed: no hidden file, no file that git ignores, no file outside the workspace.
"""

from functools import cached_property
from pathlib import Path, PurePath

from campaignsync.characters import HIDDEN
from campaignsync.load import git
from campaignsync.load.files import display_path, read
from campaignsync.load.yaml_document import SourceFile
from campaignsync.yamltree.text import Unreadable, decode, position_of

LARGEST_TEXT = 64 * 1024
"""Maximum bytes of a text; a long prompt needs a tenth of that."""


class Texts:
    """The text files below the folder of a workspace; each is read once and cached."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self._files: dict[str, SourceFile] = {}

    def read(self, name: str) -> SourceFile:
        """Return a file with its text and its problems.

        Raises Unreadable for a file that is missing, too large, not text, outside the workspace,
        hidden, or ignored by git.
        """
        if name not in self._files:
            self._files[name] = self._read_file(name)
        return self._files[name]

    def _read_file(self, name: str) -> SourceFile:
        path = self._root / name
        inside = self._path_inside(path)
        if Path(name).is_absolute() or inside is None:
            hint = "name a file in the workspace, relative to its folder"
            raise Unreadable("OUTSIDE", "the path leads out of the workspace", hint=hint)
        for each in (PurePath(name), inside):  # check the target, too: the path may be a link
            self._refuse_unreviewed(each)
        try:
            content = read(path, LARGEST_TEXT)
        except ValueError as error:
            hint = f"the path is relative to the workspace: {display_path(path)}"
            message = f"cannot read the file: {error}"
            raise Unreadable("UNREADABLE", message, hint=hint) from None
        return _source_file(display_path(path), content)

    def _path_inside(self, path: Path) -> PurePath | None:
        """Return the path without links, relative to the workspace; None if it is outside."""
        try:
            return path.resolve().relative_to(self._root.resolve())
        except (OSError, ValueError, RuntimeError):  # not a file name, or a loop of links
            return None

    def _refuse_unreviewed(self, path: PurePath) -> None:
        if any(part.startswith(".") and part not in (".", "..") for part in path.parts):
            raise Unreadable(
                "HIDDEN_FILE",
                f"`{path}` is a hidden file",
                hint="move the text to a file whose path has no part that begins with a dot",
            )
        if {path, *path.parents} & self._ignored:
            raise Unreadable(
                "IGNORED_FILE",
                f"git ignores `{path}`",
                hint="commit the file: `git add --force`, or remove its line from .gitignore",
            )

    @cached_property
    def _ignored(self) -> frozenset[PurePath]:
        return git.ignored_files(self._root)


def _source_file(file: str, content: bytes) -> SourceFile:
    source_file = SourceFile(file, [])
    try:
        source_file.text = decode(content)
    except Unreadable as error:
        source_file.problem(error.position, error.code, error.message, error.hint)
    if hidden := list(HIDDEN.finditer(source_file.text)):
        codes = ", ".join(dict.fromkeys(f"U+{ord(character.group()):04X}" for character in hidden))
        source_file.problem(
            position_of(source_file.text, hidden[0].start()),
            "HIDDEN_CHARACTER",
            f"the text contains invisible characters: {codes}",
            "remove them unless the text needs them",
            severity="warning",
        )
    return source_file
