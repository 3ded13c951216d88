"""The sandbox conforms to its OpenAPI document under a fuzzer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support.faults import Sandbox

from campaignsync import sandbox as package

# Only here: loading the plugin takes longer than the rest of pytest's start.
pytest_plugins = ["schemathesis.pytest.plugin"]

schemathesis = pytest.importorskip("schemathesis", reason="requires the extra `contract`")
requests = pytest.importorskip("requests", reason="comes with schemathesis")

pytestmark = pytest.mark.slow

SEED = {
    "campaigns": [
        {"id": 1, "cycles": {"enabled": True, "mode": "scheduled"}},
        {"id": 2, "integration_type": "whatsapp"},
        {"id": 3, "status": "finished"},
    ]
}

document = schemathesis.openapi.from_path(Path(package.__file__).with_name("openapi.json"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SEED, rate=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Keep the connection: opening one for each request takes longer than everything else."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@document.parametrize()  # type: ignore[untyped-decorator]  # optional, and so not typed here
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
def test_every_response_matches_the_document(case: Any, sandbox: Sandbox, session: Any) -> None:
    """Every response has a status, a type and a body that the document declares."""
    case.call_and_validate(
        base_url=sandbox.url,
        session=session,
        headers={"Authorization": f"api-key {sandbox.key}"},
        excluded_checks=[
            # A rule of the API may refuse what the schema allows: the other channel's field, an
            # action from the wrong status, a zone that does not exist.
            schemathesis.checks.positive_data_acceptance,
        ],
    )
