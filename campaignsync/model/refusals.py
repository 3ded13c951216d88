"""Why the API refuses a change: what each code means, and the way out."""

from collections.abc import Mapping
from typing import NamedTuple


class Refusal(NamedTuple):
    """What a code means, and the way out."""

    means: str
    remedy: str


REFUSALS: Mapping[str, Refusal] = {
    "IMMUTABLE_FIELD": Refusal(
        "it cannot be changed once the campaign exists",
        "write the live value into the definition, or create a new campaign",
    ),
    "CYCLES_NOT_ENABLED": Refusal(
        "the campaign was created without cycles, and they cannot be switched on",
        "remove the cycle fields from the definition",
    ),
    "SCHEDULED_MODE_ONLY": Refusal(
        "it belongs to cycles of mode scheduled, and a campaign's mode cannot be changed",
        "remove it from the definition",
    ),
    "INVALID_REQUEST": Refusal(
        "it belongs to the other channel",
        "remove it from the definition",
    ),
    "CAMPAIGN_FINISHED": Refusal(
        "the campaign is finished, and so read-only",
        "remove the definition, or leave it as a record",
    ),
    "ARCHIVED": Refusal(
        "the campaign is archived",
        "remove the definition, or bring the campaign back first",
    ),
    "NOT_FOUND": Refusal(
        "the account has no such campaign",
        "correct the id, or check that the key is of the right account",
    ),
}
