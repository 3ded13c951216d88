"""Write the documents of `model/plan.py` and `model/results.py` as JSON, and log lines."""

import json
import re
from collections.abc import Mapping, Sequence

from campaignsync.errors import CampaignSyncError, Problem
from campaignsync.model.document import Document
from campaignsync.model.results import Error, Explained, ExplainedCode, Validated
from campaignsync.report import wording as words

UNSAFE = re.compile(rf"[\x7f-\x9f\ud800-\udfff]|{words.COMMAND}")
"""Characters that JSON allows, but that act on a terminal or CI runner or have no UTF-8 form."""


def dump(document: Document) -> str:
    """Return a document as JSON."""
    text = document.model_dump_json(indent=2)
    return UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    return dump(Validated(definitions=len(files), problems=tuple(problems)))


def explained(codes: Sequence[ExplainedCode]) -> str:
    return dump(Explained(codes=tuple(codes)))


def error(error: CampaignSyncError) -> str:
    return dump(
        Error(
            exit_code=error.exit_code,
            code=error.code,
            message=_encodable(error.message),
            hint=_encodable(error.hint),
            problems=error.problems,
        )
    )


def _encodable(text: str) -> str:
    """Escape the bytes of a path that are not valid UTF-8: JSON cannot hold them."""
    return text.encode(errors="backslashreplace").decode()


def log_line(time: str, level: str, facts: Mapping[str, object]) -> str:
    """Return one log line with its time, its level and the facts, as a JSON object.

    Empty facts are left out: people read the lines, too.
    """
    present = {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
    return json.dumps(_escaped({"time": time, "level": level, **present}))


def _escaped(fact: object) -> object:
    """Escape characters that act on a terminal or CI runner, and bytes that are not UTF-8."""
    match fact:
        case str():
            return words.visible(fact)
        case dict():
            return {name: _escaped(each) for name, each in fact.items() if each is not None}
        case list():
            return [_escaped(each) for each in fact]
        case _:
            return fact
