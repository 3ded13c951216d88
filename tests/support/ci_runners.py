"""Imitations of the CI runners that run the jobs of `init --ci`: shells, variables and tools.

The commands of a job come from its parsed file. The runner's own steps (checkout, artifacts) are
imitated here; `gh`, `pip` and other tools return what a test configures.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from ruamel.yaml import YAML

from support.commandline import Ran, run_command
from support.faults import Sandbox
from support.preloaded import preloaded

GITHUB_SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
HEAD = "c0ffee" * 6 + "c0ff"


def parse(file: Path) -> Any:
    """Parse YAML like the runners: `on` is a string."""
    return YAML(typ="safe").load(file)


class Forge(BaseHTTPRequestHandler):
    """The comments API of a forge without comments; accepts every comment."""

    wbufsize = -1  # send an answer in one piece
    arrived: ClassVar[list[str]] = []
    """The first line of each comment."""

    def do_GET(self) -> None:
        self._answer(200, b"[]")

    def do_POST(self) -> None:
        comment = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.arrived.append(comment["body"].partition("\n")[0])
        self._answer(201, b'{"id": 1, "html_url": "", "body": ""}')

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b'{"id": 1, "html_url": "", "body": ""}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def forge() -> Iterator[str]:
    """Serve a forge, and yield its base URL."""
    with HTTPServer(("127.0.0.1", 0), Forge) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def set_production_id(repo: Path) -> None:
    """Set the production id in the example of a new repo, as its first comment describes."""
    file = repo / "campaigns" / "example.yaml"
    file.write_text(file.read_text().replace("id: {sandbox: 1234}", "id: 1234"))


@dataclass(frozen=True)
class Job:
    """The results of a job's steps, by name."""

    steps: dict[str, Ran] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The exit code of the first failed step; 0 if all succeeded."""
        return next((ran.code for ran in self.steps.values() if ran.code), 0)


@dataclass(frozen=True)
class Runner:
    """A machine with a checkout of the repo and access to the account and the forge."""

    repo: Path
    server: Sandbox
    forge: str
    home: Path
    artifacts: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir()
        (self.home / "artifacts").mkdir()
        (self.home / "campaignsync").symlink_to(preloaded().script(paced=False))
        self.imitate("pip", "")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()
        self.merged("", "")

    def imitate(self, tool: str, script: str) -> None:
        (self.home / tool).unlink(missing_ok=True)
        (self.home / tool).write_text(f"#!/bin/sh\n{script}\n")
        (self.home / tool).chmod(0o755)

    def git(self, *arguments: str) -> None:
        names = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER")
                 for what in ("NAME", "EMAIL")}  # fmt: skip
        ran = self.run(shutil.which("git") or "git", *arguments, **names)
        assert ran.code == 0, ran.err

    def commit(self) -> None:
        """Commit the files to main; later edits are the changes of a pull request."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=Edit")

    def merged(self, head: str, run: str) -> None:
        """Let the imitated `gh` return the head of the merged pull request 7, and its plan's run.

        Artifacts are identified by name only.
        """
        kept = self.home / "artifacts"
        self.imitate(
            "gh",
            f"""
            case "$1 $2" in
            *"/pulls") if [ -n '{head}' ]; then echo '7 {head}'; fi;;
            "run list") echo '{run}';;
            "run download") mkdir -p "$7"; cp -r "{kept}/$5/." "$7";;
            *name=campaigns-journal*) name=${{2##*name=}}
                if [ -d "{kept}/${{name%%&*}}" ]; then echo 1; fi;;
            *) echo 1;;
            esac""".replace("\n            ", "\n"),
        )

    def run(self, *command: str, **environment: str) -> Ran:
        return self.run_in(self.repo, *command, **environment)

    def run_in(self, folder: Path, *command: str, **environment: str) -> Ran:
        return run_command(
            *command,
            folder=folder,
            **{
                "PATH": f"{self.home}:/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.home),
                "ALTUR_BASE_URL": self.server.url,
                "CI": "true",
                **environment,
            },
        )

    def github(self, job: str, *, event: str = "pull_request", given: str = "") -> Job:
        """Run the only job of a workflow, once for each part of its matrix.

        With a matrix, the name of each step ends in the part.
        """
        workflow = parse(self.repo / ".github" / "workflows" / f"campaigns-{job}.yml")
        (only,) = workflow["jobs"].values()
        contexts = {
            "github.token": "sk-test-forge",
            "github.repository": "acme/campaigns",
            "github.run_attempt": "1",
            "inputs.run": given,
            "github.event.number || 'main'": "7" if event == "pull_request" else "main",
            "runner.temp": str(self.home / "temp"),
            "secrets.CAMPAIGNSYNC_PLAN_KEY": "",  # an unset secret is an empty string
        }
        if "environment" in only:
            contexts["secrets.ALTUR_API_KEY"] = self.server.key
            contexts.update({f"secrets.{name}": it for name, it in self.secrets.items()})
        if "strategy" not in only:
            return self._github_job(only, contexts, event)
        assert only["strategy"]["fail-fast"] is False, "a part that fails ends the others"
        done = Job()
        for part in only["strategy"]["matrix"]["part"]:
            ran = self._github_job(only, {**contexts, "matrix.part": str(part)}, event)
            done.steps.update({f"{name} {part}": each for name, each in ran.steps.items()})
        return done

    def _github_job(self, only: Any, given: Mapping[str, str], event: str) -> Job:
        done, contexts = Job(), dict(given)
        self._clean()
        (self.home / "output").write_text("")
        for step in only["steps"]:
            outputs = dict(re.findall(r"(?m)^(\w+)=(.*)$", (self.home / "output").read_text()))
            contexts.update({f"steps.reviewed.outputs.{key}": it for key, it in outputs.items()})
            if not self._is_due(step.get("if", ""), event, done.code, contexts):
                continue
            if "uses" in step:
                given_it = step.get("with", {}).items()
                self._use(step["uses"], {key: _filled(text, contexts) for key, text in given_it})
            else:
                script = self.home / "step.sh"
                script.write_text(step["run"])
                given_here = {**only.get("env", {}), **step.get("env", {})}
                done.steps[step["name"]] = self.run(
                    *GITHUB_SHELL,
                    str(script),
                    **self._github_variables(event),
                    **{name: _filled(text, contexts) for name, text in given_here.items()},
                )
        return done

    def _github_variables(self, event: str) -> dict[str, str]:
        described = self.home / "event.json"
        described.write_text('{"pull_request": {"number": 7}, "number": 7}')
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.forge,
            "GITHUB_BASE_REF": "main" if event == "pull_request" else "",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(described),
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_REF": "refs/pull/7/merge" if event == "pull_request" else "refs/heads/main",
            "GITHUB_REPOSITORY": "acme/campaigns",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": HEAD,
            "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"),
            "RUNNER_TEMP": str(self.home / "temp"),
        }

    def _is_due(self, condition: str, event: str, failed: int, contexts: Mapping[str, str]) -> bool:
        if failed and not ("always()" in condition or "!cancelled()" in condition):
            return False
        if "event_name == 'pull_request'" in condition and event != "pull_request":
            return False
        if match := re.fullmatch(r"(steps\.\S+) (==|!=) ''", condition):
            return (contexts[match[1]] == "") is (match[2] == "==")
        return "hashFiles" not in condition or (self.repo / "plan.json").exists()

    def _use(self, action: str, settings: Mapping[str, Any]) -> None:
        match action.partition("@")[0]:
            case "actions/checkout":
                self._fetch(every_branch=settings.get("fetch-depth") == "0")
            case "actions/upload-artifact":
                self._keep(settings["name"], settings["path"])
            case "actions/download-artifact":
                place = Path(settings["path"])
                place.mkdir(parents=True, exist_ok=True)
                (place / "plan.json").write_bytes(self.artifacts[settings["name"]])

    def gitlab(self, name: str, **variables: str) -> Job:
        """Run a job, once for each index if it is parallel.

        The name of each script of a parallel job ends in the index.
        """
        config = parse(self.repo / ".gitlab-ci.yml")
        job = config[name]
        given = {
            "ALTUR_API_KEY": self.server.key,
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": "sk-test-forge",
            "CI_API_V4_URL": f"{self.forge}/api/v4",
            "CI_PROJECT_ID": "1",
            "CI_COMMIT_SHA": HEAD,
            "CI_DEFAULT_BRANCH": "main",
            "CI_NODE_TOTAL": str(job.get("parallel", 1)),
            **job.get("variables", {}),
            **variables,
        }
        if "CI_MERGE_REQUEST_IID" in given:
            given["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] = "main"
        if job.get("image", config["default"]["image"]).endswith("-slim"):
            self.imitate("git", "exit 127")  # the slim images have no git
        else:
            (self.home / "git").unlink(missing_ok=True)
        before = config["default"]["before_script"]
        done = Job()
        for index in range(1, job["parallel"] + 1) if "parallel" in job else (None,):
            here = {**given, "CI_NODE_INDEX": str(index)} if index else given
            ran = self._gitlab_job(name, job, before, here)
            done.steps.update({f"{part} {index or ''}".strip(): it for part, it in ran.items()})
        return done

    def _gitlab_job(
        self, name: str, job: Any, before: list[str], given: Mapping[str, str]
    ) -> dict[str, Ran]:
        """Run before_script and script in one shell, after_script in another."""
        shell = ("bash", "-eo", "pipefail", "-c")
        self._clean()
        self._fetch(every_branch=given.get("GIT_DEPTH") == "0")
        for kept, content in self.artifacts.items():
            origin, _, path = kept.partition(": ")
            if origin.partition(" ")[0] in job.get("needs", ()):
                (self.repo / path).write_bytes(content)
        done = {"script": self.run(*shell, "\n".join([*before, *job["script"]]), **given)}
        if lines := job.get("after_script"):
            done["after_script"] = self.run(*shell, "\n".join(lines), **given)
        for path in job.get("artifacts", {}).get("paths", ()):
            whole = path.replace("$CI_NODE_INDEX", given.get("CI_NODE_INDEX", ""))
            self._keep(f"{name} {given.get('CI_NODE_INDEX', '')}".strip() + f": {whole}", whole)
        return done

    def _fetch(self, *, every_branch: bool) -> None:
        """Fetch the branches of the remote, or (the default) only the commit of the job."""
        branch = "refs/remotes/origin/main"
        self.git("update-ref", *([branch, "main"] if every_branch else ["-d", branch]))

    def _clean(self) -> None:
        """Remove the files of earlier jobs that are not in git."""
        for plan in self.repo.glob("plan*.json"):
            plan.unlink()
        shutil.rmtree(self.repo / ".campaignsync", ignore_errors=True)

    def _keep(self, name: str, path: str) -> None:
        """Store a file, or the files of a folder, as an artifact."""
        place = self.repo / path
        if files := [place] if place.is_file() else list(place.glob("*")):
            self.artifacts[name] = b"".join(it.read_bytes() for it in files)
            kept = self.home / "artifacts" / name.replace("/", " ")
            kept.mkdir(exist_ok=True)
            for file in files:
                shutil.copy(file, kept)

    def cron(self, number: int, *, with_key: bool = True) -> Ran:
        """Run one line of the crontab, even if it is commented out."""
        table = (self.repo / "cron" / "crontab").read_text()
        given = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", table))
        lines = re.findall(r"(?m)^#?(?:[\d*/,-]+ ){4}[\d*/,-]+  (.*)$", table)
        if with_key:
            (self.home / "altur.key").write_text(self.server.key)
        given["ALTUR_API_KEY_FILE"] = str(self.home / "altur.key")
        self._check_out_at_home()
        return self.run(given.pop("SHELL"), "-c", lines[number], **given)

    def _check_out_at_home(self) -> None:
        activate = self.repo / ".venv" / "bin" / "activate"
        activate.parent.mkdir(parents=True, exist_ok=True)
        activate.touch()
        # `git pull` pulls from the checkout itself.
        self.git("config", "branch.main.remote", ".")
        self.git("config", "branch.main.merge", "refs/heads/main")
        if not (self.home / "campaigns").exists():
            (self.home / "campaigns").symlink_to(self.repo)


def forged(plan: bytes, **values: Any) -> bytes:
    """Return a plan with other `values` and the matching fingerprint, which needs no key."""
    document = json.loads(plan)
    assert all(document[key] != value for key, value in values.items())
    del document["fingerprint"]
    document.update(values)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return json.dumps({**document, "fingerprint": fingerprint}).encode()


def _filled(text: str, contexts: Mapping[str, str]) -> str:
    """Replace expressions by their values; raises KeyError for an unknown context."""
    return EXPRESSION.sub(lambda match: contexts[match.group(1)], str(text))
