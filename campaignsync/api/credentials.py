"""Check the base URL and the key before any socket is opened."""

import ipaddress
import re
from functools import cache

import httpx

from campaignsync.errors import ConfigurationError, CredentialError
from campaignsync.redaction import SHORTEST_KEY, without_keys

PATH = "/api/v1.0"
PLACEHOLDER = re.compile(
    r"<.*>|\.{3,}|x{3,}|change-?me|your[-_ ]?(api[-_ ]?)?key|secret|todo", re.IGNORECASE
)
HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")
"""A DNS host name or an IP address."""
LARGEST_PORT = 65_535
LONGEST_VALUE = 200
"""Maximum number of characters shown of an invalid base URL."""


@cache
def checked_base_url(text: str) -> str:
    """Return the base URL without a trailing slash, with the API's path if it has none.

    Raises ConfigurationError for anything but https, or http to loopback, because the key is sent
    to this address.
    """
    try:
        url = httpx.URL(text.strip())
        host, port = url.host, url.port
        # Name resolution encodes the host too: an invalid host would fail in the first request.
        url.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise _invalid_base_url(text) from None
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            "the base URL has more than scheme, host, port and path",
            hint="remove user, query and fragment from ALTUR_BASE_URL or --base-url",
            code="BASE_URL",
        )
    if not HOST.fullmatch(url.raw_host.decode()) or url.scheme not in ("https", "http"):
        raise _invalid_base_url(text)
    if port is not None and not 0 < port <= LARGEST_PORT:
        raise _invalid_base_url(text, f": the port must be 1 to {LARGEST_PORT}")
    if url.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"the base URL {text.strip()} is plain http: the key would travel unencrypted",
            hint="use https; plain http is for loopback only",
            code="BASE_URL",
        )
    path = url.path.rstrip("/") or PATH
    return str(url.copy_with(path=path))


def _invalid_base_url(text: str, why: str = "") -> ConfigurationError:
    # The value may be the key, if the user swapped the two variables.
    value = without_keys(repr(text.strip()), ())[:LONGEST_VALUE]
    return ConfigurationError(
        f"the base URL is not an http(s) address: {value}{why}",
        hint="set ALTUR_BASE_URL or --base-url to scheme, host and path, or remove it",
        code="BASE_URL",
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_key(text: str, variable: str) -> str:
    """Return the key unchanged if it is valid.

    Raises CredentialError for an invalid key; the message names the variable, never the value.
    """
    if not text.strip():
        raise _invalid_key(variable, "is empty")
    if text.startswith("api-key "):
        raise _invalid_key(variable, "starts with `api-key `, which the tool adds itself")
    if not text.isascii():
        raise _invalid_key(variable, "has a character that is not ASCII, such as a curly quote")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise _invalid_key(variable, "is in quotes that belong to the shell, not to the key")
    if any(not "!" <= character <= "~" for character in text):
        raise _invalid_key(variable, "has a space or a line break")
    if PLACEHOLDER.fullmatch(text):
        raise _invalid_key(variable, "is a placeholder")
    if len(text) < SHORTEST_KEY:
        raise _invalid_key(variable, f"is too short: a key has at least {SHORTEST_KEY} characters")
    return text


def _invalid_key(variable: str, why: str) -> CredentialError:
    return CredentialError(
        f"the key in {variable} {why}",
        hint=f"set {variable} to the API key, as the dashboard shows it",
    )
