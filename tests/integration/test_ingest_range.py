"""`ingest` by range, account and region loads the objects that may contain the range and no more; following loads what
arrives later and ends cleanly."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, query
from connectors.store.configuration import save_snapshot
from schemas.configuration import Vpc
from schemas.snapshot import Snapshot
from tests.conftest import REGION, Bucket

ACCOUNT, OTHER = "123456789012", "210987654321"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

Run = Callable[..., Result]


def put_log(
    bucket: Bucket,
    named: datetime,
    account: str = ACCOUNT,
    region: str = REGION,
    *,
    hive: bool = False,
    flow_log: str = "fl-1",
    action: str = "ACCEPT",
    seconds: int = 60,
) -> str:
    """A flow log object named with that time, with one record from a minute later; its interface identifies it."""
    folder = f"AWSLogs/{account}/vpcflowlogs/{region}/{named:%Y/%m/%d}"
    if hive:
        place = f"aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}"
        folder = f"AWSLogs/{place}/{named:year=%Y/month=%m/day=%d/hour=%H}"
    at = int(named.timestamp()) + seconds
    eni = f"eni-{named:%d%H%M}{account[0]}{region[:2]}"
    line = f"2 {account} {eni} 198.51.100.7 10.0.0.1 40000 22 6 3 180 {at} {at + 50} {action} OK"
    bucket.put(
        f"{folder}/{account}_vpcflowlogs_{region}_{flow_log}_{named:%Y%m%dT%H%MZ}_0a.log.gz",
        gzip.compress(f"{HEADER}\n{line}\n".encode()),
    )
    return eni


def put_trail(bucket: Bucket, named: datetime) -> str:
    """A CloudTrail object with one change; its eventID identifies it."""
    event_id = f"{named:%d%H%M}"
    record = {
        "eventVersion": "1.10",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ann", "accountId": ACCOUNT},
        "eventTime": f"{named - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DeleteRoute",
        "awsRegion": REGION,
        "requestParameters": {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"},
        "responseElements": {"_return": True},
        "eventID": event_id,
        "readOnly": False,
        "recipientAccountId": ACCOUNT,
    }
    name = f"{ACCOUNT}_CloudTrail_{REGION}_{named:%Y%m%dT%H%MZ}_abcdefgh01234567.json.gz"
    bucket.put(
        f"AWSLogs/o-abc/{ACCOUNT}/CloudTrail/{REGION}/{named:%Y/%m/%d}/{name}",
        gzip.compress(json.dumps({"Records": [record]}).encode()),
    )
    return event_id


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["--db", store.db, *arguments], prog_name="flowtrail")
        assert result.exit_code == 0, (result.stderr, result.exception)
        return result

    return call


def held(store: Store, table: str, column: str) -> set[str]:
    rows = query(store.client(), f"SELECT DISTINCT {column} AS c FROM {table}")  # noqa: S608
    return set(rows["c"].to_pylist())


def test_a_range_loads_what_may_contain_it(bucket: Bucket, store: Store, run: Run) -> None:
    wanted = {
        put_log(bucket, NOON - timedelta(minutes=5)),
        put_log(bucket, NOON, hive=True),
        put_log(bucket, NOON + 2 * HOUR),
        put_log(bucket, NOON + 10 * HOUR),
    }
    put_log(bucket, NOON - HOUR)
    put_log(bucket, NOON - 30 * HOUR)
    late = put_log(bucket, NOON + 15 * HOUR)
    put_log(bucket, NOON, account=OTHER)
    put_log(bucket, NOON, region="us-east-1")
    chosen = ["--account", ACCOUNT, "--region", REGION, "--from", "2026-11-20T12:00", "--to", "2026-11-20T13:00Z"]
    answer = json.loads(run("ingest", bucket.url, *chosen, "--margin", "10h", "-o", "json").stdout)
    assert held(store, "flows", "interface_id") == wanted
    assert (answer["objects_listed"], answer["objects_done"]) == (4, 4)
    answer = json.loads(run("ingest", bucket.url, *chosen, "-o", "json").stdout)
    assert (answer["objects_known"], answer["objects_done"]) == (4, 1)
    assert held(store, "flows", "interface_id") == {*wanted, late}
    assert json.loads(run("ingest", bucket.url, "-o", "json").stdout)["objects_done"] == 4


def test_changes_are_loaded_as_far_as_the_configuration_depends_on_them(bucket: Bucket, store: Store, run: Run) -> None:
    put_log(bucket, NOON)
    near = {put_trail(bucket, NOON - 20 * HOUR), put_trail(bucket, NOON)}
    after = put_trail(bucket, NOON + 60 * HOUR)
    put_trail(bucket, NOON - 60 * HOUR)
    beyond = put_trail(bucket, NOON + 150 * HOUR)
    vpc = Vpc("vpc-1", ("10.0.0.0/16",))
    save_snapshot(store.client(), Snapshot(NOON + 72 * HOUR, "files", (vpc,), ACCOUNT, REGION))
    chosen = ["--from", "2026-11-20T12:00", "--to", "2026-11-20T13:00"]
    run("ingest", bucket.url, *chosen)
    assert held(store, "change_events", "event_id") == {*near, after}
    save_snapshot(store.client(), Snapshot(NOON + 200 * HOUR, "files", (vpc,), OTHER, REGION))
    run("ingest", bucket.url, *chosen)
    assert held(store, "change_events", "event_id") == {*near, after, beyond}


def test_one_of_two_overlapping_flow_logs(bucket: Bucket, store: Store, run: Run) -> None:
    """Both contain the same records; CloudTrail and objects that do not identify a flow log are still loaded."""
    for flow_log in ("fl-0a", "fl-0b"):
        put_log(bucket, NOON, flow_log=flow_log)
    line = f"2 {ACCOUNT} eni-copied 198.51.100.7 10.0.0.1 40000 22 6 3 180 1795197600 1795197650 ACCEPT OK"
    bucket.put("copies/log.gz", gzip.compress(f"{HEADER}\n{line}\n".encode()))
    put_trail(bucket, NOON)
    answer = json.loads(run("ingest", bucket.url, "--flow-log", "fl-0b", "-o", "json").stdout)
    assert (answer["objects_done"], answer["flows"], answer["change_events"]) == (3, 2, 1)
    assert json.loads(run("status", "-o", "json").stdout)["overlaps"] == []
    assert "overlaps" not in run("status").stdout
    again = json.loads(run("ingest", bucket.url, "--flow-log", "fl-0a", "--flow-log", "fl-0b", "-o", "json").stdout)
    assert (again["objects_done"], again["objects_known"]) == (1, 3)


@pytest.mark.parametrize("bad", ["0a", "fl-", "fl-0a/x", "fl_0a"])
def test_what_is_not_a_flow_log_id(bucket: Bucket, bad: str) -> None:
    result = CliRunner().invoke(app, ["ingest", bucket.url, "--flow-log", bad])
    assert result.exit_code == 2
    assert "is not a flow log ID such as fl-" in " ".join(result.stderr.replace("│", " ").split())


def test_status_says_where_records_came_twice(bucket: Bucket, run: Run) -> None:
    twice = put_log(bucket, NOON, flow_log="fl-0a")
    put_log(bucket, NOON, flow_log="fl-0b", seconds=80)
    for flow_log, action in (("fl-0a", "ACCEPT"), ("fl-0c", "REJECT")):  # each logs what the other does not
        put_log(bucket, NOON + HOUR, flow_log=flow_log, action=action)
    put_log(bucket, NOON + 2 * HOUR, flow_log="fl-0a")
    put_log(bucket, NOON + 2 * HOUR, flow_log="fl-0d", seconds=110)  # starts where the other ended
    run("ingest", bucket.url)
    [found] = json.loads(run("status", "-o", "json").stdout)["overlaps"]
    assert found == {
        "interface_id": twice,
        "flow_logs": ["fl-0a", "fl-0b"],
        "start": "2026-11-20T12:01:20Z",
        "end": "2026-11-20T12:01:50Z",
    }
    text = run("status").stdout
    assert f"{twice}  2026-11-20 12:01:20Z to 2026-11-20 12:01:50Z  fl-0a, fl-0b" in text
    assert "flowtrail ingest --flow-log" in text
    assert json.loads(run("status", "--from", "2026-11-20T13:00", "-o", "json").stdout)["overlaps"] == []


@contextmanager
def follower(db: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli", "--db", str(db), "ingest", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=dict(os.environ)) as going:
        try:
            yield going
        finally:
            going.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_loads_what_arrives_and_ends_cleanly(bucket: Bucket, db: Path, number: signal.Signals) -> None:
    put_log(bucket, NOON)
    with follower(db, bucket.url, "--follow-prefix", "--every", "1s", "--for", "5m", "-o", "json") as going:
        assert going.stderr is not None
        assert going.stdout is not None
        assert "1 objects loaded, 1 records written" in going.stderr.readline()
        put_log(bucket, NOON + HOUR)
        put_log(bucket, NOON + 2 * HOUR)
        loaded = 1
        while loaded < 3:
            loaded += int(going.stderr.readline().split()[1])
        going.send_signal(number)
        told = going.stderr.read()
        answer = json.loads(going.stdout.read())
        assert going.wait(60) == (130 if number is signal.SIGINT else 0), told
    assert "Stopping after the current load" in told
    assert "Traceback" not in told
    assert (answer["objects_done"], answer["objects_known"], answer["objects_listed"]) == (3, 0, 3)
    assert (answer["rows_read"], answer["flows"]) == (3, 3)


def test_following_survives_what_goes_wrong_meanwhile(bucket: Bucket, db: Path) -> None:
    put_log(bucket, NOON)
    with follower(db, bucket.url, "--follow-prefix", "--every", "1s") as going:
        assert going.stderr is not None
        assert going.stdout is not None
        going.stderr.readline()
        client = boto3.client("s3", endpoint_url=bucket.endpoint)
        for item in client.list_objects_v2(Bucket=bucket.name)["Contents"]:
            bucket.delete(item["Key"])
        client.delete_bucket(Bucket=bucket.name)
        line = going.stderr.readline()
        while f"The bucket of s3://{bucket.name}/" not in line:
            assert line, "it ended without a word"
            line = going.stderr.readline()
        client.create_bucket(Bucket=bucket.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        put_log(bucket, NOON + HOUR)
        while "1 objects loaded" not in line:
            assert line, "it ended without a word"
            line = going.stderr.readline()
        going.send_signal(signal.SIGINT)
        text = going.stdout.read()
        assert going.wait(60) == 130
    assert "1 objects: 2 loaded" in text


def test_following_ends_by_itself(bucket: Bucket, db: Path) -> None:
    put_log(bucket, NOON)
    with follower(db, bucket.url, "--follow-prefix", "--every", "1s", "--for", "8s") as going:
        answer, told = going.communicate(timeout=120)
    assert "1 objects: 1 loaded, 0 already known." in answer
    assert told.count("objects loaded") == 1  # a round that finds nothing prints nothing


def test_others_read_an_embedded_database_while_one_follows(bucket: Bucket, db: Path) -> None:
    put_log(bucket, NOON)
    with follower(db, bucket.url, "--follow-prefix", "--every", "1s") as going:
        assert going.stderr is not None
        assert "1 objects loaded" in going.stderr.readline()
        for number in range(1, 4):
            put_log(bucket, NOON + number * HOUR)
            assert "1 objects loaded" in going.stderr.readline()
            command = [sys.executable, "-m", "cli", "--db", str(db), "sql", "-o", "json"]
            reader = subprocess.run(  # noqa: PLW1510
                [*command, "SELECT count() AS n FROM flows"], capture_output=True, text=True, timeout=120
            )
            assert reader.returncode == 0, reader.stderr
            assert json.loads(reader.stdout) == [{"n": number + 1}]
        going.send_signal(signal.SIGTERM)
        answer = going.communicate(timeout=60)[0]
    assert "4 objects: 4 loaded" in answer


def test_a_process_that_follows_leaves_none_behind_when_it_is_killed(bucket: Bucket, db: Path) -> None:
    put_log(bucket, NOON)
    with follower(db, bucket.url, "--follow-prefix", "--every", "1s") as going:
        found: list[str] = []
        while len(found) < 3:  # multiprocessing's resource tracker and fork server, and the round
            assert going.poll() is None
            found = descendants(going.pid)
        going.kill()
    deadline = time.monotonic() + 30
    while left := [number for number in found if Path(f"/proc/{number}/cmdline").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def descendants(process: int | str) -> list[str]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8").split()
    except OSError:  # it has ended
        return []
    return [*children, *(each for child in children for each in descendants(child))]


def test_a_wrong_bucket_at_the_start_is_a_failure(s3_endpoint: str, db: Path) -> None:
    with follower(db, "s3://nowhere/", "--follow-prefix", "--for", "1h") as going:
        assert going.wait(120) == 1
