"""A law: shared values mean the same as values written out in each definition."""

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.definition_texts import TEXTS, nested, valid_values
from support.hypothesis_profiles import examples

from campaignsync.authoring.style import resolved
from campaignsync.load import load
from campaignsync.load.workspace import find_definitions
from campaignsync.model.definitions import Desired, Live, LiveCampaign
from campaignsync.model.fields import BY_PATH, WEEKS
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan, digest_of
from campaignsync.plan import make_plan

Values = dict[str, Value]

OWN = st.fixed_dictionaries({}, optional={"retries": st.integers(0, 5), "name": st.just("Mine")})
OTHERS: Values = {"retries": 0, "message_limit": 1, "description": "Other", "name": "Other"}
"""Values for all environments that staging overrides."""
ENVIRONMENTS: dict[str, Any] = {"production": {}, "staging": {}}


class Sharing:
    """A workspace with the same values as some definitions, each part in a random place."""

    def __init__(self, root: Path, base: Values, chance: random.Random) -> None:
        self._root = root
        self._base = base
        self._chance = chance
        self._texts = 0
        self.schedules: dict[str, Any] = {}
        weeks = {week for week in WEEKS if any(path.startswith(f"{week}.") for path in base)}
        # A default applies to definitions that state its condition, anywhere.
        self._moved = {
            unit
            for unit in {self._unit(path) for path in base} - {"name"}
            if chance.random() < 0.5 and self._is_said(unit)
        }
        self._named = {week for week in weeks if chance.random() < 0.7}

    @staticmethod
    def _unit(path: str) -> str:
        week = path.rpartition(".")[0]
        return week if week in WEEKS else path

    def _is_said(self, unit: str) -> bool:
        rules = BY_PATH[f"{unit}.mon" if unit in WEEKS else unit].api.requires
        return not rules or rules[-1].path in self._base

    def workspace(self) -> dict[str, Any]:
        moved = {
            path: value for path, value in self._base.items() if self._unit(path) in self._moved
        }
        general, of_channel = dict(moved), dict[str, Value]()
        channel = self._base.get("integration_type")
        if channel and "integration_type" not in moved:
            of_channel = {path: general.pop(path) for path in moved if self._chance.random() < 0.5}
        defaults = self._tree(general)
        if of_channel:
            defaults[str(channel)] = self._tree(of_channel)
        return {
            "version": 1,
            "definitions": "campaigns",
            "environments": ENVIRONMENTS,
            "defaults": defaults,
            "schedules": self.schedules,
        }

    def definition(self, id_: int, values: Values) -> dict[str, Any]:
        moved = {path for path in self._base if self._unit(path) in self._moved}
        own = {path: v for path, v in values.items() if path not in moved or v != self._base[path]}
        there = {path: value for path, value in own.items() if self._chance.random() < 0.2}
        ids = {"production": 10_000 + id_, "staging": id_} if self._chance.random() < 0.5 else id_
        here = {path: value for path, value in own.items() if path not in there}
        here |= {path: other for path, other in OTHERS.items() if path in there}
        return {"id": ids, **self._tree(here), "environments": {"staging": self._tree(there)}}

    def _tree(self, values: Mapping[str, Value]) -> dict[str, Any]:
        values_by_path = {path: self._said(path, value) for path, value in values.items()}
        for week in self._named:
            days = {
                path: values_by_path.pop(path) for path in values if path.startswith(f"{week}.")
            }
            if days:
                name = f"week-{len(self.schedules)}"
                self.schedules[name] = {path.rpartition(".")[2]: day for path, day in days.items()}
                values_by_path[week] = name
        return nested(values_by_path)

    def _said(self, path: str, value: Value) -> Value:
        if path not in TEXTS or path == "name" or self._chance.random() < 0.5:
            return value
        self._texts += 1
        file = self._root / f"text-{self._texts}.txt"
        file.write_text(value + self._chance.choice(["", "\n"]))
        return {"file": file.name}


def write(
    root: Path, workspace: Mapping[str, Any], written: Iterable[Mapping[str, Any]]
) -> Desired:
    """Write a workspace, JSON being YAML, and load it for staging."""
    (root / "campaigns").mkdir()
    (root / "campaignsync.yaml").write_text(json.dumps(workspace, ensure_ascii=False))
    for number, definition in enumerate(written):
        text = json.dumps(definition, ensure_ascii=False)
        (root / "campaigns" / f"{number}.yaml").write_text(text)
    found_workspace, files = find_definitions([root])
    return load(files, found_workspace.shared, "staging")


def without_places(plan: Plan) -> list[object]:
    """Return a plan without the places of its values."""
    return [
        (
            campaign.id,
            campaign.action,
            campaign.body,
            [(change.field, change.before, change.after) for change in campaign.changes],
            [(reason.code, reason.field) for reason in campaign.blocked],
        )
        for campaign in plan.campaigns
    ]


@pytest.mark.slow
@given(
    base=valid_values(),
    own=st.lists(OWN, min_size=1, max_size=3),
    live=valid_values(),
    chance=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=examples(60))
def test_shared_and_written_out_values_plan_the_same(
    base: Values, own: list[Values], live: Values, chance: random.Random
) -> None:
    """Defaults, schedules, texts, ids and environments change places, but not the plan.

    What `render --format yaml` writes out also means the same in a folder of its own.
    """
    del base["id"], live["id"]
    every = [{**base, **mine} for mine in own]
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        sharing = Sharing(Path(one), base, chance)
        shorter = [sharing.definition(id_, values) for id_, values in enumerate(every, 1)]
        shared = write(Path(one), sharing.workspace(), shorter)
        whole = [{"id": id_, **nested(values)} for id_, values in enumerate(every, 1)]
        alone = write(Path(other), {"version": 1, "environments": ENVIRONMENTS}, whole)

    with TemporaryDirectory() as third:
        for definition in shared.definitions:
            Path(third, f"{definition.id}.yaml").write_text(resolved([definition]))
        rendered = load(sorted(Path(third).iterdir()))

    campaigns = Live({id_: LiveCampaign(id_, live) for id_ in range(1, len(every))})
    plans = [
        make_plan(desired, campaigns, environment="e", base_url="b", created_at="2026-01-01T00:00Z")
        for desired in (shared, alone)
    ]

    assert digest_of(shared) == digest_of(alone) == digest_of(rendered)
    assert without_places(plans[0]) == without_places(plans[1])
