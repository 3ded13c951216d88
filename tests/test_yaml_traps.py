"""YAML's traps, one by one: guessed types, expansion, invisible characters."""

import json
import random
import re
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commandline import Command
from support.hypothesis_profiles import examples
from support.strategies import some_values

from campaignsync.errors import DefinitionError, Problem
from campaignsync.load import check, load
from campaignsync.model.fields import BY_PATH, FIELDS, MANAGEABLE
from campaignsync.model.kind import Value
from campaignsync.model.week import WEEKDAYS

Read = Callable[[str | bytes], tuple[dict[str, Value], tuple[Problem, ...]]]

quick = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors],
)

WHOLE = """\
id: 7
name: Spring
description: Who asked in March
agent_id: agt_1
integration_id: int_1
integration_type: phone_call
timezone: America/Lima
retries: 2
message_limit: 500
scheduling:
  mon: 09:00-18:00
  tue:
    startTime: 09:00
    stopTime: 18:00
    active: true
  wed: closed
first_message: Hola
cycles:
  enabled: true
  mode: scheduled
  max_iterations: 7
  cooldown_minutes: 720
  filter_statuses: [busy]
  filter_tags: [vip]
  schedule:
    mon: 10:00-12:00
  schedule_start_date: 2026-01-05
  schedule_end_date: 2026-02-05
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Return a function that reads one definition: its values, and the problems."""
    file = tmp_path_factory.mktemp("traps") / "c.yaml"

    def reading(text: str | bytes) -> tuple[dict[str, Value], tuple[Problem, ...]]:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        (desired,), problems = check([file])
        definitions = desired.definitions
        return (dict(definitions[0].values) if definitions else {}), problems

    return reading


def refused(read: Read, text: str | bytes) -> Problem:
    """Read a text with exactly one problem, an error."""
    _, problems = read(text)
    [problem] = problems
    assert problem.severity == "error"
    return problem


def accepted(read: Read, text: str | bytes) -> dict[str, Value]:
    values, problems = read(text)
    assert problems == ()
    return values


def test_the_base_definition_is_valid(read: Read) -> None:
    """A definition with every field of a phone campaign is read without a problem."""
    assert len(accepted(read, WHOLE)) == 21


# Times


@pytest.mark.slow
@pytest.mark.fault("D1")
@pytest.mark.parametrize("hour", range(24))
def test_unquoted_and_quoted_times_are_equal(read: Read, hour: int) -> None:
    """09:30 is a time, however it is quoted, and never the number 570."""
    for minute in range(60):
        time_ = f"{hour:02}:{minute:02}"
        first, last = ("00:00", time_) if time_ != "00:00" else (time_, "23:59")
        values = accepted(
            read,
            f"id: 1\nscheduling:\n"
            f"  mon: {first}-{last}\n"
            f"  tue: {{startTime: {first}, stopTime: {last}, active: true}}\n"
            f"  wed: {{startTime: '{first}', stopTime: '{last}', active: true}}\n"
            f'  thu: {{startTime: "{first}", stopTime: "{last}", active: true}}\n'
            f"  fri:\n    startTime: {first}\n    stopTime: {last}\n    active: true\n"
            f"  sat: {first.removeprefix('0')} - {last.removeprefix('0')}\n",
        )
        expected = {"startTime": first, "stopTime": last, "active": True}
        assert list(values.values()) == [expected] * 6


@pytest.mark.fault("D1")
@pytest.mark.parametrize("text", ["-6:00", "24:00", "9:60", "540", "9", "9:5", "09:00:30", "9h"])
def test_an_invalid_time_of_day_is_refused(read: Read, text: str) -> None:
    """Only HH:MM is a time."""
    window = f"id: 1\nscheduling:\n  mon: {{startTime: {text}, stopTime: 23:00, active: true}}\n"
    problem = refused(read, window)
    assert problem.code == "NOT_A_TIME"
    assert "`scheduling.mon.startTime` is not a time of day" in problem.message
    assert problem.source.line == 3


@pytest.mark.slow
@pytest.mark.fault("D1")
def test_hours_in_braces_are_read_as_fast_as_hours_in_lines(read: Read) -> None:
    """`{mon: 09:00-12:00}` is read as fast as the same hours in quotes."""
    inner = ", ".join(f"{day}: @09:00-12:00@" for day in WEEKDAYS)
    braces = f"id: 1\nscheduling: {{{inner}}}\n" + f"description: {'x ' * 2000}\n"

    def seconds(text: str) -> float:
        runs = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(10):
                accepted(read, text)
            runs.append(time.process_time() - start)
        return min(runs)

    assert seconds(braces.replace("@", "")) < 3 * seconds(braces.replace("@", '"'))


# Numbers and words


