"""Texts that have a file of their own, in the workspace and nowhere else."""

from pathlib import Path

from campaignsync.load.files import read, shown
from campaignsync.load.page import Unreadable, decode


def read_text(root: str, name: str) -> tuple[str, str]:
    """Give a file below a folder as the user would name it, and its text.

    Raises Unreadable for what is not there, not text, or not below the folder: what stands
    elsewhere was not reviewed with the definitions (FAULTS.md, F6).
    """
    path = Path(root, name)
    try:
        inside = path.resolve().is_relative_to(Path(root).resolve())
    except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
        inside = False
    if Path(name).is_absolute() or not inside:
        hint = "name a file of the workspace, relative to its folder"
        raise Unreadable("OUTSIDE", "the file leads out of the workspace", hint=hint)
    try:
        return shown(path), decode(read(path))
    except ValueError as error:
        hint = f"it is looked for in {shown(Path(root))}"
        message = f"the file cannot be read: {error}"
        raise Unreadable("UNREADABLE", message, hint=hint) from None
