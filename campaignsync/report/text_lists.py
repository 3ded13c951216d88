"""Render lists as lines: campaigns, definitions, codes, adopted fields, runs and their writes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from campaignsync.model.definitions import Definition
from campaignsync.model.plan import Change
from campaignsync.model.results import ExplainedCode, Exported, ListedCampaign, Listing, Rendered
from campaignsync.model.runs import History, Run
from campaignsync.report import wording as words
from campaignsync.report.changes import fold_weekdays
from campaignsync.report.terminal import Line, apart
from campaignsync.report.text import OUTCOME_MARKS, STYLES, short_change

EXPORT_MARKS = {"written": ("+", "green"), "pending": ("+", "green"), "managed": ("=", "")}
UNDONE = ("-", "yellow")
NARROWEST_NAME, WIDEST_NAME = 16, 60
"""Minimum and maximum columns of a name; a shorter name would not identify its campaign."""
GAP = "  "


def exported(exported: Exported) -> Iterator[Line]:
    """Yield the outcome of each exported campaign; managed campaigns are only counted."""
    shown = [campaign for campaign in exported.campaigns if campaign.outcome != "managed"]
    for campaign in shown:
        mark, style = EXPORT_MARKS.get(campaign.outcome, UNDONE)
        outcome = "" if mark == "+" else f"  {campaign.outcome}"
        yield [
            (f"{mark} ", style),
            (f"{campaign.id} {words.line(campaign.name)}", "bold"),
            (outcome, style),
            (f"  {words.line(campaign.file or '')}", "dim"),
        ]
    if shown:
        yield []
    yield [(words.export_summary(exported), "bold")]


def listing(listing: Listing, width: int) -> Iterator[Line]:
    """Yield a table of live campaigns and definitions without one.

    `width` is in columns, 0 for no limit. If the table does not fit, each campaign has two lines.
    """
    rows = [_cells(campaign) for campaign in listing.campaigns]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    yield from _table(listing, rows, widths, width)
    for source in listing.missing:
        yield [("! ", "red"), (words.line(str(source)), ""), ("  has no live campaign", "red")]
    if rows or listing.missing:
        yield []
    yield [(words.listing_summary(listing), "bold")]


def rendered(rendered: Rendered) -> Iterator[Line]:
    """Yield each definition's values and their sources."""
    for definition in rendered.definitions:
        labels = ", ".join(f"{name}={text}" for name, text in definition.labels.items())
        shown_labels = [(f"  {words.line(labels)}", "cyan")] if labels else []
        yield [(str(definition.id), "bold"), *shown_labels]
        rows = [
            (each.field, words.value(each.value), words.line(str(each.source)))
            for each in definition.fields
        ]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for name, value, place in rows:
            shown = set_cell_size(value, min(widths[1], WIDEST_NAME))
            yield [(f"  {name:{widths[0]}}{GAP}{shown}{GAP}", ""), (place, "dim")]
        yield []
    count = words.count(len(rendered.definitions), "definition")
    yield [(f"Rendered: {count} for {words.line(rendered.environment)}.", "bold")]


def codes(codes: Sequence[ExplainedCode]) -> Iterator[Line]:
    """Yield the meaning of each code."""
    width = max(len(each.code) for each in codes)
    for each in codes:
        yield [(f"{each.code:{width}}", "bold"), (f"  {each.meaning}", "")]


def explained(codes: Sequence[ExplainedCode]) -> list[Line]:
    """Return the meaning, reason, fix and example of each code."""
    blocks: list[Iterable[Line]] = []
    for each in codes:
        blocks += [
            [[(each.code, "bold")], [(each.meaning, "")]],
            [[(each.why, "")]],
            [[("→ ", "cyan"), (each.fix, "cyan")]],
        ]
        if each.before:
            blocks.append(_example("before", each.before, "red"))
            blocks.append(_example("after", each.after, "green"))
    return apart(blocks)


def _example(name: str, example: str, style: str) -> Iterator[Line]:
    yield [(name, "dim")]
    yield from ([(f"    {line}", style)] for line in example.splitlines())


def adopted(adoptions: Sequence[tuple[Definition, str, Sequence[Change]]]) -> Iterator[Line]:
    """Yield the changes of each definition, which `adoptions` holds with its campaign's name."""
    for definition, name, changes in adoptions:
        yield [
            ("~ ", "yellow"),
            (f"{definition.id} {words.line(name)}", "bold"),
            (f"  {words.line(definition.file)}", "dim"),
        ]
        yield from (short_change(*each) for each in fold_weekdays(changes))
    if adoptions:
        yield []
    fields = words.count(sum(len(changes) for _, _, changes in adoptions), "field")
    yield [(f"Adopted: {fields} in {words.count(len(adoptions), 'definition')}.", "bold")]


def offer(id_: int, name: str, change: Change) -> str:
    """Return one field that differs in the live campaign, on one line."""
    shown = "".join(text for text, _ in short_change(change.field, change)).strip()
    return f"{id_} {words.line(name)}  {shown}"


def history(history: History) -> Iterator[Line]:
    """Yield the runs, oldest first, one per line."""
    for run in history.runs:
        yield [
            (words.line(run.run), "bold"),
            (f"  {words.line(run.environment)}  ", ""),
            (words.run_summary(run), ""),
        ]
    yield [(f"{words.count(len(history.runs), 'run')}.", "bold")]


def run(run: Run) -> Iterator[Line]:
    """Yield one run: each write with the values before it and the values sent."""
    for write in run.details:
        mark = OUTCOME_MARKS.get(write.outcome or "", "✗")
        style = STYLES.get(mark, "")
        yield [
            (f"{mark} ", style),
            (f"{write.id} {words.line(write.name)}", "bold"),
            (f"  {words.line(write.outcome or 'outcome unknown')}", style),
        ]
        for path, after in write.after.items():
            before = words.value(write.before[path]) if path in write.before else "not readable"
            yield [(f"    {words.line(path)}  {before} → {words.value(after)}", "")]
    yield [(words.run_summary(run), "bold")]


def _cells(campaign: ListedCampaign) -> list[str]:
    status = [campaign.status or "?", *(["archived"] if campaign.archived else [])]
    return [
        str(campaign.id),
        words.line(campaign.name),
        words.line(" ".join(status)),
        words.line(campaign.channel or "?"),
        words.line(str(campaign.managed_by.file)) if campaign.managed_by else "-",
    ]


def _table(
    listing: Listing, rows: list[list[str]], widths: list[int], width: int
) -> Iterator[Line]:
    if not rows:
        return
    gaps = len(GAP) * (len(widths) - 1)
    widths[1] = min(widths[1], WIDEST_NAME)
    if width:
        room = width - gaps - sum(widths)
        widths[1] = max(widths[1] + min(room, 0), min(widths[1], NARROWEST_NAME))
    fits = not width or sum(widths) + gaps <= width
    for campaign, cells in zip(listing.campaigns, rows, strict=True):
        style = "" if campaign.managed_by else "yellow"
        if fits:
            number, name, *others = map(partial(_cut, pad=True), cells, widths)
            yield [
                (f"{number}{GAP}", style),
                (f"{name}{GAP}", "bold"),
                (GAP.join(others).rstrip(), style),
            ]
        else:
            number, name, *others = cells
            yield [(f"{number} ", style), (_cut(name, width - len(number) - 1), "bold")]
            yield [(_cut(f"    {GAP.join(others)}", max(width, NARROWEST_NAME)), style)]


def _cut(text: str, columns: int, *, pad: bool = False) -> str:
    cut = Text(text)
    cut.truncate(columns, overflow="ellipsis", pad=pad)
    return cut.plain
