"""JSON for programs: the documents of `model/plan.py` and `model/results.py`."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from campaignsync.apply.journal import Record
from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.explain import Explanation
from campaignsync.model.document import Document
from campaignsync.model.plan import Plan
from campaignsync.model.results import (
    Applied,
    Drift,
    Error,
    Explained,
    ExplainedCode,
    Exported,
    History,
    Listing,
    Rendered,
    RenderedDefinition,
    RenderedField,
    Run,
    RunSummary,
    Validated,
    Write,
)
from campaignsync.model.values import Desired
from campaignsync.report import wording as words

ACTING = re.compile(rf"[\x7f-\x9f\ud800-\udfff]|{words.COMMAND}")
"""What JSON may hold as it is, and a terminal or a CI runner would act on, or no UTF-8 can hold."""


def plan(plan: Plan) -> str:
    return _dump(plan)


def drift(drift: Drift) -> str:
    return _dump(drift)


def applied(applied: Applied) -> str:
    return _dump(applied)


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    return _dump(Validated(definitions=len(files), problems=tuple(problems)))


def exported(exported: Exported) -> str:
    return _dump(exported)


def listing(listing: Listing) -> str:
    return _dump(listing)


def rendered_of(desired: Desired, environment: str) -> Rendered:
    """Give definitions field by field, with the place of each value."""
    definitions = (
        RenderedDefinition(
            id=each.id,
            source=each.source_of("id"),
            labels=dict(each.labels),
            fields=tuple(
                RenderedField(field=path, value=value, source=each.source_of(path))
                for path, value in each.values.items()
            ),
        )
        for each in desired.definitions
    )
    return Rendered(environment=environment, definitions=tuple(definitions))


def rendered(rendered: Rendered) -> str:
    return _dump(rendered)


def history(records: Sequence[Record]) -> str:
    return _dump(History(runs=tuple(summary_of(record) for record in records)))


def run(record: Record) -> str:
    return _dump(run_of(record))


def summary_of(record: Record) -> RunSummary:
    """Sum a run up; a write without an outcome counts as unknown."""
    outcomes = Counter(_outcome(record, id_) or "unknown" for id_ in record.intents)
    return RunSummary(
        run=record.run,
        started=str(record.header.get("started", "")),
        environment=str(record.header.get("environment", "")),
        writes=len(record.intents),
        outcomes=dict(outcomes),
        exit_code=record.exit_code,
    )


def run_of(record: Record) -> Run:
    """Give a run write by write, in the order in which they were announced."""
    writes = (
        Write(
            id=intent.id,
            name=intent.name,
            outcome=_outcome(record, intent.id),
            requests=intent.requests,
            before=dict(intent.before),
            after=dict(intent.after),
        )
        for intent in record.intents.values()
    )
    return Run(**dict(summary_of(record)), details=tuple(writes))


def _outcome(record: Record, id_: int) -> str | None:
    told = record.outcomes.get(id_)
    return str(told["outcome"]) if told else None


def explained(codes: Sequence[Explanation], whole: bool) -> str:  # noqa: FBT001 - as in the text
    """Give all that is known of codes, however many were asked for."""
    del whole
    told = (ExplainedCode(**asdict(found)) for found in codes)
    return _dump(Explained(codes=tuple(told)))


def error(error: CampaignSyncError) -> str:
    return _dump(
        Error(
            exit_code=error.exit_code,
            code=error.code,
            message=_sayable(error.message),
            hint=_sayable(error.hint),
            problems=error.problems if isinstance(error, DefinitionError) else (),
        )
    )


def _sayable(text: str) -> str:
    """Spell the bytes of a path that are no text: JSON cannot say them."""
    return text.encode(errors="backslashreplace").decode()


def _dump(document: Document) -> str:
    text = document.model_dump_json(indent=2)
    return ACTING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
