"""An imitation of the Altur campaigns API on loopback, for trials and for tests.

It imitates the five endpoints over HTTP, both response shapes, paging, every rule with its status,
code and field, and the limit of 12 requests per second. It does not imitate calls: a campaign here
never calls a contact, finishes by itself, or costs money.

It shares no code with the rest of campaignsync, and defines the wire format again on purpose:
shared code would hide a field that is misspelt on both sides.
"""

from campaignsync.sandbox.quirks import REFERENCE_DETAIL_KEYS, Quirks
from campaignsync.sandbox.server import Request, Sandbox

__all__ = ["REFERENCE_DETAIL_KEYS", "Quirks", "Request", "Sandbox"]
