"""What a message of the queue says, in every form that AWS sends, and in forms that nobody should send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.watch.notices import NotUnderstood, places

KEY = "AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/a b+ü.log.gz"
ENCODED = "AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/a+b%2B%C3%BC.log.gz"


def record(key: str = ENCODED, event: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": "logs", "arn": "arn:aws:s3:::logs"}, "object": {"key": key, "size": 10, **more}}
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event, "s3": s3}


def event(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def sns(inner: Any) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:x:1:t", "Message": json.dumps(inner)}


def bridge(kind: str = "Object Created") -> dict[str, Any]:
    detail = {"bucket": {"name": "logs"}, "object": {"key": KEY, "size": 1, "etag": "e", "version-id": "v"}}
    return {"version": "0", "detail-type": kind, "source": "aws.s3", "detail": detail}


TRAIL = {"s3Bucket": "logs", "s3ObjectKey": ["AWSLogs/1/CloudTrail/a.json.gz", "AWSLogs/1/CloudTrail/b.json.gz"]}


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (event(record()), [KEY]),
        (event(record(), record("AWSLogs%2Fb.gz", "s3:ObjectCreated:CompleteMultipartUpload")), [KEY, "AWSLogs/b.gz"]),
        (event(record(), record()), [KEY]),
        (event(record(versionId="v1", sequencer="0A")), [KEY]),
        (event(record(event="ObjectRemoved:Delete")), []),
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"}, []),
        (sns({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"}), []),
        (sns(event(record())), [KEY]),
        (bridge(), [KEY]),
        (sns(bridge()), [KEY]),
        (bridge("Object Tags Added"), []),
        (TRAIL, TRAIL["s3ObjectKey"]),
        (sns(TRAIL), TRAIL["s3ObjectKey"]),
    ],
)
def test_every_form_of_aws(body: Any, keys: list[str]) -> None:
    assert places(json.dumps(body)) == [("logs", key) for key in keys]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "hello",
        "{}",
        '{"Records": [{}]}',
        '{"Records": [null]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": 1}, "object": {"key": "k"}}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": ""}, "object": {"key": "k"}}}]}',
        '{"s3Bucket": "b", "s3ObjectKey": [7]}',
        '{"Type": "Notification", "Message": "not JSON"}',
        json.dumps(sns(sns(sns(sns(event(record())))))),
        "[" * 100_000,
        '{"a": "' + "x" * (1 << 20) + '"}',
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_notification_is_not_understood(body: str) -> None:
    with pytest.raises(NotUnderstood):
        places(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "bucket", "object", "key", "name", "eventName", "Type", "Message", "detail"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_body_does_anything_else(body: Any) -> None:
    try:
        found = places(json.dumps(body))
    except NotUnderstood:
        return
    assert all(isinstance(part, str) and part for place in found for part in place)
