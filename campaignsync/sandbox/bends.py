"""How the server can be bent: other readings of what the API leaves open, and faults."""

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
"""What API.md's table gives to the detail without an [A]: a detail that says no more than that."""

ErrorShape = Literal["code", "error", "error.code", "error_code", "detail.code", "text", "empty"]
"""Where an error's code stands; or the body is no JSON, or there is none."""

FaultKind = Literal[
    "drop-before", "drop-after", "500", "502-after", "503", "429", "401", "402", "403",
    "half", "html", "empty", "list", "drip", "hang", "redirect", "huge", "gzip-bomb", "nan",
    "duplicate-keys",
]  # fmt: skip
"""What becomes of a request; `faults.py` says it for each.

The "-after" kinds, and those that spoil the true answer ("half", "drip", "nan", "duplicate-keys"),
do what was asked; the others do not.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """The n-th request of certain methods goes wrong; "all" means each one.

    Counting starts from 1 when the bends are set. A request past the rate is counted, and is
    answered with a 429 whatever else was in store for it.
    """

    on: int | frozenset[int] | Literal["all"]
    kind: FaultKind
    methods: frozenset[str] = frozenset({"GET", "PATCH", "POST"})

    def hits(self, number: int) -> bool:
        if isinstance(self.on, frozenset):
            return number in self.on
        return self.on in ("all", number)


@dataclass(frozen=True, slots=True)
class Bends:
    """Ways in which a server may speak the same API; the defaults are API.md's own words.

    Answers: `detail_keys` and `list_keys` are the only keys that are said (dotted); `times`,
    `empty` and `lists` are how values are spelled; `extra_keys` puts an unknown key into every
    object; `error_shape` is where an error's code stands.

    Lists: `hides_archived` leaves archived campaigns out unless the query says `archived=true`;
    `page_size_cap` makes pages smaller than asked for; `cursor_fault` makes cursors stay
    the same, lead in a circle, or lead through empty pages for ever.

    Writes: `schedule_merge` says whether a week merges key by key, with whole days, or is replaced;
    `ignore_fields` (dotted) are not taken, without a word; `clobber` is what any PATCH changes
    besides (dotted field to value); `read_lag` counts the reads of a campaign, after a write to it,
    that still see the old state.

    Transport: `jitter` is the most seconds that a request is late on its way in, `latency` what its
    answer takes; `retry_after` is what a 429 or 503 says ("" leaves it out; None says "1" on a
    429); `redirect_to` is where the fault "redirect" points; `faults` lets requests go wrong.
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
    redirect_to: str = "http://127.0.0.1:9/"
    faults: tuple[Fault, ...] = ()