@pytest.mark.slow
@pytest.mark.fault("D2")
@quick
@given(text=st.from_regex(r"\A[+-]?[0-9]{1,40}\Z"))
def test_digits_in_a_text_stay_as_written(read: Read, text: str) -> None:
    """A number in a text field keeps its plus, its zeros and every digit."""
    assert accepted(read, f"id: 1\nagent_id: {text}\n") == {"agent_id": text}


@pytest.mark.fault("D2")
@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("007", "NOT_AN_INTEGER", "is not a whole number"),
        ("+7", "NOT_AN_INTEGER", "is not a whole number"),
        ("0", "OUT_OF_RANGE", "is out of range"),
        ("-7", "OUT_OF_RANGE", "is out of range"),
        ("12345678901234567890", "OUT_OF_RANGE", "is out of range"),
        (str(2**53), "OUT_OF_RANGE", "is out of range"),
        ('"7"', "QUOTED_NUMBER", "must be a number, but is in quotes"),
        ("!!str 7", "QUOTED_NUMBER", "must be a number, but is in quotes"),
        ("../agents/1", "NOT_AN_INTEGER", "is not a whole number"),
        ("'7 '", "NOT_AN_INTEGER", "is not a whole number"),
    ],
)
def test_an_id_is_plain_digits(read: Read, text: str, code: str, words: str) -> None:
    """An id that is not a positive number is refused before it is part of an address."""
    problem = refused(read, f"id: {text}\nname: x\n")
    assert problem.code == code
    assert problem.message.startswith(f"`id` {words}")
    assert problem.hint


def test_the_largest_id_is_accepted(tmp_path: Path) -> None:
    """2^53 - 1 is the largest id, because every JSON parser can represent it."""
    (tmp_path / "c.yaml").write_text(f"id: {2**53 - 1}\nname: x\n")
    assert load([tmp_path / "c.yaml"]).definitions[0].id == 9007199254740991


@pytest.mark.fault("D3")
@pytest.mark.parametrize(
    "text",
    [
        *("no", "on", "off", "y", "NO", "Yes", "true", "=", "<<", "?x", ":x", "-x"),
        *("5", "3.0", "1e3", "0x1F", "0o14", "1_000", "012", ".5", ".inf", ".NaN"),
        *("2026-01-05", "1:30", "12:30:45"),
    ],
)
def test_words_that_yaml_converts_stay_text(read: Read, text: str) -> None:
    """A name is the literal text, also if YAML would convert it."""
    assert accepted(read, f"id: 1\nname: {text}\n") == {"name": text}


@pytest.mark.fault("D3")
@pytest.mark.parametrize(
    "text", ["1e1", "0x1", "0o1", "0b1", "1_0", "01", "+1", "1.0", "1:1", "one"]
)
def test_a_number_is_written_in_digits(read: Read, text: str) -> None:
    """Only plain digits are a number: YAML's versions disagree on other spellings."""
    problem = refused(read, f"id: 1\nretries: {text}\n")
    assert problem.code == "NOT_AN_INTEGER"
    assert re.fullmatch("write it in digits|did you mean 10?[?]", problem.hint)
    assert problem.message == f'`retries` is not a whole number: "{text}"'


@pytest.mark.fault("D3")
@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "y", "n", "1", "0", '"true"', "truth"])
def test_only_true_and_false_are_booleans(read: Read, text: str) -> None:
    """`enabled: no` is an error that suggests `false`."""
    problem = refused(read, f"id: 1\ncycles:\n  enabled: {text}\n")
    assert problem.code == "NOT_A_BOOLEAN"
    assert re.fullmatch("write true or false|did you mean (true|false)[?]", problem.hint)


@pytest.mark.fault("D3")
@pytest.mark.parametrize("key", ["on", "no", "1", "2026-01-05", "1:30", "true"])
def test_a_key_is_read_as_text(read: Read, key: str) -> None:
    """The key `on` is called `on`, not True."""
    assert refused(read, f"id: 1\nname: x\n{key}: x\n").message == f"`{key}` is not a known key"


@pytest.mark.fault("D9")
@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.inf", "NaN", "1e999", "9" * 5000])
@pytest.mark.parametrize("field", ["id", "retries", "message_limit"])
def test_an_infinite_or_huge_number_is_refused(read: Read, field: str, text: str) -> None:
    """Infinity and a number of 5,000 digits are refused, without repeating them whole."""
    other = "" if field == "id" else "id: 1\n"
    problem = refused(read, f"{other}name: x\n{field}: {text}\n")
    assert problem.code in ("NOT_AN_INTEGER", "OUT_OF_RANGE")
    assert len(problem.message) < 150


# Keys


