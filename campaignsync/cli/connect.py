"""Choose an account, and open a connection to it."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from campaignsync.api import BACKOFF, Api, Pace, checked_base_url, checked_key
from campaignsync.cli.command import Invocation
from campaignsync.cli.messages import note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import STATE, Environment, Workspace, choose, key_of
from campaignsync.sandbox import Sandbox

ALTUR = "https://api.altur.io/api/v1.0"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long requests wait. Tests against a server without a limit pass a shorter one."""

    make_pace: Callable[[float], Pace] = Pace
    """Returns the pace for a rate, in requests per second."""
    backoff: float = BACKOFF
    """Seconds of the first pause between two attempts."""


@dataclass(frozen=True, slots=True)
class Account:
    """An environment of a workspace, its base URL, and the rate in requests per second."""

    workspace: Workspace
    environment: Environment
    base_url: str | None
    rate: float

    @property
    def is_sandbox(self) -> bool:
        return self.environment.api == "sandbox"

    @property
    def address(self) -> str:
        """The base URL in a plan. `sandbox` for any sandbox, whose port is random."""
        return "sandbox" if self.is_sandbox else checked_base_url(self.base_url or ALTUR)


def account_of(workspace: Workspace, target: Target) -> Account:
    """Return the account of the target's only environment, or of the default one.

    Raises ConfigurationError for an unknown or missing environment.
    """
    environment = choose(workspace, target.environment, sandbox=target.sandbox)
    account = Account(workspace, environment, target.base_url, target.rate)
    note_unused_base_url(account)
    return account


@asynccontextmanager
async def connect(account: Account, progress: Progress) -> AsyncIterator[Api]:
    """Connect to the API of an account, or to a sandbox that is started for it.

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
        timing = _timing()
        pace = _pace_of(url, key, account.rate, timing)
        api = Api(url, key, pace=pace, backoff=timing.backoff, key_name=key_name)
        yield await stack.enter_async_context(api)


def _timing() -> Timing:
    """Return the timing that the caller of the command line passed, or the usual one."""
    context = click.get_current_context(silent=True)
    invocation = context.find_object(Invocation) if context else None
    return (invocation and invocation.timing) or Timing()


_paces: dict[tuple[str, str, float, Timing], Pace] = {}


def _pace_of(url: str, key: str, rate: float, timing: Timing) -> Pace:
    """Return the pace of a key. All phases and environments of a command share it."""
    return _paces.setdefault((url, key, rate, timing), timing.make_pace(rate))


def sandbox_of(workspace: Workspace, environment: Environment, *, port: int = 0) -> Sandbox:
    """Return the workspace's sandbox, not started yet, with its database in the workspace.

    Raises ConfigurationError for an invalid seed or database.
    """
    try:
        return Sandbox(
            seed=Path(environment.seed) if environment.seed else None,
            database=Path(workspace.root) / STATE / f"{environment.name}.db",
            port=port,
        )
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"cannot start the sandbox: {error}",
            hint="see the environment's `seed`, and `campaignsync sandbox reset`",
            code="SANDBOX",
        ) from None


def note_unused_base_url(account: Account) -> None:
    """Note that a base URL has no effect, because a user may believe that it is used."""
    if account.is_sandbox and account.base_url:
        note(
            f"environment {account.environment.name} is the bundled sandbox:"
            " the base URL has no effect"
        )
