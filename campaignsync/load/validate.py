"""Validate parts of a file into models, and report pydantic's errors as problems with hints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import RootModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from campaignsync.load.hints import suggest_days, suggest_key, suggest_value
from campaignsync.load.raw_fields import KEY, Location, node_at, raw_mapping, remove
from campaignsync.load.yaml_document import YamlDocument, truncated
from campaignsync.model.campaign import EVERYWHERE, DefinitionFile
from campaignsync.model.fields import MANAGEABLE, Typed
from campaignsync.model.kind import LEAVE, InvalidValue, Raw, invalid_value, kind_of
from campaignsync.model.metadata import READ_ONLY, api_of
from campaignsync.model.week import WEEK, DuplicateDays
from campaignsync.model.yaml_model import Missing, Section, YamlModel
from campaignsync.suggest import suggestion
from campaignsync.yamltree.nodes import Node

Model = TypeVar("Model", bound=YamlModel)

TOP = tuple(dict.fromkeys(field.path.partition(".")[0] for field in MANAGEABLE))
"""The fields and groups at the top level of a definition."""
KEY_CODES = ("UNKNOWN_KEY", "READ_ONLY_KEY", "FORBIDDEN_KEY")
"""Error codes that concern a key, not its value."""
CONSEQUENCES = ("MISSING_ID", "INCOMPLETE_WINDOW")
"""Error codes that may be caused only by the removal of an invalid value."""
RESPONSE_KEYS = {
    "agent": "remove it; the agent is checked as `agent_id`",
    "integration": "remove it; the integration is checked as `integration_id`",
    **dict.fromkeys(
        ("concurrency", "cycle_current_iteration", "cycle_last_iteration_at"), "remove it"
    ),
}
"""Keys of API responses that a definition cannot have, with a hint for each."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file to validate: its node, its raw value, and the expected type.

    `prefix` is put before its keys in messages, and suggestions include `also_known` keys.
    """

    document: YamlDocument
    node: Node
    value: Any
    type: Any
    prefix: str = ""
    also_known: tuple[str, ...] = ()


def read_model(document: YamlDocument, node: Node, model: type[Model]) -> Model | None:
    """Return the model of a node; if the node is invalid, note every problem and return None."""
    part = Part(document, node, raw_mapping(document, node), model)
    try:
        return model.model_validate(part.value)
    except ValidationError as error:
        _note_all(part, error.errors(include_url=False), is_first=True)
        return None


def validate_part(part: Part) -> Any:
    """Return the valid values of a part, and report the invalid ones; None if none can be returned.

    Invalid values are removed from `part.value` and the rest is validated again, so that one run
    also reports rules between the remaining values.
    """
    is_first = True
    while True:
        try:
            return _adapter(part.type).validate_python(part.value)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        _note_all(part, errors, is_first=is_first)
        is_first = False
        removed = [remove(part.value, each["loc"]) for each in errors]
        if not any(removed):
            return None


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_)


def _note_all(part: Part, errors: Iterable[Mapping[str, Any]], *, is_first: bool) -> None:
    """Note errors in the order of the file, except those in the value of an invalid key."""
    in_order = sorted(errors, key=lambda each: node_at(part.node, part.value, each["loc"])[1].start)
    wrong = {each["loc"][:-1] for each in in_order if each["loc"][-1:] == (KEY,)}
    for each in in_order:
        location = each["loc"]
        is_in_wrong_key = any(location[:end] in wrong for end in range(1, len(location) + 1))
        if not is_in_wrong_key or location[-1] == KEY:
            _note(part, each, is_first=is_first)


def _note(part: Part, details: Mapping[str, Any], *, is_first: bool) -> None:
    location = details["loc"]
    key, node, value = node_at(part.node, part.value, location)
    text = value if isinstance(value, Raw) else None
    typed = _typed_at(part.type, location)
    error = _error(part, details, text, typed)
    if error.code in CONSEQUENCES and not is_first:
        return
    path = _path(part, location)
    if isinstance(error, DuplicateDays):
        _note_duplicates(part.document, path, error, value)
        return
    if error.code == "UNKNOWN_KEY":
        error = _unknown_key(part, location, path, error)
    elif error.hint.startswith(LEAVE) and _is_section(part.type):
        error.hint = "write a value, or remove the key"
    elif error.code not in KEY_CODES:
        error.hint = _hint(error, text, typed) or error.hint
    subject = f"`{truncated(path)}` " if path else ""
    at = key if error.code in KEY_CODES else node
    part.document.problem(error.code, f"{subject}{error.message}", at, error.hint)


def _error(
    part: Part, details: Mapping[str, Any], text: str | None, typed: Typed | None
) -> InvalidValue:
    """Return a pydantic error as an InvalidValue with our code, message and hint."""
    *parents, name = details["loc"] or ("",)
    if details["type"] == "missing":
        [missing] = [
            each
            for each in _fields_at(part.type, parents)[str(name)].metadata
            if type(each) is Missing
        ]
        return InvalidValue(missing.code, missing.message, missing.hint)
    if details["type"] == "extra_forbidden":
        model = _type_at(part.type, parents)
        return model.unknown_key(name)  # type: ignore[no-any-return]
    return invalid_value(details, text, typed.bounds if typed else None)


def _hint(error: InvalidValue, text: str | None, typed: Typed | None) -> str:
    """Return a hint with what a text probably means; empty if nothing is near."""
    if text is None:
        return ""
    if error.known:
        return suggestion(text, error.known)
    if error.code == "NOT_DAYS":
        return suggest_days(text)
    if error.code == "UNKNOWN_FIELD":
        return suggest_key("", text, TOP)
    kind = error.kind or (typed.kind if typed else None)
    return suggest_value(kind, text, typed.parse if typed else None) if kind else ""


def _unknown_key(part: Part, location: Location, path: str, error: InvalidValue) -> InvalidValue:
    """Return the error for an unknown key, with a hint for the place of the key."""
    name = str(location[-2] if location[-1] == KEY else location[-1])
    if error.kind is WEEK:
        error.hint = suggest_days(name)
        return error
    known = [
        key
        for key, info in _fields_at(part.type, location[:-1]).items()
        if not ((api := api_of(info)) and api.mutability is READ_ONLY)
    ]
    if len(location) == 1:
        known += part.also_known
    model = _type_at(part.type, location[:-1])
    if _is_section(model):
        error.hint = suggestion(name, known)
    elif hint := RESPONSE_KEYS.get(path.partition(".")[0], ""):
        return InvalidValue("READ_ONLY_KEY", "is read-only: the API sets it", hint)
    else:
        error.hint = suggest_key(path, name, known)
    return error


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Section)


def _path(part: Part, location: Location) -> str:
    """Return the dotted path of a location; for an environment's value, the path of its field."""
    is_override = (
        part.type is DefinitionFile
        and location[:1] == ("environments",)
        and len(location) > len(("key", "name"))
    )
    path, value = "", part.value
    for each in location:
        if isinstance(each, str) and each not in (EVERYWHERE, KEY):
            path = f"{path}.{each}" if path else each
            value = value.get(each) if isinstance(value, dict) else None
        elif isinstance(value, list) and isinstance(each, int):
            path, value = f"{path}[]", value[each]
    if is_override:
        path = path.split(".", 2)[2]
    return ".".join(filter(None, (part.prefix, path)))


