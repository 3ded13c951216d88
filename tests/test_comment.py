"""A plan on a pull or merge request: one comment per environment, and only our own."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from support.commandline import Command
from support.forges import (
    OURSELVES,
    PERSON,
    TOKEN,
    Forge,
    GitHub,
    GitLab,
    execute,
    execute_and_disconnect,
    json_response,
    respond_with,
    variables,
)
from support.loopback import CannedResponse, Loopback
from support.plans import PLACE, a_plan, blocked, campaign, change
from support.servers import run_to_end

from campaignsync.cli.comment import plan_comment
from campaignsync.errors import (
    ApiError,
    BadResponse,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.forge.comments import put_comment
from campaignsync.forge.thread import CommentThread, thread_of
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import Blocked, Plan, merge, seal
from campaignsync.report.format import format_named

MARKER = "<!-- campaignsync: plan of production -->"
AT_ONCE = (0.0, 0.0)


PLAN = a_plan(campaign(1, "Wave"))
OTHER = a_plan(campaign(1, "Welle"))
STAGING = a_plan(campaign(1, "Wave"), environment="staging")
PART, NEXT = (a_plan(campaign(n, "Wave"), shard=f"{n}/2") for n in (1, 2))
NOTHING = a_plan(campaign(1, "Wave", action="unchanged", changes=(), requests=()))


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test outside of any forge's job."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "GITLAB_", "CI_")):
            monkeypatch.delenv(name)


@pytest.fixture(params=[GitHub, GitLab])
def made(request: pytest.FixtureRequest) -> Forge:
    forge: Forge = request.param()
    return forge


@pytest.fixture
def forge(made: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    """Run in a job of the forge, about request 7."""
    monkeypatch.chdir(tmp_path)
    with Loopback(made) as server:
        for name, value in variables(made, f"http://127.0.0.1:{server.port}").items():
            monkeypatch.setenv(name, value)
        event = tmp_path / "event.json"
        event.write_text('{"pull_request": {"number": 7}}')
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
        yield made


def saved(plan: Plan) -> Path:
    Path("plan.json").write_text(format_named("json").plan(seal(plan)))
    return Path("plan.json")


def thread(**changed: str) -> CommentThread:
    return thread_of(os.environ | changed, None, None)


def put(*, post: bool = True, body: str = f"{MARKER}\nthe plan") -> str:
    """Post a comment with the job's variables, without waiting between attempts."""
    result: str = run_to_end(put_comment(thread(), body, post=post, pauses=AT_ONCE))
    return result


