"""Describe the comments of a request, and check the address and the token to write them."""

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
        raise ConfigurationError(f"{variable} is not a valid address")
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
        message = f"missing token: {variable} is not set or empty"
        raise CredentialError(message, hint=hint, code="TOKEN_MISSING")
    if not TOKEN.fullmatch(token):
        raise CredentialError(
            f"invalid token in {variable}: it contains blanks or control characters", hint=hint
        )
    return token


def numbered(text: str, what: str) -> int:
    """Parse the number of a request; raises ConfigurationError for anything else."""
    if not NUMBER.fullmatch(text):
        raise ConfigurationError(
            f"{what} is not a number", hint="pass --request N", code="NO_REQUEST"
        )
    return int(text)
