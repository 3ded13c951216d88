"""A key that a server repeats, or that a user types in the wrong place, is not printed."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import Command
from support.hypothesis_profiles import examples
from support.loopback import CannedResponse, Loopback

from campaignsync.api.http import checked_key
from campaignsync.errors import CredentialError
from campaignsync.redaction import SHORTEST_KEY, redacted, without_keys

KEY = "sk-test-Ab+/9&c<d=Zk8Q"
"""A key with characters that URLs, HTML, JSON and base64 each encode differently."""

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "for a URL": lambda key: quote(key, safe=""),
    "for a URL, lower case": lambda key: "".join(
        c if c.isalnum() else f"%{ord(c):02x}" for c in key
    ),
    "for a URL, every character": lambda key: "".join(f"%{ord(c):02X}" for c in key),
    "for a URL, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": html.escape,
    "HTML, decimal": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(c):X};" for c in key),
    "HTML, by name": lambda key: key.replace("&", "&amp;").replace("+", "&plus;"),
    "JSON": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON, every character": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "HTML, twice": lambda key: html.escape(html.escape(key)),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)[1:-1].replace("/", "\\/"))[1:-1],
    "JSON in JSON, every character": lambda key: "".join(f"\\\\u{ord(c):04x}" for c in key),
    "Python, every character": lambda key: "".join(f"\\U{ord(c):08x}" for c in key),
    "hex": lambda key: key.encode().hex(),
    "hex, upper case": lambda key: key.encode().hex().upper(),
    "hex, in pairs": lambda key: key.encode().hex(" "),
    "split by a newline": lambda key: f"{key[:7]}\n{key[7:]}",
    "split by an escaped newline": lambda key: f"{key[:7]}\\r\\n{key[7:]}",
    "folded": lambda key: f"{key[:7]}\r\n  {key[7:]}",
    "base64 of the header, wrapped": lambda key: base64.encodebytes(
        f"Authorization: api-key {key} and more so that the line is long enough".encode()
    ).decode(),
}


@pytest.mark.fault("S3")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_key_is_redacted_in_every_encoding(encoding: str) -> None:
    """The key is not shown, in whatever encoding a server repeats it."""
    written = ENCODINGS[encoding](KEY)

    shown = redacted(f"before {written} after", KEY)

    assert "[key]" in shown
    if "base64" not in encoding:
        assert shown == "before [key] after"


@pytest.mark.fault("S3")
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "api-key "])
@pytest.mark.parametrize("urlsafe", [True, False])
def test_a_key_is_redacted_in_base64(before: str, urlsafe: bool) -> None:  # noqa: FBT001 - a parameter
    """Of a key in base64, no group of characters that depends on the key remains."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    written = encode(f"{before}{KEY}{before}".encode()).decode()

    shown = redacted(written, KEY)

    assert "[key]" in shown
    assert len(shown) - len("[key]") <= len(written) - 8 * len(KEY) // 6 + 2


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(40))
@given(st.text(max_size=60), st.text(st.characters(codec="ascii"), min_size=8, max_size=40))
def test_nothing_but_the_key_is_redacted(text: str, key: str) -> None:
    """A text without the key stays as it is."""
    assert KEY not in redacted(f"{text}{KEY}{text}", KEY)
    if not key.isspace() and "[key]" in redacted("the API returned 400: invalid week", key):
        assert key.strip().lower() in "the api answered 400: invalid week"


@pytest.mark.slow
@pytest.mark.parametrize("start", ["sk-test", "", "n"])
def test_a_hostile_text_is_redacted_in_time(start: str) -> None:
    """A response full of line ends, which may stand inside a split key, does not stop the run."""
    text = start + "\\n" * 50_000

    assert redacted(text, "sk-test-nnrrtt&<+/") == text


@pytest.mark.parametrize(
    "text",
    ["=a" * 40_000, "=aA1" * 20_000 + "/", "/a=b" * 20_000, "sk-" * 40_000 + ".a", "sk-/" * 20_000],
    ids=["one case", "a path", "paths", "a file", "many keys"],
)
def test_a_hostile_word_is_searched_for_keys_in_time(text: str) -> None:
    """A word in which a key could begin anywhere does not stop the run."""
    start = time.process_time()

    without_keys(text, ())

    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("q/w=Ab1" + "x" * 30, "q/w=[key]"),
        ("Ab1-" + "x" * 30 + "-sk-abcdef", "[key]"),
        ("--key=sk-abcdef/gh=", "--key=[key]"),
        ("see campaigns/sk-abcdef", "see campaigns/[key]"),
    ],
)
def test_only_the_key_in_a_word_is_redacted(text: str, shown: str) -> None:
    """A key after a path, a name or a flag is removed whole, and the rest stays readable."""
    assert without_keys(text, ()) == shown


@pytest.mark.parametrize("length", range(1, SHORTEST_KEY))
def test_a_short_key_is_refused(length: int) -> None:
    """A key of few characters is refused, because redacting it would redact every message."""
    with pytest.raises(CredentialError, match="ALTUR_API_KEY is too short") as caught:
        checked_key("kQ7zR2v9"[:length], "ALTUR_API_KEY")

    assert caught.value.exit_code == 4
    assert checked_key("kQ7zR2v9", "ALTUR_API_KEY") == "kQ7zR2v9"


@pytest.mark.fault("S3")
@pytest.mark.usefixtures("folder")
def test_a_short_key_is_refused_before_any_request(
    cs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`plan` with a key of five characters exits with 4, and makes no request."""
    with Loopback(lambda _: CannedResponse(400)) as loopback:
        monkeypatch.setenv("ALTUR_BASE_URL", loopback.url)
        monkeypatch.setenv("ALTUR_API_KEY", "inval")

        ran = cs("plan")

        assert ran.code == 4
        assert "[key]" not in ran.err
        assert loopback.log == []


TYPED = "sk-test-canary-8Jq2vXw7Lr/4Tn+Zk9"


@pytest.mark.fault("S3")
@pytest.mark.usefixtures("folder", "server")
@pytest.mark.parametrize("typed", [TYPED, "kQ7zR2v9kQ7zR2v9"])
@pytest.mark.parametrize(
    "command",
    [
        "plan {}",
        "plan --api-key {}",
        "plan --api-key={}",
        "plan {} --format json",
        "plan {} --format markdown",
        "plan -e {}",
        "plan --base-url {}",
        "plan --format {}",
        "validate {}",
        "apply {}",
        "show {}",
        "explain {}",
        "undo {}",
        "export {}",
        "list --status {}",
        "--api-key {} plan",
        "{}",
    ],
)
def test_a_key_typed_as_an_argument_is_not_echoed(
    cs: Command, monkeypatch: pytest.MonkeyPatch, command: str, typed: str
) -> None:
    """A key on the command line is an error, and does not appear in the job's log."""
    if typed != TYPED:
        monkeypatch.setenv("ALTUR_API_KEY", typed)

    ran = cs(*command.format(typed).split())

    assert ran.code == 3
    assert typed not in ran.out + ran.err
    assert typed[12:] not in ran.out + ran.err


@pytest.mark.parametrize(
    "text",
    [
        "no such file or folder: campaigns/q2-promo-2026.yaml",
        "no such file or folder: Campaigns/Q2Promo2024CollectionsMexicoNorte99.yaml",
        "no run 20260101T093000Z-1a2b3c4d",
        "no environment `task-force-sk`",
        "sk-bratislava-2026.yaml: the file is empty",
    ],
)
def test_texts_that_are_not_keys_are_shown(text: str) -> None:
    """Paths, runs and names stay readable."""
    assert without_keys(text, ["sk-test-other"]) == text
