"""Quirks: variants of the behaviour that the API's reference does not specify."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

REFERENCE_DETAIL_KEYS = frozenset(
    {
        "id",
        "name",
        "created_at",
        "agent",
        "integration",
        "scheduling",
        "analytics",
        "cycles.enabled",
        "cycles.max_iterations",
        "cycles.cooldown_minutes",
        "cycles.filter_statuses",
        "cycles.filter_tags",
        "cycles.schedule",
        "cycles.schedule_start_date",
        "cycles.schedule_end_date",
    }
)
"""The keys of a detail in the vendor's reference."""

ErrorShape = Literal["code", "error", "error.code", "error_code", "detail.code", "text", "empty"]
"""The position of the code in an error's body; "text" is a body without JSON."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """Variants of the API's behaviour; the defaults follow the reference.

    Answers: only `detail_keys` and `list_keys` are included (dotted paths); `times`, `empty` and
    `lists` choose how values are written; `extra_keys` adds an unknown key to every object;
    `error_shape` chooses where an error's code is.

    Lists: `hides_archived` leaves archived campaigns out unless the query has `archived=true`;
    `page_size_cap` makes pages smaller than requested; `cursor_fault` makes the cursor repeat,
    alternate between two pages, or lead to empty pages without end.

    Writes: `schedule_merge` chooses whether a week is merged by leaf, by day, or replaced;
    `ignore_fields` (dotted paths) are silently ignored; `clobber` (dotted path to value) is changed
    by every PATCH in addition; `read_lag` is the number of reads of a campaign after a write that
    still return the old state.

    Transport: `jitter` is the maximum delay of a request, `latency` the delay of its response, in
    seconds; `retry_after` is the header of a 429 or 503 ("" omits it; None is "1" for a 429).
    """

    detail_keys: frozenset[str] | None = None
    list_keys: frozenset[str] | None = None
    times: Literal["HH:MM", "HH:MM:SS", "H:MM"] = "HH:MM"
    empty: Literal["as-is", "null"] = "as-is"
    lists: Literal["as-is", "reversed"] = "as-is"
    extra_keys: bool = False
    error_shape: ErrorShape = "code"
    hides_archived: bool = False
    page_size_cap: int | None = None
    cursor_fault: Literal["repeat", "cycle", "empty-with-next"] | None = None
    schedule_merge: Literal["leaf", "day", "replace"] = "leaf"
    ignore_fields: frozenset[str] = frozenset()
    clobber: Mapping[str, Any] = field(default_factory=dict)
    read_lag: int = 0
    latency: float = 0.0
    jitter: float = 0.0
    retry_after: str | None = None