class TestComment:
    def test_the_first_is_posted(self, forge: Forge, cs: Command) -> None:
        """A plan appears on the request as `show --format markdown` prints it."""
        ran = cs("comment", saved(PLAN))

        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Comment posted on ")
        (comment,) = forge.comments
        assert comment["body"].startswith(f"{MARKER}\n### Plan: 1 to update")
        assert format_named("markdown").plan(PLAN) in comment["body"]
        assert PLAN.created_at in comment["body"]

    @pytest.mark.slow
    def test_the_next_takes_its_place(self, forge: Forge, cs: Command) -> None:
        """Reviewers see one comment, with the newest plan."""
        cs("comment", saved(PLAN))
        ran = cs("comment", saved(OTHER))

        assert ran.out.startswith("Comment updated on ")
        (comment,) = forge.comments
        assert "Welle" in comment["body"]
        assert [seen.method for seen in forge.log].count("POST") == 1

    @pytest.mark.slow
    def test_a_comment_on_a_later_page_is_updated(self, forge: Forge) -> None:
        """A discussion of several pages does not lead to a second comment."""
        forge.page_size = 3
        for number in range(10):
            forge.add_comment(f"I say {number}", PERSON)
        assert put() == "posted"

        assert put() == "updated"
        assert len(forge.comments) == 11
        assert all("evil" not in seen.headers["Host"] for seen in forge.log)

    @pytest.mark.slow
    def test_a_comment_that_quotes_the_marker(self, forge: Forge) -> None:
        """Another author's comment is never changed, even if it begins like ours."""
        theirs = [f"{MARKER}\nmine now", f"> {MARKER}\nI disagree", f"See:\n{MARKER}"]
        for body in theirs:
            forge.add_comment(body, PERSON)

        assert put() == "posted"
        assert put() == "updated"
        assert [comment["body"] for comment in forge.comments[:3]] == theirs
        assert len(forge.comments) == 4

    @pytest.mark.slow
    def test_each_part_is_a_comment_of_its_own(self, forge: Forge, cs: Command) -> None:
        """Parallel jobs for shards do not overwrite each other's comment, or that of the whole."""
        for _ in range(2):
            for plan in (PLAN, PART, NEXT):
                assert cs("comment", saved(plan)).code == 0

        assert [comment["body"].partition("\n")[0] for comment in forge.comments] == [
            MARKER,
            "<!-- campaignsync: plan of production, shard 1/2 -->",
            "<!-- campaignsync: plan of production, shard 2/2 -->",
        ]
        assert "Environment `production`, shard `2/2`" in forge.comments[2]["body"]

    @pytest.mark.slow
    def test_a_part_that_failed_takes_its_own_place(self, forge: Forge, cs: Command) -> None:
        """The error of an environment that could not be planned replaces its earlier plan."""
        other = a_plan(campaign(1, "Wave"), environment="staging", shard="1/2")
        cs("comment", saved(PLAN))
        cs("comment", saved(PART))
        failed = ErrorSummary(exit_code=5, code="UNREACHABLE", message="gone", hint="")
        ran = cs("comment", saved(merge([other], {"production": failed})))

        assert "for production, shard 1/2." in ran.out
        whole, part, _ = [comment["body"] for comment in forge.comments]
        assert "UNREACHABLE" in part
        assert "UNREACHABLE" not in whole

    @pytest.mark.slow
    def test_plans_of_one_run_are_a_comment_each(self, forge: Forge, cs: Command) -> None:
        """A plan of several environments updates each one's comment, including a failed one's."""
        cs("comment", saved(PLAN))
        failed = ErrorSummary(exit_code=4, code="KEY_MISSING", message="no key", hint="")
        ran = cs("comment", saved(merge([STAGING], {"production": failed})))

        assert [line.split(" on ")[0] for line in ran.out.splitlines()] == [
            "Comment posted",
            "Comment updated",
        ]
        production, staging = (comment["body"] for comment in forge.comments)
        assert production.startswith(f"{MARKER}\n### Stopped")
        assert "no key" in production
        assert "Welle" not in production
        assert "### Plan: 1 to update" in staging

    @pytest.mark.slow
    def test_each_environment_has_its_own(self, forge: Forge, cs: Command) -> None:
        """Plans for production and for staging have separate comments."""
        for plan in (PLAN, STAGING, OTHER):
            cs("comment", saved(plan))

        assert len(forge.comments) == 2

    @pytest.mark.slow
    def test_a_plan_without_changes_updates_a_comment_and_creates_none(
        self, forge: Forge, cs: Command
    ) -> None:
        """A request without changes gets no comment; an existing comment is updated."""
        ran = cs("comment", saved(NOTHING))
        assert ran.out.startswith("No changes, and no comment to update on ")
        assert forge.comments == []

        cs("comment", saved(PLAN))
        cs("comment", saved(NOTHING))
        (comment,) = forge.comments
        assert "No changes" in comment["body"]