@pytest.mark.fault("D4")
@pytest.mark.parametrize("line", range(len(WHOLE.splitlines())))
def test_a_duplicate_key_is_refused_with_both_places(read: Read, line: int) -> None:
    """A duplicate key at any level is an error that names both lines."""
    lines = WHOLE.splitlines()
    indent = re.match(" *", lines[line])
    assert indent
    block = [lines[line]]
    for following in lines[line + 1 :]:
        if not following.startswith(indent.group() + " "):
            break
        block.append(following)
    again = line + len(block)
    text = "\n".join([*lines[:again], *block, *lines[again:]])

    _, problems = read(text)
    [problem] = [each for each in problems if each.code == "DUPLICATE_KEY"]

    key = lines[line].strip().partition(":")[0]
    assert problem.message == f"duplicate key `{key}` (first on line {line + 1})"
    assert problem.source.line == again + 1


@pytest.mark.fault("D4")
def test_a_duplicate_key_behind_a_merge_is_refused(read: Read) -> None:
    """A duplicate behind a merge key is found, and reported once."""
    text = (
        "id: 1\nscheduling:\n"
        "  mon: &day {startTime: 09:00, stopTime: 10:00, stopTime: 18:00, active: true}\n"
        "  tue:\n    <<: *day\n    stopTime: 12:00\n"
    )
    problem = refused(read, text)
    assert (problem.code, problem.source.line) == ("DUPLICATE_KEY", 3)


@pytest.mark.fault("D4")
def test_two_merges_are_written_as_a_list(read: Read) -> None:
    """A duplicate `<<` is an error, like any other duplicate key."""
    problem = refused(
        read,
        "id: 1\nscheduling:\n  mon: &a {active: false}\n  tue:\n    <<: *a\n    <<: *a\n",
    )
    assert problem.code == "DUPLICATE_KEY"
    assert "<<: [*one, *other]" in problem.hint


def test_quotes_do_not_make_another_key(read: Read) -> None:
    """`name` and "name" are one key."""
    assert refused(read, 'id: 1\nname: x\n"name": y\n').code == "DUPLICATE_KEY"


def mutations(name: str, count: int, chance: random.Random) -> Iterator[str]:
    """Misspell a name: a letter more, less, another, or two in another order."""
    letters = string.ascii_letters + "_"
    for _ in range(count):
        at = chance.randrange(len(name))
        letter = chance.choice(letters)
        yield chance.choice(
            (
                name[:at] + name[at + 1 :],
                name[:at] + letter + name[at:],
                name[:at] + letter + name[at + 1 :],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            )
        )


@pytest.mark.slow
@pytest.mark.fault("D10")
@pytest.mark.parametrize("path", [f.path for f in MANAGEABLE if ".tue" not in f.path])
def test_a_misspelt_key_is_refused_by_its_name(read: Read, path: str) -> None:
    """No key is ignored: each of a thousand misspellings is an error with a suggestion."""
    *parents, name = path.split(".")
    known = {each for field in FIELDS for each in field.path.split(".")} | {"id", ""}
    chance = random.Random(path)  # noqa: S311 - a test draws, it keeps no secret
    wrong = [each for each in mutations(name, 30, chance) if each not in known]
    assert len(wrong) > 15
    for misspelt in wrong:
        text = "id: 1\nname: x\n" if path != "name" else "id: 1\nretries: 1\n"
        for depth, parent in enumerate(parents):
            text += f"{'  ' * depth}{parent}:\n"
        text += f"{'  ' * len(parents)}{misspelt}: x\n"
        problem = refused(read, text)
        assert problem.code == "UNKNOWN_KEY"
        assert f"`{'.'.join([*parents, misspelt])}`" in problem.message
        assert problem.hint
        assert problem.excerpt is not None
        assert misspelt in problem.excerpt


@pytest.mark.fault("D11")
@pytest.mark.parametrize("null", ["", "~", "null", "Null", "NULL", "!!null"])
@pytest.mark.parametrize("path", [f.path for f in MANAGEABLE if f.path[-3:] not in WEEKDAYS[1:]])
def test_a_key_without_a_value_is_refused(read: Read, path: str, null: str) -> None:
    """A null is an error: it could mean "leave alone" or "empty"."""
    *parents, name = path.split(".")
    lines = [f"{'  ' * depth}{parent}:" for depth, parent in enumerate(parents)]
    text = "\n".join(["id: 1", *lines, f"{'  ' * len(parents)}{name}: {null}", ""])
    problem = refused(read, text)
    assert problem.code == "NULL_VALUE"
    assert problem.message == f"`{path}` has no value"
    assert problem.hint.startswith("remove the key to leave the field alone")


