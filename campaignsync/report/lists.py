"""Render lists as text: exported and live campaigns, definitions, codes, adopted fields."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from campaignsync.report import wording as words
from campaignsync.report.text import Line, joined

if TYPE_CHECKING:
    from campaignsync.explain import Explanation
    from campaignsync.model.plan import Change
    from campaignsync.model.results import Exported, ListedCampaign, Listing, Rendered
    from campaignsync.model.values import Definition

MARKS = {"written": ("+", "green"), "pending": ("+", "green"), "managed": ("=", "")}
UNDONE = ("-", "yellow")
NARROWEST_NAME, WIDEST_NAME = 16, 60
"""Minimum and maximum columns of a name; a shorter name would not identify its campaign."""
GAP = "  "


def exported(exported: "Exported", *, colour: bool = False) -> str:
    """Return the outcome of each exported campaign; managed campaigns are only counted."""
    lines: list[Line] = []
    for campaign in exported.campaigns:
        if campaign.outcome == "managed":
            continue
        mark, style = MARKS.get(campaign.outcome, UNDONE)
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


def listing(listing: "Listing", width: int, *, colour: bool = False) -> str:
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


def rendered(rendered: "Rendered", *, colour: bool = False) -> str:
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


def explained(codes: Sequence["Explanation"], whole: bool, *, colour: bool = False) -> str:  # noqa: FBT001 - called by `Format.explained`
    """Return the meaning of each code and, with `whole`, its reason, fix and example."""
    if not whole:
        width = max(len(found.code) for found in codes)
        return joined(
            [[(f"{found.code:{width}}", "bold"), (f"  {found.meaning}", "")] for found in codes],
            colour=colour,
        )
    lines: list[Line] = []
    for found in codes:
        lines += [[(found.code, "bold")], [(found.meaning, "")], [], [(found.why, "")], []]
        lines += [[("→ ", "cyan"), (found.fix, "cyan")], []]
        if found.before:
            lines += [*_example("before", found.before, "red"), []]
            lines += [*_example("after", found.after, "green"), []]
    return joined(lines[:-1], colour=colour)


def _example(name: str, example: str, style: str) -> Iterator[Line]:
    yield [(name, "dim")]
    yield from ([(f"    {line}", style)] for line in example.splitlines())


def adopted(
    found: Sequence[tuple["Definition", str, Sequence["Change"]]], *, colour: bool = False
) -> str:
    """Return the changes adopted by each definition; `found` also holds the campaign's name."""
    lines: list[Line] = []
    for definition, name, changes in found:
        lines.append(
            [
                ("~ ", "yellow"),
                (f"{definition.id} {words.line(name)}", "bold"),
                (f"  {words.line(definition.file)}", "dim"),
            ]
        )
        lines += [taken(label, change) for label, change in words.folded(changes)]
    lines += [[]] if lines else []
    fields = words.count(sum(len(changes) for _, _, changes in found), "field")
    summary = f"Adopted: {fields} in {words.count(len(found), 'definition')}."
    return joined([*lines, [(summary, "bold")]], colour=colour)


def offer(id_: int, name: str, change: "Change") -> str:
    """Return one field that differs in the live campaign, on one line."""
    shown = "".join(text for text, _ in taken(change.field, change)).strip()
    return f"{id_} {words.line(name)}  {shown}"


def taken(label: str, change: "Change") -> Line:
    """Return a line with a field's value before, and the live one."""
    return [
        (f"    {label}  ", ""),
        (words.value(change.before), "red"),
        (" → ", "dim"),
        (words.value(change.after), "green"),
    ]


def _cells(campaign: "ListedCampaign") -> list[str]:
    status = [campaign.status or "?", *(["archived"] if campaign.archived else [])]
    return [
        str(campaign.id),
        words.line(campaign.name),
        words.line(" ".join(status)),
        words.line(campaign.channel or "?"),
        words.line(str(campaign.managed_by.file)) if campaign.managed_by else "-",
    ]


def _table(
    listing: "Listing", rows: list[list[str]], widths: list[int], width: int
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
            number, name, *others = map(_sized, cells, widths)
            yield [
                (f"{number}{GAP}", style),
                (f"{name}{GAP}", "bold"),
                (GAP.join(others).rstrip(), style),
            ]
        else:
            number, name, *others = cells
            yield [(f"{number} ", style), (_cut(name, width - len(number) - 1), "bold")]
            yield [(_cut(f"    {GAP.join(others)}", max(width, NARROWEST_NAME)), style)]


def _sized(text: str, columns: int) -> str:
    cut = _cut(text, columns)
    return cut + " " * (columns - cell_len(cut))


def _cut(text: str, columns: int) -> str:
    if cell_len(text) <= columns:
        return text
    return f"{set_cell_size(text, max(columns, 1) - 1)}…"
