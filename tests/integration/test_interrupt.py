"""Proves: Ctrl-C ends every command within two seconds with exit code 130, and no traceback reaches a person, whatever
the command is doing, whatever answers in the place of a server, and whatever TZ says."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connectors.failpoints import VARIABLE
from tests.conftest import Bucket
from tests.integration.test_ingest import ROOT, flow_key, flow_log

LONGEST = 2.0
ENDLESS = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"


@contextmanager
def flowtrail(*arguments: str | Path, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def interrupted(process: "subprocess.Popen[str]") -> str:
    """What it said on standard error, once it has ended of Ctrl-C."""
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert time.monotonic() - begun < LONGEST + 1  # the machine may be busy with other tests
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert "Interrupted" in error
    return error


def test_a_query_that_would_run_for_hours(db: Path) -> None:
    with flowtrail("--db", db, "sql", ENDLESS) as process:
        time.sleep(3)
        interrupted(process)


@pytest.mark.parametrize("point", ["after-begin", "after-chunk:1", "before-receipts"])
def test_ingest_that_is_writing(bucket: Bucket, db: Path, point: str) -> None:
    bucket.put(flow_key(1), flow_log(1))
    with flowtrail("--db", db, "ingest", bucket.url, **{VARIABLE: f"{point}=hang"}) as process:
        assert process.stderr is not None
        assert any(line == f"failpoint {point}\n" for line in process.stderr)
        interrupted(process)
    with flowtrail("--db", db, "ingest", bucket.url) as again:
        assert again.wait(60) == 0


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that gives everybody this answer, or none at all. Yields its host and port."""
    if answer is None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"127.0.0.1:{silent.getsockname()[1]}"
        return

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            self.request.recv(65536)
            self.request.sendall(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def page(status: str, body: bytes = b"<html><body>The proxy says no</body></html>", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {size}\r\n\r\n".encode() + body


def test_ingest_that_is_waiting_for_s3(bucket: Bucket, db: Path) -> None:
    with (
        answering(None) as nobody,
        flowtrail("--db", db, "ingest", bucket.url, "--endpoint-url", f"http://{nobody}") as process,
    ):
        time.sleep(4)
        interrupted(process)


def test_following_a_prefix(bucket: Bucket, db: Path) -> None:
    bucket.put(flow_key(1), flow_log(1))
    with flowtrail("--db", db, "ingest", bucket.url, "--follow-prefix") as process:
        assert process.stderr is not None
        assert any("objects loaded" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error


def refused(*arguments: str | Path, **variables: str) -> str:
    with flowtrail(*arguments, **variables) as process:
        _, error = process.communicate(timeout=120)
    assert process.returncode == 1, error
    assert "Traceback" not in error
    assert "This should not happen" not in error
    assert "stamina" not in error
    last = [line for line in error.splitlines() if not line.startswith("warning: ")]
    assert last[0].startswith("error: "), error
    return error


ANSWERS: Sequence[bytes] = (
    page("200 OK"),
    page("200 OK", b""),
    page("200 OK", b"1\n", length=5000),
    page("407 Proxy Authentication Required"),
    page("502 Bad Gateway"),
    page("302 Found"),
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"",
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[:12].decode() or "nothing")
def test_whatever_answers_in_the_place_of_clickhouse(answer: bytes) -> None:
    with answering(answer) as address:
        error = refused("--db", f"http://{address}/x", "status", no_proxy="127.0.0.1")
    assert "127.0.0.1" in error


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[:12].decode() or "nothing")
def test_whatever_answers_in_the_place_of_s3(aws_env: None, db: Path, answer: bytes) -> None:
    with answering(answer) as address:
        refused("--db", db, "ingest", "s3://logs/x", "--endpoint-url", f"http://{address}", AWS_MAX_ATTEMPTS="1")


@pytest.mark.parametrize("zone", ["UTC+5", "Nowhere/Else", "", "Europe/Berlin", ":/etc/localtime"])
def test_whatever_tz_says(tmp_path: Path, zone: str) -> None:
    with flowtrail("--db", tmp_path / "db", "migrate", TZ=zone) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
