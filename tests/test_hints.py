"""A mistake gets a suggestion, and suggestions are valid."""

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.commandline import Command

from campaignsync.load import check_content
from campaignsync.load.hints import OTHER_DAYS, suggest_days, suggest_value
from campaignsync.model.calendar import Time
from campaignsync.model.fields import BY_PATH, FIELDS, MANAGEABLE, Field, Typed
from campaignsync.model.kind import InvalidValue, Raw
from campaignsync.model.kinds import ChoiceKind
from campaignsync.model.week import WEEKDAYS, days_of
from campaignsync.suggest import is_one_typo, similar

LETTERS = string.ascii_lowercase + "_"
SAMPLE = 4
"""Each fourth misspelling is tried, in alphabetical order: all of them take ten seconds."""


def hint_for(line: str) -> str:
    """Return the hint of the only problem of a definition with this line."""
    _, [problem] = check_content("c.yaml", f"id: 1\n{line}\n".encode())
    return problem.hint


def typos(word: str) -> Iterator[str]:
    """Misspell a word in every way with one typo: a letter more, less or wrong, or two swapped."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield before + after[1:]
        yield before + after[:2][::-1] + after[2:]
        for letter in LETTERS:
            yield before + letter + after
            yield before + letter + after[1:]


@given(st.text(LETTERS, max_size=6), st.text(LETTERS, max_size=6))
@example("mon", "mno")
@example("", "a")
def test_one_typo_is_distinguished_from_two(one: str, other: str) -> None:
    """One typo in a word is distinguished from two."""
    assert is_one_typo(one, other) == (one != other and other in set(typos(one)))
    assert is_one_typo(one, other) == is_one_typo(other, one)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("scheduling: closed", "write the days: scheduling: {mon-sun: closed}"),
        ("scheduling: 09:00-18:00", "write the days: scheduling: {mon-fri: 09:00-18:00}"),
        ("concurrency: 5", "remove it"),
        ("cycle_last_iteration_at: 2026-01-05", "remove it"),
        (
            "first_message: {file: messages/hello.txt}",
            "the path is relative to the workspace: messages/hello.txt",
        ),
    ],
)
def test_a_hint_is_an_edit_that_mends_the_line(line: str, hint: str) -> None:
    """The hint of a common mistake is what to write, not a list of keys that do not fit."""
    assert hint_for(line) == hint


def test_a_misspelt_file_is_not_sent_as_a_text() -> None:
    """The hint of `{files: hello.txt}` also names the form of a text in a file."""
    assert "or write {file: PATH}" in hint_for("first_message: {files: hello.txt}")


TOP = sorted(
    {field.path.partition(".")[0] for field in MANAGEABLE} | {"id", "labels", "environments"}
)
OF_CYCLES = sorted(
    {field.path.split(".")[1] for field in MANAGEABLE if field.path.startswith("cycles.")}
)
ELSEWHERE = {part for field in FIELDS for part in field.path.split(".")} | {*TOP, "schedule"}


@pytest.mark.slow
@pytest.mark.fault("D10")
@pytest.mark.parametrize("key", TOP)
def test_any_typo_in_a_key_gets_a_hint(key: str) -> None:
    """With one typo in a key of the top level, the hint names the key."""
    for wrong in sorted(set(typos(key)) - ELSEWHERE - {""})[::SAMPLE]:
        hint = "".join(hint_for_key(f"{wrong}: x"))
        assert f"`{key}`" in hint, (wrong, hint)


@pytest.mark.slow
@pytest.mark.fault("D10")
@pytest.mark.parametrize("key", OF_CYCLES)
def test_any_typo_in_a_key_of_cycles_gets_a_hint(key: str) -> None:
    """The same is true for a key below `cycles`."""
    for wrong in sorted(set(typos(key)) - ELSEWHERE - {""})[::SAMPLE]:
        assert f"`{key}`" in hint_for_key(f"cycles: {{{wrong}: x}}"), wrong


def hint_for_key(line: str) -> str:
    """Return the hint of the unknown key in this line."""
    _, problems = check_content("c.yaml", f"id: 1\n{line}\n".encode())
    [hint] = [problem.hint for problem in problems if problem.code == "UNKNOWN_KEY"]
    return hint


@pytest.mark.parametrize("day", WEEKDAYS)
def test_any_typo_in_a_weekday_gets_a_hint(day: str) -> None:
    """With one typo in a weekday, the hint names the day, among others that are as near."""
    for wrong in set(typos(day)) - {*WEEKDAYS, *OTHER_DAYS, ""}:
        assert f"`{day}`" in suggest_days(wrong), (wrong, suggest_days(wrong))


@pytest.mark.parametrize(
    ("field", "option"),
    [
        (field, option)
        for field in MANAGEABLE
        if isinstance(field.kind, ChoiceKind)
        for option in field.kind.options
    ],
    ids=str,
)
def test_any_typo_in_a_choice_gets_a_hint(field: Field, option: str) -> None:
    """With one typo in an allowed value, in capitals or not, the hint names the value."""
    kind = field.kind
    assert isinstance(kind, ChoiceKind)
    for wrong in set(typos(option)) - {*kind.options, ""}:
        assert suggest_value(kind, wrong) == f"did you mean {option}?", wrong
        assert suggest_value(kind, wrong.upper()) == f"did you mean {option}?", wrong


@pytest.mark.fault("D15")
@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Mexico_City", "did you mean America/Mexico_City?"),
        ("america/mexico_city", "did you mean America/Mexico_City?"),
        ("América/Bogotá", "did you mean America/Bogota?"),
        ("America/Bogata", "did you mean America/Bogota?"),
        ("New York", "did you mean America/New_York?"),
        ("mexico", "did you mean America/Mexico_City?"),
        ("CST", "did you mean America/Mexico_City or America/Chicago?"),
        ("CST6CDT", "did you mean America/Mexico_City or America/Chicago?"),
        (
            "Central Standard Time (Mexico)",
            "did you mean America/Mexico_City or America/Chicago?",
        ),
        ("COT", "did you mean America/Bogota?"),
        ("utc", "did you mean UTC?"),
        ("GMT", "did you mean UTC?"),
        ("posix/America/Lima", "did you mean America/Lima?"),
        ("nowhere", "write a region and city, such as America/Mexico_City"),
        ("", "write a region and city, such as America/Mexico_City"),
    ],
)
def test_a_zone_is_named_by_its_place(written: str, hint: str) -> None:
    """For a city, a country or an abbreviation, the hint names region and city."""
    assert hint_for(f"timezone: {written!r}") == hint


@pytest.mark.fault("D15")
@pytest.mark.parametrize(
    ("written", "sign_hint", "place"),
    [
        ("GMT-6", "a fixed offset does not follow daylight saving time", "America/Mexico_City"),
        ("UTC−5", "a fixed offset does not follow daylight saving time", "America/Bogota"),
        ("-03:00", "a fixed offset does not follow daylight saving time", "America/Sao_Paulo"),
        ("Etc/GMT+6", "the signs of Etc zones are inverted: this is UTC-6", "America/Mexico_City"),
        ("Etc/GMT-6", "the signs of Etc zones are inverted: this is UTC+6", "America/Mexico_City"),
        ("etc/gmt+5", "the signs of Etc zones are inverted: this is UTC-5", "America/Bogota"),
    ],
)
def test_an_offset_gets_a_hint_about_its_sign(written: str, sign_hint: str, place: str) -> None:
    """For an offset, the hint says what is wrong with it, and names matching zones."""
    hint = hint_for(f"timezone: {written!r}")

    assert hint.startswith(f"{sign_hint}; did you mean ")
    assert place in hint


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("retries: 2.0", "2"),
        ("retries: 02", "2"),
        ("message_limit: 5,000", "5000"),
        ("message_limit: 5_000", "5000"),
        ("message_limit: 1e3", "1000"),
        ("cycles: {enabled: yes}", "true"),
        ("cycles: {enabled: Off}", "false"),
        ("cycles: {enabled: ture}", "true"),
        ("integration_type: Phone Call", "phone_call"),
        ("integration_type: phone", "phone_call"),
        ("cycles: {mode: schedule}", "scheduled"),
        ("cycles: {mode: cool-down}", "cooldown"),
        ("cycles: {schedule_start_date: 2026-1-5}", "2026-01-05"),
        ("cycles: {schedule_start_date: 2026/01/05}", "2026-01-05"),
        ("cycles: {schedule_start_date: 20260105}", "2026-01-05"),
        ("cycles: {schedule_start_date: 31.01.2026}", "2026-01-31"),
        ("cycles: {schedule_start_date: 05/01/2026}", "2026-01-05 or 2026-05-01"),
        ("scheduling: {mon: 9-18}", "09:00-18:00"),
        ("scheduling: {mon: 9am-6pm}", "09:00-18:00"),
        ("scheduling: {mon: 9:30 a.m. to 12pm}", "09:30-12:00"),
        ("scheduling: {mon: 09.00-18.30}", "09:00-18:30"),
        ("scheduling: {mon: 09:00—18:00}", "09:00-18:00"),
        ("scheduling: {mon: 9h - 18h30}", "09:00-18:30"),
        ("scheduling: {mon: 00:00-24:00}", "00:00-23:59"),
        ("scheduling: {mon: Closed}", "closed"),
        ("scheduling: {mon: off}", "closed"),
        ("scheduling: {mon: cerrado}", "closed"),
        ('scheduling: {mon: {startTime: 9am, stopTime: "18:00", active: true}}', "09:00"),
    ],
)
def test_a_usual_spelling_gets_a_hint(line: str, suggestion: str) -> None:
    """For numbers, dates and office hours, the hint shows the expected form."""
    assert hint_for(line) == f"did you mean {suggestion}?"


@pytest.mark.parametrize(
    "line",
    [
        "retries: two",
        "retries: 1.5",
        "message_limit: 1.500",  # 1.5 or 1500, depending on the country
        "message_limit: 50,000",  # out of range
        "cycles: {enabled: perhaps}",
        "integration_type: sms",
        "cycles: {schedule_start_date: 2026-02-30}",
        "cycles: {schedule_start_date: tomorrow}",
        "scheduling: {mon: 22:00-02:00}",
        "scheduling: {mon: 25-26}",
        "scheduling: {mon: mornings}",
    ],
)
def test_a_distant_value_gets_the_expected_form(line: str) -> None:
    """If no suggestion is near, the hint shows the expected form."""
    assert "did you mean" not in hint_for(line)


TYPES = (
    Typed(Time),
    *(
        BY_PATH[path]
        for path in (
            "timezone", "cycles.mode", "cycles.enabled", "retries", "cycles.schedule_end_date",
            "scheduling.mon",
        )
    ),
)  # fmt: skip


@given(
    type_=st.sampled_from(TYPES),
    text=st.text(max_size=12)
    | st.from_regex(r"\A[0-9]{1,4}[-:/., ][0-9]{1,2}[-:/., ]?[0-9]{0,4}[ap]?m?\Z"),
)
def test_a_suggested_value_is_valid(type_: Typed, text: str) -> None:
    """A suggested value is always valid for the field."""
    proposals = (
        suggest_value(type_.kind, text, type_.parse).partition("did you mean ")[2].removesuffix("?")
    )

    for proposal in filter(None, re.split(", | or ", proposals)):
        assert proposal != text
        try:
            type_.parse(Raw(proposal))
        except InvalidValue as invalid:
            raise AssertionError(proposal) from invalid


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("monday", "mon"), ("Mon", "mon"), ("lunes", "mon"), ("Miércoles", "wed"),
        ("wendesday", "wed"), ("Lun-Vie", "mon-fri"), ("mon–fri", "mon-fri"), ("M-F", "mon-fri"),
        ("Mon to Friday", "mon-fri"), ("weekdays", "mon-fri"), ("weekend", "sat-sun"),
        ("every day", "mon-sun"), ("saturday, sunday", "sat, sun"),
    ],
)  # fmt: skip
def test_other_names_of_weekdays_get_a_suggestion(written: str, suggestion: str) -> None:
    """Long, Spanish and office names of weekdays get the short names as a suggestion."""
    assert hint_for_key(f"scheduling: {{'{written}': closed}}") == f"did you mean `{suggestion}`?"
    assert days_of(suggestion)


@given(st.text(max_size=80))
def test_any_name_of_a_day_is_answered(name: str) -> None:
    """For any text as a day, the hint names valid days."""
    proposals = re.findall("`([^`]+)`", suggest_days(name))

    assert all(map(days_of, proposals))


def test_a_beginning_is_enough() -> None:
    """`prod` suggests `production` if no other name begins with it."""
    assert similar("prod", ["production", "staging"]) == ["production"]
    assert similar("s", ["staging", "production"]) == []
    assert similar("st", ["staging", "stable"]) == []


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (("pln",), "did you mean `plan`?"),
        (("plan", "--format", "jsn"), "did you mean `json`?"),
        (("plan", "--allow", "mass-chang"), "did you mean `mass-change`?"),
        (("list", "--status", "actve"), "did you mean `active`?"),
        (("list", "--channel", "whatsap"), "did you mean `whatsapp`?"),
        (("schema", "defintion"), "did you mean `definition`?"),
        (("completion", "fissh"), "did you mean `fish`?"),
        (("plan", "-e", "sandbx"), "did you mean `sandbox`?"),
        (("explain", "DUPLICATE_NAM"), "did you mean `DUPLICATE_NAME`?"),
        (("adopt", "--field", "retrys", "--all"), "did you mean `retries`?"),
        (("frobnicate",), "expected one of: init, demo"),
    ],
    ids=" ".join,
)
def test_the_command_line_is_corrected_like_a_file(
    cs: Command, folder: Path, line: tuple[str, ...], hint: str
) -> None:
    """A typo in a command, an option's value or a name gets the nearest one, exit 3."""
    del folder
    ran = cs(*line)

    assert ran.code == 3
    assert hint in ran.err


def test_typos_in_a_workspace_get_a_suggestion(cs: Command, folder: Path) -> None:
    """A typo in a key, field or day of campaignsync.yaml gets the nearest one."""
    (folder / "campaignsync.yaml").write_text(
        "version: 1\ndefintions: campaigns\nguards:\n  mas-change: {percnt: 2}\n"
        "  risky-fields: [max_iterations, retris]\n  calling-hours: {weekdays: closed, mon: 9-18}\n"
        "  freeze: [{zon: CST, days: fri}]\n"
    )

    hint = cs("validate").err

    for suggestion in (
        "`definitions`", "`mass-change`", "`cycles.max_iterations`", "`retries`", "`mon-fri`",
        "09:00-18:00", "`zone`",
    ):  # fmt: skip
        assert f"did you mean {suggestion}?" in hint
