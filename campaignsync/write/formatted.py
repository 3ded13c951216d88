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


def same(file: str, before: dict[str, Value], after: bytes) -> bytes:
    """Give the bytes back; raises CampaignSyncError where they do not say just that."""
    try:
        kept = meaning(file, after) == before
    except DefinitionError:
        kept = False
    if not kept:
        raise CampaignSyncError(
            f"{file} would mean something else than it should, and was not written",
            hint="please report this, with the file",
        )
    return after
