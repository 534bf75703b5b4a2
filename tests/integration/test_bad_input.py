"""What can be wrong with a bucket, an object, the access to AWS and the store: each is reported with a remedy."""

import gzip
import http.client
import http.server
import io
import json
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stamina
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, query
from tests import forked
from tests.conftest import REGION, Bucket

ACCOUNT = "123456789012"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
LINE = f"2 {ACCOUNT} eni-0a 198.51.100.7 10.0.1.10 40000 22 6 3 180 1795197600 1795197650 REJECT OK"
LOG = f"{HEADER}\n{LINE}\n".encode()
BASE = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/11/20"

Ingest = Callable[..., Result]


def key(n: int) -> str:
    return f"{BASE}/{ACCOUNT}_vpcflowlogs_{REGION}_fl-1_20261120T1000Z_{n:08x}.log.gz"


@pytest.fixture
def ingest(store: Store, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """The command in this process, on the test's own store."""
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", store.db, "ingest", *arguments], prog_name="flowtrail")

    return call


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def parquet(**columns: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


OBJECTS = [
    ("not gzip", key(1), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not-gzip"),
    ("truncated gzip", key(2), cut(gzip.compress(LOG * 90)), "truncated-gzip"),
    ("damaged gzip", key(3), gzip.compress(LOG)[:10] + b"\xff" * 40, "bad-gzip"),
    ("bomb", key(4), gzip.compress(LOG + b"\n" * (40 << 20)), "suspicious-ratio"),
    ("empty object", key(5), b"", "empty-object"),
    ("gzip of nothing", key(6), gzip.compress(b""), "empty-object"),
    ("Parquet of wrong types", key(8).replace(".gz", ".parquet"), parquet(start=["noon"], end=[2]), "parquet-types"),
    ("truncated Parquet", key(8).replace(".gz", ".parquet"), parquet(start=[1], end=[2])[:-9], "bad-parquet"),
    ("no header, no record", key(7), gzip.compress(b"account interface\n"), "no-time-fields"),
    ("damaged gzip of no known name", "copied/x", gzip.compress(LOG)[:10] + b"\xff" * 40, "bad-gzip"),
    ("cut gzip of no known name", "copied/y.gz", gzip.compress(LOG)[:30], "truncated-gzip"),
]


@pytest.mark.parametrize(("name", "body", "reason"), [each[1:] for each in OBJECTS], ids=[each[0] for each in OBJECTS])
def test_an_object_that_cannot_be_read_is_set_aside_and_the_rest_is_loaded(
    bucket: Bucket, ingest: Ingest, name: str, body: bytes, reason: str
) -> None:
    bucket.put(name, body)
    bucket.put(key(99), gzip.compress(LOG))
    result = ingest(bucket.url)
    assert result.exit_code == 3, result.stderr
    assert f"s3://logs/{name}" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith(f"    {reason}: "))
    assert len(line) > 40
    assert "2 objects: 1 loaded, 0 already known, 1 set aside." in result.stdout


class Tears(http.server.BaseHTTPRequestHandler):
    """Passes each request on to S3, and closes the connection before the end of one object's body."""

    s3 = ""

    def do_GET(self) -> None:
        s3 = http.client.HTTPConnection(self.s3.removeprefix("http://"))
        s3.request("GET", self.path, headers=dict(self.headers))
        answer = s3.getresponse()
        body = answer.read()
        s3.close()
        self.send_response(answer.status)
        for name in ("Content-Type", "ETag", "Last-Modified"):
            if value := answer.headers[name]:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:-9] if key(1) in self.path else body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def test_an_object_whose_body_always_ends_early_stops_nothing_but_itself(
    bucket: Bucket, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 4):
        bucket.put(key(n), gzip.compress(LOG))
    monkeypatch.setattr(Tears, "s3", bucket.endpoint)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tears)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    with stamina.set_testing(True, attempts=2):
        result = ingest(bucket.url)
    server.shutdown()
    server.server_close()
    assert result.exit_code == 3, result.stderr
    assert "3 objects: 2 loaded, 0 already known, 1 set aside." in result.stdout
    assert "    body-ends-early: " in result.stdout
    assert f"s3://logs/{key(1)}" in result.stdout
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    again = ingest(bucket.url)
    assert (again.exit_code, "3 objects: 1 loaded, 2 already known" in again.stdout) == (0, True), again.stdout


LINES = [
    ("wrong token count", LINE.removesuffix(" OK"), "token-count"),
    ("counter of 2^64", LINE.replace(" 3 180 ", " 3 18446744073709551616 "), "out-of-range:bytes"),
    ("NUL", LINE.replace("eni-0a", "eni-0a\0"), "control-bytes"),
    ("control bytes", LINE.replace("eni-0a", "\x1b[2Jeni"), "control-bytes"),
    ("no UTF-8", LINE.replace("eni-0a", "eni-\udcff"), "not-utf8"),
    ("no address", LINE.replace("198.51.100.7", "198.51.100.256"), "bad-address:srcaddr"),
    ("no number", LINE.replace(" 40000 ", " many "), "bad-number:srcport"),
]


