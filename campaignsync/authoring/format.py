"""Format a definition in the standard style, and verify that its values stay the same."""

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
    """All values of one file: ids and overrides by environment, common values, labels."""

    ids: Mapping[str | None, int]
    values: Mapping[str, Value]
    overrides: Mapping[str, Mapping[str, Value]]
    labels: Mapping[str, str]


def formatted(file: str, content: bytes, shared: Shared = ALONE) -> bytes:
    """Return a definition's bytes in the standard style; `file` is its name in messages.

    Raises DefinitionError for a definition with problems: its values are not known.
    """
    before = meaning(file, content, shared)
    after = closed(house(opened(content)), content)
    return after if after == content else same(file, before, after, shared)


def meaning(file: str, content: bytes, shared: Shared = ALONE) -> Meaning:
    """Return all values of a definition, ids included; raises DefinitionError."""
    sheet, problems = check_content(file, content, shared)
    if sheet is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    others = {name: values for name, (values, _) in sheet.overrides.items()}
    return Meaning(dict(sheet.ids), dict(sheet.values), others, dict(sheet.labels))


def same(file: str, wanted: Meaning, after: bytes, shared: Shared = ALONE) -> bytes:
    """Return `after` if its values are exactly the wanted ones.

    Raises CampaignSyncError if they are not, with the code WOULD_BE_INVALID if the wanted values
    are not valid together.
    """
    try:
        found = meaning(file, after, shared)
    except DefinitionError as error:
        first = next(each for each in error.problems if each.severity == "error")
        raise CampaignSyncError(
            f"{file} was not changed: the result would not be valid: {first.message}",
            hint=first.hint,
            code="WOULD_BE_INVALID",
        ) from None
    if found != wanted:
        raise CampaignSyncError(
            f"{file} was not changed: the result would have other values than intended",
            hint="please report this bug, with the file",
        )
    return after
