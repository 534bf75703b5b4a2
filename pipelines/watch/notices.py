"""What a message of the queue says: which objects have come. Pure. A body is untrusted: it may be anything.

The forms (S3 User Guide, "Event message structure" and "Using EventBridge"; SNS Developer Guide, "Amazon SNS message
format"; CloudTrail User Guide, "Configuring Amazon SNS notifications"): S3's event, directly or wrapped by SNS; its
event by EventBridge; and CloudTrail's own notification, wrapped or not.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

Place = tuple[str, str]
"""Bucket and key."""

LONGEST = 1 << 20
"""Characters of a body: four times as much as SQS allows."""
_WRAPPED = 3


class NotUnderstood(ValueError):
    """The body is none of the known forms."""


def places(body: str) -> list[Place]:
    """The objects that the message says were created, each once; none for S3's test event, and for events of other
    kinds. Raises NotUnderstood.

    >>> places('{"s3Bucket": "trail", "s3ObjectKey": ["AWSLogs/1/CloudTrail/a.json.gz"]}')
    [('trail', 'AWSLogs/1/CloudTrail/a.json.gz')]
    """
    return list(dict.fromkeys(_places(_parsed(body), _WRAPPED)))


def _places(event: Mapping[str, Any], depth: int) -> Iterator[Place]:
    match event:
        case {"Type": "Notification", "Message": str(inner)} if depth:
            yield from _places(_parsed(inner), depth - 1)
        case {"Records": list(records)}:
            for record in records:
                yield from _of_s3(record)
        case {"Event": "s3:TestEvent"}:
            return
        case {
            "detail-type": str(kind),
            "source": "aws.s3",
            "detail": {"bucket": {"name": name}, "object": {"key": key}},
        }:
            if kind == "Object Created":
                yield _place(name, key)
        case {"s3Bucket": name, "s3ObjectKey": list(keys)}:
            for key in keys:
                yield _place(name, key)
        case _:
            raise NotUnderstood("it is none of S3's, EventBridge's and CloudTrail's notifications")


def _of_s3(record: Any) -> Iterator[Place]:
    match record:
        case {"eventName": str(event), "s3": {"bucket": {"name": name}, "object": {"key": str(key)}}}:
            if event.removeprefix("s3:").startswith("ObjectCreated:"):
                yield _place(name, unquote_plus(key))
        case _:
            raise NotUnderstood("a record of it is not S3's")


def _place(bucket: Any, key: Any) -> Place:
    if not (isinstance(bucket, str) and isinstance(key, str) and bucket and key):
        raise NotUnderstood("it names no bucket and key")
    return bucket, key


def _parsed(body: str) -> Mapping[str, Any]:
    if len(body) > LONGEST:
        raise NotUnderstood("it is longer than any notification")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood("it is not JSON") from None
    if not isinstance(found, dict):
        raise NotUnderstood("it is not a JSON object")
    return found
