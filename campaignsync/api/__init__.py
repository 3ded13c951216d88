"""Read and patch campaigns over the API.

`client` makes the calls, `pace` spaces them, limits those in flight and reports their progress,
`responses` decodes responses and errors, and `http` sets up the connection and checks the base URL
and the key.
"""

from campaignsync.api.client import BACKOFF, PAGE_SIZE, Api, TooLate
from campaignsync.api.http import checked_base_url, checked_key
from campaignsync.api.pace import Pace
from campaignsync.api.responses import Page

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
