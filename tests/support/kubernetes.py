"""An imitation of a cluster for the CronJobs of `init --ci kubernetes`: pods and a volume."""

import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from support.ci_runners import Runner
from support.commandline import Ran


def pod_of(cron_job: Any) -> Any:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def kubernetes(runner: Runner, name: str) -> Ran:
    """Run the only pod of a CronJob, in the checkout."""
    job = _cron_job(runner, name)
    assert "completionMode" not in job["spec"]["jobTemplate"]["spec"]
    return _run(runner, job, runner.repo)


def pods(runner: Runner, name: str) -> tuple[Ran, ...]:
    """Run all pods of an indexed CronJob in parallel, each in its own image."""
    cron_job = _cron_job(runner, name)
    job = cron_job["spec"]["jobTemplate"]["spec"]
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"]
    with ThreadPoolExecutor(job["completions"]) as pool:
        return tuple(pool.map(partial(_indexed, runner, cron_job), range(job["completions"])))


def _cron_job(runner: Runner, name: str) -> Any:
    documents = YAML(typ="safe").load_all(runner.repo / "kubernetes" / "campaigns.yaml")
    (job,) = (each for each in documents if each["metadata"]["name"] == name)
    (runner.home / "api-key").write_text(runner.server.key)
    return job


def _indexed(runner: Runner, cron_job: Any, index: int) -> Ran:
    """Run a pod from a fresh image; mounted folders are kept in the volume."""
    image = runner.home / f"pod-{index}"
    shutil.rmtree(image, ignore_errors=True)
    shutil.copytree(runner.repo, image, ignore=shutil.ignore_patterns(".campaignsync"))
    given = {"JOB_COMPLETION_INDEX": str(index)}
    (container,) = pod_of(cron_job)["containers"]
    mounted = {
        runner.home / "volume" / _expanded(each["subPathExpr"], given): image
        / Path(each["mountPath"]).relative_to("/workspace")
        for each in container["volumeMounts"]
        if each["name"] == "journal"
    }
    for kept, here in mounted.items():
        kept.mkdir(parents=True, exist_ok=True)
        kept.rename(here)
    ran = _run(runner, cron_job, image, **given)
    for kept, here in mounted.items():
        here.rename(kept)
    return ran


def _run(runner: Runner, cron_job: Any, image: Path, **indexed: str) -> Ran:
    """Run a container with its command, its variables, and its Secret as a file."""
    (container,) = pod_of(cron_job)["containers"]
    given = {each["name"]: each["value"] for each in container["env"]} | indexed
    assert given["ALTUR_API_KEY_FILE"] == "/run/secrets/altur/api-key"
    given["ALTUR_API_KEY_FILE"] = str(runner.home / "api-key")
    command = [*container.get("command", ["campaignsync"]), *container.get("args", ())]
    return runner.run_in(image, *(_expanded(word, given) for word in command), **given)


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace $(NAME) by variables like Kubernetes; an unknown name is not replaced."""
    return re.sub(r"\$\(([^)]*)\)", lambda match: variables.get(match[1], match[0]), text)
