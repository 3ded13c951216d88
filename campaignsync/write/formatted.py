"""One definition's bytes → the same in the house style, which provably says the same."""

from campaignsync.errors import CampaignSyncError, DefinitionError
from campaignsync.fields import Value
from campaignsync.load import check_content
from campaignsync.write.house import house
from campaignsync.write.paper import closed, opened


def formatted(file: str, content: bytes) -> bytes:
    """Give a definition's bytes in the house style; `file` is its name in messages.

    Raises DefinitionError for a definition with problems: what it means, nobody knows.
    """
    before = meaning(file, content)
    after = closed(house(opened(content)), content)
    return after if after == content else same(file, before, after)


def meaning(file: str, content: bytes) -> dict[str, Value]:
    """Give all that a definition says, its id included; raises DefinitionError."""
    definition, problems = check_content(file, content)
    if definition is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return {"id": definition.id, **definition.values}


def same(file: str, wanted: dict[str, Value], after: bytes) -> bytes:
    """Give the bytes back, which say just what is wanted.

    Raises CampaignSyncError where they do not, with the code WOULD_BE_INVALID where what is wanted
    does not go together.
    """
    try:
        said = meaning(file, after)
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
