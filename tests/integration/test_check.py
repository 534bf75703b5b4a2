"""`check` reports what works, what does not, and how to fix it; no fault hides another; checking changes nothing."""

import http.server
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.aws.ec2 import OPERATIONS, permission
from connectors.store.clickhouse import Store
from connectors.store.configuration import save_snapshot
from schemas.configuration import Vpc
from schemas.snapshot import Snapshot
from tests.conftest import Bucket

Run = Callable[..., Result]


def runner(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", store.db, "check", *arguments], prog_name="flowtrail")

    return call


@pytest.fixture
def check(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(store, monkeypatch)


def states(result: Result) -> dict[str, tuple[str, str, str]]:
    answer = json.loads(result.stdout)
    wrong = [one for one in answer["checks"] if one["state"] == "wrong"]
    assert answer["ok"] is not bool(wrong)
    assert result.exit_code == bool(wrong)
    assert all(one["remedy"] for one in wrong)
    return {one["name"]: (one["state"], one["found"], one["remedy"]) for one in answer["checks"]}


def snap(store: Store, age: timedelta) -> None:
    vpc = Vpc("vpc-1", ("10.0.0.0/16",))
    save_snapshot(store.client(), Snapshot(datetime.now(UTC) - age, "files", (vpc,), "1", "eu-central-1"))


def test_all_is_well(bucket: Bucket, store: Store, check: Run) -> None:
    bucket.put("logs/a", b"x")
    snap(store, timedelta(hours=2))
    found = states(check(f"{bucket.url}/logs/", "-o", "json"))
    assert {state for state, _, _ in found.values()} == {"ok"}
    assert "arn:aws" in found["identity"][1]
    assert bucket.endpoint in found["identity"][1]
    assert found["list s3://logs/logs/"][1] == "can be listed: 1 objects"
    assert "s3://logs/logs/a can be read" in found["read s3://logs/logs/"][1]
    assert "2 h 00 min old" in found["snapshot"][1]
    assert "embedded engine, ClickHouse 2" in found["store"][1]
    assert {permission(operation) for operation in OPERATIONS} <= set(found)
    text = check(f"{bucket.url}/logs/").stdout
    assert text.splitlines()[-1] == "Nothing is wrong."


def test_a_missing_store_does_not_hide_what_else_is_wrong(
    bucket: Bucket, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWTRAIL_OUTPT", "json")
    found = states(runner(empty_store, monkeypatch)("s3://logs/x", "s3://nowhere", "-o", "json"))
    assert found["store"][0] == "wrong"
    assert "flowtrail ingest s3://bucket/AWSLogs/" in found["store"][2]
    assert found["migrations"][0] == found["snapshot"][0] == "skipped"
    assert found["settings"] == ("warning", "FLOWTRAIL_OUTPT is an unknown setting", "Did you mean FLOWTRAIL_OUTPUT?")
    assert found["list s3://logs/x"][1] == "There are no objects under s3://logs/x."
    assert "The bucket of s3://nowhere/ does not exist" in found["list s3://nowhere"][1]
    assert found["identity"][0] == "ok"


def test_a_retention_that_differs_from_the_store(
    bucket: Bucket, store: Store, check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert states(check("-o", "json"))["retention"][:2] == ("ok", "records are kept forever")
    monkeypatch.setenv("FLOWTRAIL_RETENTION", "36h")
    state, found, remedy = states(check("-o", "json"))["retention"]
    assert state == "warning"
    assert found == "records are kept forever; after the next command that writes, records are kept for 36 hours"
    assert "FLOWTRAIL_RETENTION" in remedy


def test_an_old_snapshot_and_no_snapshot(bucket: Bucket, store: Store, check: Run) -> None:
    assert states(check("-o", "json"))["snapshot"][0] == "warning"
    snap(store, timedelta(days=40))
    state, found, remedy = states(check("-o", "json"))["snapshot"]
    assert (state, remedy) == ("warning", "Take one with `flowtrail snapshot`.")
    assert "960 h 00 min old" in found


def test_without_credentials_aws_is_not_called(s3_endpoint: str, check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = states(check("s3://logs/", "-o", "json"))
    assert found["identity"][1] == "No AWS credentials were found."
    assert found["bucket s3://logs/"][0] == found["EC2"][0] == "skipped"
    text = check("s3://logs/").stdout
    assert text.splitlines()[-1] == "1 wrong."
    assert "aws sso login" in text


def test_a_public_bucket_needs_no_identity(bucket: Bucket, check: Run) -> None:
    bucket.put("a", b"x")
    found = states(check(bucket.url, "--no-sign-request", "-o", "json"))
    assert found["identity"][0] == found["EC2"][0] == "skipped"
    assert found["list s3://logs"][0] == "ok"


class Half(http.server.BaseHTTPRequestHandler):
    """AWS with a role that may get its own identity and describe subnets, and nothing else."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = dict(part.split("=", 1) for part in asked.split("&"))["Action"]
        if action == "GetCallerIdentity":
            self._say(
                200, f"<{action}Response><{action}Result><Arn>arn:aws:x</Arn></{action}Result></{action}Response>"
            )
            return
        code = "DryRunOperation" if action == "DescribeSubnets" else "UnauthorizedOperation"
        self._say(
            412 if code == "DryRunOperation" else 403,
            f"<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors></Response>",
        )

    def _say(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def test_each_missing_permission_is_named(aws_env: None, check: Run) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = states(check("--endpoint-url", f"http://127.0.0.1:{server.server_address[1]}", "-o", "json"))
    finally:
        server.shutdown()
        server.server_close()
    assert found["identity"][1].startswith("arn:aws:x at http://127.0.0.1")
    assert found["ec2:DescribeSubnets"][:2] == ("ok", "allowed in eu-central-1")
    denied = {name for name, (state, _, _) in found.items() if state == "wrong"}
    assert denied == {permission(operation) for operation in OPERATIONS} - {"ec2:DescribeSubnets"}


def test_the_checks_in_csv(bucket: Bucket, check: Run) -> None:
    lines = check("-o", "csv").stdout.splitlines()
    assert lines[0] == "name,state,found,remedy"
    assert any(line.startswith("store,ok,") for line in lines)
