"""Keys, addresses, certificates and files: rows S1 to S10 of the fault matrix."""

import ast
import base64
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from support.commandline import EXAMPLE, ROOT, Command, copy_example, run_program
from support.faults import Fault, Quirks, Sandbox
from support.loopback import CannedResponse, Loopback, Seen
from support.plans import patch
from support.preloaded import Preloaded, preloaded

from campaignsync.model.plan import Plan, seal

CANARY = "sk-test-canary-8Jq2vXw7Lr/4Tn+Zk9"
"""A key with characters that URLs, base64 and JSON each encode differently."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(seed=EXAMPLE / "sandbox.json", rate=None, key=CANARY) as sandbox:
        monkeypatch.setenv("ALTUR_BASE_URL", sandbox.url)
        monkeypatch.setenv("ALTUR_API_KEY", CANARY)
        yield sandbox


# S2


@pytest.mark.fault("S2")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("kind", ["401", "403"])
def test_a_key_that_is_refused_at_the_start_writes_nothing(
    cs: Command, server: Sandbox, kind: Any
) -> None:
    """If the first response refuses the key, every command exits with 4 without a write."""
    for command in (["plan"], ["apply", "--auto-approve"]):
        server.quirks = Quirks(faults=(Fault("all", kind),))
        ran = cs(*command)

        assert ran.code == 4
        assert "the key is valid for this account" in ran.err
    assert server.writes == ()


@pytest.mark.slow
@pytest.mark.fault("S2")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("kind", ["401", "403"])
def test_a_key_that_is_refused_midway_stops_every_worker(
    paced_cs: Command, server: Sandbox, kind: Any
) -> None:
    """After the key was refused no write is sent; earlier writes are reported."""
    server.quirks = Quirks(faults=(Fault(2, kind, frozenset({"PATCH"})),))

    ran = paced_cs("apply", "--auto-approve", "--format", "json")

    outcomes = [c["outcome"] for c in ran.json["campaigns"] if c["requests"]]
    assert ran.code == 8
    assert len(server.writes) == 2
    assert sorted(outcomes) == ["failed", "skipped", "updated"]


@pytest.mark.fault("S2")
@pytest.mark.usefixtures("folder")
def test_a_key_that_is_revoked_before_reading_back_leaves_the_write_unknown(
    cs: Command, server: Sandbox
) -> None:
    """A write with a lost response is not reported as done if the key is refused meanwhile."""
    cs("plan", "campaigns/overdue-60.yaml", "--out", "plan.json")
    lost = Fault(1, "drop-after", frozenset({"PATCH"}))
    # The first reading is the one before the write.
    revoked = Fault(frozenset(range(2, 40)), "401", frozenset({"GET"}))
    server.quirks = Quirks(faults=(lost, revoked))

    ran = cs("apply", "plan.json", "--auto-approve", "--format", "json")

    assert ran.code == 9
    assert ran.json["summary"]["unknown"] == 1
    assert len(server.writes) == 1


# S3


def spellings(secret: str) -> Iterator[bytes]:
    """Return the key in every form it may have: plain, URL-encoded, base64, in parts."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    for before in ("", "x", "xx", "api-key "):
        encoded = base64.b64encode(f"{before}{secret}".encode())
        # The first and the last group depend on the text around the secret.
        yield encoded[len(before) * 4 // 3 + 4 : -4]
    for start in range(0, len(secret) - 12, 4):
        part = secret[start : start + 12].encode()
        if part not in b"sk-test-canary-":
            yield part


def leaks(text: bytes) -> list[bytes]:
    return [spelling for spelling in spellings(CANARY) if spelling in text]


def test_the_search_for_the_key_finds_it() -> None:
    """The search below finds the key in each of its forms."""
    for disguise in (
        CANARY,
        quote(CANARY),
        base64.b64encode(f"api-key {CANARY}".encode()).decode(),
        CANARY[5:25],
    ):
        assert leaks(f"…{disguise}…".encode()), disguise
    assert not leaks(b"sk-test-canary-")


@pytest.mark.slow
@pytest.mark.fault("S3")
def test_the_key_is_not_in_outputs_or_files(cs: Command, server: Sandbox, folder: Path) -> None:
    """The key is only in the request's header, whatever is run and however it ends."""
    output = ""
    for command in (
        ["validate"],
        ["plan", "-v", "--out", "plan.json"],
        ["plan", "--format", "json", "-o", "report.json"],
        ["plan", "--format", "markdown", "-o", "report.md"],
        ["show", "plan.json"],
        ["apply", "-v", "plan.json", "--auto-approve", "--format", "json"],
        ["history"],
        ["history", "last", "--format", "json"],
        ["undo", "last", "--out", "undo.json"],
        ["apply", "undo.json", "--auto-approve"],
        ["apply", "plan.json"],
        ["plan", "nowhere"],
        ["plan", "--bogus"],
        ["plan", "-e", "nowhere", "--format", "json"],
        ["plan", "--base-url", "http://127.0.0.1:9"],
        ["plan", "--base-url", CANARY],
        ["plan", "--base-url", f"https://{CANARY.replace('/', '')}@127.0.0.1"],
    ):
        ran = cs(*command)
        output += ran.out + ran.err
    for kind in ("401", "402", "403", "html", "half", "nan", "redirect", "drop-before", "empty"):
        server.quirks = Quirks(faults=(Fault("all", kind),))
        ran = cs("plan", "campaigns/survey.yaml")
        output += ran.out + ran.err
        assert ran.code != 0

    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {".jsonl", ".json", ".md", ".lock"} <= {path.suffix for path in files}
    assert len(output) > 10_000
    assert not leaks(output.encode())
    assert not [path for path in files if leaks(path.read_bytes())]
    assert not [path for path in folder.rglob("*") if leaks(path.name.encode())]


SPELLINGS = ("as it is", "for a URL", "in base64")
"""Each is tried with each status, and with each place of the key."""


@pytest.mark.slow
@pytest.mark.fault("S3")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("status", "place", "spelled"),
    [
        (status, place, SPELLINGS[(n + m) % len(SPELLINGS)])
        for n, status in enumerate([200, 400, 401, 404, 409, 422, 429, 500])
        for m, place in enumerate(["code", "field", "message", "error", "detail"])
    ],
)
def test_a_server_that_echoes_the_key_does_not_get_it_printed(
    cs: Command, monkeypatch: pytest.MonkeyPatch, status: int, place: str, spelled: str
) -> None:
    """An error that repeats the request's headers is shown without the key."""

    def echo(seen: Seen) -> CannedResponse:
        key = {
            "as it is": CANARY,
            "for a URL": quote(CANARY, safe=""),
            "in base64": base64.b64encode(seen.headers["Authorization"].encode()).decode(),
        }[spelled]
        text = f"{'why ' * 46}{key}" if place == "message" else key
        document = {"success": False, "code": "NO", place: text}
        return CannedResponse(status, json.dumps(document).encode(), {"Retry-After": "0"})

    with Loopback(echo) as loopback:
        monkeypatch.setenv("ALTUR_BASE_URL", loopback.url)
        monkeypatch.setenv("ALTUR_API_KEY", CANARY)
        ran = cs("plan", "campaigns/survey.yaml", "--format", "json")

    assert ran.code == 6 if status == 404 else ran.code in (1, 4, 5, 8)
    assert not leaks((ran.out + ran.err).encode())