class TestTrouble:
    def test_a_lost_response_does_not_create_a_second_comment(self, forge: Forge) -> None:
        """If the response to a new comment is lost, the comment is found and not repeated."""
        forge.faults = [execute, execute_and_disconnect]

        assert put() == "updated"
        assert len(forge.comments) == 1

    @pytest.mark.slow
    def test_a_gateway_timeout_does_not_create_a_second_comment(self, forge: Forge) -> None:
        """A gateway timeout does not lead to a second comment."""

        def give_up(do: Callable[[], CannedResponse]) -> CannedResponse:
            do()
            return json_response(502, {})

        forge.faults = [execute, give_up]

        assert put() == "updated"
        assert len(forge.comments) == 1

    @pytest.mark.slow
    def test_a_server_that_recovers(self, forge: Forge) -> None:
        """Two temporary errors are retried."""
        forge.faults = [respond_with(500), respond_with(503)]

        assert put() == "posted"

    def test_a_server_that_does_not(self, forge: Forge) -> None:
        """After three attempts the error is reported."""
        forge.faults = [respond_with(500)] * 9

        with pytest.raises(Unreachable) as raised:
            put()
        assert len(forge.log) == 3
        assert TOKEN not in str(raised.value)

    @pytest.mark.slow
    def test_a_rate_limit_of_the_forge_is_retried(self, forge: Forge) -> None:
        """A rate limit is retried, not reported as a refused token."""
        forge.faults = [
            respond_with(429, **{"Retry-After": "0"}),
            respond_with(403, **{"Retry-After": "0"}),
        ]
        assert put() == "posted"

        forge.faults = [respond_with(403, **{"X-RateLimit-Remaining": "0"})] * 3
        with pytest.raises(RateLimited):
            put()

    def test_a_forge_that_takes_its_time(self, forge: Forge) -> None:
        """A job ends in time, even if each response is slow."""

        def late(do: Callable[[], CannedResponse]) -> CannedResponse:
            time.sleep(0.3)
            return do()

        forge.faults = [late] * 9
        with pytest.raises(Unreachable, match="took more than"):
            run_to_end(put_comment(thread(), MARKER, pauses=AT_ONCE, patience=0.1))

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_token(self, forge: Forge, cs: Command, status: int) -> None:
        """The token is never printed, even if the forge repeats it."""
        forge.faults = [respond_with(status)]
        ran = cs("comment", saved(PLAN))

        assert ran.code == 4
        assert len(forge.log) == 1
        assert TOKEN not in ran.out + ran.err

    @pytest.mark.usefixtures("forge")
    def test_a_request_that_is_not_there(self, cs: Command) -> None:
        """A wrong request number is a usage error."""
        ran = cs("comment", saved(PLAN), "--request", "8")

        assert ran.code == 3
        assert "check the number" in ran.err

    def test_a_redirect_is_not_followed(self, forge: Forge) -> None:
        """The token is sent to the configured address only."""
        forge.faults = [respond_with(302, Location="http://127.0.0.1:9/")]

        with pytest.raises(BadResponse):
            put()
        assert len(forge.log) == 1

    def test_oversized_headers_are_not_requested_again(self, forge: Forge) -> None:
        """Headers of 2 MB are an error of the forge, named as such, and not retried."""
        forge.faults = [lambda _: CannedResponse(200, b"[]", {"X-Large": "x" * 2_000_000})]

        with pytest.raises(BadResponse, match="headers are larger"):
            put()
        assert len(forge.log) == 1

    @pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]", b"[" * 99_999, b'[{"body": 1}]'])
    def test_an_invalid_list_of_comments_is_an_error(self, forge: Forge, body: bytes) -> None:
        """An invalid list of comments leads to an error, not to a comment or a crash."""
        forge.faults = [lambda _: CannedResponse(200, body)]

        if body.startswith(b'[{"'):
            assert put() == "posted"
        else:
            with pytest.raises(BadResponse):
                put()
            assert forge.comments == []

    @pytest.mark.slow
    def test_comments_without_end(self, forge: Forge) -> None:
        """A forge that always returns another page is not read forever."""
        more = {"Link": '<x>; rel="next"', "X-Next-Page": "2"}
        forge.faults = [lambda _: json_response(200, [], **more)] * 300

        with pytest.raises(ApiError, match="ours was not found"):
            put()
        assert forge.comments == []

    @pytest.mark.slow
    @pytest.mark.usefixtures("forge")
    def test_a_closed_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An unreachable forge is reported in one line."""
        with socket.create_server(("127.0.0.1", 0)) as gone:
            address = f"http://127.0.0.1:{gone.getsockname()[1]}"
        for name in ("GITHUB_API_URL", "CI_API_V4_URL"):
            monkeypatch.setenv(name, address)

        with pytest.raises(Unreachable, match="no connection") as raised:
            put()
        assert raised.value.exit_code == 5
        assert "\n" not in raised.value.message


class TestGitHub:
    @pytest.fixture
    def made(self) -> GitHub:
        return GitHub(app=True)

    @pytest.mark.slow
    def test_the_token_of_a_job_is_a_bot(self, forge: Forge) -> None:
        """A token that cannot ask for its user updates our own comment, and no other."""
        forge.add_comment(f"{MARKER}\nmine now", PERSON)

        assert put() == "posted"
        assert put() == "updated"
        assert [comment["user"]["type"] for comment in forge.comments] == ["User", "Bot"]

    @pytest.mark.slow
    def test_a_comment_of_another_bot_is_not_overwritten(self, forge: Forge) -> None:
        """A bot that begins with our first line, or copies our whole comment, keeps its comment.

        Both bots may even be one user: every workflow of a repository is `github-
        actions[bot]`.
        """
        other_bot = {"id": 42, "login": "copy[bot]", "type": "Bot"}
        assert put() == "posted"
        copied = forge.comments.pop()["body"]
        theirs = [
            forge.add_comment(f"{MARKER}\nmy own plan", other_bot),
            forge.add_comment(copied, other_bot),
            forge.add_comment(copied, OURSELVES),
            forge.add_comment(f"{MARKER}\nmy own plan", OURSELVES),
        ]
        theirs[0]["id"], theirs[1]["id"], theirs[2]["id"], theirs[3]["id"] = 900, 901, 902, 903
        before = [comment["body"] for comment in theirs]

        assert put(body=f"{MARKER}\nthe second plan") == "posted"
        assert put(body=f"{MARKER}\nthe third plan") == "updated"
        assert [comment["body"] for comment in forge.comments[:4]] == before
        assert len(forge.comments) == 5
        assert forge.comments[4]["body"].startswith(f"{MARKER}\nthe third plan\n")

    @pytest.mark.slow
    def test_a_comment_with_other_line_ends_is_updated(self, forge: Forge) -> None:
        """If the forge stores CRLF or strips blanks at the end, the next plan replaces ours."""
        assert put() == "posted"
        forge.comments[0]["body"] = forge.comments[0]["body"].replace("\n", "\r\n").rstrip()

        assert put() == "updated"
        assert len(forge.comments) == 1

    def test_an_id_line_that_is_refused_leaves_the_comment(self, forge: Forge) -> None:
        """If a new comment cannot be edited, the plan is shown anyway."""
        forge.faults = [execute, execute, respond_with(422)]

        assert put() == "posted"
        assert forge.comments[0]["body"].startswith(f"{MARKER}\nthe plan")

    @pytest.mark.usefixtures("forge")
    @pytest.mark.parametrize(
        "event",
        [
            {"issue": {"number": 7, "pull_request": {}}},
            {"pull_request": {"number": 7}, "number": 7},
        ],
    )
    def test_the_number_is_the_events(self, event: object) -> None:
        """A job for a pull request, or for a comment on one, detects its request."""
        Path("event.json").write_text(json.dumps(event))

        assert thread().request == "pull request 7 of acme/campaigns"

    @pytest.mark.parametrize(
        "event",
        ['{"ref": "refs/heads/main"}', '{"issue": {"number": 7}}', "[]", "", "[" * 99_999,
         '{"pull_request": {"number": "7/../8"}}', '{"pull_request": {}}',
         f'{{"pull_request": {{"number": {"9" * 4000}}}}}', '{"pull_request": {"number": 0}}'],
    )  # fmt: skip
    def test_a_job_without_a_pull_request_is_an_error(
        self, forge: Forge, cs: Command, event: str
    ) -> None:
        """A push has no request to comment on, and the error says what to do."""
        Path("event.json").write_text(event)
        ran = cs("comment", saved(PLAN))

        assert ran.code == 3
        assert "--request N" in ran.err
        assert forge.log == []

    def test_the_number_can_be_given(
        self, forge: Forge, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Outside of a job, --forge and --request select the request."""
        monkeypatch.delenv("GITHUB_EVENT_PATH")
        monkeypatch.delenv("GITHUB_ACTIONS")

        assert cs("comment", saved(PLAN), "--forge", "github", "--request", "7").code == 0
        assert len(forge.comments) == 1

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("GITHUB_TOKEN", "", 4),
            ("GITHUB_TOKEN", "sk-test one\n", 4),
            ("GITHUB_API_URL", "http://github.example", 3),
            ("GITHUB_API_URL", "ftp://127.0.0.1", 3),
            ("GITHUB_API_URL", "https://u:p@github.example", 3),
            ("GITHUB_REPOSITORY", "acme/../x", 3),
            ("GITHUB_REPOSITORY", "../..", 3),
            ("GITHUB_REPOSITORY", "acme/..", 3),
            ("GITHUB_REPOSITORY", "", 3),
            ("GITHUB_EVENT_PATH", "/nonexistent", 3),
            ("GITHUB_ACTIONS", "", 3),
        ],
    )
    def test_a_wrong_variable(
        self,
        forge: Forge,
        cs: Command,
        monkeypatch: pytest.MonkeyPatch,
        *,
        name: str,
        value: str,
        code: int,
    ) -> None:
        """Nothing is sent if the address or the token is missing or invalid."""
        monkeypatch.setenv(name, value)
        ran = cs("comment", saved(PLAN))

        assert ran.code == code
        assert "sk-test" not in ran.out + ran.err
        assert forge.log == []


