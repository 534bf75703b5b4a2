"""Proves: `flowtrail console` as a process says where it is, answers there, and ends of a signal within two seconds;
what it cannot do it says before it listens."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.web.access import TOKEN
from tests.conftest import ROOT

LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def console(*arguments: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_serves_until_a_signal(db: Path, number: signal.Signals, code: int) -> None:
    with console("--db", str(db), "console", "--listen", "127.0.0.1:0", "--mcp") as process:
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("Console: ").strip()
        assert LOCAL.open(f"{url}healthz").read() == b'{"alive":true}'
        assert b"No open incidents" in LOCAL.open(url).read()
        with pytest.raises(urllib.error.HTTPError, match="406"):  # it is there, and this is no MCP client
            LOCAL.open(urllib.request.Request(f"{url}mcp", b"{}", {"content-type": "application/json"}))  # noqa: S310
        begun = time.monotonic()
        process.send_signal(number)
        output, error = process.communicate(timeout=30)
        assert time.monotonic() - begun < 3  # the machine may be busy with other tests
        assert process.returncode == code
        assert "Traceback" not in error
        assert output == ""


def test_the_token_is_never_printed(db: Path) -> None:
    with console("--db", str(db), "console", "--listen", "127.0.0.1:0", **{TOKEN: "secret"}) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.endswith("/?token=...\n")
        process.terminate()
        assert "secret" not in "".join([line, *process.communicate(timeout=30)])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--listen", "0.0.0.0:0"], f"Set {TOKEN}"),
        (["--listen", "here"], "write 127.0.0.1:8470"),
        (["--listen", "127.0.0.1:99999"], "write 127.0.0.1:8470"),
        (["--listen", "192.0.2.1:0", "--identity-header", "X-User"], "cannot be listened on"),
    ],
)
def test_what_cannot_be_served_is_said(db: Path, arguments: list[str], says: str) -> None:
    with console("--db", str(db), "console", *arguments) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode in (1, 2)
    assert says in " ".join(error.split())
    assert "Traceback" not in error


def test_without_a_database_it_says_how_to_make_one(tmp_path: Path) -> None:
    with console("--db", str(tmp_path / "none"), "console") as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "flowtrail ingest s3://bucket/AWSLogs/" in error
