"""Create a config repo: an example, the JSON Schema for editors, .gitignore, and CI jobs.

The files come from `templates/`; an existing file is never changed. A template line that ends in
`#@` and a word is kept only in some repos: `#@parts` if jobs are divided, `#@whole` if they are
not, `#@sandbox` if the workspace starts with the sandbox.
"""

import json
import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from campaignsync import __version__
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import Environment, Workspace
from campaignsync.schema import schema

TEMPLATES = Path(__file__).parent.parent / "templates"
EXAMPLE = "campaigns/example.yaml"
WORKSPACE = "campaignsync.yaml"

REPO = {
    EXAMPLE: "workspace/example.yaml",
    "sandbox.json": "workspace/sandbox.json",
    ".gitignore": "workspace/gitignore",
    ".pre-commit-config.yaml": "workspace/pre-commit-config.yaml",
    "requirements.txt": "workspace/requirements.txt",
    "README.md": "workspace/README.md",
    # Last: if init is interrupted before it, the next run still creates the example.
    WORKSPACE: "workspace/campaignsync.yaml",
}
"""The files of a new config repo, and the template of each."""

FROM_LIVE = {path: file for path, file in REPO.items() if "sandbox" not in path} | {
    WORKSPACE: "live/campaignsync.yaml"
}
"""The files of a config repo for an account's live campaigns: no example, no sandbox."""

JOBS = {
    "github": {
        f".github/workflows/campaigns-{job}.yml": f"github/{job}.yml"
        for job in ("validate", "plan", "apply", "drift")
    },
    "gitlab": {".gitlab-ci.yml": "gitlab/gitlab-ci.yml"},
    "kubernetes": {
        "kubernetes/Dockerfile": "kubernetes/Dockerfile",
        "kubernetes/Dockerfile.dockerignore": "kubernetes/Dockerfile.dockerignore",
        "kubernetes/campaigns.yaml": "kubernetes/campaigns.yaml",
    },
    "cron": {"cron/crontab": "cron/crontab"},
}
"""The job files and their templates, by CI system or scheduler."""

NEEDED = {
    ".gitignore": ".campaignsync/",
    "requirements.txt": "campaignsync",
    ".pre-commit-config.yaml": "campaignsync",
    ".gitlab-ci.yml": "campaignsync",
}
"""The text that an existing file must contain for the other files to work."""

MARKED = re.compile(r"(?m)^(.*?) *#@([a-z]+)\n")
"""A marked template line: the line without its mark, and the mark's word."""


@dataclass(frozen=True, slots=True)
class Division:
    """Jobs in a number of parallel parts, each at a `rate` in requests per second."""

    parts: int
    rate: int

    @property
    def sentence(self) -> str:
        """Return the text that every file with divided jobs contains."""
        return f"in {self.parts} parts"

    @property
    def values(self) -> Mapping[str, str]:
        """Return the values of the placeholders in a divided file."""
        numbers = ", ".join(str(number) for number in range(1, self.parts + 1))
        return {"PARTS": str(self.parts), "NUMBERS": numbers, "RATE": str(self.rate)}


@dataclass(frozen=True, slots=True)
class JobTarget:
    """The input of the jobs: environment, API key variable, and folders of definitions."""

    environment: str = "production"
    key: str = "ALTUR_API_KEY"
    definitions: str = "campaigns/"

    @classmethod
    def of(cls, workspace: Workspace, *, for_jobs: bool) -> "JobTarget":
        """Return the target for an existing workspace.

        It is the default environment if that is an account, else the first account.
        Raises ConfigurationError if jobs need an account and every environment is a sandbox.
        """
        environments = workspace.environments or {"default": Environment("default")}
        accounts = [each for each in environments.values() if each.api != "sandbox"]
        accounts.sort(key=lambda each: each.name != workspace.default_environment)
        if not accounts and not for_jobs:
            accounts = list(environments.values())
        if not accounts:
            raise ConfigurationError(
                f"{WORKSPACE} defines no account: every environment is a sandbox",
                hint="add `production: {api: altur, api_key_env: ALTUR_API_KEY}`"
                " under `environments`",
                code="UNKNOWN_ENVIRONMENT",
            )
        folders = [os.path.relpath(path, workspace.root) for path in workspace.definitions]
        return cls(accounts[0].name, accounts[0].api_key_env, ", ".join(folders) or ".")


