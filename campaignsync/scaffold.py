"""A folder → a config repo that works at once: definitions, editor's schema, ignores, jobs.

What is laid out are the files of `templates/`, and nothing that exists is ever changed. A line of a
template that ends in `#@` and a word is for some repos alone: `#@parts` where the jobs are divided,
`#@whole` where they are not, `#@sandbox` where the workspace begins on one.
"""

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from campaignsync import __version__
from campaignsync.errors import ConfigurationError
from campaignsync.schema import schema

TEMPLATES = Path(__file__).parent / "templates"
EXAMPLE = "campaigns/example.yaml"
WORKSPACE = "campaignsync.yaml"

REPO = {
    EXAMPLE: "workspace/example.yaml",
    "sandbox.json": "workspace/sandbox.json",
    ".gitignore": "workspace/gitignore",
    ".pre-commit-config.yaml": "workspace/pre-commit-config.yaml",
    "requirements.txt": "workspace/requirements.txt",
    "README.md": "workspace/README.md",
    # The last one: who begins again after an interruption gets the example, too.
    WORKSPACE: "workspace/campaignsync.yaml",
}
"""The files of every config repo, and the template of each."""

FROM_LIVE = {path: file for path, file in REPO.items() if "sandbox" not in path} | {
    WORKSPACE: "live/campaignsync.yaml"
}
"""The files of a config repo that begins with what an account has: no example, and no sandbox."""

JOBS = {
    "github": {
        f".github/workflows/campaigns-{job}.yml": f"github/{job}.yml"
        for job in ("validate", "plan", "apply", "drift")
    },
    "gitlab": {".gitlab-ci.yml": "gitlab/gitlab-ci.yml"},
    "kubernetes": {
        "kubernetes/Dockerfile": "kubernetes/Dockerfile",
        "kubernetes/campaigns.yaml": "kubernetes/campaigns.yaml",
    },
    "cron": {"cron/crontab": "cron/crontab"},
}
"""The files that bring the jobs, for each place where they can run."""

NEEDED = {
    ".gitignore": ".campaignsync/",
    "requirements.txt": "campaignsync",
    ".pre-commit-config.yaml": "campaignsync",
    ".gitlab-ci.yml": "campaignsync",
}
"""What a file that was there already must hold for the rest to work."""

MARKED = re.compile(r"(?m)^(.*?) *#@([a-z]+)\n")
"""A line that is for some repos alone, without its mark, and the word of that."""


class Division(NamedTuple):
    """Jobs in so many parts side by side, each at a `rate` in requests a second."""

    parts: int
    rate: int

    @property
    def told(self) -> str:
        """What every file that is divided says somewhere."""
        return f"in {self.parts} parts"

    @property
    def values(self) -> Mapping[str, str]:
        """What stands in the places of a divided file."""
        numbers = ", ".join(str(number) for number in range(1, self.parts + 1))
        return {"PARTS": str(self.parts), "NUMBERS": numbers, "RATE": str(self.rate)}


class Laid(NamedTuple):
    """One file: whether it was made, and what it lacks where it was there already."""

    path: str
    made: bool
    lacks: str = ""


def files(
    root: Path, jobs: Sequence[str], *, from_live: bool, division: Division | None
) -> dict[str, str]:
    """Give the text of each file of a config repo at `root`, with the jobs of `JOBS` by name.

    A repo that has definitions or a workspace already is given no example.
    """
    is_new = not (root / WORKSPACE).exists()
    templates = (FROM_LIVE if from_live else REPO) | {
        path: file for job in jobs for path, file in JOBS[job].items()
    }
    if from_live or not is_new or any((root / EXAMPLE).parent.glob("*")):
        del templates[EXAMPLE]
    marks = {"parts" if division else "whole", *(["sandbox"] if is_new and not from_live else [])}
    values = {"VERSION": __version__, **(division.values if division else {})}
    texts = {
        path: _filled((TEMPLATES / file).read_text(encoding="utf-8"), marks, values)
        for path, file in templates.items()
    }
    described = json.dumps(schema("definition"), indent=2, ensure_ascii=False)
    return {"campaign.schema.json": f"{described}\n", **texts}


def _filled(template: str, marks: Container[str], values: Mapping[str, str]) -> str:
    """Keep the lines that have no mark, or one of these, and put values in their places."""
    text = MARKED.sub(lambda found: f"{found[1]}\n" if found[2] in marks else "", template)
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def lay_out(
    root: Path,
    jobs: Sequence[str],
    *,
    from_live: bool = False,
    division: Division | None = None,
) -> Iterator[Laid]:
    """Make the files that are not there yet, one by one; `from_live` leaves the example out.

    Raises ConfigurationError where the folder cannot be written, or a link leads out of it.
    """
    refuse_unfit(root)
    for path, text in files(root, jobs, from_live=from_live, division=division).items():
        try:
            made = _make(root, path, text)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(
                f"cannot make {root / path}: {reason}",
                hint="name a folder that you can write to",
                code="OUTPUT",
            ) from None
        yield Laid(path, made, "" if made else _lacking(root, path, text, division))


def refuse_unfit(root: Path) -> None:
    """Raise ConfigurationError where the root is a file, or a link leads its definitions out.

    Where there is a workspace already, whoever reads that looks where its definitions are.
    """
    hint = "name a folder, there or not"
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"{root} is a file", hint=hint, code="OUTPUT")
    definitions = (root / EXAMPLE).parent
    is_new = not (root / WORKSPACE).exists()
    if is_new and not definitions.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(
            f"{definitions} leads out of {root}, by a link",
            hint="put a folder in its place: a workspace holds its own definitions",
            code="OUTSIDE",
        )


def _make(root: Path, path: str, text: str) -> bool:
    target = root / path
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise OSError(f"{target.parent} leads out of {root}, by a link")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Exclusive: what somebody else makes in this very moment is not overwritten either.
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError:
        target.unlink(missing_ok=True)  # half a file would be kept, from then on
        raise
    return True


def _lacking(root: Path, path: str, text: str, division: Division | None) -> str:
    """Name what a file that was kept should hold, and does not; `text` is what we would have."""
    needed = NEEDED.get(path, "")
    try:
        kept = (root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # a link to nowhere, or a file that is not ours to read
        kept = ""
    if needed not in kept:
        return needed
    if division and division.told in text and division.told not in kept:
        return f"its jobs {division.told}"
    return ""
