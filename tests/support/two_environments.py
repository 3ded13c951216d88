"""A workspace with two environments, staging and production, and one server for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.faults import Sandbox
from support.servers import connect_to, seed

BOTH = ("-e", "staging", "-e", "production")
WORKSPACE = """\
version: 1
definitions: campaigns
environments:
  staging: {api: altur}
  production: {api: altur, api_key_env: ALTUR_API_KEY_PRODUCTION}
"""
DEFINITIONS = {
    "both": "id: {staging: 1, production: 11}\ndescription: v3\n",
    "elsewhere": "id: {staging: 2}\ndescription: v1\n",
    "differs": "id: {staging: 3, production: 13}\ndescription: v1\n"
    "environments: {production: {description: v5}}\n",
}


@contextmanager
def two_environments(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Create a workspace with two environments; serve campaigns 1 to 13 to both. Sets the keys."""
    (folder / "campaigns").mkdir()
    (folder / "campaignsync.yaml").write_text(WORKSPACE)
    for name, text in DEFINITIONS.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(folder)
    with Sandbox(seed(13), rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        monkeypatch.setenv("ALTUR_API_KEY_PRODUCTION", sandbox.key)
        yield sandbox
