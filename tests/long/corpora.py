"""Published test corpora, as definitions and as responses of every endpoint.

Run by name, with the folder of the packages: see CONTRIBUTING.md.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.commandline import Command
from support.control_characters import assert_harmless
from support.faults import Sandbox
from support.mutants import examine
from support.plans import body_of
from support.published_corpora import FOLDER, json_texts, naughty_strings, yaml_texts
from support.servers import apply, client, connect_to, desire, plan_of, run_to_end, seed

from campaignsync.errors import ApiError, BadResponse
from campaignsync.report.format import format_named
from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.routes import PREFIX, ApiRequest

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="CAMPAIGNSYNC_CORPORA is not a folder"),
    pytest.mark.timeout(900),
]

# Read at import: tests run without our environment variables.
STEP = 1 if os.environ.get("CAMPAIGNSYNC_LONG") else 3
"""Each how many texts are read; all of them with CAMPAIGNSYNC_LONG."""
SLOWEST = 0.05
"""Seconds of CPU for a definition."""
STRICTER = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
"""Valid JSON, but ambiguous: it has a duplicate key."""
WRAPS = {
    "the whole answer": b"%b",
    "beside the fields": b'{"success": true, "campaign": {"id": 1, "retries": 1, "x": %b}}',
    "in a field": b'{"success": true, "campaign": {"id": 1, "retries": %b}}',
}
PAGE = (
    b'{"success": true, "campaigns": [{"id": 2, "retries": 1}, %b],'
    b' "pagination": {"has_next": false, "next_cursor": null}}'
)
Spoil = Callable[[ApiRequest], Reply | None]


class Spoilt(Sandbox):
    """Executes the request, and sends another response."""

    spoil: Spoil = staticmethod(lambda _: None)

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        reply = super().answer(request, authorization)
        return self.spoil(request) or reply


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoilt]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("id: 1\nretries: 2\n")
    with Spoilt(seed(2), rate=None) as server:
        connect_to(server, monkeypatch)
        yield server


def test_the_collections_are_whole() -> None:
    """A folder with only some of the corpora is an error."""
    assert len(naughty_strings()) > 480
    assert len(json_texts()) >= 318
    assert len(yaml_texts()) > 400


def test_every_yaml_text_is_a_definition_or_is_told(cs: Command, tmp_path: Path) -> None:
    """No text of the yaml-test-suite crashes or is slow; none is a campaign."""
    for name, text in sampled(yaml_texts()).items():
        for content in (text, b"id: 1\n" + text, b"id: 1\ndescription:\n " + text):
            file = tmp_path / "c.yaml"
            assert min(examine(file, content) for _ in range(2)) < SLOWEST, name
            ran = cs("validate", file)
            assert ran.code in (0, 3), name
            assert "Traceback" not in ran.err, name
        (tmp_path / "c.yaml").write_bytes(text)
        assert cs("validate", tmp_path / "c.yaml").code == 3, name


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("endpoint", ["list", "detail"])
def test_every_json_text_is_read_or_is_refused(
    cs: Command, spoilt: Spoilt, endpoint: str, wrap: str
) -> None:
    """With any response to a read, only valid JSON leads to a plan, and nothing is sent."""
    if endpoint == "list":  # a single campaign is read by id, not from the list
        Path("c2.yaml").write_text("id: 2\nretries: 1\n")
    for name, text in sampled(json_texts()).items():
        answer = answered(text, endpoint, wrap)
        spoilt.spoil = answering(answer, "GET", one=endpoint == "detail")

        ran = cs("plan", "--format", "json")

        assert "Traceback" not in ran.err, name
        assert ran.code in (0, 1), (name, ran)
        if name.startswith("n_") or wrap == "the whole answer":
            assert ran.code == 1, (name, ran)
        elif name.startswith("y_") and name not in STRICTER:
            assert ran.code == 0, (name, ran)
        if ran.code == 0:
            campaign = ran.json["campaigns"][0]
            assert body_of(campaign) == ({"retries": 2} if campaign["changes"] else {}), name
    assert spoilt.writes == ()


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_write_that_is_answered_with_any_text_is_done_once(
    spoilt: Spoilt, tmp_path: Path, wrap: str
) -> None:
    """With any response to a PATCH, the write is looked for, found done, and not sent again."""
    desired = desire([1], retries=2)
    for number, (name, text) in enumerate(sampled(json_texts()).items()):
        spoilt.edit(1, {"retries": 1})
        plan = run_to_end(plan_of(spoilt, desired))
        before = len(spoilt.writes)
        spoilt.spoil = answering(WRAPS[wrap] % text, "PATCH")

        ended = run_to_end(apply(spoilt, plan, desired, tmp_path / str(number)))

        assert (ended.code, ended.outcomes) == (0, {1: "updated"}), (name, ended)
        assert len(spoilt.writes) == before + 1, name
        assert spoilt.campaigns()[1]["retries"] == 2, name


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_of_any_text_is_an_error(spoilt: Spoilt, status: int) -> None:
    """With any body of an error, the status is reported in one printable line."""

    async def ask() -> None:
        async with client(spoilt) as api:
            await api.campaign(1)

    for name, text in sampled(json_texts()).items():
        for body in (text, b'{"code": %b}' % text, b'{"error": {"message": %b}}' % text):
            spoilt.spoil = answering(body, "GET", status=status)

            with pytest.raises(ApiError, match=f"the API returned {status}") as caught:
                run_to_end(ask())

            assert type(caught.value) is not BadResponse, name
            format_named("text").error(caught.value).encode()
            assert_harmless(format_named("text").error(caught.value))


def sampled(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Return the texts that this run reads."""
    return {name: texts[name] for name in [*texts][::STEP]}


def answered(text: bytes, endpoint: str, wrap: str) -> bytes:
    whole = WRAPS[wrap] % text
    if endpoint == "detail" or wrap == "the whole answer":
        return whole
    return PAGE % whole.partition(b'"campaign": ')[2][:-1]


def answering(body: bytes, method: str, *, one: bool = True, status: int = 200) -> Spoil:
    def spoil(request: ApiRequest) -> Reply | None:
        is_spoiled = request.method == method and (request.path == f"{PREFIX}/campaigns/1") == one
        return Reply(status, body) if is_spoiled else None

    return spoil


def test_a_field_named_like_any_string_is_kept_apart(cs: Command, spoilt: Spoilt) -> None:
    """Strings of the big list, as unknown keys and values in responses, change no plan."""
    Path("c2.yaml").write_text("id: 2\nretries: 1\n")
    strings = naughty_strings()
    for first in range(0, len(strings), 20):
        some = strings[first : first + 20]
        added = {"name": some[0], "x": dict(zip(some, some, strict=True))}
        campaign = json.dumps({**added, "id": 1, "retries": 1}).encode()
        spoilt.spoil = answering(PAGE % campaign, "GET", one=False)

        ran = cs("plan", "--format", "json")

        assert ran.code == 0, (some, ran)
        assert body_of(ran.json["campaigns"][0]) == {"retries": 2}, some
