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
"""The keys that the reference's own example of a detail carries, and no other."""

FaultKind = Literal[
    "drop-before", "drop-after", "500", "502-after", "503", "429", "401", "402", "403",
    "half", "html", "empty", "list", "drip", "hang", "redirect", "huge", "gzip-bomb", "nan",
    "duplicate-keys",
]  # fmt: skip
"""What becomes of a request. "-after" kinds do what was asked before they fail."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The n-th request of certain methods goes wrong; n counts from 1, "all" means each one."""

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

    `detail_keys` and `list_keys` limit what an answer carries (dotted). `latency` and `jitter` are
    seconds: each request waits for the first, and up to the second more. `read_lag` counts the
    reads after a write that still see the old state.
    """

    detail_keys: frozenset[str] | None = None
    list_keys: frozenset[str] | None = None
    times: Literal["HH:MM", "HH:MM:SS", "H:MM"] = "HH:MM"
    empty: Literal["as-is", "null"] = "as-is"
    lists: Literal["as-is", "reversed"] = "as-is"
    schedule_merge: Literal["leaf", "day", "replace"] = "leaf"
    error_shape: str = "code"
    extra_keys: bool = False
    page_size_cap: int | None = None
    cursor_fault: Literal["repeat", "cycle", "empty-with-next"] | None = None
    latency: float = 0.0
    jitter: float = 0.0
    retry_after: str | None = None
    redirect_to: str = "http://127.0.0.1:9/"
    ignore_fields: frozenset[str] = frozenset()
    clobber: Mapping[str, Any] = field(default_factory=dict)
    read_lag: int = 0
    faults: tuple[Fault, ...] = ()
