"""Name the campaigns that recent runs changed and that no definition manages any more."""

from collections.abc import Callable, Iterator

from campaignsync.apply.journal import Record, journals, read_journal
from campaignsync.cli.journals import journal_folder
from campaignsync.cli.session import Session
from campaignsync.errors import ConfigurationError, JournalDamaged
from campaignsync.report import wording as words

RECENT_RUNS = 20
"""The number of recent runs to search: a deleted definition is not named forever."""
MOST_NAMED = 10


def unmanaged_note(session: Session, managed: Callable[[], set[int]]) -> str:
    """Return a note on campaigns that are not `managed`; empty if there are none.

    `managed` returns the ids of all definitions of the account; it is called only if needed.
    """
    written = _written(session) - {each.id for each in session.whole.definitions}
    if not (written and (ids := sorted(written - managed()))):
        return ""
    named = ", ".join(map(str, ids[:MOST_NAMED])) + (", …" if len(ids) > MOST_NAMED else "")
    what = words.count(len(ids), "campaign")
    return f"no definition manages {what} that earlier runs changed: {named}; they stay as they are"


def _written(session: Session) -> set[int]:
    """Return the ids that recent runs wrote in the session's account."""
    here = session.name, session.account.address
    return {
        id_
        for record in _recent(session)
        if (record.header.get("environment"), record.header.get("base_url")) == here
        for id_, outcome in record.outcomes.items()
        if outcome["outcome"] == "updated"
    }


def _recent(session: Session) -> Iterator[Record]:
    folder = journal_folder(session.account.workspace, None)
    for path in [*journals(folder)][-RECENT_RUNS:]:
        try:
            yield read_journal(path)
        except (JournalDamaged, ConfigurationError):
            continue  # `history` and `apply` report it; a plan does not need it
