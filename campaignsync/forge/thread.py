"""Find the comments of a job's pull or merge request, and check the address and the token.

GitHub Actions and GitLab CI describe the request in the job's environment variables.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx

from campaignsync.api.http import is_loopback
from campaignsync.errors import ConfigurationError, CredentialError

TOKEN = re.compile(r"[!-~]+")
NUMBER = re.compile(r"[1-9][0-9]{0,14}")

GITHUB_API = "https://api.github.com"
GITHUB_LONGEST = 65_536 - 80
"""Maximum number of characters of a comment, without its last line, which holds its id."""
LARGEST_EVENT = 32 * 2**20
"""Maximum size of the event file, in bytes; GitHub limits an event to 25 MB."""
REPOSITORY = re.compile(r"(?!\.+/)[A-Za-z0-9_.-]+/(?!\.+\Z)[A-Za-z0-9_.-]+")
"""Owner and name. A part of only dots is refused: it would change the path of the request."""
GITHUB_HINT = "set `GITHUB_TOKEN: ${{ github.token }}` and `pull-requests: write` in the job"

GITLAB_API = "https://gitlab.com/api/v4"
GITLAB_LONGEST = 1_000_000
"""Maximum number of characters of a note."""
GITLAB_HINT = "a project access token with the scope `api`; CI_JOB_TOKEN cannot write notes"


@dataclass(frozen=True, slots=True)
class CommentThread:
    """The comments of one pull or merge request, and what differs between forges.

    `comments` and `comment` are paths below `address`; `comment` holds `{id}`. `edit` is the HTTP
    method that changes a comment, `longest` its maximum length in characters. `author` is the key
    of a comment's author. `bot` is the author's `type` if the token may not read its own user.
    """

    request: str
    address: str
    token: str = field(repr=False)
    comments: str
    comment: str
    edit: str
    longest: int
    author: str
    bot: str | None = None


def pull_request(environ: Mapping[str, str], number: int | None) -> CommentThread:
    """Return the pull request's thread; `number` overrides the event. Raises as `thread_of`."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not REPOSITORY.fullmatch(repository):
        raise _no_request(
            f"GITHUB_REPOSITORY is not owner/name: {repository[:100]!r}",
            "set GITHUB_REPOSITORY to owner/name",
        )
    number = number or _pull_request_number(environ)
    return CommentThread(
        request=f"pull request {number} of {repository}",
        address=checked_address(environ.get("GITHUB_API_URL") or GITHUB_API, "GITHUB_API_URL"),
        token=checked_token(environ, "GITHUB_TOKEN", GITHUB_HINT),
        comments=f"/repos/{repository}/issues/{number}/comments",
        comment=f"/repos/{repository}/issues/comments/{{id}}",
        edit="PATCH",
        longest=GITHUB_LONGEST,
        author="user",
        bot="Bot",
    )


def _pull_request_number(environ: Mapping[str, str]) -> int:
    """Return the number of the pull request in the event that started the job."""
    file = environ.get("GITHUB_EVENT_PATH")
    event = _event(Path(file)) if file else {}
    issue = event.get("issue")
    of_issue = issue if isinstance(issue, dict) and "pull_request" in issue else None
    pull_request_event = event.get("pull_request") or of_issue
    if not isinstance(pull_request_event, dict):
        raise _no_request(
            "this job does not run for a pull request",
            "run it on `pull_request`, or pass --request N",
        )
    return parse_number(str(pull_request_event.get("number")), "the event's pull request")


def _event(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            event = json.loads(stream.read(LARGEST_EVENT))
    except (OSError, ValueError, RecursionError):
        raise _no_request("cannot read the file in GITHUB_EVENT_PATH") from None
    return event if isinstance(event, dict) else {}


def merge_request(environ: Mapping[str, str], number: int | None) -> CommentThread:
    """Return the merge request's thread; `number` overrides the job. Raises as `thread_of`."""
    project = environ.get("CI_PROJECT_ID", "")
    iid = environ.get("CI_MERGE_REQUEST_IID", "")
    if not project:
        raise _no_request("CI_PROJECT_ID is not set", "set it to the project's number or path")
    if not (number or iid):
        raise _no_request(
            "this job does not run for a merge request",
            "run it in a merge request's pipeline, or pass --request N",
        )
    number = number or parse_number(iid, "CI_MERGE_REQUEST_IID")
    notes = f"/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    return CommentThread(
        request=f"merge request {number} of project {project}",
        address=checked_address(environ.get("CI_API_V4_URL") or GITLAB_API, "CI_API_V4_URL"),
        token=checked_token(environ, "GITLAB_TOKEN", GITLAB_HINT),
        comments=notes,
        comment=f"{notes}/{{id}}",
        edit="PUT",
        longest=GITLAB_LONGEST,
        author="author",
    )


FORGES = {"github": pull_request, "gitlab": merge_request}
"""The function that finds a job's pull or merge request, by forge."""
RUNNERS = {"github": "GITHUB_ACTIONS", "gitlab": "GITLAB_CI"}
"""The variable that the runner of each forge sets to `true`."""


def thread_of(environ: Mapping[str, str], forge: str | None, number: int | None) -> CommentThread:
    """Return the comments of the job's pull or merge request.

    `forge` is a key of FORGES, or None to detect it; `number` overrides the job's variables.
    Raises ConfigurationError, or CredentialError for a missing or malformed token.
    """
    name = forge or next((each for each, var in RUNNERS.items() if environ.get(var)), None)
    if name is None:
        raise _no_request(
            "cannot detect the forge: this is not a GitHub or GitLab job",
            "pass --forge github or --forge gitlab",
        )
    return FORGES[name](environ, number)


def checked_address(text: str, variable: str) -> str:
    """Return an API's address without a trailing slash.

    Raises ConfigurationError for anything but https, or http to loopback, because the token is
    sent to this address.
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            f"{variable} is not a valid address",
            hint="set it to an address such as https://HOST/PATH, or unset it",
        )
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise ConfigurationError(
            f"{variable} is not https: the token would be sent unencrypted",
            hint="use https; plain http is allowed to loopback only",
        )
    return str(url).rstrip("/")


def checked_token(environ: Mapping[str, str], variable: str, hint: str) -> str:
    """Return the token. Raises CredentialError, whose message never shows the token."""
    token = environ.get(variable, "")
    if not token:
        message = f"missing token: {variable} is not set or is empty"
        raise CredentialError(message, hint=hint, code="TOKEN_MISSING")
    if not TOKEN.fullmatch(token):
        raise CredentialError(
            f"invalid token in {variable}: it contains blanks or control characters", hint=hint
        )
    return token


def parse_number(text: str, what: str) -> int:
    """Parse the number of a request; raises ConfigurationError for anything else."""
    if not NUMBER.fullmatch(text):
        raise _no_request(f"{what} is not a number")
    return int(text)


def _no_request(message: str, hint: str = "pass --request N") -> ConfigurationError:
    return ConfigurationError(message, hint=hint, code="NO_REQUEST")
