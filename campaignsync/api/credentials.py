"""The address and the key, checked before any socket is opened."""

import base64
import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx

from campaignsync.errors import ConfigurationError, CredentialError

PATH = "/api/v1.0"
PLACEHOLDER = re.compile(
    r"<.*>|\.{3,}|x{3,}|change-?me|your[-_ ]?(api[-_ ]?)?key|secret|todo", re.IGNORECASE
)


def checked_base_url(text: str) -> str:
    """Give an address without a trailing slash, with the API's path where it has none.

    Raises ConfigurationError for anything but https, or http to loopback: the key goes there.
    """
    try:
        url = httpx.URL(text.strip())
        host, port = url.host, url.port
    except (httpx.InvalidURL, ValueError):
        raise _no_address() from None
    if not host or url.scheme not in ("https", "http") or port == 0:
        raise _no_address()
    if url.userinfo or url.query or url.fragment:
        message = "the base URL holds more than scheme, host, port and path"
        hint = "leave out user, query and fragment"
        raise ConfigurationError(message, hint=hint, code="BASE_URL")
    if url.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"the base URL is plain http to {host}: the key would travel in the clear",
            hint="use https; plain http is for loopback only",
            code="BASE_URL",
        )
    path = url.path.rstrip("/") or PATH
    return str(url.copy_with(path=path))


def _no_address() -> ConfigurationError:
    # Not repeated: where the two variables were swapped, it is the key.
    return ConfigurationError(
        "the base URL is no http(s) address",
        hint="see ALTUR_BASE_URL and --base-url",
        code="BASE_URL",
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_key(text: str, variable: str) -> str:
    """Give the key as it goes into the header.

    Raises CredentialError for what cannot be one, naming the variable and never the value.
    """
    if not text.strip():
        raise _unusable(variable, "is empty")
    if text.startswith("api-key "):
        raise _unusable(variable, "starts with `api-key `, which is added to it anyway")
    if not text.isascii():
        raise _unusable(variable, "holds a character that is not ASCII, such as a curly quote")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise _unusable(variable, "is in quotes that belong to the shell, not to the key")
    if any(not "!" <= character <= "~" for character in text):
        raise _unusable(variable, "holds a space or a line break")
    if PLACEHOLDER.fullmatch(text):
        raise _unusable(variable, "is a placeholder")
    return text


def redacted(text: str, key: str) -> str:
    """Take the key out of what a server or a library echoes, in whatever spelling."""
    for spelling in _spellings(key):
        text = text.replace(spelling, "[key]")
    return text


def _spellings(key: str) -> Iterator[str]:
    yield key
    yield quote(key, safe="")
    for before in range(3):
        # The groups of four at its ends depend on what stands beside the key.
        encoded = base64.b64encode(b" " * before + key.encode()).decode()
        yield encoded[4 if before else 0 : -4]


def _unusable(variable: str, why: str) -> CredentialError:
    return CredentialError(
        f"the key in {variable} {why}",
        hint=f"set {variable} to the API key, as the dashboard shows it",
    )