@dataclass(frozen=True, slots=True)
class RepoFile:
    """One file: whether it was created, and the needed text that an existing one lacks."""

    path: str
    created: bool
    lacks: str = ""


def files(
    root: Path,
    jobs: Sequence[str],
    *,
    from_live: bool,
    division: Division | None,
    target: JobTarget | None,
) -> dict[str, str]:
    """Return the text of each file of a config repo at `root`, by path.

    `jobs` are keys of `JOBS`. `target` is None for a new workspace; an existing one gets neither an
    example nor a sandbox.
    """
    is_new = target is None
    templates = (REPO if is_new and not from_live else FROM_LIVE) | {
        path: file for job in jobs for path, file in JOBS[job].items()
    }
    if from_live or not is_new or any((root / EXAMPLE).parent.glob("*")):
        del templates[EXAMPLE]
    marks = {"parts" if division else "whole", *(["sandbox"] if is_new and not from_live else [])}
    values = {
        "VERSION": __version__,
        **{name.upper(): value for name, value in asdict(target or JobTarget()).items()},
        **(division.values if division else {}),
    }
    texts = {
        path: _filled((TEMPLATES / file).read_text(encoding="utf-8"), marks, values)
        for path, file in templates.items()
    }
    definition = json.dumps(schema("definition"), indent=2, ensure_ascii=False)
    return {"campaign.schema.json": f"{definition}\n", **texts}


def _filled(template: str, marks: Container[str], values: Mapping[str, str]) -> str:
    """Return a template with only the lines marked by `marks`, and with placeholders replaced."""
    text = MARKED.sub(lambda match: f"{match[1]}\n" if match[2] in marks else "", template)
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def create_files(
    root: Path,
    jobs: Sequence[str],
    *,
    from_live: bool = False,
    division: Division | None = None,
    target: JobTarget | None = None,
) -> Iterator[RepoFile]:
    """Create the missing files and yield each file; `from_live` leaves the example out.

    `target` is set for an existing workspace. Raises ConfigurationError if a file cannot be
    written, or if a link leads outside of the folder.
    """
    refuse_unusable(root)
    texts = files(root, jobs, from_live=from_live, division=division, target=target)
    for path, text in texts.items():
        try:
            created = _create(root, path, text)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(
                f"cannot create {root / path}: {reason}",
                hint="choose a folder that you can write to",
                code="OUTPUT",
            ) from None
        yield RepoFile(path, created, "" if created else _lacking(root, path, text, division))


def refuse_unusable(root: Path) -> None:
    """Raise ConfigurationError if the root is a file or its definitions link to outside of it.

    The loader checks the definitions of an existing workspace.
    """
    hint = "choose a folder; init creates it if it is missing"
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"{root} is a file", hint=hint, code="OUTPUT")
    definitions = (root / EXAMPLE).parent
    is_new = not (root / WORKSPACE).exists()
    if is_new and not definitions.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(
            f"{definitions} is a link to a folder outside of {root}",
            hint="replace the link with a folder: a workspace contains its own definitions",
            code="OUTSIDE",
        )


def _create(root: Path, path: str, text: str) -> bool:
    target = root / path
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise OSError(f"{target.parent} is a link to a folder outside of {root}")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Exclusive: do not overwrite a file that another process creates at the same time.
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError:
        target.unlink(missing_ok=True)  # the next run would keep a partial file
        raise
    return True


def _lacking(root: Path, path: str, text: str, division: Division | None) -> str:
    """Return what an existing file lacks; `text` is the content of a new file."""
    needed = NEEDED.get(path, "")
    try:
        kept = (root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # a broken link, or no permission
        kept = ""
    if needed not in kept:
        return needed
    if division and division.sentence in text and division.sentence not in kept:
        return f"jobs {division.sentence}"
    return ""
