"""Write the problems that `validate` found as SARIF 2.1.0, for code scanning."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from campaignsync import __version__
from campaignsync.errors import Problem, Source
from campaignsync.report import wording as words
from campaignsync.report.ci import fingerprints

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def problems(files: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return every problem as a result, and every code among them as a rule."""
    del files  # the report lists problems only
    codes = sorted({problem.code for problem in problems})
    about = ((problem.code, problem.source.file, problem.message) for problem in problems)
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "campaignsync",
                        "version": __version__,
                        "rules": list(map(_rule, codes)),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(problem, codes.index(problem.code), print_)
                    for problem, print_ in zip(problems, fingerprints(about), strict=True)
                ],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    return {"id": code, "shortDescription": {"text": code.replace("_", " ").capitalize()}}


def _result(problem: Problem, rule: int, print_: str) -> dict[str, Any]:
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": _message(words.with_hint(problem.message, problem.hint))},
        "locations": [{"physicalLocation": _place(problem.source)}],
        "partialFingerprints": {"campaignsync/v1": print_},
    }


def _message(text: str) -> str:
    """Escape a text as a SARIF message: braces are placeholders, and `[a](b)` is a link."""
    return text.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _place(source: Source) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": _uri(source.file)},
        "region": {"startLine": source.line, "startColumn": source.column},
    }


def _uri(file: str) -> str:
    """Return a path as a URI, relative if the path is; bytes that are not UTF-8 are kept."""
    path = PurePosixPath(file)
    quoted = quote(str(path).encode(errors="surrogateescape"))
    return f"file://{quoted}" if path.is_absolute() else quoted
