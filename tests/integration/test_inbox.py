"""Proves, on a real SQS API: what a queue tells of is loaded once, whatever it repeats; a message goes when the store
has its objects, and stays when it cannot be understood, is of another place, or its objects are not loaded."""

import json
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import boto3
import pytest

from connectors.aws.sqs import Queue
from connectors.store.clickhouse import Store
from pipelines.ingest.pipeline import run_ingest
from pipelines.watch.inbox import Inbox
from schemas.errors import FlowtrailError
from schemas.object_ref import ObjectRef
from schemas.summary import IngestSummary
from tests.conftest import REGION, Bucket
from tests.contents import contents
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key


@pytest.fixture
def sqs(bucket: Bucket) -> Any:
    return boto3.client("sqs", endpoint_url=bucket.endpoint, region_name=REGION)


@pytest.fixture
def queue(bucket: Bucket, sqs: Any) -> Queue:
    """A queue that S3 notifies of every object."""
    url = sqs.create_queue(QueueName="flow-logs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3 = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=REGION)
    to = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=to)
    return Queue(url)


def load(store: Store, bucket: Bucket, queue: Queue, *allowed: str) -> IngestSummary:
    inbox = Inbox(queue, allowed or (bucket.url,), wait=0)
    return inbox.load(store, partial(_ingest, store, bucket.url))


def _ingest(store: Store, url: str, refs: Sequence[ObjectRef]) -> IngestSummary:
    return run_ingest(store, [url], given=refs)


def left(sqs: Any, queue: Queue) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_what_it_tells_of_is_loaded_as_by_a_listing(store: Store, bucket: Bucket, queue: Queue, sqs: Any) -> None:
    for n in range(4):
        bucket.put(flow_key(n), flow_log(n))
    bucket.put(trail_key(0), trail(0))
    bucket.put("notes.txt", b"nothing to see here\n")
    bucket.put(flow_key(7), flow_log(7)[:-20])
    summary = load(store, bucket, queue)
    assert (summary.objects_listed, summary.objects_done, summary.objects_other) == (7, 5, 1)
    assert [letter.reason for letter in summary.dead_letters] == ["truncated-gzip"]
    assert left(sqs, queue) == 0
    before = contents(store)
    again = run_ingest(store, [bucket.url])
    assert (again.objects_listed, again.objects_done, again.objects_known) == (7, 0, 5)
    assert contents(store) == before


def test_what_is_told_again_counts_once(store: Store, bucket: Bucket, queue: Queue, sqs: Any) -> None:
    bucket.put(flow_key(0), flow_log(0))
    told = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
    for message in told * 3:
        sqs.send_message(QueueUrl=queue.url, MessageBody=message["Body"])
    assert load(store, bucket, queue).objects_done == 1
    sqs.send_message(QueueUrl=queue.url, MessageBody=told[-1]["Body"])
    assert (load(store, bucket, queue).objects_known, left(sqs, queue)) == (1, 0)


def test_an_object_that_is_gone_is_no_failure(store: Store, bucket: Bucket, queue: Queue, sqs: Any) -> None:
    bucket.put(flow_key(0), flow_log(0))
    bucket.put(flow_key(1), flow_log(1))
    bucket.delete(flow_key(0))
    assert load(store, bucket, queue).objects_done == 1
    assert left(sqs, queue) == 0


def test_hostile_messages_stay_for_the_redrive_policy(
    store: Store, bucket: Bucket, queue: Queue, sqs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = {"s3Bucket": "other", "s3ObjectKey": ["AWSLogs/1/CloudTrail/x.json.gz"]}
    outside = {"s3Bucket": bucket.name, "s3ObjectKey": ["private/x.json.gz"]}
    both = {"s3Bucket": bucket.name, "s3ObjectKey": ["AWSLogs/1/a.json.gz", "private/x.json.gz"]}
    for body in ("not a \x1b[2J notification", *map(json.dumps, (foreign, outside, both))):
        sqs.send_message(QueueUrl=queue.url, MessageBody=body)
    bucket.put(flow_key(0), flow_log(0))
    with caplog.at_level(logging.WARNING, "pipelines"):
        summary = load(store, bucket, queue, f"{bucket.url}/AWSLogs/")
    assert (summary.objects_listed, summary.objects_done) == (1, 1)
    assert left(sqs, queue) == 4
    assert caplog.text.count("was left there") == 4
    assert "\x1b" not in caplog.text
    assert "s3://other/AWSLogs/1/CloudTrail/x.json.gz is not watched" in caplog.text


def test_what_is_not_loaded_comes_again(
    store: Store, bucket: Bucket, queue: Queue, sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store fails; or another process is loading the object, and may die."""
    monkeypatch.setattr("connectors.aws.sqs.HELD", 1)
    bucket.put(flow_key(0), flow_log(0))

    def fails(_: Sequence[ObjectRef]) -> IngestSummary:
        raise FlowtrailError("the store is gone")

    with pytest.raises(FlowtrailError, match="the store is gone"):
        Inbox(queue, (bucket.url,), wait=0).load(store, fails)
    busy = Inbox(queue, (bucket.url,), wait=5).load(store, lambda refs: IngestSummary(objects_busy=len(refs)))
    assert (busy.objects_busy, left(sqs, queue) > 0) == (1, True)
    inbox = Inbox(queue, (bucket.url,), wait=5)
    assert inbox.load(store, partial(_ingest, store, bucket.url)).objects_done == 1
    assert left(sqs, queue) == 0


def test_a_message_is_held_while_it_is_worked_on(
    store: Store, bucket: Bucket, queue: Queue, sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.aws.sqs.HELD", 2)
    monkeypatch.setattr("connectors.aws.sqs.EXTEND", 0.3)
    bucket.put(flow_key(0), flow_log(0))

    def slowly(refs: Sequence[ObjectRef]) -> IngestSummary:
        seen = sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=4).get("Messages", [])
        assert [message for message in seen if flow_key(0).split("_")[-1] in message["Body"]] == []
        return _ingest(store, bucket.url, refs)

    assert Inbox(queue, (bucket.url,), wait=0).load(store, slowly).objects_done == 1


def test_nothing_has_come(bucket: Bucket, queue: Queue, tmp_path: Any) -> None:
    """The store is not opened for that."""
    Inbox(queue, (bucket.url,), wait=0).load(Store(str(tmp_path / "none")), lambda _: IngestSummary())
    assert load(Store(str(tmp_path / "none")), bucket, queue) == IngestSummary()
    assert not (tmp_path / "none").exists()


def test_a_queue_that_is_not_there_is_told(bucket: Bucket, store: Store) -> None:
    with pytest.raises(FlowtrailError, match=r"cannot be used: .*NonExistentQueue"):
        load(store, bucket, Queue(f"{bucket.endpoint}/123456789012/none"))
