"""An account: an environment of a workspace, and the connection to its API or sandbox."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from campaignsync.api.client import BACKOFF, ApiClient
from campaignsync.api.http import checked_base_url, checked_key
from campaignsync.api.pace import Pace
from campaignsync.cli.command import Invocation
from campaignsync.cli.keys import key_of
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, CredentialError
from campaignsync.load.workspace import STATE, Environment, Workspace
from campaignsync.sandbox import Sandbox

ALTUR = "https://api.altur.io/api/v1.0"


@dataclass(frozen=True, slots=True)
class Timing:
    """The waits between requests. Tests against a server without a limit pass shorter ones."""

    make_pace: Callable[[float], Pace] = Pace
    """Returns the pace for a rate, in requests per second."""
    backoff: float = BACKOFF
    """Seconds of the first pause between two attempts."""


_paces: dict[tuple[str, str, float, Timing], Pace] = {}


@dataclass(frozen=True, slots=True)
class Account:
    """An environment of a workspace, its base URL, and the rate in requests per second.

    The base URL is `sandbox` for any sandbox, whose port is random.
    """

    workspace: Workspace
    environment: Environment
    base_url: str
    rate: float

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def option(self) -> str:
        """Return ` -e NAME` for a command to copy; "" if the workspace has no environments."""
        # For the default environment, too: CAMPAIGNSYNC_ENVIRONMENT may name another one.
        return f" -e {self.name}" if self.workspace.environments else ""

    @property
    def is_sandbox(self) -> bool:
        return self.environment.api == "sandbox"

    @property
    def identity(self) -> tuple[str, str]:
        """What two environments have in common if they are the same account."""
        if self.is_sandbox:
            return "sandbox", self.name
        try:
            key, _ = key_of(self.environment, os.environ)
        except CredentialError:
            key = self.environment.api_key_env
        return self.base_url, key


def account_of(workspace: Workspace, environment: Environment, target: Target) -> Account:
    """Return the account of an environment; raises ConfigurationError for an invalid base URL."""
    if environment.api != "sandbox":
        base_url = checked_base_url(target.base_url or ALTUR)
    else:
        base_url = "sandbox"
        if target.base_url:
            name = environment.name
            print_note(f"environment {name} is the bundled sandbox: the base URL has no effect")
    return Account(workspace, environment, base_url, target.rate)


@asynccontextmanager
async def connect(account: Account, progress: Progress) -> AsyncIterator[ApiClient]:
    """Connect to the API of an account, or to a sandbox that is started for it.

    Raises ConfigurationError and CredentialError before any socket is opened.
    """
    async with AsyncExitStack() as stack:
        if account.is_sandbox:
            with progress.watch("starting the sandbox"):
                sandbox = stack.enter_context(sandbox_of(account.workspace, account.environment))
            url, key, key_name = sandbox.url, sandbox.key, "the sandbox's key"
        else:
            url = account.base_url
            text, variable = key_of(account.environment, os.environ)
            key = checked_key(text, variable)
            key_name = f"the key in {variable} (environment {account.name})"
        context = click.get_current_context(silent=True)
        invocation = context.find_object(Invocation) if context else None
        timing = (invocation and invocation.timing) or Timing()
        # All phases and environments of a command share the pace of a key.
        pace = _paces.setdefault((url, key, account.rate, timing), timing.make_pace(account.rate))
        api = ApiClient(url, key, pace=pace, backoff=timing.backoff, key_name=key_name)
        yield await stack.enter_async_context(api)


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
    except ValueError as error:
        reason = str(error)
        hint = "check the environment's `seed`, or run `campaignsync sandbox reset`"
    except OSError as error:
        reason = f"{error.filename or f'port {port}'}: {error.strerror}"
        hint = f"make {STATE}/ a writable folder" if error.filename else "pass another --port"
    raise ConfigurationError(f"cannot start the sandbox: {reason}", hint=hint, code="SANDBOX")