class TestGitLab:
    @pytest.fixture
    def made(self) -> GitLab:
        return GitLab()

    def test_a_jobs_own_token_is_not_enough(
        self, forge: Forge, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """CI_JOB_TOKEN cannot write notes, and the error says which token is needed."""
        monkeypatch.delenv("GITLAB_TOKEN")
        monkeypatch.setenv("CI_JOB_TOKEN", "sk-test-job")
        ran = cs("comment", saved(PLAN))

        assert ran.code == 4
        assert "project access token" in ran.err
        assert forge.log == []

    @pytest.mark.usefixtures("forge")
    def test_a_job_without_a_merge_request_is_an_error(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A branch pipeline has no request to comment on."""
        monkeypatch.delenv("CI_MERGE_REQUEST_IID")
        ran = cs("comment", saved(PLAN))

        assert ran.code == 3
        assert "--request N" in ran.err

    def test_a_token_without_a_readable_owner_changes_no_comment(self, forge: Forge) -> None:
        """A comment is changed only after its author is known."""
        forge.app = True
        forge.add_comment(f"{MARKER}\nmine", PERSON)

        with pytest.raises(Unauthorized):
            put()


class TestBody:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "plan",
        [
            a_plan(*(campaign(id_, "Wave") for id_ in range(400))),
            a_plan(*(campaign(id_, "Wave") for id_ in range(3000))),
            a_plan(campaign(1, changes=(change("first_message", "", "é|`" * 40_000),))),
        ],
        ids=["folded", "listed", "one"],
    )
    def test_a_long_plan_is_cut_whole(self, plan: Plan) -> None:
        """A plan of any length fits into a comment, which says that it was cut."""
        body = plan_comment(plan, "production", 65_536)

        assert len(body) <= 65_536
        assert body.startswith(f"{MARKER}\n### Plan")
        assert "**Cut:**" in body
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
        html = "".join(token.content for token in tokens if token.type == "html_block")
        assert html.count("<details>") == html.count("</details>")
        assert tokens[-2].content == f"{plan.tool}, {plan.created_at}"

    @pytest.mark.slow
    def test_a_comment_of_many_blocked_campaigns_is_cut(self) -> None:
        """A plan with thousands of blocked campaigns fits into a comment."""
        reasons = tuple(
            Blocked(code=f"CODE_{n}", field=None, message="m" * 50, hint="", source=PLACE)
            for n in range(2000)
        )
        body = plan_comment(a_plan(blocked(1, blocked=reasons)), "production", 65_536)

        assert 60_000 < len(body) <= 65_536

    @pytest.mark.parametrize("name", ["-->", "a\nb", "<!--", "--!>", "prod & test", "é"])
    def test_any_environment_name_stays_inside_the_marker(self, name: str) -> None:
        """Any environment name stays inside the hidden line."""
        first, other = (
            plan_comment(a_plan(campaign(1), environment=each), each, 65_536).splitlines()[0]
            for each in (name, f"{name}2")
        )

        assert first.count("-->") == 1
        assert first.endswith(" -->")
        assert first != other
