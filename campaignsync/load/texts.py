"""Texts that have a file of their own, in the workspace and nowhere else."""

from pathlib import Path

from campaignsync.load.files import read, shown
from campaignsync.load.page import Page, Unreadable, decode, place_in
from campaignsync.model.kinds import HIDDEN


class Texts:
    """The texts below a workspace's folder, each read once, however many definitions name it."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self._pages: dict[str, Page] = {}

    def page(self, name: str) -> Page:
        """Give a file with its text, and with what is wrong in it.

        Raises Unreadable for what is not there, or not below the folder: what stands elsewhere was
        not reviewed with the definitions (FAULTS.md, F6).
        """
        if name not in self._pages:
            self._pages[name] = self._read(name)
        return self._pages[name]

    def _read(self, name: str) -> Page:
        path = self._root / name
        try:
            inside = path.resolve().is_relative_to(self._root.resolve())
        except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
            inside = False
        if Path(name).is_absolute() or not inside:
            hint = "name a file of the workspace, relative to its folder"
            raise Unreadable("OUTSIDE", "the file leads out of the workspace", hint=hint)
        try:
            content = read(path)
        except ValueError as error:
            hint = f"it is looked for in {shown(self._root)}"
            message = f"the file cannot be read: {error}"
            raise Unreadable("UNREADABLE", message, hint=hint) from None
        return _page_of(shown(path), content)


def _page_of(file: str, content: bytes) -> Page:
    page = Page(file, [])
    try:
        page.text = decode(content)
    except Unreadable as found:
        page.problem(found.place, found.code, found.message, found.hint)
    if hidden := list(HIDDEN.finditer(page.text)):
        codes = ", ".join(dict.fromkeys(f"U+{ord(found.group()):04X}" for found in hidden))
        page.problem(
            place_in(page.text, hidden[0].start()),
            "HIDDEN_CHARACTER",
            f"the text holds characters that do not show: {codes}",
            "remove them unless the text needs them",
            severity="warning",
        )
    return page
