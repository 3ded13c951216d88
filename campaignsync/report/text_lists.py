"""Render lists as text: campaigns, definitions, codes, adopted fields, runs and their writes."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from campaignsync.model.definitions import Definition
from campaignsync.model.plan import Change
from campaignsync.model.results import ExplainedCode, Exported, ListedCampaign, Listing, Rendered
from campaignsync.model.runs import History, Run
from campaignsync.report import wording as words
from campaignsync.report.changes import fold_weekdays
from campaignsync.report.terminal import Line, joined
from campaignsync.report.text import OUTCOME_MARKS, STYLES, short_change

EXPORT_MARKS = {"written": ("+", "green"), "pending": ("+", "green"), "managed": ("=", "")}
UNDONE = ("-", "yellow")
NARROWEST_NAME, WIDEST_NAME = 16, 60
"""Minimum and maximum columns of a name; a shorter name would not identify its campaign."""
GAP = "  "


def exported(exported: Exported, *, colour: bool = False) -> str:
    """Return the outcome of each exported campaign; managed campaigns are only counted."""
    lines: list[Line] = []
    for campaign in exported.campaigns:
        if campaign.outcome == "managed":
            continue
        mark, style = EXPORT_MARKS.get(campaign.outcome, UNDONE)
        outcome = "" if mark == "+" else f"  {campaign.outcome}"
        lines.append(
            [
                (f"{mark} ", style),
                (f"{campaign.id} {words.line(campaign.name)}", "bold"),
                (outcome, style),
                (f"  {words.line(campaign.file or '')}", "dim"),
            ]
        )
    lines += [[]] if lines else []
    return joined([*lines, [(words.export_summary(exported), "bold")]], colour=colour)


def listing(listing: Listing, width: int, *, colour: bool = False) -> str:
    """Return a table of live campaigns and definitions without one.

    `width` is in columns, 0 for no limit. If the table does not fit, each campaign has two lines.
    """
    rows = [_cells(campaign) for campaign in listing.campaigns]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines: list[Line] = list(_table(listing, rows, widths, width))
    lines += [
        [("! ", "red"), (words.line(str(source)), ""), ("  has no live campaign", "red")]
        for source in listing.missing
    ]
    lines += [[]] if lines else []
    return joined([*lines, [(words.listing_summary(listing), "bold")]], colour=colour)


def rendered(rendered: Rendered, *, colour: bool = False) -> str:
    """Return each definition's values and their sources."""
    lines: list[Line] = []
    for definition in rendered.definitions:
        labels = ", ".join(f"{name}={text}" for name, text in definition.labels.items())
        shown_labels = [(f"  {words.line(labels)}", "cyan")] if labels else []
        lines.append([(str(definition.id), "bold"), *shown_labels])
        rows = [
            (each.field, words.value(each.value), words.line(str(each.source)))
            for each in definition.fields
        ]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for name, value, place in rows:
            shown = set_cell_size(value, min(widths[1], WIDEST_NAME))
            lines.append([(f"  {name:{widths[0]}}{GAP}{shown}{GAP}", ""), (place, "dim")])
        lines.append([])
    count = words.count(len(rendered.definitions), "definition")
    lines.append([(f"Rendered: {count} for {words.line(rendered.environment)}.", "bold")])
    return joined(lines, colour=colour)


def codes(codes: Sequence[ExplainedCode], *, colour: bool = False) -> str:
    """Return the meaning of each code."""
    width = max(len(each.code) for each in codes)
    return joined(
        [[(f"{each.code:{width}}", "bold"), (f"  {each.meaning}", "")] for each in codes],
        colour=colour,
    )


def explained(codes: Sequence[ExplainedCode], *, colour: bool = False) -> str:
    """Return the meaning, reason, fix and example of each code."""
    lines: list[Line] = []
    for each in codes:
        lines += [[(each.code, "bold")], [(each.meaning, "")], [], [(each.why, "")], []]
        lines += [[("→ ", "cyan"), (each.fix, "cyan")], []]
        if each.before:
            lines += [*_example("before", each.before, "red"), []]
            lines += [*_example("after", each.after, "green"), []]
    return joined(lines[:-1], colour=colour)


def _example(name: str, example: str, style: str) -> Iterator[Line]:
    yield [(name, "dim")]
    yield from ([(f"    {line}", style)] for line in example.splitlines())


def adopted(
    adoptions: Sequence[tuple[Definition, str, Sequence[Change]]], *, colour: bool = False
) -> str:
    """Return the changes of each definition, which `adoptions` holds with its campaign's name."""
    lines: list[Line] = []
    for definition, name, changes in adoptions:
        lines.append(
            [
                ("~ ", "yellow"),
                (f"{definition.id} {words.line(name)}", "bold"),
                (f"  {words.line(definition.file)}", "dim"),
            ]
        )
        lines += [short_change(*each) for each in fold_weekdays(changes)]
    lines += [[]] if lines else []
    fields = words.count(sum(len(changes) for _, _, changes in adoptions), "field")
    summary = f"Adopted: {fields} in {words.count(len(adoptions), 'definition')}."
    return joined([*lines, [(summary, "bold")]], colour=colour)


def offer(id_: int, name: str, change: Change) -> str:
    """Return one field that differs in the live campaign, on one line."""
    shown = "".join(text for text, _ in short_change(change.field, change)).strip()
    return f"{id_} {words.line(name)}  {shown}"


def history(history: History, *, colour: bool = False) -> str:
    """Return the runs, oldest first, one per line."""
    lines: list[Line] = [
        [
            (words.line(run.run), "bold"),
            (f"  {words.line(run.environment)}  ", ""),
            (words.run_summary(run), ""),
        ]
        for run in history.runs
    ]
    return joined([*lines, [(f"{words.count(len(history.runs), 'run')}.", "bold")]], colour=colour)


def run(run: Run, *, colour: bool = False) -> str:
    """Return one run: each write with the values before it and the values sent."""
    lines: list[Line] = []
    for write in run.details:
        mark = OUTCOME_MARKS.get(write.outcome or "", "✗")
        lines.append(
            [
                (f"{mark} ", STYLES.get(mark, "")),
                (f"{write.id} {words.line(write.name)}", "bold"),
                (f"  {words.line(write.outcome or 'outcome unknown')}", STYLES.get(mark, "")),
            ]
        )
        for path, after in write.after.items():
            before = words.value(write.before[path]) if path in write.before else "not readable"
            lines.append([(f"    {words.line(path)}  {before} → {words.value(after)}", "")])
    return joined([*lines, [(words.run_summary(run), "bold")]], colour=colour)


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
