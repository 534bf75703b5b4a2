"""A crash sweep: a process is disturbed at one system call inside the database folder, then run again undisturbed.

A first run under `strace` lists the calls. The folder is a copy of the same one each time, so each call can be
identified by its name and path, whichever thread makes it: `strace -P PATH -e inject=CALL:...:when=1`.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import forked

ROOT = Path(__file__).parents[2]
CALLS = ("write", "rename", "openat", "mkdir", "unlink")
INJECTIONS = {"EIO": "error=EIO", "SIGKILL": "signal=SIGKILL"}
TIMEOUT = 180

_CALL = re.compile(rf"^\d+\s+({'|'.join(CALLS)})\((.*)$")
_WRITTEN = re.compile(r"^\d+<([^>]*)>")
_NAMED = re.compile(r'"([^"]*)"')
_UNSTEADY = re.compile(r"tmp_merge|case_sensitivity_check")
"""Background merges and random names, which differ between runs."""


def strace() -> str:
    """Path of strace. Without it the sweep proves nothing: it fails if CI is set, else it is skipped with a message."""
    found = shutil.which("strace")
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("The crash sweep needs strace, which is not installed: apt-get install strace", pytrace=False)
    return found


@dataclass(frozen=True, order=True)
class Point:
    """One system call on one path in the database folder, and what happens to it."""

    call: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} at {self.call} of {self.path}"


def sample(calls: Sequence[tuple[str, str]], many: int, seed: int) -> list[Point]:
    """About `many` points: as many of each kind of call, evenly over the run, alternating between the two faults."""
    points: list[Point] = []
    chance = random.Random(seed)
    kinds = [[path for kind, path in calls if kind == call] for call in CALLS]
    for call, paths in sorted(zip(CALLS, kinds, strict=True), key=lambda kind: len(kind[1])):
        wanted = -(-(many - len(points)) // (len(CALLS) - len({point.call for point in points})))
        both = [(path, what) for path in paths for what in INJECTIONS]
        wanted = min(wanted, len(both))
        offset = chance.random()
        chosen = [both[int((n + offset) * len(both) / wanted)] for n in range(wanted)]
        points += [Point(call, path, what) for path, what in chosen]
    return points


@dataclass(frozen=True)
class Outcome:
    """What the process answered; `hit` if the call was reached and disturbed."""

    returncode: int
    answer: Mapping[str, Any] | None
    stderr: str
    hit: bool = False


@dataclass(frozen=True)
class Scenario:
    """What is run, and on a copy of which database folder. `rest` are the remaining arguments of the process."""

    template: Path
    how: str = "ledger"
    rest: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, db: Path, tracing: Sequence[str] = (), log: Path | None = None) -> Outcome:
        """Runs the process on `db`, with strace attached once it is ready."""
        command = [sys.executable, "-m", "tests.crash.process", self.how, str(db), *self.rest]
        environment = {**os.environ, **self.environment}
        pipe = subprocess.PIPE
        with forked.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            if said != "ready\n":
                return Outcome(process.wait(TIMEOUT), None, process.communicate(timeout=TIMEOUT)[1])
            with _traced(process.pid, tracing, log):
                out, err = process.communicate("\n", timeout=TIMEOUT)
        answer = json.loads(out.splitlines()[-1]) if process.returncode == 0 else None
        text = log.read_text("utf-8", "replace") if log else ""
        return Outcome(process.returncode, answer, err, "INJECTED" in text or "killed by SIGKILL" in text)

    def copy(self, db: Path) -> Path:
        shutil.copytree(self.template, db, symlinks=True)
        return db

    def calls(self, scratch: Path) -> list[tuple[str, str]]:
        """Call and path of each system call of an undisturbed run that can be disturbed, in order, each once."""
        scratch.mkdir()
        db, log = self.copy(scratch / "db"), scratch / "log"
        outcome = self.run(db, ["-y", "-s", "0", "-e", f"trace={','.join(CALLS)}"], log)
        assert outcome.returncode == 0, outcome.stderr
        found = dict.fromkeys(_steady(log.read_text("utf-8", "replace"), db))
        shutil.rmtree(scratch)
        return list(found)

    def disturbed(self, scratch: Path, point: Point) -> tuple[Outcome, Outcome]:
        """Outcomes of the process disturbed at `point` and of the one after it."""
        db, log = self.copy(scratch / "db"), scratch / "log"
        inject = f"inject={point.call}:{INJECTIONS[point.what]}:when=1"
        first = self.run(db, ["-P", f"{db}/{point.path}", "-e", f"trace={point.call}", "-e", inject], log)
        second = self.run(db)
        shutil.rmtree(scratch)
        return first, second


@contextmanager
def _traced(pid: int, tracing: Sequence[str], log: Path | None) -> Iterator[None]:
    if not tracing:
        yield
        return
    command = [strace(), "-f", "-p", str(pid), "-o", str(log), *tracing]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        while said and "attached" not in said:  # it first prints how it resolved a path
            said = tracer.stderr.readline()
        assert said, "strace could not attach: is ptrace allowed here?"
        yield
        tracer.communicate(timeout=TIMEOUT)


def _steady(log: str, db: Path) -> Iterator[tuple[str, str]]:
    for line in log.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        call, arguments = match.groups()
        paths = _WRITTEN.findall(arguments) if call == "write" else _NAMED.findall(arguments)
        if paths and paths[0].startswith(f"{db}/"):  # for a rename, strace -P matches the old name, not the new one
            path = paths[0].removeprefix(f"{db}/")
            if not _UNSTEADY.search(path):
                yield call, path