def _typed_at(type_: Any, location: Iterable[int | str]) -> Typed | None:
    """Return the type at a location if it is the type of a single value, else None."""
    annotation = _annotation_at(type_, location)
    is_value = get_origin(annotation) is Annotated and kind_of(annotation.__metadata__)
    return Typed(annotation) if is_value else None


def _type_at(type_: Any, location: Iterable[int | str]) -> Any:
    """Return the type at a location, without metadata and None."""
    return _plain(_annotation_at(type_, location))


def _annotation_at(type_: Any, location: Iterable[int | str]) -> Any:
    for part in location:
        type_ = _plain(type_)
        if fields := _fields_of(type_):
            if (info := fields.get(str(part))) is None:
                return None
            type_ = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        elif get_origin(type_) is dict:
            type_ = get_args(type_)[part != KEY]
        else:
            type_ = next(iter(get_args(type_)), None) if isinstance(part, int) else None
    return type_


def _plain(type_: Any) -> Any:
    """Return a type without metadata and None; for a RootModel, return the type of its root."""
    while True:
        if isinstance(type_, type) and issubclass(type_, RootModel):
            type_ = type_.model_fields["root"].annotation
        elif get_origin(type_) in (Annotated, Union, UnionType):
            type_ = get_args(type_)[0]
        else:
            return type_


def _fields_at(type_: Any, location: Iterable[int | str]) -> dict[str, FieldInfo]:
    return _fields_of(_type_at(type_, location))


def _fields_of(type_: Any) -> dict[str, FieldInfo]:
    """Return the fields of a model by their keys in a file; {} for any other type."""
    if not (isinstance(type_, type) and issubclass(type_, YamlModel)):
        return {}
    return {info.alias or name: info for name, info in type_.model_fields.items()}


def _note_duplicates(document: YamlDocument, path: str, error: DuplicateDays, week: Any) -> None:
    """Report each weekday that is set twice, with both positions."""
    for day, first, second in error.days:
        one, two = (document.source(week.nodes[name][0]) for name in (first, second))
        document.problem(
            error.code,
            f"`{path}.{day}` is set twice: at {one.line}:{one.column},"
            f" and again at {two.line}:{two.column}",
            week.nodes[second][0],
            error.hint,
        )
