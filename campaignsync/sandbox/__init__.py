"""An imitation of the Altur campaigns API on loopback, for trying out and for tests.

It imitates what API.md knows: the five endpoints over HTTP, both reading shapes, paging, every rule
with its status, code and field, and the limit of 12 requests in any second. It does not imitate
calling anybody: no campaign here ever reaches a phone, finishes by itself, or costs money.

It shares no code with the rest of campaignsync, and restates the wire format on purpose: shared
code would hide a field misspelt on both sides.
"""

from campaignsync.sandbox.quirks import REFERENCE_DETAIL_KEYS, Quirks
from campaignsync.sandbox.request_log import Request
from campaignsync.sandbox.server import Sandbox

__all__ = ["REFERENCE_DETAIL_KEYS", "Quirks", "Request", "Sandbox"]