@pytest.mark.fault("D11")
@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("description:", 'or write "" to empty it'),
        ("cycles: {filter_tags: }", "or write [] to empty it"),
        ("scheduling: {mon: }", "or write closed"),
        ("scheduling:", "leave the field alone"),
        ("cycles: {filter_tags: [a, ~]}", "remove the item"),
    ],
)
def test_a_null_gets_a_hint(read: Read, text: str, hint: str) -> None:
    """The hint says how to empty that field, if it can be emptied."""
    assert refused(read, f"id: 1\n{text}\n").hint.endswith(hint)


@pytest.mark.fault("D11")
def test_an_empty_value_is_managed(read: Read) -> None:
    """An empty text and an empty list are values; an empty group manages nothing."""
    text = 'id: 1\ndescription: ""\ncycles: {filter_tags: []}\nscheduling: {}\n'
    assert accepted(read, text) == {"description": "", "cycles.filter_tags": []}


@pytest.mark.slow
@pytest.mark.fault("D11")
@quick
@given(values=some_values, data=st.data())
def test_a_removed_key_is_not_managed(
    read: Read, values: dict[str, Value], data: st.DataObject
) -> None:
    """Missing keys are left alone; the others are read as before."""
    gone = data.draw(st.sets(st.sampled_from(sorted(values)))) if values else set()
    left = {path: value for path, value in values.items() if path not in gone}
    definitions, _ = read(written(left))
    assert definitions == left


# The same values in other styles


def written(values: dict[str, Value], *, flow: bool = False, reverse: bool = False) -> str:
    """Write a definition of values, as lines or as one mapping in braces."""
    tree: dict[str, Any] = {"id": 7}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    if reverse:
        tree = _reversed(tree)
    return json.dumps(tree, ensure_ascii=False) if flow else "\n".join([*_lines(tree, 0), ""])


def _reversed(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _reversed(value) if isinstance(value, dict) else value
        for key, value in reversed(tree.items())
    }


def _lines(tree: dict[str, Any], depth: int) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield f"{'  ' * depth}{key}:  # {depth}"
            yield from _lines(value, depth + 1)
        else:
            yield f"{'  ' * depth}{key}: {json.dumps(value, ensure_ascii=False)}"


@pytest.mark.slow
@quick
@given(values=some_values)
def test_style_order_comments_and_line_ends_change_nothing(
    read: Read, values: dict[str, Value]
) -> None:
    """The values and their order do not depend on the style of the definition."""
    expected = {field.path: values[field.path] for field in FIELDS if field.path in values}
    texts = [
        written(values),
        written(values, flow=True),
        written(values, reverse=True),
        written(values).replace("\n", "\r\n"),
        "\ufeff# first\n---\n" + written(values) + "...\n",
        # With the placeholder character in a comment, the slower parser is used.
        written(values) + "# \ue000\n",
    ]
    for text in texts:
        definition, _ = read(text)
        assert list(definition.items()) == list(expected.items())


@pytest.mark.parametrize(
    "text",
    [
        "{mon: 09:00-12:00, tue: 9:00-12:00}",
        '{mon: "09:00-12:00", tue: {active: false}}',
        "{'mon': 09:00-12:00}",
        "{mon-fri: 09:00 - 12:00 }",
    ],
)
def test_both_parsers_read_the_same(read: Read, text: str) -> None:
    """Hours in braces mean the same in libyaml and in the slower parser."""
    definition = f"id: 1\nfirst_message: a 12:30 b\nscheduling: {text}\n"
    assert accepted(read, definition) == accepted(read, f"{definition}# \ue000\n")


def test_a_private_character_of_the_authors_own_is_kept(read: Read) -> None:
    """A text with the character that replaces colons internally keeps both."""
    text = "id: 1\nname: \ue000 12:30\nscheduling: {mon: 09:00-12:00}\n"
    assert accepted(read, text)["name"] == "\ue000 12:30"


def test_an_address_in_braces_keeps_its_colon(read: Read) -> None:
    """YAML 1.2 that libyaml refuses is read anyway."""
    assert accepted(read, "id: 1\ncycles: {filter_tags: [src:web, a:b]}\n") == {
        "cycles.filter_tags": ["a:b", "src:web"]
    }


@pytest.mark.fault("D5")
def test_anchors_aliases_and_merge_keys_work(read: Read) -> None:
    """Hours can have an anchor; a day's own key wins over merged ones, then the first merge."""
    values = accepted(
        read,
        "id: 1\nscheduling:\n"
        "  mon: &early {startTime: 08:00, stopTime: 12:00, active: true}\n"
        "  tue: *early\n"
        "  wed: &late\n    <<: *early\n    stopTime: 20:00\n"
        "  thu:\n    stopTime: 13:00\n    <<: [*late, *early]\n"
        "  fri: {<<: [*late, {active: false}]}\n",
    )
    stops = {path[-3:]: value["stopTime"] for path, value in values.items()}
    assert stops == {"mon": "12:00", "tue": "12:00", "wed": "20:00", "thu": "13:00", "fri": "20:00"}
    assert values["scheduling.fri"]["active"] is True


