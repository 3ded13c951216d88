"""From an account's name to an open connection: the one import of the sandbox is here."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from campaignsync.api import Api, Pace, checked_base_url, checked_key
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import note
from campaignsync.errors import ConfigurationError
from campaignsync.workspace import STATE, Environment, Workspace, choose, key_of

if TYPE_CHECKING:
    from campaignsync.sandbox import Sandbox

ALTUR = "https://api.altur.io/api/v1.0"


@dataclass(frozen=True, slots=True)
class Account:
    """Where to talk to, and how fast: `rate` is in requests a second."""

    workspace: Workspace
    environment: Environment
    base_url: str | None
    rate: float

    @property
    def is_sandbox(self) -> bool:
        return self.environment.api == "sandbox"

    @property
    def address(self) -> str:
        """The base URL that a plan is bound to; a sandbox listens on another port each time."""
        return "sandbox" if self.is_sandbox else checked_base_url(self.base_url or ALTUR)


def account_of(
    workspace: Workspace,
    environment: str | None,
    base_url: str | None,
    rate: float,
    *,
    sandbox: bool,
) -> Account:
    """Choose the account that a command line means; raises ConfigurationError where none is."""
    target = choose(workspace, environment, sandbox=sandbox)
    account = Account(workspace, target, base_url, rate)
    note_unused_base_url(account)
    return account


@asynccontextmanager
async def connect(account: Account, progress: Progress) -> AsyncIterator[Api]:
    """Open the API of an account; a sandbox is started for it.

    Raises ConfigurationError and CredentialError before any socket is opened.
    """
    async with AsyncExitStack() as stack:
        if account.is_sandbox:
            with progress.watch("starting the sandbox"):
                sandbox = stack.enter_context(sandbox_of(account.workspace, account.environment))
            url, key, key_name = sandbox.url, sandbox.key, "the sandbox's key"
        else:
            url = account.address
            text, variable = key_of(account.environment, os.environ)
            key = checked_key(text, variable)
            key_name = f"the key in {variable} (environment {account.environment.name})"
        pace = _pace_of(url, key, account.rate)
        yield await stack.enter_async_context(Api(url, key, pace=pace, key_name=key_name))


_paces: dict[tuple[str, str, float], Pace] = {}


def _pace_of(url: str, key: str, rate: float) -> Pace:
    """Return the pace of a key: all phases of a command, and all environments, share it."""
    return _paces.setdefault((url, key, rate), Pace(rate))


def sandbox_of(workspace: Workspace, environment: Environment, *, port: int = 0) -> "Sandbox":
    """Give the workspace's sandbox, not started yet; it keeps its state in the workspace.

    Raises ConfigurationError for a seed or a database that is none.
    """
    from campaignsync.sandbox import Sandbox

    try:
        return Sandbox(
            seed=Path(environment.seed) if environment.seed else None,
            database=Path(workspace.root) / STATE / f"{environment.name}.db",
            port=port,
        )
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"the sandbox cannot be started: {error}",
            hint="see the environment's `seed`, and `campaignsync sandbox reset`",
            code="SANDBOX",
        ) from None


def note_unused_base_url(account: Account) -> None:
    """Say that an address was given and is not talked to: silence would be mistaken for it."""
    if account.is_sandbox and account.base_url:
        note(
            f"environment {account.environment.name} is the bundled sandbox;"
            " the base URL is not used"
        )
