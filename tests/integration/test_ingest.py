"""Proves: S3 objects become rows, each record accounted for and each object once, even if runs are repeated, concurrent
or killed half-way; objects that cannot be read are set aside by name and the rest is loaded."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.failpoints import KILLED, VARIABLE
from connectors.store import configuration, dead_letters
from connectors.store.clickhouse import Store, query
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from schemas.configuration import (
    AclAssociation,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    RouteTableAssociation,
    Subnet,
    Vpc,
)
from schemas.errors import FlowtrailError
from schemas.snapshot import Snapshot
from schemas.summary import IngestSummary
from tests import forked
from tests.conftest import Bucket
from tests.integration.ingest_process import contents, unfinished

ACCOUNT, REGION = "123456789012", "eu-central-1"
BASE = f"AWSLogs/{ACCOUNT}"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
MIDNIGHT = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
ROOT = Path(__file__).parents[2]


def flow_key(n: int) -> str:
    name = f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-1_20261120T{n:02d}00Z_{n:08x}.log.gz"
    return f"{BASE}/vpcflowlogs/{REGION}/2026/11/20/{name}"


def trail_key(n: int) -> str:
    name = f"{ACCOUNT}_CloudTrail_{REGION}_20261120T{n:02d}00Z_abcdefgh{n:08d}.json.gz"
    return f"{BASE}/CloudTrail/{REGION}/2026/11/20/{name}"


def flow_log(n: int, records: int = 5) -> bytes:
    """Records around midnight, an interval without data, and a line with too few tokens."""
    at = MIDNIGHT + 60 * n
    lines = [
        f"2 {ACCOUNT} eni-{n} 203.0.113.{i} 10.0.0.{n} {40000 + i} 22 6 {i + 1} 840 {t} {t + 59}"
        f" {'REJECT' if i % 3 == 0 else 'ACCEPT'} OK"
        for i, t in ((i, at + (i - 2) * 600) for i in range(records))
    ]
    lines.append(f"2 {ACCOUNT} eni-{n} - - - - - - - {at} {at + 59} - NODATA")
    lines.append(f"2 {ACCOUNT} eni-{n} 10.0.0.1")
    return gzip.compress("\n".join([HEADER, *lines, ""]).encode())


def trail(n: int) -> bytes:
    """A deleted route, the same call denied, and a read-only call."""
    record = {
        "eventVersion": "1.10",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ann", "accountId": ACCOUNT},
        "eventTime": f"2026-11-20T{n:02d}:32:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DeleteRoute",
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli",
        "requestParameters": {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"},
        "responseElements": {"_return": True},
        "eventID": f"00000000-0000-4000-8000-{n:012d}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
    }
    refused = {**record, "errorCode": "Client.UnauthorizedOperation", "eventID": f"1-{n}", "responseElements": None}
    reads = {**record, "eventName": "DescribeRouteTables", "readOnly": True, "eventID": f"2-{n}"}
    return gzip.compress(json.dumps({"Records": [record, refused, reads]}).encode())


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    """Eight flow logs, three CloudTrail objects (one known only by its content), and other objects of such a bucket."""
    for n in range(8):
        bucket.put(flow_key(n), flow_log(n))
    for n in range(2):
        bucket.put(trail_key(n), trail(n))
    bucket.put("copied/trail.json", gzip.decompress(trail(5)))
    bucket.put(trail_key(3).replace("/CloudTrail/", "/CloudTrail-Digest/"), gzip.compress(b"{}"))
    bucket.put(f"{BASE}/", b"")
    bucket.put("notes.txt", b"nothing to see here\n")
    return bucket


def ingest(store: Store, bucket: Bucket, **more: Any) -> IngestSummary:
    return run_ingest(store, [bucket.url], **more)


def other_process(
    *arguments: str, point: str = "", cwd: Path = ROOT, **more: Any
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.integration.ingest_process", *arguments]
    environment = {**os.environ, VARIABLE: point}
    return forked.run(command, env=environment, cwd=cwd, timeout=180, **more)


def answer(process: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return found


def test_objects_become_rows(store: Store, filled: Bucket) -> None:
    heard: list[tuple[int, int]] = []
    summary = ingest(store, filled, tell=lambda done, total: heard.append((done, total)))
    assert (summary.objects_listed, summary.objects_done, summary.objects_known) == (14, 11, 0)
    assert (summary.objects_other, summary.objects_busy, summary.dead_letters) == (3, 0, [])
    assert (summary.flows, summary.coverage, summary.change_events, summary.rows_rejected) == (40, 8, 3, 8)
    assert summary.rows_read == 8 * 7 + 3 * 3
    assert summary.rows_read == summary.rows_written + summary.rows_rejected + summary.rows_skipped
    assert sum(summary.skipped.values()) == summary.rows_skipped == 6
    assert summary.unenriched == 40
    assert heard[-1] == (11, 11)
    counted = query(store.reader(), "SELECT countIf(action = 'REJECT') AS r, uniqExact(interface_id) AS e FROM flows")
    assert counted.to_pylist() == [{"r": 16, "e": 8}]
    assert unfinished(store) == 0


def test_rows_get_the_metadata_of_their_time(store: Store, filled: Bucket) -> None:
    """The route table is known from the snapshot; its changes in CloudTrail become versions."""
    network = (
        Vpc("vpc-1", ("10.0.0.0/16",)),
        Subnet("subnet-1", "vpc-1", ("10.0.0.0/24",)),
        NetworkInterface("eni-3", "vpc-1", "subnet-1", ("10.0.0.3",), instance_id="i-3", name="web"),
        RouteTable(
            "rtb-1", "vpc-1", (Route("10.0.0.0/16", "local"),), (RouteTableAssociation("rtbassoc-1", main=True),)
        ),
        NetworkAcl("acl-1", "vpc-1", True, associations=(AclAssociation("aclassoc-1", "subnet-1"),)),
    )
    as_of = datetime(2026, 11, 20, 12, tzinfo=UTC)
    configuration.save_snapshot(store.client(), Snapshot(as_of, "files", network))
    summary = ingest(store, filled)
    assert (summary.flows, summary.unenriched) == (40, 35)
    columns = "direction, subnet_id, vpc_id, instance_id, network_acl_id, route_table_id"
    sql = f"SELECT {columns}, count() AS n FROM flows WHERE interface_id = 'eni-3' GROUP BY ALL"  # noqa: S608
    assert [tuple(row.values()) for row in query(store.reader(), sql).to_pylist()] == [
        ("ingress", "subnet-1", "vpc-1", "i-3", "acl-1", "rtb-1", 5)
    ]
    versions = "SELECT uniqExact(body) AS n FROM config_versions WHERE resource_id = 'rtb-1'"
    assert query(store.reader(), versions)["n"][0].as_py() > 1


def test_every_receipt_accounts_for_its_rows(store: Store, filled: Bucket) -> None:
    ingest(store, filled)
    sql = """
    SELECT key, rows_read, rows_written, rows_rejected, rows_skipped, rows.written AS stored, rows.rejected AS set_aside
    FROM receipts
    LEFT JOIN (
        SELECT object_id, countIf(NOT bad) AS written, countIf(bad) AS rejected
        FROM (
            SELECT object_id, false AS bad FROM flows UNION ALL SELECT object_id, false FROM coverage
            UNION ALL SELECT object_id, false FROM change_events UNION ALL SELECT object_id, true FROM rejected_lines
        ) GROUP BY object_id
    ) AS rows USING object_id
    """
    receipts = query(store.reader(), sql).to_pylist()
    assert len(receipts) == 11
    for row in receipts:
        assert row["rows_read"] == row["rows_written"] + row["rows_rejected"] + row["rows_skipped"] > 0, row["key"]
        assert (row["rows_written"], row["rows_rejected"]) == (row["stored"], row["set_aside"]), row["key"]


def test_twice_is_once(store: Store, filled: Bucket) -> None:
    ingest(store, filled)
    first = contents(store)
    again = ingest(store, filled)
    assert (again.objects_listed, again.objects_known, again.objects_done, again.rows_read) == (14, 11, 0, 0)
    assert contents(store) == first


def test_how_objects_are_grouped_changes_nothing(store: Store, filled: Bucket) -> None:
    ingest(store, filled, limits=Limits(objects=1))
    one_by_one = contents(store)
    for name in (*one_by_one, "ledger"):
        store.client().command(f"TRUNCATE TABLE {name}")
    ingest(store, filled, limits=Limits(stored_bytes=1000))
    assert contents(store) == one_by_one


def test_overlapping_prefixes(store: Store, filled: Bucket) -> None:
    urls = [f"{filled.url}/{BASE}/vpcflowlogs", filled.url, f"{filled.url}/", f"{filled.url}/{BASE}"]
    summary = run_ingest(store, urls)
    assert (summary.objects_listed, summary.objects_done) == (14, 11)


def test_two_runs_at_once(store: Store, filled: Bucket) -> None:
    summaries: list[IngestSummary] = []
    limits = Limits(objects=2)
    threads = [
        threading.Thread(target=lambda: summaries.append(ingest(store, filled, limits=limits))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(summary.objects_done for summary in summaries) == 11
    assert sum(summary.rows_read for summary in summaries) == 65
    twice = "SELECT count() AS n FROM (SELECT 1 FROM flows GROUP BY object_id, row_no HAVING count() > 1)"
    assert query(store.reader(), twice)["n"].to_pylist() == [0]
    assert query(store.reader(), "SELECT count() AS n FROM flows")["n"].to_pylist() == [40]
    assert query(store.reader(), "SELECT count() AS n FROM receipts")["n"].to_pylist() == [11]


@pytest.fixture
def clean(store: Store, filled: Bucket) -> dict[str, Any]:
    """The rows after one undisturbed run."""
    ingest(store, filled)
    return contents(store)


@pytest.mark.parametrize(
    "points",
    [["after-chunk:1"], ["before-receipts"], ["after-receipts"], ["after-chunk:2", "after-begin", "after-chunk:3"]],
    ids="+".join,
)
def test_killed_and_run_again(filled: Bucket, clean: dict[str, Any], db: Path, points: list[str]) -> None:
    arguments = (str(db), filled.url)
    for point in points:
        assert other_process(*arguments, point=point).returncode == KILLED
    found = answer(other_process(*arguments))
    assert found["summary"]["dead_letters"] == []
    assert found["unfinished"] == 0
    assert found["contents"] == clean


def test_killed_from_outside(filled: Bucket, clean: dict[str, Any], db: Path) -> None:
    arguments = (str(db), filled.url)
    environment = {**os.environ, VARIABLE: "after-chunk:2=hang"}
    command = [sys.executable, "-m", "tests.integration.ingest_process", *arguments]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "failpoint after-chunk:2\n":
                break
        locked = other_process(*arguments)
        assert f"in use by another process ({process.pid}: -m tests.integration.ingest_process" in locked.stderr
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    found = answer(other_process(*arguments))
    assert found["unfinished"] == 0
    assert found["contents"] == clean


def test_an_object_that_is_gone_when_its_load_is_finished(filled: Bucket, db: Path) -> None:
    """Never half an object: its rows that arrived are removed too."""
    arguments = (str(db), filled.url)
    assert other_process(*arguments, point="after-chunk:2").returncode == KILLED
    for n in (0, 1):
        filled.delete(flow_key(n))
    found = answer(other_process(*arguments))
    assert found["unfinished"] == 0
    assert len(found["contents"]["receipts"]) == 9
    assert len(found["contents"]["flows"]) == 30
    assert [letter["reason"] for letter in found["summary"]["dead_letters"]] == ["gone", "gone"]


@pytest.mark.parametrize(
    "case",
    [
        ("truncated-gzip", flow_key(20), flow_log(3, 2000)[:-300], flow_log(9)),
        ("not-json", trail_key(20), gzip.compress(b"<html>not JSON</html>"), trail(9)),
    ],
    ids=lambda case: case[0],
)
def test_an_object_that_cannot_be_read(store: Store, filled: Bucket, case: tuple[str, str, bytes, bytes]) -> None:
    reason, key, body, mended = case
    filled.put(key, body)
    summary = ingest(store, filled)
    assert [(letter.ref.key, letter.reason) for letter in summary.dead_letters] == [(key, reason)]
    assert summary.objects_done == 11
    assert summary.objects_listed == 15
    assert dead_letters.set_aside(store.client()) == summary.dead_letters
    again = ingest(store, filled)
    assert again.dead_letters == summary.dead_letters
    filled.put(key, mended)
    last = ingest(store, filled)
    assert (last.objects_done, last.objects_known, last.dead_letters) == (1, 11, [])
    assert [letter.ref.key for letter in dead_letters.set_aside(store.client())] == [key]


def test_an_empty_prefix(store: Store, bucket: Bucket) -> None:
    summary = ingest(store, bucket)
    assert summary == IngestSummary(run=summary.run)


def test_no_such_bucket(store: Store, filled: Bucket, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FlowtrailError) as caught:
        run_ingest(store, ["s3://nowhere/x"])
    assert caught.value.message == "The bucket of s3://nowhere/x does not exist."
    assert "AWS_PROFILE" in caught.value.remedy
    assert "Traceback" not in capfd.readouterr().err