@pytest.mark.fault("D5")
@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("scheduling: &a {mon: *a}", "SELF_REFERENCE", "`*a` is inside the value"),
        ("scheduling: &a\n  <<: *a", "SELF_REFERENCE", "`*a` is inside the value"),
        ("cycles: {filter_tags: &a [x, *a]}", "SELF_REFERENCE", "`*a` is inside the value"),
        ("name: *nobody", "YAML_SYNTAX", "`*nobody` refers to nothing"),
        ("scheduling: {<<: closed}", "BAD_MERGE", "`<<` merges mappings; this is not a mapping"),
        ("scheduling: {<<: [{}, 5]}", "BAD_MERGE", "`<<` merges mappings; this is not a mapping"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_refused(
    read: Read, text: str, code: str, words: str
) -> None:
    """Cyclic, missing and unmergeable aliases are errors."""
    problem = refused(read, f"id: 1\nretries: 1\n{text}\n")
    assert problem.code == code
    assert words in problem.message
    assert problem.source.line >= 3


def test_an_anchor_can_be_redefined(read: Read) -> None:
    """An alias refers to the latest anchor before it."""
    text = "id: 1\nname: &a one\ndescription: &a two\nagent_id: *a\n"
    assert accepted(read, text)["agent_id"] == "two"


@pytest.mark.fault("D6")
def test_a_file_larger_than_any_definition_is_refused(read: Read) -> None:
    """A file above 2 MiB is refused without being read."""
    problem = refused(read, "#" * (2 * 2**20 + 1))
    assert problem.code == "UNREADABLE"
    assert "larger than 2048 KiB" in problem.message


# Unsupported YAML


@pytest.mark.fault("D7")
@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("name: !foo x", "!foo"),
        ("name: !Hola", "!Hola"),
        ("name: !!binary aGk=", "!!binary"),
        ("cycles: !!set {}", "!!set"),
        ("cycles: {filter_tags: !!omap []}", "!!omap"),
        ("name: !!python/object/apply:os.system [id]", "!!python/object/apply:os.system"),
        ("scheduling: !include hours.yaml", "!include"),
        ("!secret name: x", "!secret"),
        ("name: !<tag:example.com,2026:x> y", "tag:example.com,2026:x"),
    ],
)
def test_a_tag_is_refused_at_its_place(read: Read, text: str, tag: str) -> None:
    """Nothing is included, constructed or run: an unknown tag is an error with its place."""
    _, problems = read(f"id: 1\nretries: 1\n{text}\n")
    problem = next(each for each in problems if each.code == "UNKNOWN_TAG")
    assert problem.message == f"unknown tag {tag}"
    assert (problem.source.line, problem.severity) == (3, "error")


@pytest.mark.fault("D7")
@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("retries: !!int 5", "retries", 5),
        ("name: !!str 5", "name", "5"),
        ("name: ! 5", "name", "5"),
        ("cycles: !!map {mode: !!str cooldown}", "cycles.mode", "cooldown"),
    ],
)
def test_yamls_own_tags_are_harmless(read: Read, text: str, field: str, value: Value) -> None:
    """Tags of YAML's own types are accepted."""
    assert accepted(read, f"id: 1\n{text}\n") == {field: value}


@pytest.mark.fault("D7")
@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("id: 1\nname: x\n---\nid: 2\n", "SEVERAL_DOCUMENTS", (3, 1)),
        ("id: 1\nname: x\n...\n---\n", "SEVERAL_DOCUMENTS", (4, 1)),
        ("id: 1\nname: x\n? [a]\n: b\n", "COMPLEX_KEY", (3, 3)),
        ("id: 1\nname: x\n{a: b}: c\n", "COMPLEX_KEY", (3, 1)),
        ("- id: 1\n", "WRONG_TYPE", (1, 1)),
        ("just words\n", "WRONG_TYPE", (1, 1)),
        ("id:1\n", "WRONG_TYPE", (1, 1)),
        ('"id: 1"\n', "WRONG_TYPE", (1, 1)),
    ],
)
def test_a_file_is_one_mapping(read: Read, text: str, code: str, place: tuple[int, int]) -> None:
    """A file is one campaign, a mapping whose keys are words."""
    problem = refused(read, text)
    assert problem.code == code
    assert (problem.source.line, problem.source.column) == place


