"""Comments on a pull or merge request, by the API of the forge that it is on.

`thread` says what differs between forges and how an address and a token are checked, `github` and
`gitlab` find the request that a job is about in the job's variables, `client` asks and reads within
bounds, and `comments` finds our own comment, to update it or to make it.
"""

from collections.abc import Mapping

from campaignsync.errors import ConfigurationError
from campaignsync.forge.comments import put_comment
from campaignsync.forge.github import pull_request
from campaignsync.forge.gitlab import merge_request
from campaignsync.forge.thread import Thread

__all__ = ["FORGES", "Thread", "put_comment", "thread_of"]

FORGES = {"github": pull_request, "gitlab": merge_request}
"""The forges, and what finds the request that a job is about."""
RUNNERS = {"github": "GITHUB_ACTIONS", "gitlab": "GITLAB_CI"}
"""The variables that the runners of each set to `true`."""


def thread_of(environ: Mapping[str, str], forge: str | None, number: int | None) -> Thread:
    """Find the comments of the pull or merge request that a job is about.

    `forge` is a key of FORGES, None for the one whose job this is; `number` wins over what the
    variables say. Raises ConfigurationError, and CredentialError for a token that is none.
    """
    found = forge or next((name for name, var in RUNNERS.items() if environ.get(var)), None)
    if found is None:
        raise ConfigurationError(
            "which forge? This is no job of GitHub or GitLab",
            hint="pass --forge github or --forge gitlab",
            code="NO_REQUEST",
        )
    return FORGES[found](environ, number)
