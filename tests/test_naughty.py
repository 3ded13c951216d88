"""Strings that often cause bugs, in every field and every output."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command
from support.control_characters import assert_harmless
from support.faults import Sandbox
from support.naughty_strings import LONGEST_NAME, all_of_them
from support.plans import body_of

from campaignsync.characters import CONTROL
from campaignsync.load import check
from campaignsync.model.fields import BY_PATH, MANAGEABLE
from campaignsync.model.kinds import LabelsKind, TextKind

NAUGHTY = all_of_them()
KEY = "sk-test-naughty"
TEXTS = [field for field in MANAGEABLE if isinstance(field.kind, TextKind | LabelsKind)]
CHANNELS = {"whatsapp": ("template", "template_alt"), "phone_call": ("first_message",)}


def is_sayable(text: str) -> bool:
    return not CONTROL.search(text) and "\ufffe" not in text and "\uffff" not in text


SAYABLE = [text for text in NAUGHTY if is_sayable(text) and text.rstrip("\n")]


def nested(path: str, value: Any) -> dict[str, Any]:
    *parents, key = path.split(".")
    for parent in reversed([*parents]):
        value, key = {key: value}, parent
    return {key: value}


def test_there_are_many() -> None:
    """The collection contains every kind of string."""
    assert len(NAUGHTY) > 250
    assert len(SAYABLE) > 230


@pytest.mark.slow
@pytest.mark.parametrize("path", [field.path for field in TEXTS])
def test_a_text_is_read_completely_or_refused(tmp_path: Path, path: str) -> None:
    """Every string in every text field is read completely, or refused as invalid."""
    described = BY_PATH[path].schema()
    is_list = isinstance(BY_PATH[path].kind, LabelsKind)
    limits = described["items"] if is_list else described
    shortest, longest = limits.get("minLength", 0), limits.get("maxLength", sys.maxsize)
    files = []
    for number, text in enumerate(NAUGHTY, start=1):
        value: Any = [text] if is_list else text
        file = tmp_path / f"{number}.yaml"
        document = {"id": number, **nested(path, value)}
        # YAML does not support surrogate pairs, unlike JSON's escapes.
        escaped = number % 2 == 0 and max(text, default="") <= "\uffff"
        file.write_text(json.dumps(document, ensure_ascii=escaped), encoding="utf-8")
        files.append(file)

    (desired,), problems = check(files)

    read = {definition.id: definition.values.get(path) for definition in desired.definitions}
    refused = {
        Path(problem.source.file).name for problem in problems if problem.severity == "error"
    }
    for number, text in enumerate(NAUGHTY, start=1):
        expected = text.rstrip("\n")
        fits = shortest <= len(expected) <= longest
        if is_sayable(text) and fits:
            assert read[number] == ([expected] if is_list else expected), ascii(text)
            assert f"{number}.yaml" not in refused, ascii(text)
        else:
            assert f"{number}.yaml" in refused, ascii(text)


def write_definitions(folder: Path) -> dict[int, dict[str, Any]]:
    """Write definitions that contain all strings; return the expected live values by id."""
    folder.mkdir()
    names = [text for text in SAYABLE if len(text) <= LONGEST_NAME]
    expected: dict[int, dict[str, Any]] = {}
    for number, (channel, texts) in enumerate(
        [(channel, SAYABLE[part::4]) for part in range(4) for channel in CHANNELS], start=1
    ):
        whole = "\n".join(text.rstrip("\n") for text in texts)
        fields: dict[str, Any] = {
            "name": names[number * 17].rstrip("\n"),
            "description": whole,
            **dict.fromkeys(CHANNELS[channel], whole),
        }
        if channel == "phone_call":
            labels = sorted({text.rstrip("\n") for text in texts})
            fields["cycles"] = {"filter_tags": labels, "filter_statuses": labels}
        expected[number] = fields
        document = {"id": number, **fields}
        text = json.dumps(document, ensure_ascii=False, indent=1)
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    return expected


@pytest.mark.slow
@pytest.mark.fault("C4")
@pytest.mark.fault("C8")
def test_all_of_them_arrive_as_they_were_written(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned, shown in every format, applied and planned again: no string is changed."""
    monkeypatch.chdir(tmp_path)
    expected = write_definitions(tmp_path / "c")
    campaigns = [
        {
            "id": number,
            "name": "x",
            "integration_type": "phone_call" if "cycles" in fields else "whatsapp",
            **({"cycles": {"enabled": True}} if "cycles" in fields else {}),
        }
        for number, fields in expected.items()
    ]
    with Sandbox(seed={"campaigns": campaigns}, rate=None, key=KEY) as sandbox:
        monkeypatch.setenv("ALTUR_BASE_URL", sandbox.url)
        monkeypatch.setenv("ALTUR_API_KEY", KEY)
        planned = cs("plan", "c", "--out", "plan.json", "-q")
        formats = ("text", "markdown", "json", "html", "junit", "gitlab", "step-summary")
        shown = [cs("show", "plan.json", "--format", f) for f in formats]
        applied = cs("apply", "plan.json", "--auto-approve", "-q")
        again = cs("plan", "c", "--detailed-exitcode", "-q")
        runs = [cs("history", "last", "--format", f) for f in ("text", "markdown", "json")]
        # Change back, so that each string was live, too.
        for number in expected:
            sandbox.edit(number, {"name": "y", "description": "y", "first_message": "y"})
        back = [cs("plan", "c", "-q", "--format", f) for f in ("text", "markdown", "json")]
        live = sandbox.campaigns()

    assert (planned.code, applied.code, again.code) == (0, 0, 0)
    assert f"No changes. {len(expected)} campaigns match their definitions." in again.out
    for ran in (planned, applied, *shown, *runs, *back):
        assert ran.code == 0
        assert_harmless(ran.out + ran.err)
    patches = {campaign["id"]: body_of(campaign) for campaign in shown[2].json["campaigns"]}
    assert patches == expected
    for number, fields in expected.items():
        for name in set(fields) - {"name", "description", "first_message"}:
            got = live[number][name]
            assert {**got, **fields[name]} == got if name == "cycles" else got == fields[name]
