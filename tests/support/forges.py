"""Imitations of the comment APIs of GitHub and GitLab, according to their references."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.loopback import CannedResponse, Seen

TOKEN = "sk-test-forge"
OURSELVES = {"id": 41, "login": "github-actions[bot]", "username": "project_1_bot", "type": "Bot"}
PERSON = {"id": 7, "login": "ana", "username": "ana", "type": "User"}


@dataclass
class Forge:
    """The comments of one pull or merge request, as the `answer` of a Loopback.

    Each of `faults` is used once, in order. It takes the function that computes the answer, and
    returns the answer to send.
    """

    author: str
    comments_path: str
    comment_path: str
    longest: int
    app: bool = False
    page_size: int = 50
    comments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Callable[[Callable[[], CannedResponse]], CannedResponse]] = field(
        default_factory=list
    )
    log: list[Seen] = field(default_factory=list)

    def __call__(self, seen: Seen) -> CannedResponse:
        self.log.append(seen)
        if self.faults:
            return self.faults.pop(0)(lambda: self._answer(seen))
        return self._answer(seen)

    def add_comment(self, body: str, by: dict[str, Any]) -> dict[str, Any]:
        """Add an existing comment; return it."""
        comment = {"id": 100 + len(self.comments), "body": body, self.author: by}
        self.comments.append(comment)
        return comment

    def _answer(self, seen: Seen) -> CannedResponse:
        path = urlsplit(seen.path).path
        if seen.headers.get("Authorization") != f"Bearer {TOKEN}":
            return json_response(401, {"message": "Bad credentials"})
        if path == "/user":
            message = {"message": "Resource not accessible by integration"}
            return json_response(403, message) if self.app else json_response(200, OURSELVES)
        if path == self.comments_path and seen.method == "GET":
            return self._page(parse_qs(urlsplit(seen.path).query))
        return self._write(path, json.loads(seen.body)["body"] if seen.body else "")

    def _write(self, path: str, body: str) -> CannedResponse:
        if len(body) > self.longest:
            return json_response(422, {"message": "Body is too long"})
        if path == self.comments_path:
            return json_response(201, self.add_comment(body, OURSELVES))
        if match := re.fullmatch(self.comment_path, path):
            comment = next(each for each in self.comments if each["id"] == int(match[1]))
            comment["body"] = body
            return json_response(200, comment)
        return json_response(404, {"message": "Not Found"})

    def _page(self, query: dict[str, list[str]]) -> CannedResponse:
        size = min(int(query["per_page"][0]), self.page_size)
        page = int(query["page"][0])
        more = page * size < len(self.comments)
        return json_response(
            200, self.comments[(page - 1) * size : page * size], **self.next_page(page, more=more)
        )

    def next_page(self, page: int, *, more: bool) -> dict[str, str]:
        raise NotImplementedError


class GitHub(Forge):
    def __init__(self, **more: Any) -> None:
        super().__init__(
            author="user",
            comments_path="/repos/acme/campaigns/issues/7/comments",
            comment_path=r"/repos/acme/campaigns/issues/comments/(\d+)",
            longest=65_536,
            **more,
        )

    def next_page(self, page: int, *, more: bool) -> dict[str, str]:
        link = f'<https://evil.example/steal?page={page + 1}>; rel="next"'
        return {"Link": link} if more else {}


class GitLab(Forge):
    def __init__(self, **more: Any) -> None:
        notes = "/projects/1/merge_requests/7/notes"
        super().__init__(
            author="author",
            comments_path=notes,
            comment_path=rf"{notes}/(\d+)",
            longest=1_000_000,
            **more,
        )

    def next_page(self, page: int, *, more: bool) -> dict[str, str]:
        return {"X-Page": str(page), "X-Next-Page": str(page + 1) if more else ""}


def json_response(status: int, content: Any, **headers: str) -> CannedResponse:
    return CannedResponse(status, json.dumps(content).encode(), headers)


def respond_with(
    status: int, **headers: str
) -> Callable[[Callable[[], CannedResponse]], CannedResponse]:
    """Return a fault that answers with `status` and does not execute the request."""
    return lambda _: json_response(status, {"message": f"in place of it, {TOKEN}"}, **headers)


def execute_and_disconnect(do: Callable[[], CannedResponse]) -> CannedResponse:
    """Execute the request, and close the connection without an answer."""
    do()
    raise ConnectionError


def execute(do: Callable[[], CannedResponse]) -> CannedResponse:
    """Execute the request without a fault."""
    return do()


def variables(forge: Forge, address: str) -> dict[str, str]:
    """Return the environment variables of a job of the forge, for request 7."""
    if isinstance(forge, GitHub):
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": "acme/campaigns",
            "GITHUB_TOKEN": TOKEN,
        }
    return {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{address}/",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "7",
        "GITLAB_TOKEN": TOKEN,
    }
