"""Where the comments of one request are, and what proves that we may write there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from campaignsync.api.credentials import is_loopback
from campaignsync.errors import ConfigurationError, CredentialError

TOKEN = re.compile(r"[!-~]+")
NUMBER = re.compile(r"[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class Thread:
    """The comments of one pull or merge request, and how its forge speaks of comments.

    `comments` and `comment` are paths below `address`, the latter of one comment, with `{id}`;
    `edit` is the method that changes it, `longest` the characters that it takes at the most.
    `author` is the key under which a comment names its author, and `bot` the `type` of those
    authors that hold a token which cannot ask whose it is.
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


def checked_address(text: str, variable: str) -> str:
    """Give an API's address without a trailing slash; the token goes there.

    Raises ConfigurationError for anything but https, or http to loopback.
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(f"{variable} is no address of an API")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise ConfigurationError(
            f"{variable} is not https: the token would travel in the clear",
            hint="use https; plain http is for loopback only",
        )
    return str(url).rstrip("/")


def checked_token(environ: Mapping[str, str], variable: str, hint: str) -> str:
    """Give the token as it goes into the header; raises CredentialError, which never shows it."""
    token = environ.get(variable, "")
    if not token:
        message = f"no token: {variable} is not set, or empty"
        raise CredentialError(message, hint=hint, code="TOKEN_MISSING")
    if not TOKEN.fullmatch(token):
        raise CredentialError(f"the token in {variable} holds what no token holds", hint=hint)
    return token


def numbered(text: str, what: str) -> int:
    """Read the number of a request; raises ConfigurationError for what is none."""
    if not NUMBER.fullmatch(text):
        raise ConfigurationError(f"{what} is no number", hint="pass --request N", code="NO_REQUEST")
    return int(text)
