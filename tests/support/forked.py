"""Run the program in a process of its own that does not have to import it.

`multiprocessing` forks each process from a server that has imported the program. It is signalled
and killed like any other process, and starts ten times as fast.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from campaignsync.cli import COMMANDS, MODULES, main
from support.commandline import ROOT, Ran

for _name in COMMANDS:
    import_module(f"campaignsync.cli.{MODULES.get(_name, _name)}")


class Forked:
    """The running program. It has the methods of `subprocess.Popen` that tests use."""

    def __init__(self, *arguments: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="campaignsync-")
        self._outputs = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        for file in self._outputs:
            file.touch()
        self._process = _server().Process(
            target=_run,
            args=(arguments, folder, dict(environment), self._outputs),
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int:
        """The exit code after `communicate`, negative for a signal."""
        assert self._process.exitcode is not None
        return self._process.exitcode

    @property
    def errors(self) -> str:
        """The stderr that the program has written so far."""
        return self._outputs[1].read_text()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for the end, and return stdout and stderr; raises TimeoutError."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError
        out, err = (file.read_text() for file in self._outputs)
        self._folder.cleanup()
        return out, err


def run_forked(*arguments: str, folder: Path, **environment: str) -> Ran:
    """Run the program in an environment with PATH and the given variables only."""
    variables = {"PATH": os.environ["PATH"], **environment}
    running = Forked(*arguments, folder=folder, environment=variables)
    out, err = running.communicate()
    return Ran(running.returncode, out, err)


@cache
def _server() -> ForkServerContext:
    """Start the server, which ends with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
        forkserver.ensure_running()
    return context


def _run(
    arguments: tuple[str, ...], folder: Path, environment: dict[str, str], outputs: list[Path]
) -> None:
    """Run the program, with stdout and stderr in these files."""
    for descriptor, path in enumerate(outputs, start=1):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["campaignsync", *arguments]
    main()
