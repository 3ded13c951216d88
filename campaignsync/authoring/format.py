"""One definition's bytes → the same in the house style, which provably says the same."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaignsync.authoring.format_text import house
from campaignsync.errors import CampaignSyncError, DefinitionError
from campaignsync.load import ALONE, check_content
from campaignsync.model.fields import Value
from campaignsync.model.values import Shared
from campaignsync.yamltree.lines import closed, opened


@dataclass(frozen=True, slots=True)
class Meaning:
    """All that one file says: ids and other values by environment, its own values, its labels."""

    ids: Mapping[str | None, int]
    values: Mapping[str, Value]
    overrides: Mapping[str, Mapping[str, Value]]
    labels: Mapping[str, str]


def formatted(file: str, content: bytes, shared: Shared = ALONE) -> bytes:
    """Give a definition's bytes in the house style; `file` is its name in messages.

    Raises DefinitionError for a definition with problems: what it means, nobody knows.
    """
    before = meaning(file, content, shared)
    after = closed(house(opened(content)), content)
    return after if after == content else same(file, before, after, shared)


def meaning(file: str, content: bytes, shared: Shared = ALONE) -> Meaning:
    """Give all that a definition says, its ids included; raises DefinitionError."""
    sheet, problems = check_content(file, content, shared)
    if sheet is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    others = {name: values for name, (values, _) in sheet.overrides.items()}
    return Meaning(dict(sheet.ids), dict(sheet.values), others, dict(sheet.labels))


def same(file: str, wanted: Meaning, after: bytes, shared: Shared = ALONE) -> bytes:
    """Give the bytes back, which say just what is wanted.

    Raises CampaignSyncError where they do not, with the code WOULD_BE_INVALID where what is wanted
    does not go together.
    """
    try:
        said = meaning(file, after, shared)
    except DefinitionError as error:
        first = next(each for each in error.problems if each.severity == "error")
        raise CampaignSyncError(
            f"{file} stays as it is, for it would not be valid: {first.message}",
            hint=first.hint,
            code="WOULD_BE_INVALID",
        ) from None
    if said != wanted:
        raise CampaignSyncError(
            f"{file} stays as it is, for it would mean something else than it should",
            hint="please report this, with the file",
        )
    return after
