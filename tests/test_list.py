"""`campaignsync list`: live campaigns and their definitions."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len
from support.commandline import Command
from support.faults import Quirks, Sandbox
from support.preloaded import preloaded
from support.servers import connect_to

from campaignsync.model.results import ListedCampaign, Listing, ListSummary
from campaignsync.report.format import format_named
from campaignsync.schema import schema


@pytest.mark.usefixtures("server", "folder")
def test_each_campaign_is_listed_with_its_file(cs: Command) -> None:
    """A person sees which campaigns are managed, by which file, and which are not."""
    (Path("campaignsync.yaml")).write_text("version: 1\ndefinitions: campaigns\n")
    ran = cs("list")

    lines = ran.out.splitlines()
    assert any("1240" in line and "campaigns/survey.yaml" in line for line in lines)
    assert any("1300" in line and line.endswith("-") for line in lines)
    assert lines[-1] == "9 campaigns: 4 managed, 5 unmanaged."


@pytest.mark.usefixtures("server", "folder")
def test_list_unmanaged_agrees_with_export(cs: Command) -> None:
    """`list --unmanaged` and `export` agree."""
    unmanaged = cs("list", "--unmanaged", "--format", "json").json["campaigns"]
    exported = cs("export", "--dry-run", "--format", "json").json["campaigns"]

    pending = [campaign["id"] for campaign in exported if campaign["outcome"] == "pending"]
    assert [campaign["id"] for campaign in unmanaged] == pending == [1234, 1237, 1239, 1242, 1300]


@pytest.mark.usefixtures("server", "folder")
def test_a_definition_without_a_campaign_is_shown(cs: Command) -> None:
    """A definition without a live campaign is listed."""
    Path("campaigns/gone.yaml").write_text("id: 77\nretries: 1\n")

    assert "campaigns/gone.yaml:1:5  has no live campaign" in cs("list").out
    assert cs("list", "--format", "json").json["missing"][0]["file"] == "campaigns/gone.yaml"


@pytest.mark.usefixtures("folder")
def test_listing_reads_no_detail(server: Sandbox, cs: Command) -> None:
    """Three hundred campaigns are listed with a few requests."""
    document = cs("list", "--format", "json").json

    assert {campaign["channel"] for campaign in document["campaigns"]} == {"phone_call", "whatsapp"}
    assert {request.path for request in server.log} == {"/api/v1.0/campaigns"}
    assert len(server.log) == 3


@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize("command", ["list", "export"])
def test_the_json_matches_its_schema(command: str, cs: Command) -> None:
    """The JSON validates against its schema."""
    arguments = ["--dry-run"] if command == "export" else []
    document = cs(command, "--format", "json", *arguments).json

    Draft202012Validator(schema(command)).validate(document)


@pytest.mark.usefixtures("server", "folder")
def test_markdown_is_a_table(cs: Command) -> None:
    """The Markdown is a table for a pull request."""
    assert "| 1300 Managed in the dashboard |" in cs("list", "--format", "markdown").out
    assert "| 1300 Managed" in cs("export", "--dry-run", "--format", "markdown").out


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_narrow_windows_can_be_read(width: int) -> None:
    """No line is wider than the window."""
    names = ["short", "🙂" * 100, "x" * 255, "مرحبا " * 20, "a\nb\x1b[31m"]
    campaigns = tuple(
        ListedCampaign(
            id=id_, name=name, status="active", archived=id_ == 1, channel="phone_call",
            agent_id=None, managed_by=None,
        )
        for id_, name in enumerate(names, start=1)
    )  # fmt: skip
    listing = Listing(
        environment="e", summary=ListSummary(managed=0, unmanaged=5), campaigns=campaigns
    )

    text = format_named("text", width=width).listing(listing)

    assert max(map(cell_len, text.splitlines()[:-1])) <= width
    assert "\x1b" not in text
    assert all(str(campaign.id) in text for campaign in campaigns)


@pytest.mark.slow
def test_an_empty_account_is_not_an_error(tmp_path: Path) -> None:
    """An empty account is reported as such."""
    with Sandbox(rate=None) as sandbox:
        account = {"ALTUR_BASE_URL": sandbox.url, "ALTUR_API_KEY": sandbox.key}
        ran = preloaded().run("list", folder=tmp_path, **account)

    assert (ran.code, ran.out) == (0, "0 campaigns: 0 managed, 0 unmanaged.\n")


def test_a_channel_that_the_api_omits_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """If the API ignores the channel filter, the channel stays unknown."""

    class Deaf(Sandbox):
        def answer(self, request, authorization):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - as Sandbox
            request.query.pop("integration", None)
            return super().answer(request, authorization)

    monkeypatch.chdir(tmp_path)
    with Deaf({"campaigns": [{"id": 1}]}, rate=None, quirks=Quirks()) as sandbox:
        connect_to(sandbox, monkeypatch)
        campaigns = cs("list", "--format", "json").json["campaigns"]

    assert campaigns[0]["channel"] is None