@pytest.mark.parametrize(
    ("text", "place", "words", "hint"),
    [
        ("cycles:\n\tmode: x", (3, 1), "a tab is used for indentation", "with spaces"),
        ("name: Q2: wave", (2, 9), "unquoted value contains a colon", "in quotes"),
        ("name: @ana", (2, 7), "cannot start with this character", "in quotes"),
        ("name: `x`", (2, 7), "cannot start with this character", "in quotes"),
        ("name: %x", (2, 7), "cannot start with this character", "in quotes"),
        ("first_message: {{name}} hola", (2, 25), "starts with a brace", "in quotes"),
        ("name: [promo] x", (2, 15), "unexpected text after a list", "in quotes"),
        ("name: 'it's'", (2, 11), "unexpected text after a closing quote", "one pair of quotes"),
        ('name: "a", "b"', (2, 10), "unexpected text after a closing quote", "one pair of quotes"),
        ('name: "x\nretries: 2', (2, 7), "unclosed quote", "close it"),
        ("name: 'x\nretries: 2", (2, 7), "unclosed quote", "close it"),
        (r'name: "C:\dir"', (2, 11), "invalid escape sequence", "single quotes"),
        (r'name: "\UFFFFFFFF"', (2, 10), "invalid escape sequence", "single quotes"),
        ("name: *bold* x", (2, 7), "`*bold*` refers to nothing", "in quotes"),
        ("name: & x", (2, 8), "cannot start with * or &", "in quotes"),
        ("name: >x", (2, 8), "cannot start with > or |", "in quotes"),
        ("name: - x", (2, 7), "a list on the line of its key", "a new line"),
        ("name: x\n  retries: 2", (3, 10), "inconsistent indentation", "neighbours"),
        ("cycles:\n  mode: a\n enabled: b", (4, 2), "inconsistent indentation", "neighbours"),
        ("name: x\nretries", (3, 1), "missing colon after a key", "write key: value"),
        ("cycles: {mode: a\nname: x", (2, 9), "unclosed bracket or brace", "not closed"),
        ("cycles: {filter_tags: [a,, b]}", (2, 26), "a comma without a value", "remove the comma"),
        ("cycles: {mode: cooldown}}", (2, 25), "without an opening one", "remove it"),
        ("cycles: {filter_tags: [}", (2, 24), "unclosed bracket or brace", "not closed"),
        ("%YAML 2.0", (2, 1), "", ""),
    ],
)
def test_a_syntax_mistake_is_explained(
    read: Read, text: str, place: tuple[int, int], words: str, hint: str
) -> None:
    """A common syntax mistake is explained plainly, with what to write instead."""
    problem = refused(read, f"id: 1\n{text}\n")
    assert problem.code == "YAML_SYNTAX"
    assert words in problem.message
    assert hint in problem.hint
    assert (problem.source.line, problem.source.column) == place


def test_an_unknown_yaml_version_is_refused(read: Read) -> None:
    """A directive for an unknown YAML version is an error, not a crash."""
    assert refused(read, "%YAML 1.3\n---\nid: 1\nname: {\n").code == "YAML_SYNTAX"


def test_a_text_in_braces_requires_quotes(read: Read) -> None:
    """`first_message: {{name}}` is valid YAML with an unintended meaning: it needs quotes."""
    problem = refused(read, "id: 1\nfirst_message: {{name}}\n")
    assert problem.message == "`first_message` must be a single value, not a mapping"
    assert "in quotes" in problem.hint


# Encodings and characters


@pytest.mark.fault("D8")
@pytest.mark.parametrize(
    ("content", "place", "words", "hint"),
    [
        ("id: 1\n".encode("utf-16"), (1, 1), "byte 0 is 0xFF", "looks like UTF-16"),
        ("id: 1\n".encode("utf-16-be"), (1, 1), "U+0000", "remove it"),
        (b"id: 1\nname: se\xf1or\n", (2, 9), "byte 14 is 0xF1", "save it as UTF-8"),
        (b"\xef\xbb\xbfid: 1\nname: \xff\n", (2, 7), "byte 15 is 0xFF", "save it as UTF-8"),
        (b"id: 1\nname: a\xed\xa0\x80\n", (2, 8), "byte 13 is 0xED", "save it as UTF-8"),
        (b"id: 1\nname: a\xc0\x80\n", (2, 8), "byte 13 is 0xC0", "save it as UTF-8"),
        (b"id: 1\rname: x\r", (1, 6), "U+000D", "remove it"),
    ],
)
def test_another_encoding_is_refused_with_its_place(
    read: Read, content: bytes, place: tuple[int, int], words: str, hint: str
) -> None:
    """A file that is not UTF-8 is an error with the byte's position, without its content."""
    problem = refused(read, content)
    assert problem.code in ("NOT_UTF8", "CONTROL_CHARACTER")
    assert (problem.source.line, problem.source.column) == place
    assert words in problem.message
    assert hint in problem.hint


