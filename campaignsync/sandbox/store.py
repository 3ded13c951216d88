"""The sandbox's campaigns as JSON documents in SQLite, and the server's default values."""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaignsync.sandbox import facts
from campaignsync.sandbox.rules import DAYS

Campaign = dict[str, Any]
Seed = Path | Mapping[str, Any] | None

CLOSED = {"startTime": "09:00", "stopTime": "18:00", "active": False}
NO_CYCLES: Campaign = {
    "enabled": False,
    "mode": None,
    "max_iterations": None,
    "cooldown_minutes": None,
    "filter_statuses": [],
    "filter_tags": [],
    "schedule": None,
    "schedule_start_date": None,
    "schedule_end_date": None,
}
CYCLES = NO_CYCLES | {
    "enabled": True,
    "mode": "cooldown",
    "max_iterations": 7,
    "cooldown_minutes": 720,
}

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS campaigns (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS created (key TEXT PRIMARY KEY, body TEXT, document TEXT);
CREATE TABLE IF NOT EXISTS seeded (digest TEXT NOT NULL);
{facts.TABLE}
"""


def week() -> dict[str, Any]:
    """Return a week in which all days are closed."""
    return {day: dict(CLOSED) for day in DAYS}


def with_defaults(given: Mapping[str, Any], id_: int) -> Campaign:
    """Return a campaign with the defaults that the API sets on creation."""
    channel = given.get("integration_type", "phone_call")
    cycles = given.get("cycles") or {}
    campaign: Campaign = {
        "id": id_,
        "name": f"Campaign {id_}",
        "description": "",
        "status": "pending",
        "archived": False,
        "timezone": "America/Mexico_City",
        "retries": 0,
        "message_limit": 1000,
        "scheduling": week(),
        "first_message": "",
        "template": "",
        "template_alt": "",
        "agent": {"id": "agt_1", "name": "Agent"},
        "integration": {"id": f"int_{channel}_1"},
        "integration_type": channel,
        "cycles": _copied(CYCLES if cycles.get("enabled") else NO_CYCLES),
        "created_at": "2026-01-01T00:00:00Z",
    }
    if cycles.get("mode") == "scheduled":
        campaign["cycles"]["schedule"] = week()
    _merge(campaign, {**given, "cycles": cycles}, "leaf")
    return campaign


def merge(campaign: Campaign, body: Mapping[str, Any], how: str = "leaf") -> Campaign:
    """Return the patched campaign; `how` is the value of `Quirks.schedule_merge`."""
    merged: Campaign = _copied(campaign)
    _merge(merged, body, how)
    return merged


def _copied(value: Any) -> Any:
    """Return a copy of a JSON value; `deepcopy`, which detects cycles, is five times slower."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _merge(into: Campaign, body: Mapping[str, Any], how: str) -> None:
    for key, value in body.items():
        is_week = key in ("scheduling", "schedule")
        if is_week and how != "leaf":
            old = (into.get(key) or {}) if how == "day" else {}
            into[key] = {**old, **_copied(value)}
        elif isinstance(value, dict):
            if not isinstance(into.get(key), dict):
                into[key] = {}
            _merge(into[key], value, how)
        else:
            into[key] = _copied(value)


def read_seed(seed: Seed) -> list[Campaign]:
    """Return the campaigns of a seed with defaults; raises ValueError for an invalid seed."""
    if seed is None:
        return []
    try:
        document = json.loads(seed.read_text("utf-8")) if isinstance(seed, Path) else seed
        return _numbered(document["campaigns"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        name = seed if isinstance(seed, Path) else "the given document"
        raise ValueError(f"invalid sandbox seed: {name}: {error!r}") from None


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
            if self._digest_kept() is None:
                self._fill()
            facts.complete(self._connection)

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

    @property
    def seed_changed(self) -> bool:
        """Whether the database was created from a different seed."""
        with self._lock:
            return self._digest_kept() != self._digest()

    def all(self) -> dict[int, Campaign]:
        with self._lock:
            rows = self._connection.execute("SELECT id, document FROM campaigns ORDER BY id")
            return {id_: json.loads(document) for id_, document in rows}

    def page(self, choice: facts.Choice, after: int, size: int) -> facts.Page:
        """Return the matching campaigns after the id `after`, at most `size` of them."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN")  # all queries read the same snapshot
            return facts.page(self._connection, choice, after, size)

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
            facts.note(self._connection, campaign)

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
        for table in ("campaigns", "facts", "created", "seeded"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constant table names
        for campaign in self._seed:
            self.put(campaign)
        self._connection.execute("INSERT INTO seeded VALUES (?)", (self._digest(),))

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self._seed, sort_keys=True).encode()).hexdigest()

    def _digest_kept(self) -> str | None:
        row = self._row("SELECT digest FROM seeded")
        return str(row[0]) if row else None

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
