"""Typed calls to the campaigns API, for reading and patching (API.md, "Endpoints").

`client` makes the calls, `pace` spaces them, `flow` knows whether they go on, `answers` reads what
comes back, `failures` names what did not, and `credentials` checks the address and the key before
any socket is opened. The only room that knows httpx.
"""

import sys

# httpx imports its own command line where that can be had, and with it half of rich and pygments:
# a tenth of the time that a plan takes. Told that there is none, it does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None means: not to be had

from campaignsync.api.answers import Page  # noqa: E402 - after what is said to httpx
from campaignsync.api.client import PAGE_SIZE, Api, TooLate  # noqa: E402 - see above
from campaignsync.api.credentials import checked_base_url, checked_key  # noqa: E402 - see above
from campaignsync.api.pace import Pace  # noqa: E402 - see above

__all__ = ["PAGE_SIZE", "Api", "Pace", "Page", "TooLate", "checked_base_url", "checked_key"]
