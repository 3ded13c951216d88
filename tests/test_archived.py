"""Archived campaigns are found, whether or not the API's list includes them by default."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commandline import Command
from support.faults import Quirks, Sandbox
from support.servers import HookedSandbox, apply, connect_to, desire, plan_of, run_to_end, seed

from campaignsync.sandbox import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.http_server import Reply

CAMPAIGNS = {
    "campaigns": [
        {"id": 1, "name": "Current"},
        {"id": 2, "name": "Done", "status": "finished"},
        {"id": 1037, "name": "Old", "archived": True, "integration_type": "whatsapp"},
    ]
}
LIST = "/api/v1.0/campaigns"


@pytest.fixture(params=[True, False], ids=["hidden", "shown"])
def account(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Serve an account whose list hides archived campaigns by default, or shows all."""
    monkeypatch.chdir(tmp_path)
    quirks = Quirks(hides_archived=request.param)
    with Sandbox(CAMPAIGNS, rate=None, quirks=quirks) as sandbox:
        connect_to(sandbox, monkeypatch)
        yield sandbox


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("arguments", [("--archived",), ("1037",)])
def test_an_archived_campaign_is_listed(arguments: tuple[str, ...], cs: Command) -> None:
    """`list --archived` and `list 1037` show it as archived, with its channel."""
    listed = cs("list", "--format", "json", *arguments).json["campaigns"]

    [old] = [campaign for campaign in listed if campaign["id"] == 1037]
    assert (old["archived"], old["channel"]) == (True, "whatsapp")


@pytest.mark.usefixtures("account")
def test_a_list_leaves_archived_campaigns_out(cs: Command) -> None:
    """Without --archived the list contains only campaigns in use, on either kind of server."""
    listed = cs("list", "--format", "json").json["campaigns"]

    assert [campaign["id"] for campaign in listed] == [1]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
@pytest.mark.parametrize("arguments", [("1037",), ("--archived",)])
def test_an_archived_campaign_is_exported(
    arguments: tuple[str, ...], dry_run: tuple[str, ...], cs: Command
) -> None:
    """`export 1037` finds an archived campaign, with and without --dry-run."""
    ran = cs("export", "--format", "json", *arguments, *dry_run)

    assert ran.code == 0, ran.err
    assert 1037 in [campaign["id"] for campaign in ran.json["campaigns"]]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("command", [("export",), ("export", "--dry-run"), ("init", "--from-live")])
def test_campaigns_left_out_are_counted(command: tuple[str, ...], cs: Command) -> None:
    """The note counts archived campaigns, although no file is written for them."""
    ran = cs(*command)

    assert ran.code == 0, ran.err
    assert "left out: 2 archived or finished campaigns" in ran.err


def test_a_managed_archived_campaign_is_not_missing(
    account: Sandbox, tmp_path: Path, cs: Command
) -> None:
    """Its definition is not reported as one without a live campaign."""
    (tmp_path / "old.yaml").write_text("id: 1037\nretries: 1\n")
    (tmp_path / "gone.yaml").write_text("id: 77\nretries: 1\n")
    missing = cs("list", "--format", "json").json["missing"]

    assert [source["file"] for source in missing] == ["gone.yaml"]
    assert [request.path for request in account.log].count(f"{LIST}/1037") == 0


