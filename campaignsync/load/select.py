"""Select the environment of a run, and its definitions by id, name, label or shard."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import Environment, Workspace
from campaignsync.model.definitions import Definition, Desired
from campaignsync.suggest import suggestion

Predicate = Callable[[Definition], bool]


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


def refuse_absent(desired: Desired, environment: str) -> None:
    """Raise ConfigurationError if no definition has an id for the environment.

    Otherwise an account without definitions would be reported as in sync. A shard may be empty.
    """
    if desired.left_out and not desired.definitions and not desired.shard:
        raise ConfigurationError(
            f"no definition has an id for {environment}",
            hint=f"add `id: {{{environment}: 1234}}` to a definition, or pass another -e NAME",
            code="NO_DEFINITION",
        )


def select(desired: Desired, chosen: Sequence[str], excluded: Sequence[str]) -> Desired:
    """Return the definitions that match one of `chosen` and none of `excluded`.

    All definitions match an empty `chosen`. `1234` is an id, `team=collections` a label, and any
    other word a name; `name=1234` is a name that looks like an id. Labels and names may be patterns
    with `*`. Raises ConfigurationError if a word matches no definition or if no definition is left,
    because a mistyped word must not end in success.
    """
    if not (chosen or excluded):
        return desired
    for word in (*chosen, *excluded):
        if not any(map(_matcher(word), desired.definitions)):
            there = desired.elsewhere.get(int(word)) if word.isdecimal() else None
            raise ConfigurationError(
                f"no definition matches `{word}`",
                hint=f"it is an id of environment {there}: pass -e {there}"
                if there
                else "select by id, label (team=collections) or name ('Q2 *')",
                code="NOTHING_SELECTED",
            )
    wanted, unwanted = [_matcher(word) for word in chosen], [_matcher(word) for word in excluded]
    kept = tuple(
        definition
        for definition in desired.definitions
        if (not wanted or any(test(definition) for test in wanted))
        and not any(test(definition) for test in unwanted)
    )
    if not kept:
        raise ConfigurationError(
            "--exclude excludes every definition",
            hint="remove one of the --exclude options",
            code="NOTHING_SELECTED",
        )
    return replace(desired, definitions=kept)


def shard(desired: Desired, part: str) -> Desired:
    """Return the definitions of one shard; `2/5` is the second of five.

    The shard of a campaign depends only on its id, so adding or removing others does not move it. A
    shard may be empty. The result holds its shard. Raises ConfigurationError for an invalid `part`.
    """
    number, slash, of = part.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ConfigurationError(
            f"invalid value for --shard: `{part}`",
            hint="write K/N: --shard 2/5 is the second of five parts",
        )
    kept = tuple(
        each for each in desired.definitions if _hash_of(each.id) % int(of) + 1 == int(number)
    )
    return replace(desired, definitions=kept, shard=f"{int(number)}/{int(of)}")


def _hash_of(id_: int) -> int:
    # Hash the id: ids in steps of ten would otherwise all be in one of ten shards.
    return int.from_bytes(hashlib.sha256(str(id_).encode()).digest()[:8])


def _matcher(word: str) -> Predicate:
    label, is_label, pattern = word.partition("=")
    if word.isdecimal():
        return lambda definition: definition.id == int(word)
    if is_label and label != "name":
        return lambda definition: (
            label in definition.labels and _matches(definition.labels[label], pattern)
        )
    name = (pattern if is_label else word).casefold()
    return lambda definition: _matches(str(definition.values.get("name", "")).casefold(), name)


def _matches(text: str, pattern: str) -> bool:
    # Also compare literally: as a pattern, the name "[Q2] Welcome" does not match itself. An empty
    # pattern matches nothing: it comes from a variable that is not set.
    return bool(pattern) and (text == pattern or fnmatchcase(text, pattern))
