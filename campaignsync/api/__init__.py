"""Read and patch campaigns over the API.

`client` makes the calls, `pace` spaces them and reports whether they progress, `responses` decodes
responses and errors, `http` sets up the HTTP client, and `credentials` checks the base URL and the
key before any socket is opened.
"""

import sys

# httpx imports its command line, and with it rich and pygments: 10% of the time of a plan.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None makes the import fail

from campaignsync.api.client import BACKOFF, PAGE_SIZE, Api, TooLate  # noqa: E402 - as above
from campaignsync.api.credentials import checked_base_url, checked_key  # noqa: E402 - as above
from campaignsync.api.pace import Pace  # noqa: E402 - as above
from campaignsync.api.responses import Page  # noqa: E402 - as above

__all__ = [
    "BACKOFF",
    "PAGE_SIZE",
    "Api",
    "Pace",
    "Page",
    "TooLate",
    "checked_base_url",
    "checked_key",
]
