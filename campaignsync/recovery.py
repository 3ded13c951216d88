"""A run that did not come to its end: what became of its writes, learnt by reading."""

from campaignsync.errors import ApiError, NotFound
from campaignsync.journal import Intent, Journal, Record
from campaignsync.live import Reader
from campaignsync.model.results import Result
from campaignsync.model.values import Definition
from campaignsync.verify import differences


async def recover(record: Record, reader: Reader) -> dict[int, Result]:
    """Read each campaign whose write has no outcome, and put what was learnt into its journal.

    "updated" means that live is as was intended, "failed" as it was before, "stale" that somebody
    has written since, or that it is gone, and "unknown" that it cannot be read; the journal then
    stays open.
    """
    found = {intent.id: await _became(intent, reader) for intent in record.unresolved}
    journal = Journal.resume(record)
    for id_, outcome in found.items():
        journal.conclude(id_, outcome, recovered=True)
    if "unknown" not in found.values():
        journal.end(8)
    return found


async def _became(intent: Intent, reader: Reader) -> Result:
    places = dict.fromkeys(("id", *intent.after), intent.source)
    definition = Definition(intent.id, intent.source.file, intent.after, places)
    try:
        live = (await reader.again(definition)).values
    except NotFound:
        return "stale"
    except ApiError:
        return "unknown"
    if not intent.before.keys() <= live.keys() or not intent.before:
        return "unknown"
    if not differences(intent.after, live):
        return "updated"
    return "stale" if differences(intent.before, live) else "failed"
