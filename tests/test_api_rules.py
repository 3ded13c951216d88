"""The API's rules, written out: keys, ranges and conditions as in its reference.

The tables here are copied from the API's documentation, not read from the program's own table, so
that a mistake in that table cannot become the rule.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command
from support.loopback import CannedResponse, Loopback, Seen
from support.plans import body_of

CYCLES = {"enabled": True, "mode": "scheduled"}
DAY = {"startTime": "09:00", "stopTime": "18:00", "active": True}
OTHER = {"startTime": "10:00", "stopTime": "17:00", "active": True}

SENT: dict[str, tuple[Any, Any, dict[str, Any] | None, dict[str, Any]]] = {
    # field: (live, desired, where the list has it, where the detail has it)
    "name": ("A", "B", {"name": "A"}, {"name": "A"}),
    "description": ("A", "B", {"description": "A"}, {"description": "A"}),
    "timezone": (
        "America/Lima",
        "America/Bogota",
        {"timezone": "America/Lima"},
        {"timezone": "America/Lima"},
    ),
    "retries": (1, 2, {"retries": 1}, {"retries": 1}),
    "message_limit": (10, 20, None, {"message_limit": 10}),
    "first_message": ("A", "B", {"first_message": "A"}, {"first_message": "A"}),
    "scheduling.mon": (DAY, OTHER, {"scheduling": {"mon": DAY}}, {"scheduling": {"mon": DAY}}),
    "cycles.max_iterations": (
        7,
        8,
        {"cycle_max_iterations": 7},
        {"cycles": {**CYCLES, "max_iterations": 7}},
    ),
    "cycles.cooldown_minutes": (
        720,
        60,
        {"cycle_cooldown_minutes": 720},
        {"cycles": {**CYCLES, "cooldown_minutes": 720}},
    ),
    "cycles.filter_statuses": (
        ["busy"],
        ["no-answer"],
        {"cycle_filter_statuses": ["busy"]},
        {"cycles": {**CYCLES, "filter_statuses": ["busy"]}},
    ),
    "cycles.filter_tags": (
        ["a"],
        ["b"],
        {"cycle_filter_tags": ["a"]},
        {"cycles": {**CYCLES, "filter_tags": ["a"]}},
    ),
    "cycles.schedule.sun": (DAY, OTHER, None, {"cycles": {**CYCLES, "schedule": {"sun": DAY}}}),
    "cycles.schedule_start_date": (
        "2026-01-05",
        "2026-01-06",
        None,
        {"cycles": {**CYCLES, "schedule_start_date": "2026-01-05"}},
    ),
    "cycles.schedule_end_date": (
        "2026-03-30",
        "2026-03-31",
        None,
        {"cycles": {**CYCLES, "schedule_end_date": "2026-03-30"}},
    ),
}
"""Fields that a PATCH may contain, and the place of their value in each response."""

WHATSAPP = ("template", "template_alt")
IMMUTABLE: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "agent_id": ("x", "y", {"agent": {"id": "x"}}),
    "integration_id": ("x", "y", {"integration": {"id": "x"}}),
    "integration_type": ("phone_call", "whatsapp", {"integration_type": "phone_call"}),
    "cycles.enabled": (True, False, {"cycles": {"enabled": True}}),
    "cycles.mode": ("scheduled", "cooldown", {"cycles": {"mode": "scheduled"}}),
}
"""Fields that a PATCH never contains, and their place in the detail."""

RANGES = {
    "name": (['""'], ["x", "x" * 255], ["x" * 256]),
    "retries": (["-1"], ["0", "5"], ["6"]),
    "message_limit": (["0", "-1"], ["1", "10000"], ["10001"]),
    "cycles.max_iterations": (["-1"], ["0", "7"], ["1.5"]),
    "cycles.cooldown_minutes": (["-1"], ["0", "720"], ["720.5"]),
}
"""Values below, at and above the limits."""

CONDITIONS = [
    ("integration_type: whatsapp", "first_message: x", "INVALID_REQUEST"),
    ("integration_type: phone_call", "template: x", "INVALID_REQUEST"),
    ("integration_type: phone_call", "template_alt: x", "INVALID_REQUEST"),
    ("integration_type: whatsapp", "cycles: {max_iterations: 1}", "INVALID_REQUEST"),
    ("cycles: {enabled: false", ", max_iterations: 1}", "CYCLES_NOT_ENABLED"),
    ("cycles: {enabled: false", ", cooldown_minutes: 1}", "CYCLES_NOT_ENABLED"),
    ("cycles: {enabled: false", ", filter_statuses: [busy]}", "CYCLES_NOT_ENABLED"),
    ("cycles: {enabled: false", ", filter_tags: [a]}", "CYCLES_NOT_ENABLED"),
    ("cycles: {mode: cooldown", ", schedule: {mon: closed}}", "SCHEDULED_MODE_ONLY"),
    ("cycles: {mode: cooldown", ", schedule_start_date: 2026-01-05}", "SCHEDULED_MODE_ONLY"),
    ("cycles: {mode: cooldown", ", schedule_end_date: 2026-01-05}", "SCHEDULED_MODE_ONLY"),
]
"""A fact, a key that conflicts with it, and the API's code for that."""


