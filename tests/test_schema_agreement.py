"""Editors and `campaignsync validate` agree: an independent validator checks our parser."""

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import EXAMPLE, Command
from support.definition_texts import contents, nested, valid_values
from support.editor_yaml import read_as_an_editor
from support.faults import Sandbox
from support.hypothesis_profiles import examples
from support.mutants import mutants

from campaignsync.errors import DefinitionError
from campaignsync.load import check_content
from campaignsync.load.workspace import find_workspace
from campaignsync.model.campaign import Campaign, Cycles
from campaignsync.model.definitions import Shared
from campaignsync.model.fields import FIELDS, MANAGEABLE
from campaignsync.model.metadata import Mutability
from campaignsync.model.results import KINDS
from campaignsync.schema import SCHEMAS, schema

DEFINITION = schema("definition")
VALIDATOR = jsonschema.Draft202012Validator(DEFINITION)
SHARED = Shared(environments=("staging",))

BEYOND = {
    "WINDOW_ENDS_BEFORE_START": ("an order of two texts", "scheduling: {mon: 18:00-09:00}"),
    "DATES_REVERSED": (
        "an order of two texts",
        "cycles: {schedule_start_date: 2026-02-01, schedule_end_date: 2026-01-01}",
    ),
    "DUPLICATE_DAY": ("what two keys mean", "scheduling: {mon-fri: closed, wed: closed}"),
    "NOT_A_TIME_ZONE": ("a list of hundreds, which grows", "timezone: America/Nowhere"),
    "NOT_A_DATE": ("the length of a month", "cycles: {schedule_start_date: 2026-02-30}"),
    "NOT_AN_INTEGER": ("how a number is spelled", "retries: 0x1"),
    "TOO_SHORT": ("our texts lose their last line breaks first", 'name: "\\n"'),
    "CONTROL_CHARACTER": ("a class of characters, but for their look", r'name: "a\eb"'),
    "UNKNOWN_SCHEDULE": ("the workspace names them", "scheduling: office-hours"),
    "UNKNOWN_ENVIRONMENT": ("the workspace names them", "environments: {prod: {retries: 1}}"),
    "UNREADABLE": ("what is on disk", "description: {file: none.txt}"),
    "OUTSIDE": ("what is on disk", "description: {file: ../none.txt}"),
    "HIDDEN_FILE": ("what is on disk", "description: {file: .none.txt}"),
    "INVALID_REQUEST": (
        "a fact from elsewhere in the file",
        "integration_type: whatsapp\nenvironments: {staging: {first_message: x}}",
    ),
    "CYCLES_NOT_ENABLED": (
        "a fact from elsewhere in the file",
        "cycles: {enabled: false}\nenvironments: {staging: {cycles: {max_iterations: 1}}}",
    ),
    "SCHEDULED_MODE_ONLY": (
        "a fact from elsewhere in the file",
        "cycles: {mode: cooldown}\nenvironments: {staging: {cycles: {schedule: {mon: closed}}}}",
    ),
    "SEVERAL_DOCUMENTS": ("each document is a file to an editor", "retries: 1\n---\nid: 2"),
}
"""Codes of rules that JSON Schema cannot express, or only partly, with the reason."""

ELSEWHERE = ("INVALID_REQUEST", "CYCLES_NOT_ENABLED", "SCHEDULED_MODE_ONLY")
"""Rules that it expresses if the fact is beside the field, or above it."""

NO_YAML = {
    "YAML_SYNTAX", "NOT_UTF8", "UNKNOWN_TAG", "TOO_DEEP", "TOO_LARGE", "TOO_MANY_PROBLEMS",
}  # fmt: skip
"""Codes of errors before schema validation: an editor's parser, or a limit of ours."""

STRICTER = {
    "a name's last line break is counted": f"name: |\n  {'x' * 255}\n",
    "true is written in small letters, in capitals, or with one": "cycles: {enabled: tRUE}",
}
"""Valid values that a schema marks, and the reason."""

