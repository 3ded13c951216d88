"""What can go wrong between us and a server, in words: httpx's errors, and the system's."""

import ssl
from collections.abc import Mapping

import httpx

BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors after which it is certain that the request never left."""

MEANINGS: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ConnectError: "no connection",
    httpx.PoolTimeout: "no connection was free in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.ReadError: "the connection broke before the answer",
    httpx.WriteError: "the connection broke while sending",
    httpx.CloseError: "the connection broke",
    httpx.RemoteProtocolError: "the answer was cut off, or is no HTTP",
    httpx.LocalProtocolError: "the request is no HTTP",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address is not http or https",
    httpx.DecodingError: "the answer's compression is broken",
    httpx.TooManyRedirects: "the answer is a redirect",
    httpx.HTTPStatusError: "the answer is an error",
    httpx.InvalidURL: "the address is no URL",
    httpx.CookieConflict: "the answer's cookies contradict each other",
    httpx.StreamError: "the answer was read in a wrong way",
    httpx.TransportError: "the connection failed",
    httpx.RequestError: "the request failed",
    httpx.HTTPError: "the exchange failed",
    TimeoutError: "no whole answer in time",
    ssl.SSLError: "the secure connection failed",
    OSError: "the connection failed",
}
"""What each error of httpx and of the system means, the most specific first."""

FAILURES = tuple(MEANINGS)


def meaning_of(error: Exception) -> str:
    """Say what one of FAILURES means."""
    return next(text for kind, text in MEANINGS.items() if isinstance(error, kind))


def cause_of(error: BaseException) -> str:
    """Give the system's own words, which httpx and its layers keep behind theirs."""
    if isinstance(error, BaseExceptionGroup):
        return cause_of(error.exceptions[0])
    behind = error.__cause__ or error.__context__
    own = getattr(error, "strerror", None)
    return own or (behind and cause_of(behind)) or str(error)
