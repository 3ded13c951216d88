"""What pydantic refuses → problems, each at its node and with a suggestion."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from campaignsync.load.hints import days_meant, key_meant
from campaignsync.load.nodes import Document, named
from campaignsync.load.parse import Node
from campaignsync.load.raw import KEY, Location, node_at, remove
from campaignsync.load.slips import value_meant
from campaignsync.model.calendar import WEEK, DuplicateDays
from campaignsync.model.fields import BY_PATH, READ_ONLY
from campaignsync.model.kinds import InvalidValue, Raw, invalid_value
from campaignsync.model.metadata import api_of

OF_KEYS = ("UNKNOWN_KEY", "READ_ONLY_KEY", "FORBIDDEN_KEY")
"""Codes that are about a key, whatever its value."""
CONSEQUENCES = ("MISSING_ID", "INCOMPLETE_WINDOW")
"""Codes of what may be missing only because a wrong value was removed."""
ANSWERED = {
    "agent": "remove it; the agent is checked as `agent_id`",
    "integration": "remove it; the integration is checked as `integration_id`",
}
"""Keys of the API's answers that no definition has, and what to do with them."""


class Part(NamedTuple):
    """A part of a file to validate: its node, its raw values, and the type that they should have.

    `prefix` precedes its keys in messages.
    """

    document: Document
    node: Node
    value: Any
    type: Any
    prefix: str = ""


def validated(part: Part) -> Any:
    """Return what is valid of a part, and report what is not; None where too little is left.

    Wrong values are removed from the raw ones, so that the others can still be checked against each
    other in the same run.
    """
    is_first = True
    while True:
        try:
            return _adapter(part.type).validate_python(part.value)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        wrong_keys = {found["loc"] for found in errors if found["loc"][-1:] == (KEY,)}
        for found in errors:
            is_below = any((*found["loc"][:end], KEY) in wrong_keys for end in range(1, 9))
            if found["loc"] in wrong_keys or not (wrong_keys and is_below):
                _note(part, found, is_first=is_first)
        is_first = False
        removed = [remove(part.value, found["loc"]) for found in errors]
        if not any(removed):
            return None


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_)


def _path(prefix: str, location: Location) -> str:
    """Return the dotted path of a location; values of one environment have that of the field."""
    is_override = location[:1] == ("environments",) and len(location) > len(("key", "name"))
    parts = ["[]" if isinstance(part, int) else part for part in location[is_override * 2 :]]
    named_parts = [prefix, *(part for part in parts if part != KEY)]
    return ".".join(filter(None, named_parts)).replace(".[]", "[]")


def _note(part: Part, found: Mapping[str, Any], *, is_first: bool) -> None:
    location = found["loc"]
    key, node, value = node_at(part.node, part.value, location)
    text = value if isinstance(value, Raw) else None
    path = _path(part.prefix, location)
    field = BY_PATH.get(path)
    error = invalid_value(found, text, field.bounds if field else None)
    if error.code in CONSEQUENCES and not is_first:
        return
    if isinstance(error, DuplicateDays):
        _note_duplicates(part.document, path, error, value)
    elif error.code == "UNKNOWN_KEY":
        _note_unknown(part, location, path, error, key)
    else:
        hint = _meant(error, path, text) or error.hint
        at = key if error.code in OF_KEYS else node
        part.document.problem(error.code, f"`{named(path)}` {error.message}", at, hint)


def _meant(error: InvalidValue, path: str, text: str | None) -> str:
    """Return a question about what a text was probably meant to be; empty where unclear."""
    field = BY_PATH.get(path)
    kind = error.kind or (field.kind if field else None)
    if text is None or kind is None:
        return ""
    return value_meant(kind, text, field.parse if field else None)


def _note_unknown(
    part: Part, location: Location, path: str, error: InvalidValue, key: Node
) -> None:
    name = str(location[-2] if location[-1] == KEY else location[-1])
    if error.kind is WEEK:
        hint, what = days_meant(name), error.message
    elif hint := ANSWERED.get(path.partition(".")[0], ""):
        message = f"`{named(path)}` is decided by the API alone"
        part.document.problem("READ_ONLY_KEY", message, key, hint)
        return
    else:
        hint, what = key_meant(path, name, _keys_at(part.type, location[:-1])), error.message
    part.document.problem("UNKNOWN_KEY", f"`{named(path)}` {what}", key, hint)


def _keys_at(type_: Any, location: Iterable[int | str]) -> list[str]:
    """Return the keys that a type allows at a location."""
    for part in location:
        if isinstance(type_, type) and issubclass(type_, BaseModel):
            type_ = type_.model_fields[str(part)].annotation
        elif get_origin(type_) is dict:
            type_ = get_args(type_)[1]
        while get_origin(type_) not in (None, dict):
            type_ = get_args(type_)[0]
    if not (isinstance(type_, type) and issubclass(type_, BaseModel)):
        return []
    return [
        info.alias or name
        for name, info in type_.model_fields.items()
        if not ((api := api_of(info)) and api.mutability is READ_ONLY)
    ]


def _note_duplicates(document: Document, path: str, error: DuplicateDays, week: Any) -> None:
    """Report each weekday that has two windows, with the places of both."""
    for day, first, second in error.days:
        one, two = (document.source(week.nodes[name][0]) for name in (first, second))
        document.problem(
            error.code,
            f"`{path}.{day}` is set twice: at {one.line}:{one.column},"
            f" and again at {two.line}:{two.column}",
            week.nodes[second][0],
            error.hint,
        )