@pytest.mark.slow
@pytest.mark.fault("S3")
def test_a_traceback_does_not_contain_the_key(tmp_path: Path) -> None:
    """A traceback of a bug does not contain the key."""
    shutil.copytree(EXAMPLE / "campaigns", tmp_path / "campaigns")
    # An unexpected error: a library that fails during a request.
    (tmp_path / "sitecustomize.py").write_text(
        "import httpx\n"
        "def broken(self, *a, **k): raise LookupError(f'{self!r} {a} {k}')\n"
        "httpx.AsyncClient.send = broken\n"
    )
    ran = run_program(
        "plan",
        folder=tmp_path,
        PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}",
        ALTUR_API_KEY=CANARY,
        ALTUR_BASE_URL="http://127.0.0.1:9",
    )

    assert ran.code == 1
    assert "LookupError" in ran.err
    assert not leaks((ran.out + ran.err).encode())


@pytest.mark.slow
@pytest.mark.fault("S3")
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="/proc does not exist")
def test_the_key_is_on_no_command_line(tmp_path: Path) -> None:
    """The list of processes never shows the key."""
    shutil.copytree(EXAMPLE / "campaigns", tmp_path / "campaigns")
    seen: list[bytes] = []

    def look(_: Seen) -> CannedResponse:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_bytes())
            except OSError:
                continue  # it has ended since
        return CannedResponse(401, b"{}")

    with Loopback(look) as loopback:
        ran = run_program(
            "plan", folder=tmp_path, ALTUR_API_KEY=CANARY, ALTUR_BASE_URL=loopback.url
        )

    assert ran.code == 4
    assert any(b"campaignsync\0plan" in line for line in seen)
    assert not [line for line in seen if leaks(line)]