CONTROLS = sorted({*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF} - {0x09, 0x0A})


@pytest.mark.fault("D8")
@pytest.mark.parametrize("code", CONTROLS, ids="{:04X}".format)
def test_a_control_character_is_refused_with_its_place(read: Read, code: int) -> None:
    """Control characters and invisible line breaks are refused, in texts and in comments."""
    for text in (f"id: 1\nname: a{chr(code)}b\n", f"id: 1\n# añ o {chr(code)}x\nname: x\n"):
        problem = refused(read, text)
        assert problem.code == "CONTROL_CHARACTER"
        assert problem.message.endswith(f"U+{code:04X}")
        assert (problem.source.line, problem.source.column) == (2, 8)


@pytest.mark.fault("D8")
@pytest.mark.parametrize("escape", [r"\0", r"\e", r"\x1b", r"\u2028", r"\N", r"\ud800", r"\x9b"])
@pytest.mark.parametrize("key", ["name", "first_message"])
def test_a_control_character_does_not_hide_in_an_escape(read: Read, key: str, escape: str) -> None:
    """Escapes in a text cannot produce characters that a file may not contain."""
    problem = refused(read, f'id: 1\n{key}: "a{escape}"\n')
    assert (problem.code, problem.source.line) == ("CONTROL_CHARACTER", 2)


@pytest.mark.fault("D8")
def test_a_surrogate_in_a_key_is_refused(read: Read) -> None:
    """Half a surrogate pair is refused, and not repeated."""
    problem = refused(read, 'id: 1\nname: x\n"\\ud800": y\n')
    assert problem.message == "U+D800 is not a character"


@pytest.mark.fault("D8")
@pytest.mark.parametrize("text", ["a\tb", "a b", "día 😀", "日本", "a\u00a0b"])
def test_other_characters_are_text(read: Read, text: str) -> None:
    """Tabs, accents and emoji are kept."""
    assert accepted(read, f"id: 1\nname: {text}\n") == {"name": text}


@pytest.mark.fault("D16")
@pytest.mark.parametrize(
    "code",
    [
        *(0xAD, 0x61C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202E),
        *(0x2060, 0x2066, 0x2069, 0xFEFF, 0x3164, 0xE0041),
    ],
    ids="{:04X}".format,
)
@pytest.mark.parametrize("escaped", [True, False])
def test_a_character_that_does_not_show_is_pointed_out(
    read: Read, code: int, *, escaped: bool
) -> None:
    """Direction and zero-width characters are named by code point, as a warning."""
    text = f'"a\\U{code:08X}b"' if escaped else f'"a{chr(code)}b"'
    values, [problem] = read(f"id: 1\nfirst_message: {text}\n")
    assert values == {"first_message": f"a{chr(code)}b"}
    assert (problem.code, problem.severity) == ("HIDDEN_CHARACTER", "warning")
    assert problem.message == (f"`first_message` contains invisible characters: U+{code:04X}")
    assert (problem.source.line, problem.source.column) == (2, 16)


@pytest.mark.fault("D16")
@pytest.mark.parametrize(
    "text", ["👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "👍🏽", "🏴\U000e0067\U000e007f", "☎️"]
)
def test_an_emoji_may_be_held_together(read: Read, text: str) -> None:
    """A family, a flag or a thumb is one emoji, without a warning."""
    assert accepted(read, f"id: 1\nname: {text}\n") == {"name": text}


@pytest.mark.fault("D16")
def test_hidden_characters_of_a_list_are_reported_together(read: Read) -> None:
    """Each label is checked, and each kind of character is named once."""
    _, [problem] = read('id: 1\ncycles: {filter_tags: [a, "b\\u200b\\u202e\\u200b"]}\n')
    assert problem.message.endswith("U+200B, U+202E")


@pytest.mark.fault("D16")
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("P\u0430ypal", "U+0430 CYRILLIC SMALL LETTER A"),
        ("Hola, Mar\u03afa", "U+03AF GREEK SMALL LETTER IOTA WITH TONOS"),
        ("\u0410BC y \u0421ali", "U+0410 CYRILLIC CAPITAL LETTER A, U+0421 CYRILLIC CAPITAL"),
        ("n\u00fa\u043f", "U+043F CYRILLIC SMALL LETTER PE"),
        ("un\u0585", "U+0585 ARMENIAN SMALL LETTER OH"),
    ],
)
def test_a_word_of_two_alphabets_is_a_warning(read: Read, text: str, letters: str) -> None:
    """A letter that resembles a Latin one is named by its code point, as a warning."""
    values, [problem] = read(f"id: 1\nname: {text}\n")

    assert values == {"name": text}
    assert (problem.code, problem.severity) == ("MIXED_SCRIPTS", "warning")
    assert f"`name` mixes letters of two alphabets in one word: {letters}" in problem.message
    assert (problem.source.line, problem.source.column) == (2, 7)


