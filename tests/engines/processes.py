"""Processes that make up a cluster. Each has a folder of its own, for its files and as its temporary folder; what it
is told, secrets too, it is told by its environment."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 60


class Machine:
    """Starts processes, and ends them."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self.variables = {
            **variables,
            "PYTHONPATH": str(ROOT),
            "PATH": path,  # Beam's worker pool starts `python`
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",  # it can hang Python 3.11: see docs/scaling.md
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(self, name: str, *command: str, **more: str) -> "subprocess.Popen[str]":
        """A process that runs until the end, or until it is killed. `more`: variables of its own."""
        own = self.folder / name
        temporary = own / "tmp"
        temporary.mkdir(parents=True)
        with (own / "output").open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=own,
                env={**self.variables, "TMPDIR": str(temporary), **more},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def output(self, name: str) -> str:
        return (self.folder / name / "output").read_text("utf-8", "replace")

    def end(self) -> None:
        """Each process, and whatever it started."""
        for process in self._started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait(SECONDS)


class Dask:
    """A scheduler and two workers, each a process of its own without a nanny: a worker that is killed stays away."""

    def __init__(self, machine: Machine, **of_the_first: str) -> None:
        self._machine = machine
        file = machine.folder / "scheduler.json"
        machine.start(
            "scheduler",
            *_dask("scheduler"),
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--scheduler-file",
            str(file),
            "--no-dashboard",
        )
        until(file.exists)
        until(lambda: bool(file.read_text("utf-8")))
        self.address: str = json.loads(file.read_text("utf-8"))["address"]
        self.workers = [self._worker("worker-0", **of_the_first), self._worker("worker-1")]
        for number in (0, 1):  # so that both have work to do from the start
            until(lambda number=number: "Registered to" in machine.output(f"worker-{number}"))  # type: ignore[misc]

    def _worker(self, name: str, **more: str) -> "subprocess.Popen[str]":
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
        return self._machine.start(name, *_dask("worker"), self.address, *options, **more)


def _dask(what: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dask", what)


class WorkerPool:
    """Starts a worker for a job of Prism, or of any runner of the portable API, whenever it is asked to."""

    def __init__(self, machine: Machine) -> None:
        port = free_port()
        machine.start(
            "pool", sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"
        )
        self.address = f"localhost:{port}"
        until(lambda: is_open(port))


class Prism:
    """Prism as a server."""

    def __init__(self, machine: Machine, binary: Path) -> None:
        port = free_port()
        machine.start("prism", str(binary), f"--job_port={port}", "--serve_http=false", "--idle_shutdown_timeout=-1s")
        self.endpoint = f"localhost:{port}"
        until(lambda: is_open(port))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def until(is_so: Callable[[], Any], seconds: float = SECONDS) -> None:
    """Wait for it. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
