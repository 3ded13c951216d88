"""What campaigns are chosen by, beside their documents: a page costs what it holds."""

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
FITTING = """
FROM facts WHERE (:agent IS NULL OR agent = :agent)
AND (:status IS NULL OR status = :status)
AND (:integration IS NULL OR integration = :integration)
AND (:archived IS NULL OR archived = :archived)
AND (:first_day IS NULL OR day BETWEEN :first_day AND :last_day)
"""
COUNTED = f"SELECT COUNT(*) {FITTING}"
FOLLOWING = f"""
SELECT document FROM campaigns
WHERE id IN (SELECT id {FITTING} AND id > :after ORDER BY id LIMIT :size + 1) ORDER BY id
"""  # noqa: S608 - of constants
PRECEDING = f"SELECT id {FITTING} AND id <= :after ORDER BY id DESC LIMIT :size + 1"


@dataclass(frozen=True, slots=True)
class Choice:
    """What campaigns must be to be meant; None is anything."""

    agent: str | None = None
    status: str | None = None
    integration: str | None = None
    archived: str | None = None
    first_day: str | None = None
    last_day: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the campaigns that are meant, in the order of ids, of so many in all.

    `last` is the id that the next page follows, `before` the one that the page before this follows;
    None where there is no such page.
    """

    campaigns: list[dict[str, Any]]
    total: int
    last: int | None
    before: int | None


def page(connection: sqlite3.Connection, choice: Choice, after: int, size: int) -> Page:
    """Give the campaigns that are meant and follow an id, at most `size` of them."""
    asked = {**asdict(choice), "after": after, "size": size}
    (total,) = connection.execute(COUNTED, asked).fetchone()
    found = [json.loads(row[0]) for row in connection.execute(FOLLOWING, asked)]
    passed = [row[0] for row in connection.execute(PRECEDING, asked)]
    return Page(
        campaigns=found[:size],
        total=total,
        last=found[size - 1]["id"] if len(found) > size else None,
        before=(passed[size] if len(passed) > size else 0) if passed else None,
    )


def note(connection: sqlite3.Connection, campaign: Mapping[str, Any]) -> None:
    """Note what a campaign is, in place of what it was."""
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
    """Note what campaigns are in a database that was made before facts were noted."""
    missing = "SELECT document FROM campaigns WHERE id NOT IN (SELECT id FROM facts)"
    for (document,) in connection.execute(missing).fetchall():
        note(connection, json.loads(document))
