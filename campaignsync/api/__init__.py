"""Typed calls to the campaigns API, for reading and patching (API.md, "Endpoints").

`client` makes the calls, `pace` spaces them, `answers` reads what comes back, `failures` names what
did not, and `credentials` checks the address and the key before any socket is opened. The only room
that knows httpx.
"""

from campaignsync.api.answers import Page
from campaignsync.api.client import Api
from campaignsync.api.credentials import checked_base_url, checked_key
from campaignsync.api.pace import Pace

__all__ = ["Api", "Pace", "Page", "checked_base_url", "checked_key"]
