"""Find the notes of a merge request from the variables of a GitLab CI job."""

from collections.abc import Mapping
from urllib.parse import quote

from campaignsync.errors import ConfigurationError
from campaignsync.forge.thread import Thread, checked_address, checked_token, numbered

API = "https://gitlab.com/api/v4"
LONGEST = 1_000_000
"""Maximum number of characters of a note."""
TOKEN = "a project access token with the scope `api`; CI_JOB_TOKEN cannot write notes"  # noqa: S105 - a hint, not a token


def merge_request(environ: Mapping[str, str], number: int | None) -> Thread:
    """Return the merge request's thread; `number` overrides the job. Raises as `thread_of`."""
    project = environ.get("CI_PROJECT_ID", "")
    iid = environ.get("CI_MERGE_REQUEST_IID", "")
    if not project:
        raise ConfigurationError(
            "CI_PROJECT_ID is not set",
            hint="set it to the project's number or path",
            code="NO_REQUEST",
        )
    if not (number or iid):
        raise ConfigurationError(
            "this job does not run for a merge request",
            hint="run it in a merge request's pipeline, or pass --request N",
            code="NO_REQUEST",
        )
    number = number or numbered(iid, "CI_MERGE_REQUEST_IID")
    notes = f"/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    return Thread(
        request=f"merge request {number} of project {project}",
        address=checked_address(environ.get("CI_API_V4_URL") or API, "CI_API_V4_URL"),
        token=checked_token(environ, "GITLAB_TOKEN", TOKEN),
        comments=notes,
        comment=f"{notes}/{{id}}",
        edit="PUT",
        longest=LONGEST,
        author="author",
    )
