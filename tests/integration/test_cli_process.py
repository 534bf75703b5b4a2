"""The command as a process: what it prints where, its exit codes, and a folder that another process has open."""

import contextlib
import gzip
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import Bucket

FLOWTRAIL = Path(sys.executable).parent / "flowtrail"
LOG = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status\n"
    "2 123456789012 eni-0a 198.51.100.7 10.0.1.10 40000 22 6 3 180 1763640300 1763640350 REJECT OK\n"
    "2 123456789012 eni-0a 198.51.100.8 10.0.1.10 40000\n"
    "2 123456789012 eni-0a - - - - - - - 1763640300 1763640360 - NODATA\n"
)
KEY = "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2025/11/20/x.log.gz"


def flowtrail(db: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(FLOWTRAIL), "--db", str(db), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, **variables},
    )


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "db"


def test_ingest_prints_only_json_and_sets_bad_objects_aside(bucket: Bucket, db: Path) -> None:
    bucket.put(KEY, gzip.compress(LOG.encode()))
    bucket.put(KEY.replace("x.log", "y.log"), gzip.compress(LOG.encode() * 50)[:-20])
    result = flowtrail(db, "ingest", f"{bucket.url}/AWSLogs/", "--output", "json")
    assert result.returncode == 3, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["objects_listed"], answer["objects_done"], answer["objects_known"]) == (2, 1, 0)
    assert answer["rows_read"] == 3
    assert (answer["rows_written"], answer["rows_rejected"], answer["rows_skipped"]) == (2, 1, 0)
    [letter] = answer["dead_letters"]
    assert (letter["reason"], letter["key"]) == ("truncated-gzip", KEY.replace("x.log", "y.log"))
    assert "Take one with `flowtrail snapshot`" in result.stderr
    assert "Traceback" not in result.stderr

    again = flowtrail(db, "ingest", f"{bucket.url}/AWSLogs/")
    assert again.returncode == 3
    assert "1 already known" in again.stdout
    assert "truncated-gzip" in again.stdout

    status = json.loads(flowtrail(db, "status", "-o", "json").stdout)
    assert (status["flows"], status["rows_read"], status["dead_letters"]) == (1, 3, 1)
    rejects = json.loads(flowtrail(db, "search", "--action", "reject", "-o", "json").stdout)
    assert [(row["key"], row["line"]) for row in rejects["flows"]] == [(KEY, 2)]


def on_a_terminal(db: Path, *arguments: str) -> tuple[str, str]:
    """The text on standard output (a pipe), and on standard error (a terminal)."""
    master, terminal = pty.openpty()
    shown: list[bytes] = []

    def watch() -> None:
        with contextlib.suppress(OSError):  # end of the terminal's output
            while part := os.read(master, 4096):
                shown.append(part)

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = subprocess.run(
        [str(FLOWTRAIL), "--db", str(db), *arguments],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        text=True,
        check=False,
        timeout=180,
    )
    os.close(terminal)
    watcher.join()
    os.close(master)
    return result.stdout, b"".join(shown).decode()


def test_progress_is_shown_to_a_person_and_not_to_a_script(bucket: Bucket, db: Path) -> None:
    bucket.put(KEY, gzip.compress(LOG.encode()))
    bucket.put(KEY.replace("x.log", "y.log"), gzip.compress(LOG.encode() * 50)[:-20])
    damage = "ALTER TABLE flows DELETE WHERE 1 SETTINGS mutations_sync = 2"
    for arguments, bars in (
        (["migrate"], ["migrating"]),
        (["ingest", bucket.url], ["objects"]),
        (["snapshot"], ["reading the configuration"]),
        (["check", bucket.url], ["checking"]),
        (["deadletters", "replay"], ["objects retried", "1/1"]),
        (["doctor", "--repair"], ["comparing ledger and rows", "objects read again", "1/1"]),
    ):
        if arguments[0] == "doctor":
            subprocess.run([sys.executable, "-c", DAMAGE, str(db), damage], check=True, timeout=60)
        answer, shown = on_a_terminal(db, *arguments, "-o", "json")
        assert json.loads(answer) is not None
        for bar in bars:
            assert bar in shown, (arguments, shown)
    assert flowtrail(db, "doctor").stderr == ""


DAMAGE = """
import sys
from connectors.store.clickhouse import Store
Store(sys.argv[1]).client().command(sys.argv[2])
"""


def test_a_bucket_that_does_not_exist_is_a_failure_with_a_remedy(bucket: Bucket, db: Path) -> None:
    result = flowtrail(db, "ingest", "s3://nowhere/")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == "error: The bucket of s3://nowhere/ does not exist."
    assert "AWS_PROFILE" in result.stderr
    assert "Traceback" not in result.stderr


HOLD = """
import sys
from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
ensure_migrated(Store(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(db: Path) -> Iterator[Path]:
    """A database folder that another process has open."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        yield db
        holder.stdin.close()


def test_a_folder_that_another_process_has_open(held: Path) -> None:
    for arguments in (["status"], ["ingest", "s3://x/"]):
        begun = time.monotonic()
        result = flowtrail(held, *arguments, FLOWTRAIL_WAIT="3s")
        assert time.monotonic() - begun >= 2
        assert result.returncode == 1
        assert re.search(r"is in use by another process \(\d+: -c import .*\)\.", result.stderr)
        assert "FLOWTRAIL_DB" in result.stderr


@pytest.mark.parametrize("arguments", [["migrate"], ["status"]], ids=lambda words: words[0])
def test_a_folder_that_cannot_exist(tmp_path: Path, arguments: Sequence[str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    result = flowtrail(tmp_path / "file" / "db", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) >= 2
    assert "Traceback" not in result.stderr


def test_a_pipe_that_closes_early_is_not_an_error(db: Path) -> None:
    flowtrail(db, "migrate")
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [str(FLOWTRAIL), "--db", str(db), "sql", "SELECT number FROM numbers(5000)"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert "Traceback" not in result.stderr


def test_the_version_and_no_arguments() -> None:
    version = subprocess.run([str(FLOWTRAIL), "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("flowtrail ")
    bare = subprocess.run([str(FLOWTRAIL)], capture_output=True, text=True, check=False)
    assert bare.returncode == 2
    assert "Usage: flowtrail" in bare.stdout + bare.stderr


WITHOUT_MOTO = """
import sys
sys.modules["moto"] = None
from cli import main
main()
"""


def test_the_demo_says_what_to_install_when_something_is_missing(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_MOTO, "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "error: The demo needs components that are not installed: moto." in result.stderr
    assert "pip install '.[demo]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_without_objects_is_told(bucket: Bucket, db: Path) -> None:
    bucket.put(KEY, gzip.compress(LOG.encode()))
    wrong = flowtrail(db, "ingest", f"{bucket.url}/AWSLog/", "--account", "123456789012", "--region", "eu-west-1")
    assert wrong.returncode == 0
    assert (
        "warning: no objects were found under s3://logs/AWSLog/ of account 123456789012 in region eu-west-1."
        in wrong.stderr
    )
    assert "aws s3 ls s3://logs/AWSLog/" in wrong.stderr
    assert "no objects were found" not in flowtrail(db, "ingest", bucket.url).stderr