ODD: tuple[Any, ...] = (
    None, "", 0, -1, 3, 6, 99999, True, False, 1.5, "x", "2", [], {}, ["a"], ["a", 1], [None],
    {"file": "x"}, {"file": 1}, {"mon": "closed"}, "09:00-18:00", "closed", {"mon": None},
    {"mon": {"active": False}}, {"mon": {"active": True}}, {"mon": {"startTime": "09:00"}},
    {"a": 1}, "9:00-24:00", "09:60", "2026-13-01", "Etc/GMT+6", "CST", {"mon - fri": "closed"},
    {"mon-tue-wed": "closed"}, {"mon,": "closed"}, " closed ", "09:00:00 – 10:00",
)  # fmt: skip


def codes_of(content: bytes) -> set[str]:
    """Return the codes of the errors that `validate` finds."""
    _, problems = check_content("c.yaml", content, SHARED)
    return {problem.code for problem in problems if problem.severity == "error"}


def marks_of(text: str) -> list[str]:
    """Return the errors of an editor by the schema; raises ValueError for its syntax errors."""
    return [error.message for error in VALIDATOR.iter_errors(read_as_an_editor(text))]


def assert_agreed(content: bytes) -> None:
    ours = codes_of(content)
    if ours & NO_YAML:
        return
    try:
        marks = marks_of(content.decode().removeprefix("\ufeff"))
    except ValueError:
        return  # one of the two parsers accepts more tabs
    if not ours:
        assert marks == [], content
    elif ours - BEYOND.keys():
        assert marks, (content, ours)


