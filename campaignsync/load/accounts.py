"""Choose the environment of a command line, and read its key and the key that seals plans."""

from collections.abc import Mapping
from pathlib import Path

from campaignsync.errors import ConfigurationError, CredentialError
from campaignsync.load.files import read
from campaignsync.load.workspace import Environment, Workspace
from campaignsync.suggest import suggestion

LARGEST_KEY = 4096
"""Maximum bytes of a file that holds a key."""
PLAN_KEY = "CAMPAIGNSYNC_PLAN_KEY"
SHORTEST_PLAN_KEY = 16
"""Minimum characters of the key that seals plans; a shorter one can be guessed."""


def choose(workspace: Workspace, name: str | None, *, sandbox: bool = False) -> Environment:
    """Return the environment for the options of a command line.

    Without a name, return the default environment of the workspace, or the account of ALTUR_API_KEY
    if the workspace has no environments. With `sandbox` and no name, return the first sandbox of
    the workspace, or a new and empty one. Raises ConfigurationError for an unknown name, for
    several environments without a default, and for `sandbox` with the name of an account.
    """
    environments = workspace.environments
    if name is None and sandbox:
        name = next((e.name for e in environments.values() if e.api == "sandbox"), "sandbox")
    name = name or workspace.default_environment
    if name is None and environments:
        raise ConfigurationError(
            f"no environment specified: {workspace.file} defines {', '.join(environments)}",
            hint="pass -e NAME, or set `default_environment`",
            code="WHICH_ENVIRONMENT",
        )
    implied = Environment("sandbox", api="sandbox")
    known = {"sandbox": implied, **(environments or {"default": Environment("default")})}
    if name not in (None, *known):
        hint = suggestion(str(name), known)
        raise ConfigurationError(f"no environment `{name}`", hint=hint, code="UNKNOWN_ENVIRONMENT")
    chosen = known[name or "default"]
    if sandbox and chosen.api != "sandbox":
        message = f"--sandbox conflicts with environment `{name}`, which is a real account"
        raise ConfigurationError(
            message, hint="remove --sandbox, or pass -e with a sandbox environment"
        )
    return chosen


def environment_names(workspace: Workspace, *, sandbox: bool = False) -> list[str]:
    """Return the names of all accounts of a workspace, or of its sandboxes.

    Raises ConfigurationError if there are none.
    """
    names = [
        environment.name
        for environment in workspace.environments.values()
        if (environment.api == "sandbox") == sandbox
    ]
    if not names:
        kind = "sandboxes" if sandbox else "accounts"
        raise ConfigurationError(
            f"campaignsync.yaml defines no {kind} under `environments`",
            hint="remove --all-environments, or name an environment with -e NAME",
            code="UNKNOWN_ENVIRONMENT",
        )
    return names


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
