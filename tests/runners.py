"""Runners as the jobs of `init --ci` meet them: their shells, their variables, imitated tools.

What a job runs is taken from its parsed file itself. A runner's own work, checkouts and artifacts,
is done here; `gh`, `pip` and the like answer what a test lays down.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from commandline import Ran, anything
from ruamel.yaml import YAML

from campaignsync.sandbox import Sandbox

GITHUB_SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
HEAD = "c0ffee" * 6 + "c0ff"


def parsed(file: Path) -> Any:
    """Read YAML as runners do: `on` is a word."""
    return YAML(typ="safe").load(file)


class Forge(BaseHTTPRequestHandler):
    """The comments of a forge that has none yet, and takes what comes."""

    arrived: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(200, b"[]")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.append(self.path)
        self._answer(201, b'{"id": 1, "html_url": "", "body": ""}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def forge() -> Iterator[str]:
    """Serve a forge, and give its address."""
    with HTTPServer(("127.0.0.1", 0), Forge) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True)
class Job:
    """What a job did, step by step."""

    steps: dict[str, Ran] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """Give the exit code of the step that failed; 0 where none did."""
        return next((ran.code for ran in self.steps.values() if ran.code), 0)


@dataclass(frozen=True)
class Runner:
    """A machine with a checkout of the repo, that reaches the account and the forge."""

    repo: Path
    server: Sandbox
    forge: str
    home: Path
    artifacts: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir()
        self.imitate("campaignsync", f'exec {sys.executable} -P -m campaignsync "$@"')
        self.imitate("pip", "")
        self.imitate("git", "")
        self.merged("", "")

    def imitate(self, tool: str, script: str) -> None:
        (self.home / tool).write_text(f"#!/bin/sh\n{script}\n")
        (self.home / tool).chmod(0o755)

    def merged(self, head: str, run: str) -> None:
        """Let GitHub tell the head of the pull request that was merged, and its run."""
        self.imitate("gh", f"case $1 in api) echo '{head}';; run) echo '{run}';; esac")

    def run(self, *command: str, **environment: str) -> Ran:
        return anything(
            *command,
            folder=self.repo,
            **{
                "PATH": f"{self.home}:/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.home),
                "ALTUR_BASE_URL": self.server.url,
                "CI": "true",
                **environment,
            },
        )

    def github(self, job: str, *, event: str = "pull_request", given: str = "") -> Job:
        """Run the one job of a workflow, as ubuntu's runners do."""
        workflow = parsed(self.repo / ".github" / "workflows" / f"campaigns-{job}.yml")
        (only,) = workflow["jobs"].values()
        contexts = {
            "github.token": "sk-test-forge",
            "github.repository": "acme/campaigns",
            "github.run_attempt": "1",
            "inputs.run": given,
            "steps.reviewed.outputs.run": "",
        }
        if "environment" in only:
            contexts["secrets.ALTUR_API_KEY"] = self.server.key
        done = Job()
        for step in only["steps"]:
            if not self._is_due(step.get("if", ""), event, done.code):
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
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(described),
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_REF": "refs/pull/7/merge" if event == "pull_request" else "refs/heads/main",
            "GITHUB_REPOSITORY": "acme/campaigns",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": HEAD,
            "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"),
        }

    def _is_due(self, condition: str, event: str, failed: int) -> bool:
        if failed and not ("always()" in condition or "!cancelled()" in condition):
            return False
        if "event_name == 'pull_request'" in condition and event != "pull_request":
            return False
        return "hashFiles" not in condition or (self.repo / "plan.json").exists()

    def _use(self, action: str, settings: Mapping[str, Any]) -> None:
        plan = self.repo / "plan.json"
        match action.partition("@")[0]:
            case "actions/checkout":
                plan.unlink(missing_ok=True)
                shutil.rmtree(self.repo / ".campaignsync", ignore_errors=True)
            case "actions/upload-artifact":
                path = self.repo / settings["path"]
                if files := [path] if path.is_file() else list(path.glob("*")):
                    self.artifacts[settings["name"]] = b"".join(it.read_bytes() for it in files)
            case "actions/download-artifact":
                plan.write_bytes(self.artifacts[settings["name"]])

    def gitlab(self, name: str, **variables: str) -> Job:
        """Run a job as GitLab's runners do: before_script and script in one shell."""
        config = parsed(self.repo / ".gitlab-ci.yml")
        job = config[name]
        given = {
            "ALTUR_API_KEY": self.server.key,
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": "sk-test-forge",
            "CI_API_V4_URL": f"{self.forge}/api/v4",
            "CI_PROJECT_ID": "1",
            "CI_COMMIT_SHA": HEAD,
            **job.get("variables", {}),
            **variables,
        }
        lines = [*config["default"]["before_script"], *job["script"]]
        shell = ("bash", "-eo", "pipefail", "-c")
        done = Job({"script": self.run(*shell, "\n".join(lines), **given)})
        for line in job.get("after_script", ()):
            done.steps["after_script"] = self.run(*shell, line, **given)
        return done

    def kubernetes(self, name: str) -> Ran:
        """Run a CronJob's container: its arguments, its variables, its Secret as a file."""
        documents = YAML(typ="safe").load_all(self.repo / "kubernetes" / "campaigns.yaml")
        (found,) = (each for each in documents if each["metadata"]["name"] == name)
        (container,) = pod_of(found)["containers"]
        given = {each["name"]: each["value"] for each in container["env"]}
        (self.home / "api-key").write_text(self.server.key)
        assert given["ALTUR_API_KEY_FILE"] == "/run/secrets/altur/api-key"
        given["ALTUR_API_KEY_FILE"] = str(self.home / "api-key")
        return self.run("campaignsync", *container["args"], **given)

    def cron(self, number: int, *, with_key: bool = True) -> Ran:
        """Run a line of the crontab, one that is switched off, too."""
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
        if not (self.home / "campaigns").exists():
            (self.home / "campaigns").symlink_to(self.repo)


def pod_of(cron_job: Any) -> Any:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def _filled(text: str, contexts: Mapping[str, str]) -> str:
    """Put values in the place of expressions; a context that a job has not got is a KeyError."""
    return EXPRESSION.sub(lambda found: contexts[found.group(1)], str(text))