def broken(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the document with one unusual value."""
    document = copy.deepcopy(document)
    place, key = document, chance.choice([*document])
    while isinstance(place[key], dict) and place[key] and chance.random() < 0.7:
        place, key = place[key], chance.choice([*place[key]])
    match chance.randrange(4):
        case 0:
            place[f"{key}x"] = place.pop(key)
        case 1:
            del place[key]
        case _:
            place[key] = copy.deepcopy(chance.choice(ODD))
    return document


@pytest.mark.slow
@given(content=contents)
@settings(deadline=None, max_examples=examples(150))
def test_a_valid_definition_in_any_style_has_no_mark(
    content: tuple[dict[str, Any], bytes],
) -> None:
    """Editors accept ranges, anchors, quotes, comments and byte order marks, as we do."""
    _, text = content

    assert codes_of(text) == set()
    assert marks_of(text.decode().removeprefix("\ufeff")) == []


@pytest.mark.slow
@given(values=valid_values(), chance=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=examples(100))
def test_they_agree_over_definitions_right_and_wrong(
    values: dict[str, Any], chance: random.Random
) -> None:
    """Editors accept what we accept, and mark what we refuse, as far as a schema can."""
    document = nested(values)
    document["labels"] = {"team": "x"}
    document["environments"] = {"staging": {"retries": 1}}

    for _ in range(12):
        assert_agreed(json.dumps(broken(document, chance)).encode())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_they_agree_over_slips_of_the_pen(seed: int) -> None:
    """The same is true for lines that were moved, cut, quoted or indented by mistake."""
    for content in mutants(400, seed):
        assert_agreed(content)


@pytest.mark.parametrize("code", BEYOND)
def test_what_the_schema_cannot_express_is_listed(code: str) -> None:
    """Each exception exists: `validate` refuses it, and no editor marks it."""
    text = f"id: 1\n{BEYOND[code][1]}\n"

    assert codes_of(text.encode()) == {code}
    if code != "SEVERAL_DOCUMENTS":
        assert marks_of(text) == []


@pytest.mark.parametrize("code", ELSEWHERE)
def test_a_contradiction_within_a_definition_is_marked(code: str) -> None:
    """Fields of the other channel, and cycle fields without cycles, are marked."""
    text = {
        "INVALID_REQUEST": "id: 1\nintegration_type: whatsapp\ncycles: {max_iterations: 1}",
        "CYCLES_NOT_ENABLED": "id: 1\ncycles: {enabled: false, max_iterations: 1}",
        "SCHEDULED_MODE_ONLY": "id: 1\ncycles: {mode: cooldown, schedule: {mon: closed}}",
    }[code]

    assert codes_of(text.encode()) == {code}
    assert marks_of(text)


@pytest.mark.parametrize("text", STRICTER.values(), ids=STRICTER)
def test_a_schema_is_stricter_in_few_things(text: str) -> None:
    """Values that an editor marks and `validate` accepts are known exceptions."""
    assert codes_of(f"id: 1\n{text}\n".encode()) == set()
    assert marks_of(f"id: 1\n{text}\n")


@pytest.mark.parametrize(
    "file", sorted((EXAMPLE / "campaigns").glob("*.yaml")), ids=lambda file: file.name
)
def test_the_example_is_valid(file: Path) -> None:
    """An editor marks nothing in the example's definitions."""
    assert marks_of(file.read_text()) == []


@pytest.mark.slow
def test_the_examples_workspace_is_valid() -> None:
    """Nor in its campaignsync.yaml."""
    text = (EXAMPLE / "campaignsync.yaml").read_text()
    jsonschema.validate(read_as_an_editor(text), schema("workspace"))


WORKSPACE: dict[str, Any] = {
    "version": 1,
    "definitions": ["campaigns", "more"],
    "environments": {"staging": {"api": "sandbox", "seed": "s.json"}, "live": {"api": "altur"}},
    "default_environment": "live",
    "guards": {
        "mass-change": {"percent": 20, "at_least": 5},
        "risky-fields": ["first_message", "cycles", "scheduling.mon"],
        "protected": [1234],
        "freeze": [
            {"from": "2026-12-20", "to": "2027-01-06", "zone": "America/Lima", "reason": "x"},
            {"days": "fri-sun", "hours": "18:00-23:59", "zone": "UTC"},
        ],
        "calling-hours": {"mon-fri": "08:00-21:00", "sat": "09:00-15:00", "sun": "closed"},
    },
    "schedules": {"office": {"mon-fri": "09:00-18:00", "sat": {"active": False}}},
    "defaults": {"retries": 2, "scheduling": {"sun": "closed"}, "whatsapp": {"template": "x"}},
}
BEYOND_A_WORKSPACE = {
    *BEYOND,
    "NOT_DAYS",  # `days` of a freeze may be any text that names weekdays
    "NOT_A_TIME",  # its `hours`, likewise
    "EMPTY_FREEZE",  # any of four keys
    "SEED",  # a condition that `api` may leave to its default
    "FORBIDDEN_KEY",
    "DUPLICATE_ID",
}


@pytest.mark.slow
def test_they_agree_over_workspaces(tmp_path: Path) -> None:
    """An invalid campaignsync.yaml is marked, and a valid one is not."""
    validator = jsonschema.Draft202012Validator(schema("workspace"))
    chance = random.Random(7)  # noqa: S311 - the same mistakes in every run
    for document in [WORKSPACE, *(broken(WORKSPACE, chance) for _ in range(300))]:
        (tmp_path / "campaignsync.yaml").write_text(json.dumps(document))
        try:
            find_workspace(tmp_path)
            ours = set()
        except DefinitionError as error:
            ours = {problem.code for problem in error.problems}
        marks = [error.message for error in validator.iter_errors(document)]
        if not ours:
            assert marks == [], document
        elif ours - BEYOND_A_WORKSPACE:
            assert marks, (document, ours)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_an_editor_explains_each_field(field: Any) -> None:
    """Each field has a title, the table's sentence, and whether it can be changed."""
    *groups, name = field.path.split(".")
    place = DEFINITION
    for group in groups:
        place = place["properties"][group]
        if "anyOf" in place:  # a week: its days have no descriptions of their own
            name = ""
            break
        place = DEFINITION["$defs"][place["$ref"].rpartition("/")[2]]
    described = place["properties"][name] if name else place

    assert described["title"]
    model = Cycles if field.path.startswith("cycles.") else Campaign
    row = model.model_fields[field.path.removeprefix("cycles.").partition(".")[0]]
    assert row.description
    assert described["description"].startswith(row.description)
    assert described.get("readOnly", False) == (field.api.mutability is not Mutability.PATCH)
    assert ("not" in described) == (field not in MANAGEABLE)


def examples_in(schema_part: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Return each schema that has examples, and one of them."""
    if isinstance(schema_part, dict):
        for one in (
            schema_part.get("examples", ()) if isinstance(schema_part.get("examples"), list) else ()
        ):
            yield schema_part, one
        for inner in schema_part.values():
            yield from examples_in(inner)
    elif isinstance(schema_part, list):
        for inner in schema_part:
            yield from examples_in(inner)


@pytest.mark.parametrize("kind", ["definition", "workspace"])
def test_the_examples_of_a_schema_fit_it(kind: str) -> None:
    """An example in the schema is accepted at its place."""
    whole = schema(kind)
    examples = list(examples_in(whole))
    for part, example in examples:
        jsonschema.Draft202012Validator({**part, "$defs": whole["$defs"]}).validate(example)

    assert len(examples) > 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_schema_is_valid(cs: Command, kind: str) -> None:
    """`campaignsync schema KIND` prints a schema of the 2020-12 draft, with a title."""
    printed = cs("schema", kind).json

    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["$schema"].endswith("2020-12/schema")
    assert printed["title"]
    assert printed["description"]


FREE = ("body", "unchanged_hours", "before", "after", "outcomes", "labels", "value")
"""Keys whose values have arbitrary keys: fields, words, a user's labels."""


def cuts(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every key in a schema."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner:
        if isinstance(document, dict):
            yield (*path, key)
        if isinstance(value, dict | list) and key not in FREE:
            yield from cuts(value, (*path, key))


def without(document: Any, path: tuple[Any, ...]) -> Any:
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return document


SEVERAL = """\
version: 1
definitions: campaigns
default_environment: one
environments: {one: {}, two: {}, three: {api_key_env: ALTUR_API_KEY_OF_NOBODY}}
"""


@pytest.mark.slow
def test_each_output_matches_its_schema(cs: Command, server: Sandbox, folder: Path) -> None:
    """The output of real runs fits its schema, which refuses it if any key is missing."""
    del server
    outputs = {
        "plan": cs("plan", "--format", "json").json,
        "drift": cs("drift", "--format", "json").json,
        "list": cs("list", "--format", "json").json,
        "render": cs("render", "--format", "json").json,
        "explain": cs("explain", "STALE", "UNKNOWN_KEY", "--format", "json").json,
        "apply": cs("apply", "--auto-approve", "--format", "json").json,
        "history": cs("history", "--format", "json").json,
        "run": cs("history", "last", "--format", "json").json,
        "export": cs("export", "--dry-run", "--format", "json").json,
        "error": cs("plan", "nowhere", "--format", "json").json,
    }
    (folder / "campaignsync.yaml").write_text(SEVERAL)
    outputs["plan of several"] = cs("plan", "--all-environments", "--format", "json").json
    outputs["drift of several"] = cs("drift", "--all-environments", "--format", "json").json
    applied = cs("apply", "-e", "one", "-e", "two", "--auto-approve", "--format", "json").json
    outputs["apply of several"] = applied
    (folder / "campaigns" / "wrong.yaml").write_text("id: 7\nretires: 2\ntimezone: CST\n")
    outputs["validate"] = cs("validate", "--format", "json").json
    outputs["error of definitions"] = cs("plan", "--format", "json").json

    assert {kind.partition(" ")[0] for kind in outputs} == set(KINDS)
    for kind, document in outputs.items():
        validator = jsonschema.Draft202012Validator(schema(kind.partition(" ")[0]))
        assert document["kind"] == kind.partition(" ")[0]
        validator.validate(document)
        # One of several equal objects, such as campaigns, is enough.
        shapes = {re.sub("[0-9]+", "*", str(path)): path for path in cuts(document)}
        for path in shapes.values():
            assert not validator.is_valid(without(document, path)), (kind, path)