# S4


class Authority(NamedTuple):
    """A certificate authority of our own, and its certificates by name."""

    folder: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "ca.pem"

    def context(self, name: str) -> ssl.SSLContext:
        """Return a TLS context for a server with one of the certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / "key.pem")
        return context


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Create an authority and its certificates: a valid one, and one for each defect."""
    if not shutil.which("openssl"):
        pytest.skip("certificates are made with openssl, which is not here")
    folder = tmp_path_factory.mktemp("authority")
    make = ("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out")
    openssl(folder, *make, "ca-key.pem")
    openssl(folder, *make, "key.pem")
    new = ("req", "-x509", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1")
    signs = ("-addext", "keyUsage=critical,keyCertSign")
    openssl(folder, *new, *signs, "-key", "ca-key.pem", "-subj", "/CN=tests", "-out", "ca.pem")
    openssl(folder, *new, "-key", "key.pem", "-subj", "/CN=127.0.0.1", "-out", "self-signed.pem")
    openssl(folder, "req", "-new", "-key", "key.pem", "-subj", "/CN=127.0.0.1", "-out", "a.csr")
    certificates = {
        "good": ("IP:127.0.0.1", ("-days", "2")),
        "wrong-host": ("DNS:example.com", ("-days", "2")),
        # -days counts from now also backwards, in every version of openssl.
        "expired": ("IP:127.0.0.1", ("-days", "-1")),
    }
    for name, (host, days) in certificates.items():
        # Python 3.13 requires the identifier of the authority's key, and the authority's key usage.
        (folder / "extensions").write_text(f"subjectAltName={host}\nauthorityKeyIdentifier=keyid\n")
        openssl(
            folder, "x509", "-req", "-in", "a.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
            "-CAcreateserial", *days, "-extfile", "extensions", "-out", f"{name}.pem",
        )  # fmt: skip
    return Authority(folder)


def answer_listing(_: Seen) -> CannedResponse:
    page = {"campaigns": [], "total_count": 0, "pagination": {"has_next": False}}
    return CannedResponse(200, json.dumps(page).encode())


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Preloaded]:
    """Run the program where our list of trusted authorities replaces the public one."""
    package = tmp_path_factory.mktemp("trust") / "certifi"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"def where(): return {str(authority.bundle)!r}\n"
        f"def contents(): return open({str(authority.bundle)!r}).read()\n"
    )
    with closing(Preloaded(str(package.parent))) as program:
        yield program