class Answers:
    """An API with campaigns 1 and 2 whose responses contain only what a test sets."""

    def __init__(self, listed: dict[str, Any], detailed: dict[str, Any]) -> None:
        self.listed, self.detailed = listed, detailed

    def __call__(self, seen: Seen) -> CannedResponse:
        *_, last = seen.path.partition("?")[0].split("/")
        if last != "campaigns":
            body = {"id": int(last), "status": "active", **self.detailed}
            return CannedResponse(200, json.dumps({"success": True, "campaign": body}).encode())
        rows = [{"id": id_, "status": "active", "archived": False, **self.listed} for id_ in (1, 2)]
        page = {"has_next": False, "next_cursor": None}
        body = {"total_count": 2, "campaigns": rows, "pagination": page}
        return CannedResponse(200, json.dumps(body).encode())


@pytest.fixture
def definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALTUR_API_KEY", "sk-test-rules")
    return tmp_path / "c.yaml"


def nested(path: str, value: Any) -> Any:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def plan(
    cs: Command,
    definition: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    desired: dict[str, Any],
) -> list[dict[str, Any]]:
    """Plan a field for campaigns 1 and 2; the list is read first."""
    [(path, value)] = desired.items()
    for id_ in (1, 2):
        file = definition.with_name(f"c{id_}.yaml")
        file.write_text(json.dumps({"id": id_, **nested(path, value)}))
    with Loopback(answers) as server:
        monkeypatch.setenv("ALTUR_BASE_URL", server.url)
        campaigns: list[dict[str, Any]] = cs("plan", "--format", "json").json["campaigns"]
    return campaigns


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["list", "detail"])
@pytest.mark.parametrize("path", SENT)
def test_a_field_is_read_and_sent_under_its_key(
    cs: Command, definition: Path, monkeypatch: pytest.MonkeyPatch, path: str, answer: str
) -> None:
    """A field is read from where the API returns it, and its change is sent under its path."""
    live, desired, listed, detailed = SENT[path]
    values = listed if answer == "list" else detailed
    answers = Answers(values or {}, {}) if answer == "list" else Answers({}, detailed)

    for campaign in plan(cs, definition, monkeypatch, answers, {path: desired}):
        [change] = campaign["changes"]
        assert change["field"] == path
        assert change["after"] == desired
        assert change["known"] == (values is not None)
        if values is not None:
            assert change["before"] == live
            assert body_of(campaign) == nested(path, desired)


@pytest.mark.parametrize("path", WHATSAPP)
def test_a_template_is_read_and_sent_under_its_key(
    cs: Command, definition: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The WhatsApp fields have their own names, in a campaign of that channel."""
    answers = Answers({}, {"integration_type": "whatsapp", path: "A"})

    for campaign in plan(cs, definition, monkeypatch, answers, {path: "B"}):
        assert campaign["changes"][0]["before"] == "A"
        assert body_of(campaign) == {path: "B"}


@pytest.mark.parametrize("path", IMMUTABLE)
def test_an_immutable_field_is_compared_and_never_sent(
    cs: Command, definition: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A difference in an immutable field blocks the campaign with the API's own code."""
    live, desired, detailed = IMMUTABLE[path]

    for campaign in plan(cs, definition, monkeypatch, Answers({}, detailed), {path: desired}):
        assert campaign["changes"][0]["before"] == live
        assert campaign["action"] == "blocked"
        assert campaign["blocked"][0]["code"] == "IMMUTABLE_FIELD"
        assert campaign["requests"] == []


@pytest.mark.parametrize("path", RANGES)
def test_a_range_holds_at_its_borders(cs: Command, definition: Path, path: str) -> None:
    """The highest allowed value is valid, and the next one is an error."""
    too_little, allowed, too_much = RANGES[path]

    def code(text: str) -> int:
        *groups, name = path.split(".")
        inside = f"{name}: {text}"
        for group in reversed(groups):
            inside = f"{group}: {{{inside}}}"
        definition.write_text(f"id: 1\n{inside}\n")
        return cs("validate", definition).code

    assert {text: code(text) for text in (*too_little, *too_much)} == dict.fromkeys(
        (*too_little, *too_much), 3
    )
    assert {text: code(text) for text in allowed} == dict.fromkeys(allowed, 0)


@pytest.mark.parametrize(("fact", "key", "code"), CONDITIONS)
def test_a_condition_is_checked(
    cs: Command, definition: Path, fact: str, key: str, code: str
) -> None:
    """A field that the API would refuse is refused before sending, with the API's code."""
    together = fact + key if key.startswith(",") else f"{fact}\n{key}"
    definition.write_text(f"id: 1\n{together}\n")
    apart = f"{fact}}}" if key.startswith(",") else fact

    ran = cs("validate", definition)

    assert ran.code == 3
    assert f"[{code}]" in ran.out + ran.err
    definition.write_text(f"id: 1\n{apart}\n")
    assert cs("validate", definition).code == 0


@pytest.mark.parametrize("key", ["scheduling", "cycles.schedule"])
@pytest.mark.parametrize(
    ("window", "code"),
    [
        ("09:00-09:00", 3),
        ("09:00-09:01", 0),
        ("09:01-09:00", 3),
        ("{startTime: '09:00', stopTime: '09:00', active: true}", 3),
        ("{startTime: '09:00', stopTime: '09:01', active: true}", 0),
        ("{startTime: '09:00', stopTime: '09:00', active: false}", 3),
        ("00:00-23:59", 0),
        ("00:00-24:00", 3),
    ],
)
def test_a_window_has_a_length(
    cs: Command, definition: Path, key: str, window: str, code: int
) -> None:
    """A window that ends when it starts is an error: it is ambiguous."""
    week = f"{{mon: {window}}}"
    text = f"scheduling: {week}" if key == "scheduling" else f"cycles: {{schedule: {week}}}"
    definition.write_text(f"id: 1\n{text}\n")

    assert cs("validate", definition).code == code
