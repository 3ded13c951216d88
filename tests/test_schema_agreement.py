"""Editors and `campaignsync validate` agree: an independent validator beside our own reading."""

import copy
import json
import random
from typing import Any

import jsonschema
import pytest
from awkward import valid_values
from commandline import EXAMPLE
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from campaignsync.load import check_content
from campaignsync.schema import schema

VALIDATOR = jsonschema.Draft202012Validator(schema("definition"))

BEYOND = {
    "WINDOW_ENDS_BEFORE_START",  # an order of two texts
    "DATES_REVERSED",
    "DUPLICATE_DAY",  # `mon-tue` and `tue`: what the keys mean
    "NOT_A_TIME_ZONE",  # a list of hundreds, which grows
    "NOT_A_DATE",  # 30 February
    "NOT_A_TIME",
    "NOT_A_WINDOW",
    "UNKNOWN_SCHEDULE",  # the workspace knows
    "UNKNOWN_ENVIRONMENT",
    "OUTSIDE",
    "UNREADABLE",
    "CONTROL_CHARACTER",
    "TOO_LONG",  # our texts lose their last line breaks before they are counted
    "TOO_SHORT",
}
"""Codes of rules that JSON Schema cannot say, or says less strictly, and why."""

ODD: tuple[Any, ...] = (
    None, "", 0, -1, 3, 6, 99999, True, False, 1.5, "x", "2", [], {}, ["a"], ["a", 1], [None],
    {"file": "x"}, {"file": 1}, {"mon": "closed"}, "09:00-18:00", "closed", {"mon": None},
    {"mon": {"active": False}}, {"mon": {"active": True}}, {"mon": {"startTime": "09:00"}},
    {"a": 1},
)  # fmt: skip


def as_an_editor_reads(text: str) -> Any:
    """Read YAML 1.2, whose core knows no dates: they are texts."""
    read = YAML(typ="safe", pure=True).load(text)
    return json.loads(json.dumps(read, default=str))


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Arrange values by path as a definition nests them."""
    document: dict[str, Any] = {"id": 1}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return document


def broken(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Give the document with one odd thing in it."""
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


def assert_agreed(document: dict[str, Any]) -> None:
    sheet, problems = check_content("c.yaml", json.dumps(document).encode())
    ours = {problem.code for problem in problems if problem.severity == "error"}
    theirs = [error.message for error in VALIDATOR.iter_errors(document)]
    if not ours:
        assert sheet is not None
        assert theirs == [], document
    elif ours - BEYOND:
        assert theirs, (document, ours)


@given(values=valid_values(), chance=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_they_agree_over_definitions_right_and_wrong(
    values: dict[str, Any], chance: random.Random
) -> None:
    """What we accept an editor accepts; what we refuse it marks, as far as it can know."""
    document = nested({path: value for path, value in values.items() if path != "id"})

    assert_agreed(document)
    for _ in range(10):
        assert_agreed(broken(document, chance))


@pytest.mark.parametrize(
    "file", sorted((EXAMPLE / "campaigns").glob("*.yaml")), ids=lambda file: file.name
)
def test_the_example_is_valid(file: Any) -> None:
    """The example's definitions are without a mark in an editor that reads YAML 1.2."""
    VALIDATOR.validate(as_an_editor_reads(file.read_text()))


def test_the_examples_workspace_is_valid() -> None:
    """So is its campaignsync.yaml."""
    text = (EXAMPLE / "campaignsync.yaml").read_text()
    jsonschema.validate(as_an_editor_reads(text), schema("workspace"))
