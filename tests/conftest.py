"""What all tests share: an environment in which nothing of this machine's leaks in."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-cases", action="store_true", help="write what the cases of tests/cases print"
    )


@pytest.fixture
def write_cases(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--write-cases"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test without our variables, proxies and colours."""
    ours = ("ALTUR_", "CAMPAIGNSYNC_", "SSL_", "REQUESTS_")
    for name in list(os.environ):
        if name.startswith(ours) or name.lower().endswith("_proxy") or name.endswith("_COLOR"):
            monkeypatch.delenv(name)