def test_a_campaign_missing_from_the_list_is_read_by_id(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """An id counts as missing only if its detail is not found either."""
    with Forgetful(CAMPAIGNS, rate=None) as sandbox:
        monkeypatch.setenv("ALTUR_BASE_URL", sandbox.url)
        listed = cs("list", "1", "--format", "json")
        absent = cs("list", "99")

    assert [campaign["id"] for campaign in listed.json["campaigns"]] == [1]
    assert absent.code == 3
    assert "the account has no campaign 99" in absent.err
    assert not account.log


class Forgetful(Sandbox):
    """A server whose list is always empty."""

    def answer(self, request, authorization):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - as Sandbox
        if request.path == "/campaigns":
            request.query["agentId"] = "nobody"
        return super().answer(request, authorization)


def test_a_change_to_a_hidden_archived_campaign_is_blocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A campaign that only the archived list contains is reported as archived."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text("id: 1037\nname: New\n")
    quirks = Quirks(hides_archived=True, detail_keys=REFERENCE_DETAIL_KEYS)
    with Sandbox(CAMPAIGNS, rate=None, quirks=quirks) as sandbox:
        connect_to(sandbox, monkeypatch)
        [planned] = cs("plan", "--format", "json").json["campaigns"]

    assert [blocked["code"] for blocked in planned["blocked"]] == ["ARCHIVED"]


def test_campaigns_archived_since_the_plan_are_stale(tmp_path: Path) -> None:
    """If the archived list alone has campaigns of a plan, apply sends nothing and says why."""
    quirks = Quirks(hides_archived=True, detail_keys=REFERENCE_DETAIL_KEYS)
    desired = desire([1, 2, 3], description="v2")
    with Sandbox(seed(3), rate=None, quirks=quirks) as server:
        plan = run_to_end(plan_of(server, desired))
        for id_ in (1, 2):
            server.edit(id_, {"archived": True})
        result = run_to_end(apply(server, plan, desired, tmp_path))

    assert (result.code, result.outcomes) == (8, {1: "stale", 2: "stale", 3: "updated"})
    assert "ARCHIVED" in result.errors[2].message


@pytest.mark.fault("A3")
@pytest.mark.parametrize(
    ("hides_archived", "lists_read"),
    [(True, 2), (False, 1)],
    ids=["the archived ones have a list of their own", "one list has all"],
)
def test_the_list_shows_which_campaigns_are_archived_since_the_plan(
    hides_archived: bool,  # noqa: FBT001 - a parameter
    lists_read: int,
    tmp_path: Path,
) -> None:
    """If details leave out `archived`, apply reads the list once, and writes to no archived one."""
    keys = (REFERENCE_DETAIL_KEYS | {"description"}) - {"archived"}
    quirks = Quirks(hides_archived=hides_archived, detail_keys=frozenset(keys))
    desired = desire(range(1, 6), description="v2")
    with Sandbox(seed(5), rate=None, quirks=quirks) as server:
        plan = run_to_end(plan_of(server, desired))
        for id_ in (1, 4):
            server.edit(id_, {"archived": True})
        before = len(server.log)
        result = run_to_end(apply(server, plan, desired, tmp_path))
        lists = [request for request in server.log[before:] if request.path == LIST]

    assert (result.code, result.outcomes) == (
        8,
        {1: "stale", 2: "updated", 3: "updated", 4: "stale", 5: "updated"},
    )
    assert "ARCHIVED" in result.errors[1].message
    assert len(lists) == lists_read


@pytest.mark.fault("A1", "A3")
def test_a_broken_list_is_read_once(tmp_path: Path) -> None:
    """If only the list could show `archived`, and is broken, nothing is sent; it is read once."""
    keys = frozenset((REFERENCE_DETAIL_KEYS | {"description"}) - {"archived"})
    desired = desire(range(1, 6), description="v2")
    with HookedSandbox(seed(5), rate=None, quirks=Quirks(detail_keys=keys)) as server:
        plan = run_to_end(plan_of(server, desired))
        server.hook = lambda request: (
            Reply(200, b'{"campaigns": [{"id": "x"}]}') if request.path == LIST else None
        )
        before = len(server.log)
        result = run_to_end(apply(server, plan, desired, tmp_path))
        lists = [request for request in server.log[before:] if request.path == LIST]

    assert (result.code, set(result.outcomes.values())) == (1, {"failed"})
    assert (len(lists), server.writes) == (1, ())


@pytest.mark.fault("L1")
def test_a_detail_is_read_after_the_list_has_shown_its_campaign(tmp_path: Path) -> None:
    """The list is read first: a detail would be too old for its PATCH afterwards."""
    keys = frozenset((REFERENCE_DETAIL_KEYS | {"description"}) - {"archived"})
    written = range(50, 450, 100)  # one on each of four pages
    desired = desire(written, description="v2")
    with Sandbox(seed(450), rate=None, quirks=Quirks(detail_keys=keys)) as server:
        plan = run_to_end(plan_of(server, desired))
        before = len(server.log)
        result = run_to_end(apply(server, plan, desired, tmp_path))
        reads = [request.path for request in server.log[before:] if request.method == "GET"]

    assert set(result.outcomes.values()) == {"updated"}
    # The first detail of the run shows that details leave out `archived`.
    for page, id_ in enumerate(written[1:], start=2):
        assert reads[: reads.index(f"{LIST}/{id_}")].count(LIST) >= page
    assert reads.count(LIST) == len(written)


def test_a_plan_does_not_request_archived_campaigns(
    account: Sandbox, tmp_path: Path, cs: Command
) -> None:
    """A plan, or an export by name, makes no request for archived campaigns."""
    (tmp_path / "a.yaml").write_text("id: 1\nname: Current\n")
    (tmp_path / "b.yaml").write_text("id: 2\nname: Done\n")
    cs("plan")
    planned = len(account.log)
    cs("export", "--name", "Current", "--dry-run")

    assert (planned, len(account.log)) == (1, 2)