@pytest.mark.fault("D16")
@pytest.mark.parametrize(
    "text",
    ["Привет, Ana", "Ελλάδα 2", "Ñandú y María", "10 \u00b5g, 5 k\u03a9", "日本 Tokyo", "ШОК-wave"],
)
def test_words_of_one_alphabet_are_accepted(read: Read, text: str) -> None:
    """Texts in several languages are fine; only a word that mixes alphabets is suspicious."""
    assert accepted(read, f"id: 1\nname: {text}\n") == {"name": text}


@pytest.mark.fault("D16")
def test_each_text_of_a_list_is_looked_at(read: Read) -> None:
    """Labels are compared exactly, so a look-alike letter matches nothing."""
    _, [problem] = read("id: 1\ncycles: {filter_tags: [vip, v\u0456p]}\n")
    assert problem.message.endswith("U+0456 CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I")


@pytest.mark.fault("D16")
def test_strict_validation_fails_on_warnings(tmp_path: Path, cs: Command) -> None:
    """With --strict a hidden character or a mixed word fails the check (exit 3)."""
    definition = tmp_path / "a.yaml"
    for name, code in (("P\u0430ypal", 3), ("x\u200by", 3), ("Paypal", 0)):
        definition.write_text(f"id: 1\nname: {name}\n")
        assert cs("validate", definition).code == 0
        ran = cs("validate", "--strict", definition)
        assert ran.code == code
        assert ran.out == cs("validate", definition).out
        assert ("U+" in ran.out) == bool(code)


# Any input


def only_problems(read: Read, content: bytes) -> None:
    """Read anything: it is valid, or its problems can be printed on any terminal."""
    _, problems = read(content)
    for problem in problems:
        assert problem.source.line >= 1
        assert problem.source.column >= 1
        assert problem.code
        assert problem.message.encode()
        json.dumps([problem.message, problem.hint, problem.excerpt]).encode()


@quick
@given(content=st.binary(max_size=200))
def test_random_bytes_do_not_crash(read: Read, content: bytes) -> None:
    """Any text leads to a definition or to problems, never to a crash."""
    only_problems(read, content)


fragments = st.sampled_from(
    [
        *("id", "name", "scheduling", "mon", "cycles", "x", "1", "09:00-18:00", ": ", ":"),
        *("\n", "\n  ", "\n    ", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "<<"),
        *("'", '"', "|", ">", "#", "!", "!!int ", "!x ", "%", "@", "`", "~", "null", "\t"),
        *("\\", "\\ud800", "\\U00110000", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x:\n"),
        *("\ue000", "\u200b", "é", "😀", "\ufeff"),
    ]
)


@pytest.mark.slow
@settings(quick, max_examples=examples(400))
@given(parts=st.lists(fragments, max_size=30))
def test_random_yaml_does_not_crash(read: Read, parts: list[str]) -> None:
    """Any combination of YAML's own signs leads to a definition or problems, too."""
    only_problems(read, "".join(parts).encode())


@pytest.mark.slow
@settings(quick, max_examples=examples(300))
@given(data=st.data())
def test_a_definition_with_random_edits_does_not_crash(read: Read, data: st.DataObject) -> None:
    """A valid definition with some other characters leads to a definition or problems, too."""
    content = bytearray(WHOLE.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    only_problems(read, bytes(content))


def test_problems_of_one_file_are_not_reported_for_another(read: Read) -> None:
    """Problems of one file are not reported for another."""
    for bad in ("id: [", "%YAML 1.1\n---\nname: !x {", "a: &a [*a]", "x: {a: b:c", "- " * 100):
        read(bad)
        assert accepted(read, WHOLE)["scheduling.mon"]["startTime"] == "09:00"


def test_load_raises_all_problems_together(tmp_path: Path) -> None:
    """All problems are raised together, with the exit code of invalid definitions."""
    (tmp_path / "c.yaml").write_text("retris: 2\nretries: 9\n")
    with pytest.raises(DefinitionError) as caught:
        load([tmp_path / "c.yaml"])
    assert caught.value.exit_code == 3
    assert {each.code for each in caught.value.problems} == {
        "MISSING_ID", "UNKNOWN_KEY", "OUT_OF_RANGE",
    }  # fmt: skip


def test_every_path_of_the_table_can_be_written(read: Read) -> None:
    """Every row of the field table can be set in a definition."""
    for field in MANAGEABLE:
        _, problems = read(written({field.path: None}))
        assert [each.code for each in problems] == ["NULL_VALUE"], field.path
        assert field.path in BY_PATH
