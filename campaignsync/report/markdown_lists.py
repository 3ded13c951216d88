"""Render lists as Markdown: campaigns, definitions, codes, runs and their writes."""

from collections.abc import Iterator, Sequence

from campaignsync.errors import Source
from campaignsync.explain import Explanation
from campaignsync.model.results import Exported, ExportedCampaign, ListedCampaign, Listing, Rendered
from campaignsync.model.runs import Record
from campaignsync.report import wording as words
from campaignsync.report.json import run_of, summary_of
from campaignsync.report.markup import (
    COMMENT,
    code,
    fenced,
    fitting,
    plain,
    row,
    table,
    table_within,
)


def exported(exported: Exported) -> str:
    """Return the outcome of each exported campaign that was not already managed."""
    relevant = [campaign for campaign in exported.campaigns if campaign.outcome != "managed"]
    head = [f"### {plain(words.export_summary(exported))}"]
    return table_within(head, ("campaign", "", "file"), relevant, _exported, "campaignsync list")


def _exported(campaign: ExportedCampaign) -> str:
    title = f"{campaign.id} {plain(campaign.name)}"
    return row((title, f"**{campaign.outcome}**", code(campaign.file or "")))


def explained(codes: Sequence[Explanation], whole: bool) -> str:  # noqa: FBT001 - as in the text
    """Return a table of codes or, with `whole`, a section each; their texts are Markdown."""
    if not whole:
        return table(("code", "meaning"), ((code(each.code), each.meaning) for each in codes))
    return "\n\n".join("\n\n".join(_explanation(each)) for each in codes)


def _explanation(explanation: Explanation) -> Iterator[str]:
    yield f"### {code(explanation.code)}"
    yield from (explanation.meaning, explanation.why, explanation.fix)
    for name, example in (("Before", explanation.before), ("After", explanation.after)):
        if example:
            yield f"{name}:"
            yield fenced(example, "sh" if example.startswith("$") else "yaml")


def rendered(rendered: Rendered) -> str:
    """Return each definition's values with their sources."""
    parts = [f"### {words.count(len(rendered.definitions), 'definition')}"]
    for definition in rendered.definitions:
        rows = (
            (code(field.field), code(words.value(field.value)), code(str(field.source)))
            for field in definition.fields
        )
        parts += [f"#### {definition.id}", table(("field", "value", "source"), rows)]
    return "\n\n".join(parts)


def listing(listing: Listing) -> str:
    """Return definitions without a live campaign, then a table of live campaigns."""
    missing, _ = fitting(listing.missing, _missing, COMMENT // 2)
    head = [f"### {plain(words.listing_summary(listing))}", *(["\n".join(missing)] * bool(missing))]
    columns = ("campaign", "status", "channel", "file")
    return table_within(head, columns, listing.campaigns, _listed, "campaignsync list")


def _missing(source: Source) -> str:
    return f"- {code(str(source))} has no live campaign"


def _listed(campaign: ListedCampaign) -> str:
    status = plain(campaign.status or "?") + (" archived" if campaign.archived else "")
    file = code(campaign.managed_by.file) if campaign.managed_by else ""
    title = f"{campaign.id} {plain(campaign.name)}"
    return row((title, status, plain(campaign.channel or "?"), file))


def history(records: Sequence[Record]) -> str:
    """Return a table of runs, oldest first."""
    summaries = map(summary_of, records)
    rows = (
        (code(run.run), code(run.environment), plain(words.run_summary(run))) for run in summaries
    )
    return table(("run", "environment", "writes"), rows)


def run(record: Record) -> str:
    """Return one run with a row per write."""
    run = run_of(record)
    rows = (
        (
            f"{write.id} {plain(write.name)}",
            f"**{plain(write.outcome or 'unknown')}**",
            ", ".join(code(path) for path in write.after),
        )
        for write in run.details
    )
    return f"### {plain(words.run_summary(run))}\n\n{table(('campaign', '', 'fields'), rows)}"
