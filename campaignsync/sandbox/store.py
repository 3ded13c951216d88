"""The campaigns of a sandbox, as JSON documents in SQLite, with what a server decides by itself."""

import copy
import json
import os
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from campaignsync.sandbox.rules import DAYS

Campaign = dict[str, Any]

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
CLOSED = {"startTime": "09:00", "stopTime": "18:00", "active": False}

SCHEMA = """
CREATE TABLE IF NOT EXISTS campaigns (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS created (key TEXT PRIMARY KEY, body TEXT NOT NULL, id INTEGER NOT NULL);
"""


def with_defaults(given: Mapping[str, Any], id_: int) -> Campaign:
    """Complete a campaign as the API would on creation."""
    campaign: Campaign = {
        "id": id_,
        "name": f"Campaign {id_}",
        "description": "",
        "status": "pending",
        "archived": False,
        "timezone": "America/Mexico_City",
        "retries": 0,
        "message_limit": 1000,
        "first_message": "",
        "template": "",
        "template_alt": "",
        "agent": {"id": "agt_1", "name": "Agent"},
        "integration": {"id": "int_1"},
        "integration_type": "phone_call",
        "created_at": "2026-01-01T00:00:00Z",
        **copy.deepcopy(dict(given)),
    }
    campaign["id"] = id_
    campaign["scheduling"] = {day: dict(CLOSED) for day in DAYS} | campaign.get("scheduling", {})
    campaign["cycles"] = {**copy.deepcopy(NO_CYCLES), **(campaign.get("cycles") or {})}
    return campaign


def read_seed(seed: Path | Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Give the campaigns of a seed; raises ValueError for what is none."""
    if seed is None:
        return []
    try:
        document = json.loads(seed.read_text("utf-8")) if isinstance(seed, Path) else seed
        campaigns = document["campaigns"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"no seed of a sandbox: {seed}: {error}") from None
    if not isinstance(campaigns, list) or not all(isinstance(item, dict) for item in campaigns):
        raise ValueError(f"no seed of a sandbox: {seed}: `campaigns` is no list of objects")
    return campaigns


class Store:
    """All campaigns by id; every method is one transaction, from whatever thread."""

    def __init__(self, seed: Path | Mapping[str, Any] | None, database: Path | None) -> None:
        self._seed = seed
        self._lock = threading.RLock()
        fresh = database is None or not database.exists()
        if database is not None and fresh:
            database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(database, os.O_CREAT | os.O_EXCL, 0o600))
        self._connection = sqlite3.connect(
            database or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        # What is lost in a power failure is a toy's state; what is not waited for is every test.
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(SCHEMA)
        if fresh:
            self.reset()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def reset(self) -> None:
        """Forget everything, and start from the seed again."""
        campaigns = read_seed(self._seed)
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM campaigns")
            self._connection.execute("DELETE FROM created")
            for campaign in campaigns:
                self.put(with_defaults(campaign, campaign.get("id") or self._next_id()))
            self._connection.execute("COMMIT")

    def all(self) -> dict[int, Campaign]:
        with self._lock:
            rows = self._connection.execute("SELECT id, document FROM campaigns ORDER BY id")
            return {id_: json.loads(document) for id_, document in rows}

    def get(self, id_: int) -> Campaign | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT document FROM campaigns WHERE id = ?", (id_,)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, campaign: Campaign) -> None:
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO campaigns VALUES (?, ?)",
                (campaign["id"], json.dumps(campaign)),
            )

    def create(self, body: Campaign, key: str | None) -> tuple[Campaign, str | None]:
        """Create once for each key; gives the campaign, and the body that first used the key."""
        text = json.dumps(body, sort_keys=True)
        with self._lock:
            row = self._connection.execute(
                "SELECT body, id FROM created WHERE key = ?", (key,)
            ).fetchone()
            if row:
                return self.get(row[1]) or {}, row[0]
            given = {k: v for k, v in body.items() if k not in ("agent_id", "integration_id")}
            campaign = with_defaults(
                {
                    **given,
                    "agent": {"id": body["agent_id"], "name": body["agent_id"]},
                    "integration": {"id": body["integration_id"]},
                },
                self._next_id(),
            )
            if not campaign["cycles"]["enabled"]:
                campaign["cycles"] = copy.deepcopy(NO_CYCLES)
            self.put(campaign)
            if key:
                self._connection.execute(
                    "INSERT INTO created VALUES (?, ?, ?)", (key, text, campaign["id"])
                )
            return campaign, text

    def _next_id(self) -> int:
        row = self._connection.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM campaigns").fetchone()
        return int(row[0])


def merge(campaign: Campaign, body: Mapping[str, Any], how: str = "leaf") -> Campaign:
    """Merge a PATCH: leaf by leaf, or with whole days, or with whole weeks in their place."""
    merged = copy.deepcopy(campaign)
    _merge(merged, body, how)
    return merged


def _merge(into: Campaign, body: Mapping[str, Any], how: str) -> None:
    for key, value in body.items():
        is_week = key in ("scheduling", "schedule")
        if is_week and how != "leaf":
            old = (into.get(key) or {}) if how == "day" else {}
            into[key] = {**old, **copy.deepcopy(value)}
        elif isinstance(value, Mapping):
            if not isinstance(into.get(key), dict):
                into[key] = {}
            _merge(into[key], value, how)
        else:
            into[key] = copy.deepcopy(value)
