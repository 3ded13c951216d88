"""The keys of a run: the API key, and the key that seals plans."""

from collections.abc import Mapping
from pathlib import Path

from campaignsync.errors import CredentialError
from campaignsync.load.files import read
from campaignsync.load.workspace import Environment

LARGEST_KEY = 4096
"""Maximum bytes of a file that holds a key."""
PLAN_KEY = "CAMPAIGNSYNC_PLAN_KEY"
SHORTEST_PLAN_KEY = 16
"""Minimum characters of the key that seals plans; a shorter one can be guessed."""
PLAN_KEY_HINT = f"set {PLAN_KEY} to a random key (`openssl rand -hex 32`), or unset it"


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
        hint = "set it to the path of a readable file that contains only the key"
        return _read_key(file, "ASCII", file_variable, hint).rstrip("\r\n"), file_variable
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
    named = [name for name in (PLAN_KEY, f"{PLAN_KEY}_FILE") if name in environ]
    if not named:
        return None
    variable = next((name for name in named if environ[name].strip()), named[0])
    key = environ[variable].strip()
    if key and variable != PLAN_KEY:
        key = _read_key(key, "UTF-8", variable, PLAN_KEY_HINT, "PLAN_KEY").strip()
    if not key:
        message = f"{variable} is set, but its key is empty"
        raise CredentialError(message, hint=PLAN_KEY_HINT, code="PLAN_KEY")
    if len(key) < SHORTEST_PLAN_KEY:
        message = f"the key in {variable} has fewer than {SHORTEST_PLAN_KEY} characters"
        raise CredentialError(message, hint=PLAN_KEY_HINT, code="PLAN_KEY")
    return key.encode()


def _read_key(
    file: str, encoding: str, variable: str, hint: str, code: str = CredentialError.code
) -> str:
    """Return the content of the key file that a variable names; raises CredentialError."""
    try:
        return read(Path(file), LARGEST_KEY).decode(encoding)
    except ValueError as error:
        why = f"it is not {encoding}" if isinstance(error, UnicodeError) else str(error)
        message = f"cannot read the file named by {variable}: {why}"
        raise CredentialError(message, hint=hint, code=code) from None
