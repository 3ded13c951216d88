"""An account: an environment of a workspace, its keys, and the connection to its API or sandbox."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from campaignsync.api.client import BACKOFF, ApiClient
from campaignsync.api.http import checked_base_url, checked_key
from campaignsync.api.pace import Pace
from campaignsync.cli.command import Invocation
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, CredentialError
from campaignsync.load.files import read
from campaignsync.load.workspace import STATE, Environment, Workspace
from campaignsync.sandbox import Sandbox

ALTUR = "https://api.altur.io/api/v1.0"
LARGEST_KEY = 4096
"""Maximum bytes of a file that holds a key."""
PLAN_KEY = "CAMPAIGNSYNC_PLAN_KEY"
SHORTEST_PLAN_KEY = 16
"""Minimum characters of the key that seals plans; a shorter one can be guessed."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long requests wait. Tests against a server without a limit pass a shorter one."""

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
    def is_sandbox(self) -> bool:
        return self.environment.api == "sandbox"


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
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"cannot start the sandbox: {error}",
            hint="check the environment's `seed`, or run `campaignsync sandbox reset`",
            code="SANDBOX",
        ) from None


def key_of(environment: Environment, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the API key of an environment, and the name of the variable that it came from.

    The key is the value of the variable `api_key_env`, or the content of the file that the variable
    with the suffix _FILE names. Raises CredentialError if both are missing or the file cannot be
    read; its message never contains the key.
    """
    variable = environment.api_key_env
    if text := environ.get(variable):
        return text, variable
    file_variable = f"{variable}_FILE"
    if file := environ.get(file_variable):
        try:
            return read(Path(file), LARGEST_KEY).decode("ascii").rstrip("\r\n"), file_variable
        except ValueError as error:
            why = "it is not ASCII" if isinstance(error, UnicodeError) else str(error)
            message = f"cannot read the file named by {file_variable}: {why}"
            hint = "set it to the path of a readable file that contains only the key"
            raise CredentialError(message, hint=hint) from None
    raise CredentialError(
        f"no key for environment {environment.name}: {variable} is not set or is empty",
        hint=f"export {variable}=…, or set {file_variable} to the path of a key file;"
        " `--sandbox` needs no key",
        code="KEY_MISSING",
    )


def plan_key_of(environ: Mapping[str, str]) -> bytes | None:
    """Return the key that seals plans; None if neither of its variables is set.

    Raises CredentialError for a key that is empty, too short or unreadable; its message never
    contains the key.
    """
    file_variable = f"{PLAN_KEY}_FILE"
    named = [name for name in (PLAN_KEY, file_variable) if name in environ]
    if not named:
        return None
    variable = next((name for name in named if environ[name].strip()), named[0])
    key = environ[variable].strip()
    if key and variable == file_variable:
        try:
            key = read(Path(key), LARGEST_KEY).decode().strip()
        except ValueError as error:
            why = "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)
            raise _unusable_plan_key(
                f"cannot read the file named by {file_variable}: {why}"
            ) from None
    if not key:
        raise _unusable_plan_key(f"{variable} is set, but its key is empty")
    if len(key) < SHORTEST_PLAN_KEY:
        raise _unusable_plan_key(
            f"the key in {variable} has fewer than {SHORTEST_PLAN_KEY} characters"
        )
    return key.encode()


def _unusable_plan_key(why: str) -> CredentialError:
    return CredentialError(
        why,
        hint=f"set {PLAN_KEY} to a random key (`openssl rand -hex 32`), or unset it",
        code="PLAN_KEY",
    )
