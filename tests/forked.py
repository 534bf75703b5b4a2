"""Processes of tests, forked from one that has imported what they need (`tests.preloaded`) and nothing else: a command
that runs a pipeline imports for two seconds. Otherwise they are as `python -m` or `python -c` would start them, and are
used as those of `subprocess`. Tests of the installed command itself start that (`test_cli_process`)."""

import atexit
import contextlib
import io
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing import get_context, reduction
from pathlib import Path
from typing import Any
from weakref import WeakSet

ROOT = Path(__file__).parents[1]
MODULE, CODE = "-m", "-c"
PRELOADED = ["tests.preloaded"]


def context() -> Any:
    """The way of starting processes that `tests.preloaded` is imported for; one for all tests of this process."""
    forking = get_context("forkserver")
    forking.set_forkserver_preload(PRELOADED)
    return forking


_started: "WeakSet[Any]" = WeakSet()


@atexit.register
def _end_what_is_left() -> None:
    """Before `multiprocessing` waits for it."""
    for process in list(_started):
        if process.is_alive():
            process.kill()


class Popen:
    """The process of `[sys.executable, "-m", module, ...]` or `[sys.executable, "-c", code, ...]`, as
    `subprocess.Popen(..., text=True)` starts and holds it. What is not `PIPE` is the file that is given, or this
    process's own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
    ) -> None:
        self.args = [str(word) for word in command]
        assert self.args[0] == sys.executable and self.args[1] in (MODULE, CODE), self.args
        streams, theirs = [], []
        for number, stream in enumerate((stdin, stdout, stderr)):
            if stream == subprocess.PIPE:
                ends = os.pipe()
                ours, other = ends if number else reversed(ends)
                streams.append(os.fdopen(ours, "r" if number else "w", encoding="utf-8"))
                theirs.append(other)
            else:
                streams.append(None)
                theirs.append(number if stream is None else stream.fileno())
        self.stdin, self.stdout, self.stderr = streams
        self._process = context().Process(
            target=_become,
            args=(self.args[1:], str(cwd), dict(os.environ if env is None else env), _Descriptors(theirs)),
        )
        self._process.start()
        _started.add(self._process)
        for number, end in enumerate(theirs):
            if streams[number] is not None:
                os.close(end)

    @property
    def pid(self) -> int:
        pid: int = self._process.pid
        return pid

    @property
    def returncode(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, text: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Writes `text` and returns all that is left of stdout and stderr ('' of what is no pipe)."""
        said = ["", ""]

        def read(index: int, stream: io.TextIOBase) -> None:
            said[index] = stream.read()

        pipes = [(index, stream) for index, stream in enumerate((self.stdout, self.stderr)) if stream is not None]
        readers = [threading.Thread(target=read, args=pipe, daemon=True) for pipe in pipes]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended already
                self.stdin.write(text or "")
                self.stdin.close()
        end = None if timeout is None else time.monotonic() + timeout
        for reader in readers:
            reader.join(None if end is None else max(end - time.monotonic(), 0))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if end is None else max(end - time.monotonic(), 0))
        return said[0], said[1]

    def __enter__(self) -> "Popen":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None and not stream.closed:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    text: str | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """As `subprocess.run(..., input=text, capture_output=True, text=True)`."""
    pipe = subprocess.PIPE
    with Popen(command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            out, err = process.communicate(text, timeout)
        except BaseException:
            process.kill()
            raise
    assert process.returncode is not None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class _Descriptors:
    """File descriptors on their way to a process: pickled while it is started, they are passed on to it."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, ([reduction.DupFd(number) for number in self.numbers],)


def _received(passed: Sequence[Any]) -> list[int]:
    return [each.detach() for each in passed]


def _become(words: Sequence[str], folder: str, environment: Mapping[str, str], descriptors: Sequence[int]) -> None:
    """Go on as `python WORDS` in this folder, with this environment and these descriptors as 0, 1 and 2."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    how, what, *arguments = words
    try:
        sys.argv = [how, *arguments]
        if how == MODULE:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - as `python -c` does
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
