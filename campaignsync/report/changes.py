"""Prepare a plan for reports: order, differences of texts, equal weekdays, shared reasons.

Blocked campaigns are first, and active campaigns precede others with the same action. Weekdays that
change alike are shown as one, and so is a reason that blocks several campaigns.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

from campaignsync.model.plan import Action, Blocked, Change, PlannedCampaign
from campaignsync.model.week import WEEKDAYS
from campaignsync.report import wording as words

ORDER: tuple[Action, ...] = ("blocked", "update", "frozen", "unchanged")

Reason = tuple[str, str, str]
"""The code, message and hint of what blocks a campaign."""
LONGEST_EDITED = 2000
"""Maximum total characters of two lines to compare by character: the search is quadratic."""
MOST_PAIRS = 100_000
"""Maximum pairs of equal lines of two texts to compare by line: with more it takes minutes."""

FieldItem = TypeVar("FieldItem", bound=Change | Blocked)


def ordered(campaigns: Iterable[PlannedCampaign]) -> list[PlannedCampaign]:
    """Return a plan's campaigns by action as in `ORDER`, active ones first."""
    return sorted(campaigns, key=lambda each: (ORDER.index(each.action), each.status != "active"))


def blocked_last(campaigns: Iterable[PlannedCampaign]) -> list[PlannedCampaign]:
    """Return campaigns in the order for a terminal, where the end is next to the summary."""
    return sorted(campaigns, key=lambda each: each.action == "blocked")


def reason_of(blocked: Blocked) -> Reason:
    return blocked.code, blocked.message, blocked.hint


def shared_reasons(campaigns: Iterable[PlannedCampaign]) -> dict[Reason, int]:
    """Return the number of campaigns for each reason that blocks several whole campaigns.

    Reports show such a reason once. Reasons about a single field are not counted.
    """
    counts = Counter(
        reason_of(blocked)
        for campaign in campaigns
        for blocked in campaign.blocked
        if blocked.field is None
    )
    return {reason: count for reason, count in counts.items() if count > 1}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A code and hint that block campaigns; `message` is empty if it differs between them."""

    code: str
    message: str
    hint: str
    campaigns: tuple[PlannedCampaign, ...]


def obstacles(campaigns: Iterable[PlannedCampaign]) -> list[Obstacle]:
    """Return the obstacles of a plan, most campaigns first."""
    affected: dict[tuple[str, str], dict[int, tuple[PlannedCampaign, str]]] = {}
    for campaign in campaigns:
        for blocked in campaign.blocked:
            by_id = affected.setdefault((blocked.code, blocked.hint), {})
            by_id.setdefault(campaign.id, (campaign, blocked.message))
    gathered = []
    for (code, hint), by_id in affected.items():
        blocked_campaigns, messages = zip(*by_id.values(), strict=True)
        message = messages[0] if len(set(messages)) == 1 else ""
        gathered.append(Obstacle(code, message, hint, blocked_campaigns))
    return sorted(gathered, key=lambda each: -len(each.campaigns))


def is_long(change: Change) -> bool:
    """Return whether a change of text is shown line by line, as it is long or has line feeds."""
    texts = [text for text in (change.before, change.after) if isinstance(text, str)]
    return any(len(text) > words.LONG or "\n" in text for text in texts)


def on_one_line(change: Change) -> str:
    """Return a change on one line, clipped."""
    before = words.value(change.before) if change.known else "not readable"
    after = words.value(change.after)
    if change.known and is_long(change):
        # Show the first lines that differ: long texts often begin with equal lines.
        lines = list(diff_lines(str(change.before or ""), str(change.after or "")))
        before, after = (next((body for sign, body in lines if sign == of), "…") for of in "-+")
    shorter = min(len(before), len(after))
    same = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    if same > words.LONG:
        # A long line often differs only behind the place where it would be clipped.
        before, after = (f"…{text[same - words.LONG // 2 :]}" for text in (before, after))
    return f"{words.clipped(before, 2 * words.LONG)} → {words.clipped(after, 2 * words.LONG)}"


def diff_lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield each line with its sign: "-" for removed, "+" for added, " " for unchanged.

    If lines are replaced by the same number of lines, each "-" is followed by its "+".
    """
    old, new = _lines(before), _lines(after)
    # Not ndiff: it compares all pairs of lines, which takes minutes for very long texts.
    matcher = SequenceMatcher(None, old, new)
    replaced = [("replace", 0, len(old), 0, len(new))]
    # The stubs lack `b2j`, which is documented: the places of each line, without frequent lines.
    places: dict[str, list[int]] = matcher.b2j  # type: ignore[attr-defined]
    pairs = sum(len(places.get(text, ())) for text in old)
    opcodes = matcher.get_opcodes() if pairs <= MOST_PAIRS else replaced
    for tag, start, end, new_start, new_end in opcodes:
        removed, added = old[start:end], new[new_start:new_end]
        if tag == "equal":
            yield from ((" ", text) for text in removed)
        elif len(removed) == len(added):
            for pair in zip(removed, added, strict=True):
                yield from zip("-+", pair, strict=True)
        else:
            yield from (("-", text) for text in removed)
            yield from (("+", text) for text in added)


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def diff_characters(text: str, partner: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a line, each with True if its partner does not have it.

    Yields nothing if the lines are too long or have less than half in common: then the line was
    replaced, not edited.
    """
    matcher = SequenceMatcher(None, text, partner, autojunk=False)
    is_too_long = len(text) + len(partner) > LONGEST_EDITED
    if not partner or is_too_long or matcher.quick_ratio() < 0.5:  # noqa: PLR2004 - half of it
        return
    for tag, start, end, _, _ in matcher.get_opcodes():
        if end > start:
            yield text[start:end], tag != "equal"


def fold_weekdays(
    items: Iterable[FieldItem], ignored: Collection[str] = ("field", "source")
) -> Iterator[tuple[str, FieldItem]]:
    """Yield each change or blocked field with its name, neighbouring equal weekdays as one.

    Weekdays are equal if all attributes except the `ignored` ones are. The name of several
    weekdays is `scheduling.mon–fri`.
    """
    run: list[FieldItem] = []
    for item in items:
        if run and not (
            _is_next_day(run[-1], item)
            and _attributes(run[-1], ignored) == _attributes(item, ignored)
        ):
            yield _name_of(run), run[0]
            run = []
        run.append(item)
    if run:
        yield _name_of(run), run[0]


def _is_next_day(last: FieldItem, item: FieldItem) -> bool:
    (week, _, day), (next_week, _, next_day) = (
        (each.field or "").rpartition(".") for each in (last, item)
    )
    return (
        week == next_week
        and day in WEEKDAYS
        and next_day in WEEKDAYS
        and WEEKDAYS.index(next_day) == WEEKDAYS.index(day) + 1
    )


def _attributes(item: FieldItem, ignored: Collection[str]) -> dict[str, object]:
    return {key: value for key, value in item if key not in ignored}


def _name_of(run: Sequence[Change | Blocked]) -> str:
    first, last = (run[place].field or "" for place in (0, -1))
    return first if len(run) == 1 else f"{first}–{last.rpartition('.')[2]}"
