"""The sandbox's campaigns in SQLite: JSON documents, and the values that the list filters by."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from campaignsync.sandbox.campaign import Campaign, with_defaults

Seed = Path | Mapping[str, Any] | None

SCHEMA = """
CREATE TABLE IF NOT EXISTS campaigns (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS created (key TEXT PRIMARY KEY, body TEXT, document TEXT);
CREATE TABLE IF NOT EXISTS seeded (at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS filter_values (
    id INTEGER PRIMARY KEY, agent TEXT, status TEXT, integration TEXT, archived TEXT, day TEXT
);
"""
MATCHING = """
FROM filter_values WHERE (:agent IS NULL OR agent = :agent)
AND (:status IS NULL OR status = :status)
AND (:integration IS NULL OR integration = :integration)
AND (:archived IS NULL OR archived = :archived)
AND (:first_day IS NULL OR day BETWEEN :first_day AND :last_day)
"""
MATCH_COUNT = f"SELECT COUNT(*) {MATCHING}"
FOLLOWING = f"""
SELECT document FROM campaigns
WHERE id IN (SELECT id {MATCHING} AND id > :after ORDER BY id LIMIT :size + 1) ORDER BY id
"""  # noqa: S608 - built from constants
PRECEDING = f"SELECT id {MATCHING} AND id <= :after ORDER BY id DESC LIMIT :size + 1"


@dataclass(frozen=True, slots=True)
class Filters:
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


def read_seed(seed: Seed) -> list[Campaign]:
    """Return the campaigns of a seed with defaults; raises ValueError for an invalid seed."""
    if seed is None:
        return []
    try:
        document = json.loads(seed.read_text("utf-8")) if isinstance(seed, Path) else seed
        return _numbered(document["campaigns"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        name = seed if isinstance(seed, Path) else "the given document"
        reason = error.strerror if isinstance(error, OSError) else str(error)
        reason = f"{reason} is missing" if isinstance(error, KeyError) else reason
        raise ValueError(f"invalid sandbox seed: {name}: {reason}") from None


def _numbered(campaigns: list[Campaign]) -> list[Campaign]:
    if not isinstance(campaigns, list):
        raise TypeError("`campaigns` is not a list")
    taken = {campaign["id"] for campaign in campaigns if "id" in campaign}
    free = (id_ for id_ in range(1, 2**31) if id_ not in taken)
    numbered = [with_defaults(item, item.get("id") or next(free)) for item in campaigns]
    ids = [campaign["id"] for campaign in numbered]
    if not all(type(id_) is int and id_ > 0 for id_ in ids) or len(set(ids)) < len(ids):
        raise ValueError(f"ids must be unique positive integers: {ids}")
    return numbered


class Store:
    """All campaigns by id, thread-safe; `database=None` keeps them in memory.

    A database that was seeded before keeps its state, even if the seed has changed. Raises
    ValueError for an invalid seed or an invalid database.
    """

    def __init__(self, seed: Seed, database: Path | None) -> None:
        self._seed = read_seed(seed)
        self._lock = threading.RLock()
        self._connection = _connect(database)
        with self.transaction():
            if self._row("SELECT * FROM seeded") is None:
                self._fill()
            _add_missing_filter_values(self._connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Lock the store for other threads and processes; roll back on an exception."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def reset(self) -> None:
        """Delete all data, and load the seed again."""
        with self.transaction():
            self._fill()

    def all(self) -> dict[int, Campaign]:
        with self._lock:
            rows = self._connection.execute("SELECT id, document FROM campaigns ORDER BY id")
            return {id_: json.loads(document) for id_, document in rows}

    def page(self, filters: Filters, after: int, size: int) -> Page:
        """Return the matching campaigns after the id `after`, at most `size` of them."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN")  # all queries read the same snapshot
            return _read_page(self._connection, filters, after, size)

    def get(self, id_: int) -> Campaign | None:
        with self._lock:
            row = self._row("SELECT document FROM campaigns WHERE id = ?", id_)
        return json.loads(row[0]) if row else None

    def put(self, campaign: Campaign) -> None:
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO campaigns VALUES (?, ?)",
                (campaign["id"], json.dumps(campaign)),
            )
            _put_filter_values(self._connection, campaign)

    def add(self, given: Mapping[str, Any]) -> Campaign:
        """Store a new campaign with defaults and the next id; return it."""
        with self._lock:
            (last,) = self._row("SELECT COALESCE(MAX(id), 0) FROM campaigns")
            campaign = with_defaults(given, last + 1)
            self.put(campaign)
        return campaign

    def created(self, key: str) -> tuple[Campaign, Campaign] | None:
        """Return the first body of an idempotency key, and its campaign; None for a new key."""
        with self._lock:
            row = self._row("SELECT body, document FROM created WHERE key = ?", key)
        return (json.loads(row[0]), json.loads(row[1])) if row else None

    def remember(self, key: str, body: Campaign, campaign: Campaign) -> None:
        """Store the body and the created campaign of an idempotency key."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO created VALUES (?, ?, ?)",
                (key, json.dumps(body), json.dumps(campaign)),
            )

    def _fill(self) -> None:
        for table in ("campaigns", "filter_values", "created", "seeded"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constant table names
        for campaign in self._seed:
            self.put(campaign)
        self._connection.execute("INSERT INTO seeded VALUES (datetime())")

    def _row(self, query: str, *values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()


def _connect(database: Path | None) -> sqlite3.Connection:
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite would create the file with the umask's mode; it must be readable by the owner only.
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        database or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
    )
    try:
        # The state need not survive a power failure, and tests run faster without fsync.
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(SCHEMA)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ValueError(f"invalid sandbox database: {database}: {error}") from None
    return connection


def _read_page(connection: sqlite3.Connection, filters: Filters, after: int, size: int) -> Page:
    """Return the matching campaigns after the id `after`, at most `size` of them."""
    parameters = {**asdict(filters), "after": after, "size": size}
    (total,) = connection.execute(MATCH_COUNT, parameters).fetchone()
    following = [json.loads(row[0]) for row in connection.execute(FOLLOWING, parameters)]
    preceding = [row[0] for row in connection.execute(PRECEDING, parameters)]
    return Page(
        campaigns=following[:size],
        total=total,
        last=following[size - 1]["id"] if len(following) > size else None,
        before=(preceding[size] if len(preceding) > size else 0) if preceding else None,
    )


def _put_filter_values(connection: sqlite3.Connection, campaign: Mapping[str, Any]) -> None:
    """Store the values that the list filters by, replacing the old ones."""
    agent = campaign["agent"]
    filter_values = (
        agent.get("id") if isinstance(agent, dict) else agent,
        campaign["status"],
        campaign["integration_type"],
        str(campaign["archived"]).lower(),
        str(campaign["created_at"])[:10],
    )
    connection.execute(
        "INSERT OR REPLACE INTO filter_values VALUES (?, ?, ?, ?, ?, ?)",
        (campaign["id"], *map(str, filter_values)),
    )


def _add_missing_filter_values(connection: sqlite3.Connection) -> None:
    """Store missing filter values: older versions created databases without them."""
    missing = "SELECT document FROM campaigns WHERE id NOT IN (SELECT id FROM filter_values)"
    for (document,) in connection.execute(missing).fetchall():
        _put_filter_values(connection, json.loads(document))


class Lag:
    """The old states of campaigns that reads still return after a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._old: dict[int, list[Campaign]] = {}

    def replaced(self, old: Campaign, reads: int) -> None:
        """Keep the old state of a campaign for its next `reads` reads."""
        with self._lock:
            self._old[old["id"]] = [old] * reads

    def seen(self, campaign: Campaign) -> Campaign:
        """Return the state that a read returns: an old one, or `campaign`."""
        with self._lock:
            left = self._old.get(campaign["id"])
            return left.pop() if left else campaign