@pytest.mark.slow
@pytest.mark.fault("S4")
@pytest.mark.parametrize(
    ("certificate", "refusal"),
    [
        ("good", None),
        ("self-signed", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("wrong-host", "IP address mismatch"),
    ],
)
def test_only_a_server_with_a_good_certificate_gets_the_key(
    folder: Path, trusting: Preloaded, authority: Authority, certificate: str, refusal: str | None
) -> None:
    """A self-signed, expired or wrong-host certificate is refused before the key is sent.

    The valid certificate of the same authority proves that the defect is the reason.
    """
    with Loopback(answer_listing, authority.context(certificate)) as loopback:
        ran = trusting.run(
            "plan", "campaigns", "--base-url", loopback.url, folder=folder, ALTUR_API_KEY=CANARY
        )
        seen = loopback.bytes_seen

    if refusal is None:
        assert CANARY.encode() in seen
        return
    assert ran.code == 5
    assert refusal in ran.err
    assert loopback.log == []


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context speak TLS 1.1 only."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.slow
@pytest.mark.fault("S4")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # an old version is the point of this test
def test_an_old_tls_version_is_refused(
    folder: Path, trusting: Preloaded, authority: Authority
) -> None:
    """A server that supports only TLS 1.1 is refused."""
    context = old_tls(authority.context("good"))
    with Loopback(answer_listing, context) as loopback:
        insecure = ssl.create_default_context(cafile=str(authority.bundle))
        try:
            with (
                socket.create_connection(("127.0.0.1", loopback.port), timeout=10) as connection,
                old_tls(insecure).wrap_socket(connection, server_hostname="127.0.0.1"),
            ):
                pass
        except ssl.SSLError:
            pytest.skip("this OpenSSL can no longer speak TLS 1.1")
        ran = trusting.run(
            "plan", "campaigns", "--base-url", loopback.url, folder=folder, ALTUR_API_KEY=CANARY
        )

    assert ran.code == 5
    assert loopback.log == []


@pytest.mark.slow
@pytest.mark.fault("S4")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "url",
    [
        "http://api.altur.io",
        "http://example.com/api/v1.0",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://[::2]",
        "http://127.0.0.1@example.com",
        "HTTP://EXAMPLE.COM",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "//example.com",
        "https://",
        "https://example.com?to=1",
        "https://example.com#there",
    ],
)
def test_the_key_does_not_travel_in_the_clear(
    cs: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Plain http is for loopback only, and an address contains nothing but an address."""
    monkeypatch.setenv("ALTUR_API_KEY", CANARY)

    for given in (["--base-url", url], []):
        if not given:
            monkeypatch.setenv("ALTUR_BASE_URL", url)
        ran = cs("plan", *given)
        assert ran.code == 3, url
        assert not leaks(ran.err.encode())


# S5


@pytest.mark.slow
@pytest.mark.fault("S5")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_redirect_is_never_followed(
    cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int, method: str
) -> None:
    """A redirect target gets no request, and no byte of the key."""
    with Loopback() as second:

        def first(seen: Seen) -> CannedResponse:
            if seen.method == method:
                return CannedResponse(status, b"", {"Location": f"{second.url}/campaigns/1236"})
            return CannedResponse(200, json.dumps({"success": True, "campaign": live}).encode())

        live = server.campaigns()[1236]
        with Loopback(first) as loopback:
            monkeypatch.setenv("ALTUR_BASE_URL", loopback.url)
            ran = cs("apply", "campaigns/overdue-60.yaml", "--auto-approve")

        assert second.log == []
        assert ran.code == 1
        assert "redirect" in ran.err + ran.out
        assert sum(seen.method == method for seen in loopback.log) == 1


# S6


@pytest.mark.slow
@pytest.mark.fault("S6")
@pytest.mark.usefixtures("folder")
def test_proxies_of_the_environment_are_not_used(
    cs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment gets neither the key nor a campaign."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    with (
        Loopback(lambda _: CannedResponse(502)) as proxy,
        Sandbox(seed=EXAMPLE / "sandbox.json", rate=None, key=CANARY) as sandbox,
    ):
        address = f"http://127.0.0.1:{proxy.port}"
        for name in names:
            monkeypatch.setenv(name, address)
            monkeypatch.setenv(name.lower(), address)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("ALTUR_API_KEY", CANARY)
        ran = cs("plan", "--base-url", sandbox.url)

    assert ran.code == 0
    assert proxy.log == []
    assert len(sandbox.log) > 0


@pytest.mark.slow
@pytest.mark.fault("S6")
@pytest.mark.usefixtures("folder")
def test_netrc_does_not_replace_the_key(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password in `.netrc` for the host does not replace the key."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password sk-test-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("ALTUR_API_KEY", CANARY)
    with Loopback(answer_listing) as loopback:
        cs("plan", "--base-url", loopback.url)

    assert {seen.headers["Authorization"] for seen in loopback.log} == {f"api-key {CANARY}"}
    assert b"sk-test-netrc" not in loopback.bytes_seen


@pytest.mark.slow
@pytest.mark.fault("S6")
def test_the_environment_cannot_add_a_certificate_authority(
    tmp_path: Path, authority: Authority
) -> None:
    """A certificate bundle in an environment variable is not trusted."""
    shutil.copytree(EXAMPLE / "campaigns", tmp_path / "campaigns")
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    with Loopback(answer_listing, authority.context("good")) as loopback:
        ran = preloaded().run(
            "plan",
            folder=tmp_path,
            ALTUR_API_KEY=CANARY,
            ALTUR_BASE_URL=loopback.url,
            SSL_CERT_DIR=str(authority.folder),
            **dict.fromkeys(names, str(authority.bundle)),
        )

    assert ran.code == 5
    assert loopback.log == []


# S7


@pytest.mark.slow
@pytest.mark.fault("S7")
def test_a_plan_of_another_environment_is_refused(
    cs: Command, server: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of one environment is not applied to another at the same address."""
    (folder / "campaignsync.yaml").write_text(
        "version: 1\ndefinitions: campaigns\nenvironments:\n"
        "  one: {api_key_env: ALTUR_API_KEY_ONE}\n  two: {api_key_env: ALTUR_API_KEY_TWO}\n"
    )
    monkeypatch.setenv("ALTUR_API_KEY_ONE", CANARY)
    monkeypatch.setenv("ALTUR_API_KEY_TWO", CANARY)
    assert cs("plan", "-e", "one", "--out", "plan.json").code == 0

    ran = cs("apply", "plan.json", "-e", "two", "--auto-approve")

    assert ran.code == 7
    assert "another environment" in ran.err
    assert server.writes == ()
    assert cs("apply", "plan.json", "--auto-approve").code == 0


@pytest.mark.fault("S7")
@pytest.mark.usefixtures("folder")
def test_a_plan_of_another_server_is_refused(
    cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan made at one server is refused for another, without any request."""
    cs("plan", "--out", "plan.json")
    with Sandbox(seed=EXAMPLE / "sandbox.json", rate=None, key=CANARY) as other:
        monkeypatch.setenv("ALTUR_BASE_URL", other.url)
        ran = cs("apply", "plan.json", "--auto-approve")

    assert ran.code == 7
    assert other.log == ()
    assert server.writes == ()


@pytest.mark.fault("S7")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("other", ["has no such campaign", "has another one under its id"])
def test_a_plan_of_another_account_at_the_same_address_is_stale(
    cs: Command, server: Sandbox, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """A plan of one account, applied with the key of another one, is 7."""
    assert cs("plan", "campaigns/overdue-60.yaml", "--out", "plan.json").code == 0
    campaign = {**server.campaigns()[1236], "description": "Other"}
    methods: list[str] = []

    def answer(seen: Seen) -> CannedResponse:
        methods.append(seen.method)
        if seen.headers["Authorization"] != "api-key sk-test-of-the-other":
            return CannedResponse(401)
        if other == "has no such campaign":
            return CannedResponse(404, b'{"code": "NOT_FOUND"}')
        return CannedResponse(200, json.dumps({"success": True, "campaign": campaign}).encode())

    with Loopback(answer) as loopback:
        plan = Plan.from_json(Path("plan.json").read_bytes())
        account = plan.environment.model_copy(update={"base_url": loopback.url})
        moved = seal(plan.model_copy(update={"environments": (account,)}))
        Path("plan.json").write_text(moved.model_dump_json())
        monkeypatch.setenv("ALTUR_BASE_URL", loopback.url)
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-of-the-other")
        ran = cs("apply", "plan.json", "--auto-approve")

    assert ran.code == 7, ran.err
    assert set(methods) == {"GET"}


def forged(plan: Plan, **changes: Any) -> str:
    """Return the plan with its first update changed, and a matching fingerprint."""
    first = next(n for n, campaign in enumerate(plan.campaigns) if campaign.action == "update")
    campaigns = list(plan.campaigns)
    campaigns[first] = campaigns[first].model_copy(update=changes)
    return seal(plan.model_copy(update={"campaigns": tuple(campaigns)})).model_dump_json()


@pytest.mark.fault("R6")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "changes",
    [
        {"requests": patch(1236, {"description": "Second reminder", "name": "gift"})},
        {"requests": patch(1236, {"description": "As forged"})},
        {"requests": ()},
        {"requests": patch(1237, {"description": "Second reminder"})},
        {"requests": patch(1236, {"description": "Second reminder"}) * 2},
        {"requests": patch(1236, {"agent_id": "agt_evil"})},
        {"id": 999},
        {"id": -1},
        {"changes": ()},
    ],
)
def test_a_forged_plan_is_not_applied(
    cs: Command, server: Sandbox, changes: dict[str, Any]
) -> None:
    """A forged plan with a matching fingerprint is refused."""
    cs("plan", "campaigns/overdue-60.yaml", "--out", "plan.json")
    plan = Plan.from_json(Path("plan.json").read_bytes())
    Path("plan.json").write_text(forged(plan, **changes))

    ran = cs("apply", "plan.json", "--auto-approve")

    assert ran.code == 7
    assert server.writes == ()


@pytest.mark.fault("R6")
@pytest.mark.usefixtures("folder", "server")
def test_a_forged_plan_is_not_shown_as_one(cs: Command) -> None:
    """A plan with an unknown field is refused."""
    cs("plan", "campaigns/overdue-60.yaml", "--out", "plan.json")
    document = json.loads(Path("plan.json").read_text())
    document["campaigns"][0]["changes"][0]["field"] = "::error::x"
    Path("plan.json").write_text(json.dumps(document))

    ran = cs("show", "plan.json")

    assert ran.code == 7
    assert "is not a field" in ran.err


# S8

BAD_IDS = (
    "../agents/1", "1/../2", "1?x", "1#y", "1;2", "1 2", "%2e%2e", "%31", ".", "..", "/", "",
    "１", "٣", "²", "+1", "1_0", "0", "-1", "00", "01", "1.0", "1e3", "0x10", "true", "null", "~",
    "99999999999999999999999",
)  # fmt: skip
QUOTED_IDS = ("1", " 1", "1 ", "\\t1", "1\\n", "1\\u0000", *BAD_IDS)


@pytest.mark.slow
@pytest.mark.fault("S8")
@pytest.mark.parametrize("written", [*BAD_IDS, *(f'"{text}"' for text in QUOTED_IDS)])
def test_an_invalid_id_is_refused_before_any_request(
    cs: Command, server: Sandbox, tmp_path: Path, written: str
) -> None:
    """An id that would lead to another address is refused before any request."""
    (tmp_path / "c.yaml").write_text(f"id: {written}\nretries: 1\n")

    for command in ("validate", "plan", "apply"):
        assert cs(command, tmp_path / "c.yaml").code == 3, written
    assert server.log == ()


# S9


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.slow
@pytest.mark.fault("S9")
@pytest.mark.usefixtures("_open_umask", "server")
def test_written_files_are_private(cs: Command, folder: Path) -> None:
    """Only the owner can read plans, reports and journals: they contain prompts and names."""
    before = set(folder.rglob("*"))
    cs("plan", "--out", "plan.json", "-o", "plan.txt", "--report", "html=plan.html")
    cs("apply", "plan.json", "--auto-approve", "--format", "json", "-o", "applied.json")
    cs("undo", "last", "--out", "undo.json")
    cs("apply", "campaigns", "--auto-approve", "--journal", "elsewhere/journals")

    made = [path for path in folder.rglob("*") if path not in before]
    files = [path for path in made if path.is_file()]
    assert len([path for path in files if path.suffix == ".jsonl"]) == 1
    assert {"plan.json", "plan.txt", "plan.html", "applied.json", "undo.json"} <= {
        path.name for path in files
    }
    assert {permissions(path) for path in files} == {0o600}
    assert {permissions(path) for path in made if path.is_dir()} == {0o700}


@pytest.mark.fault("S9")
@pytest.mark.usefixtures("_open_umask")
def test_the_sandbox_database_is_private(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the owner can read the sandbox's database."""
    copy_example(tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")

    assert cs("plan").code == 0

    assert permissions(Path(".campaignsync")) == 0o700
    assert (Path(".campaignsync") / "sandbox.db").is_file()


@pytest.mark.fault("S9")
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "output", [("--out", "plan.json"), ("--output", "plan.json", "--format", "json")]
)
def test_a_link_in_the_place_of_an_output_is_replaced(
    cs: Command, folder: Path, output: tuple[str, ...]
) -> None:
    """A symbolic link in place of an output file is not followed."""
    other = folder / "other"
    other.write_text("mine")
    (folder / "plan.json").symlink_to(other)

    assert cs("plan", *output).code == 0

    assert other.read_text() == "mine"
    assert not (folder / "plan.json").is_symlink()
    assert permissions(folder / "plan.json") == 0o600


@pytest.mark.fault("S9")
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("name", ["default.json", "default.lock"])
def test_a_link_in_the_place_of_a_lock_is_not_followed(
    cs: Command, folder: Path, name: str
) -> None:
    """The target of a symbolic link in place of the lock is not changed."""
    other = folder / "other"
    other.write_text("mine")
    (folder / ".campaignsync" / "lock").mkdir(parents=True)
    (folder / ".campaignsync" / "lock" / name).symlink_to(other)

    ran = cs("apply", "--auto-approve")

    assert ran.code in (0, 3)
    assert other.read_text() == "mine"


@pytest.mark.fault("S9")
@pytest.mark.parametrize("place", [".campaignsync", ".campaignsync/journal"])
def test_a_link_in_the_place_of_the_journal_is_refused(
    cs: Command, server: Sandbox, folder: Path, place: str
) -> None:
    """A link in the repository cannot move the journal: nothing is sent."""
    (folder / "other" / "journal").mkdir(parents=True)
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).symlink_to(folder / "other", target_is_directory=True)

    ran = cs("apply", "--auto-approve")

    assert ran.code == 3
    assert server.writes == ()
    assert [path.name for path in (folder / "other").rglob("*")] == ["journal"]


# S10


def test_only_declared_libraries_are_installed() -> None:
    """Installing campaignsync installs these libraries and their dependencies only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line.partition(">")[0].partition("<")[0] for line in project["dependencies"]]

    assert sorted(named) == [
        "annotated-types", "click", "deepdiff", "filelock", "httpx", "jinja2", "pydantic", "rich",
        "ruamel.yaml", "ruamel.yaml.clib", "tzdata",
    ]  # fmt: skip


REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("rubygems", "org"),
        ("crates", "io"),
        ("conda", "anaconda", "org"),
        ("index", "docker", "io"),
        ("proxy", "golang", "org"),
    )
)
OURS = ("campaignsync", "campaigns.example", "tests", ".ci")


@pytest.mark.slow
@pytest.mark.fault("S10")
def test_files_do_not_name_a_registry() -> None:
    """No file of the repository names a package index."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for name in OURS for path in (ROOT / name).rglob("*") if path.is_file()]
    sources = [path for path in files if path.suffix not in (".pyc", ".db")]
    naming = [
        f"{path}: {host}"
        for path in sources
        for host in REGISTRIES
        if host.encode() in path.read_bytes()
    ]

    assert len(sources) > 100
    assert naming == []


@pytest.mark.slow
@pytest.mark.fault("S10")
def test_every_imported_library_is_declared() -> None:
    """Every imported library is a declared dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = (line.partition(">")[0].partition(".")[0] for line in project["dependencies"])
    declared = {name.replace("-", "_") for name in names}
    imported = set()
    for file in (ROOT / "campaignsync").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])

    # pydantic pins its core to one version, and its manual imports schemas and errors from there.
    declared |= {"pydantic_core"} if "pydantic" in declared else set()
    assert imported - set(sys.stdlib_module_names) - {"campaignsync"} <= declared