@pytest.mark.parametrize(("line", "reason"), [each[1:] for each in LINES], ids=[each[0] for each in LINES])
def test_a_line_that_is_not_a_record_is_kept_with_its_reason_and_the_rest_is_loaded(
    bucket: Bucket, store: Store, ingest: Ingest, line: str, reason: str
) -> None:
    bucket.put(key(1), gzip.compress("\n".join([HEADER, LINE, line, LINE, ""]).encode("utf-8", "surrogateescape")))
    result = ingest(bucket.url)
    assert result.exit_code == 0, result.stderr
    assert "3 records read = 2 written + 1 rejected + 0 skipped" in result.stdout
    hint = "Rejected lines are stored with their reason: "
    shown = next(text for text in result.stdout.splitlines() if text.startswith(hint))
    arguments = shlex.split(shown.removeprefix(hint).removeprefix("flowtrail "))
    told = CliRunner().invoke(app, ["--db", store.db, *arguments, "-o", "json"], prog_name="flowtrail")
    [kept] = json.loads(told.stdout)
    assert kept["reason"] == reason
    assert kept["raw"].startswith("2 123456789012 ")


HARMLESS = {
    "CRLF": f"{HEADER}\r\n{LINE}\r\n",
    "BOM": f"\ufeff{HEADER}\n{LINE}\n",
    "millisecond times": f"{HEADER}\n{LINE}\n".replace("1795197600", "1795197600123"),
    "unknown fields": f"{HEADER} quantum-tag\n{LINE} up\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_differences_are_loaded_as_usual(bucket: Bucket, store: Store, ingest: Ingest, name: str) -> None:
    bucket.put(key(1), gzip.compress(HARMLESS[name].encode()))
    result = ingest(bucket.url)
    assert result.exit_code == 0, result.stderr
    assert "1 records read = 1 written + 0 rejected + 0 skipped: 1 flows" in result.stdout
    sql = "SELECT interface_id, toUnixTimestamp(start) AS start, action, toString(extra) AS extra FROM flows"
    [row] = query(store.reader(), sql).to_pylist()
    assert row == {
        "interface_id": "eni-0a",
        "start": 1795197600,
        "action": "REJECT",
        "extra": "{'quantum-tag':'up'}" if name == "unknown fields" else "{}",
    }


def test_a_header_alone_is_not_a_fault(bucket: Bucket, ingest: Ingest) -> None:
    bucket.put(key(1), gzip.compress(f"{HEADER}\n".encode()))
    result = ingest(bucket.url)
    assert result.exit_code == 0, result.stderr
    assert "1 objects: 1 loaded" in result.stdout
    assert "0 records read = 0 written + 0 rejected + 0 skipped" in result.stdout


def test_an_empty_object_with_an_unknown_name_is_not_a_log(bucket: Bucket, ingest: Ingest) -> None:
    bucket.put("done.marker", b"")
    assert "1 objects: 0 loaded, 0 already known, 1 not logs." in ingest(bucket.url).stdout


def test_an_archived_object_is_set_aside_and_says_how_to_restore_it(bucket: Bucket, ingest: Ingest) -> None:
    client = boto3.client("s3", endpoint_url=bucket.endpoint)
    client.put_object(Bucket=bucket.name, Key=key(1), Body=gzip.compress(LOG), StorageClass="GLACIER")
    result = ingest(bucket.url)
    assert result.exit_code == 3, result.stderr
    assert "archived: in an archive storage class; restore it (`aws s3api restore-object`)" in result.stdout


def test_no_such_bucket(s3_endpoint: str, ingest: Ingest) -> None:
    failed(ingest("s3://nowhere/x"), "The bucket of s3://nowhere/x does not exist.", "AWS_PROFILE")


def test_unreachable_endpoint(aws_env: None, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"http://127.0.0.1:{free_port()}"
    failed(ingest("s3://logs/", "--endpoint-url", url), f'"{url}/', "AWS_ENDPOINT_URL")


@pytest.mark.parametrize("url", ["localhost:9000", "ftp://host", "http://user:secret@host"])
def test_an_invalid_endpoint(aws_env: None, ingest: Ingest, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = failed(ingest("s3://logs/", "--endpoint-url", url), "--endpoint-url cannot be", "http(s)://host")
    assert "secret" not in result.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    if "@" not in url:
        failed(ingest("s3://logs/"), url, "--endpoint-url")


def test_bad_region(s3_endpoint: str, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    failed(ingest("s3://logs/", "--aws-region", "Frankfurt!"), "--aws-region cannot be 'Frankfurt!'", "eu-central-1")
    monkeypatch.setenv("AWS_REGION", "Frankfurt!")
    failed(ingest("s3://logs/"), "not an AWS region", "--aws-region")


def test_a_profile_that_does_not_exist(s3_endpoint: str, ingest: Ingest) -> None:
    failed(ingest("s3://logs/", "--profile", "ghost"), "ghost", "aws configure list-profiles")


def test_no_credentials(s3_endpoint: str, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    failed(ingest("s3://logs/"), "No AWS credentials were found.", "--no-sign-request")


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives the answer that the test sets, and records the headers of each request."""

    status = 403
    code = "AccessDenied"
    said = ""
    asked: list[http.client.HTTPMessage] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        Answers.asked.append(self.headers)
        body = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>{self.said}</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def answers(aws_env: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint that gives one answer, in place of S3."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Answers.asked = []
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    yield url
    server.shutdown()
    server.server_close()


KMS = "User: ann is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext"
ANSWERS = [
    (403, "AccessDenied", "Access Denied", "Access to s3://logs/ is denied.", "s3:ListBucket"),
    (403, "AccessDenied", KMS, "encrypted with a KMS key that cannot be used", "Grant kms:Decrypt"),
    (400, "KMS.DisabledException", "arn is disabled", "cannot be used: arn is disabled", "the key is enabled"),
    (400, "ExpiredToken", "The provided token has expired.", "credentials have expired", "aws sso login"),
    (403, "InvalidAccessKeyId", "no", "does not accept the credentials: InvalidAccessKeyId", "--profile"),
    (403, "RequestTimeTooSkewed", "no", "this machine's clock is wrong", "Set the clock."),
    (503, "SlowDown", "Please reduce your request rate.", "S3 throttled every attempt (SlowDown)", "Wait a while"),
    (400, "IllegalLocationConstraintException", "", "is in another region", "--aws-region"),
    (418, "Teapot", "short and stout", "Teapot: short and stout", "run the same command again"),
]


@pytest.mark.parametrize(("status", "code", "said", "message", "remedy"), ANSWERS, ids=[each[1] for each in ANSWERS])
def test_errors_from_s3(
    answers: str,
    ingest: Ingest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    status: int,
    code: str,
    said: str,
    message: str,
    remedy: str,
) -> None:
    monkeypatch.setattr(Answers, "status", status)
    monkeypatch.setattr(Answers, "code", code)
    monkeypatch.setattr(Answers, "said", said)
    failed(ingest("s3://logs/"), message, remedy)
    assert code != "SlowDown" or len(Answers.asked) == 2  # it was retried


def test_how_requests_are_made(answers: str, ingest: Ingest) -> None:
    ingest("s3://logs/")
    ingest("s3://logs/", "--no-sign-request", "--requester-pays")
    signed, plain = Answers.asked
    assert "Authorization" in signed
    assert signed["x-amz-request-payer"] is None
    assert "Authorization" not in plain
    assert plain["x-amz-request-payer"] == "requester"


def test_a_folder_that_cannot_be_written(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    for db in (tmp_path / "file" / "db", Path("/proc/flowtrail")):
        result = process("--db", str(db), "ingest", bucket.url)
        assert result.returncode == 1
        assert result.stderr.startswith(f"error: The database {db} cannot be opened: ")
        assert "FLOWTRAIL_DB" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_server_that_is_down(bucket: Bucket) -> None:
    port = free_port()
    result = process("--db", f"http://loader@127.0.0.1:{port}", "ingest", bucket.url)
    assert result.returncode == 1
    assert f"error: The ClickHouse server at 127.0.0.1:{port} cannot be reached" in result.stderr
    assert "its HTTP port can be reached" in result.stderr
    assert "Traceback" not in result.stderr


def failed(result: Result, message: str, remedy: str) -> Result:
    """Exit code 1, nothing on standard output, the message and then the remedy."""
    assert result.exit_code == 1, (result.stdout, result.stderr, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("error: "))
    assert message in lines[at], result.stderr
    assert remedy in " ".join(lines[at + 1 :]), result.stderr
    assert "Traceback" not in result.stderr
    return result


def process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return forked.run([sys.executable, "-m", "cli", *arguments], timeout=180)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_the_summary_in_csv_is_one_line(bucket: Bucket, ingest: Ingest) -> None:
    bucket.put(key(1), gzip.compress(LOG))
    names, values = ingest(bucket.url, "-o", "csv").stdout.splitlines()
    assert dict(zip(names.split(","), values.split(","), strict=True))["objects_done"] == "1"
    assert json.loads(ingest(bucket.url, "-o", "json").stdout)["objects_known"] == 1
