"""The values that the list filters by, in a table: reading a page parses only its campaigns."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

TABLE = """
CREATE TABLE IF NOT EXISTS facts (
    id INTEGER PRIMARY KEY, agent TEXT, status TEXT, integration TEXT, archived TEXT, day TEXT
);
"""
MATCHING = """
FROM facts WHERE (:agent IS NULL OR agent = :agent)
AND (:status IS NULL OR status = :status)
AND (:integration IS NULL OR integration = :integration)
AND (:archived IS NULL OR archived = :archived)
AND (:first_day IS NULL OR day BETWEEN :first_day AND :last_day)
"""
COUNTED = f"SELECT COUNT(*) {MATCHING}"
FOLLOWING = f"""
SELECT document FROM campaigns
WHERE id IN (SELECT id {MATCHING} AND id > :after ORDER BY id LIMIT :size + 1) ORDER BY id
"""  # noqa: S608 - built from constants
PRECEDING = f"SELECT id {MATCHING} AND id <= :after ORDER BY id DESC LIMIT :size + 1"


@dataclass(frozen=True, slots=True)
class Choice:
    """Filters of the list; None matches everything."""

    agent: str | None = None
    status: str | None = None
    integration: str | None = None
    archived: str | None = None
    first_day: str | None = None
    last_day: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the matching campaigns, sorted by id; `total` counts all of them.

    The next page starts after the id `last`, the previous page after the id `before`; both are None
    without such a page.
    """

    campaigns: list[dict[str, Any]]
    total: int
    last: int | None
    before: int | None


def page(connection: sqlite3.Connection, choice: Choice, after: int, size: int) -> Page:
    """Return the matching campaigns after the id `after`, at most `size` of them."""
    parameters = {**asdict(choice), "after": after, "size": size}
    (total,) = connection.execute(COUNTED, parameters).fetchone()
    found = [json.loads(row[0]) for row in connection.execute(FOLLOWING, parameters)]
    passed = [row[0] for row in connection.execute(PRECEDING, parameters)]
    return Page(
        campaigns=found[:size],
        total=total,
        last=found[size - 1]["id"] if len(found) > size else None,
        before=(passed[size] if len(passed) > size else 0) if passed else None,
    )


def note(connection: sqlite3.Connection, campaign: Mapping[str, Any]) -> None:
    """Store a campaign's facts, replacing the old ones."""
    agent = campaign["agent"]
    facts = (
        agent.get("id") if isinstance(agent, dict) else agent,
        campaign["status"],
        campaign["integration_type"],
        str(campaign["archived"]).lower(),
        str(campaign["created_at"])[:10],
    )
    connection.execute(
        "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?)", (campaign["id"], *map(str, facts))
    )


def complete(connection: sqlite3.Connection) -> None:
    """Store missing facts: older versions created databases without them."""
    missing = "SELECT document FROM campaigns WHERE id NOT IN (SELECT id FROM facts)"
    for (document,) in connection.execute(missing).fetchall():
        note(connection, json.loads(document))
