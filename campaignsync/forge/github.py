"""Find the comments of a pull request from the variables of a GitHub Actions job."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from campaignsync.errors import ConfigurationError
from campaignsync.forge.thread import Thread, checked_address, checked_token, numbered

API = "https://api.github.com"
LONGEST = 65_536 - 80
"""Maximum number of characters of a comment, without its seal."""
LARGEST_EVENT = 32 * 2**20
"""Maximum size of the event file, in bytes; GitHub limits an event to 25 MB."""
REPOSITORY = re.compile(r"(?!\.+/)[A-Za-z0-9_.-]+/(?!\.+\Z)[A-Za-z0-9_.-]+")
"""Owner and name. A part of only dots is refused: it would change the path of the request."""
PERMISSION = "set `GITHUB_TOKEN: ${{ github.token }}` and `pull-requests: write` in the job"


def pull_request(environ: Mapping[str, str], number: int | None) -> Thread:
    """Return the pull request's thread; `number` overrides the event. Raises as `thread_of`."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not REPOSITORY.fullmatch(repository):
        raise ConfigurationError(
            f"GITHUB_REPOSITORY is not owner/name: {repository[:100]!r}",
            hint="set GITHUB_REPOSITORY to owner/name",
            code="NO_REQUEST",
        )
    number = number or _number(environ)
    return Thread(
        request=f"pull request {number} of {repository}",
        address=checked_address(environ.get("GITHUB_API_URL") or API, "GITHUB_API_URL"),
        token=checked_token(environ, "GITHUB_TOKEN", PERMISSION),
        comments=f"/repos/{repository}/issues/{number}/comments",
        comment=f"/repos/{repository}/issues/comments/{{id}}",
        edit="PATCH",
        longest=LONGEST,
        author="user",
        bot="Bot",
    )


def _number(environ: Mapping[str, str]) -> int:
    """Return the number of the pull request in the event that started the job."""
    file = environ.get("GITHUB_EVENT_PATH")
    event = _event(Path(file)) if file else {}
    issue = event.get("issue")
    of_issue = issue if isinstance(issue, dict) and "pull_request" in issue else None
    found = event.get("pull_request") or of_issue
    if not isinstance(found, dict):
        raise ConfigurationError(
            "this job does not run for a pull request",
            hint="run it on `pull_request`, or pass --request N",
            code="NO_REQUEST",
        )
    return numbered(str(found.get("number")), "the event's pull request")


def _event(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            event = json.loads(stream.read(LARGEST_EVENT))
    except (OSError, ValueError, RecursionError):
        raise ConfigurationError(
            "cannot read the file in GITHUB_EVENT_PATH",
            hint="pass --request N",
            code="NO_REQUEST",
        ) from None
    return event if isinstance(event, dict) else {}
