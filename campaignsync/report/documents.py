"""JSON for programs: the documents of DESIGN's section 6, as they stand in the model."""

from collections.abc import Sequence

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.model.documents import Applied, Document, Error, Plan, Validated


def plan(plan: Plan) -> str:
    return _dump(plan)


def applied(applied: Applied) -> str:
    return _dump(applied)


def problems(definitions: int, problems: Sequence[Problem]) -> str:
    return _dump(Validated(definitions=definitions, problems=tuple(problems)))


def error(error: CampaignSyncError) -> str:
    return _dump(
        Error(
            exit_code=error.exit_code,
            code=error.code,
            message=error.message,
            hint=error.hint,
            problems=error.problems if isinstance(error, DefinitionError) else (),
        )
    )


def _dump(document: Document) -> str:
    return document.model_dump_json(indent=2)
