"""Write comments on a pull or merge request, over the API of its forge.

`thread` describes the request's comments, and checks addresses and tokens; `github` and `gitlab`
find the request in the job's variables; `client` sends requests; `comments` finds our own comment
and updates it, or writes a new one.
"""

from collections.abc import Mapping

from campaignsync.errors import ConfigurationError
from campaignsync.forge.comments import put_comment
from campaignsync.forge.github import pull_request
from campaignsync.forge.gitlab import merge_request
from campaignsync.forge.thread import Thread

__all__ = ["FORGES", "Thread", "put_comment", "thread_of"]

FORGES = {"github": pull_request, "gitlab": merge_request}
"""The function that finds a job's pull or merge request, by forge."""
RUNNERS = {"github": "GITHUB_ACTIONS", "gitlab": "GITLAB_CI"}
"""The variable that the runner of each forge sets to `true`."""


def thread_of(environ: Mapping[str, str], forge: str | None, number: int | None) -> Thread:
    """Return the comments of the job's pull or merge request.

    `forge` is a key of FORGES, or None to detect it; `number` overrides the job's variables.
    Raises ConfigurationError, or CredentialError for a missing or malformed token.
    """
    found = forge or next((name for name, var in RUNNERS.items() if environ.get(var)), None)
    if found is None:
        raise ConfigurationError(
            "cannot detect the forge: this is not a GitHub or GitLab job",
            hint="pass --forge github or --forge gitlab",
            code="NO_REQUEST",
        )
    return FORGES[found](environ, number)
