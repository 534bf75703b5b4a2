"""CloudTrail records for tests, in the shape in which AWS writes them."""

import json
from typing import Any


def record(
    name: str,
    request: dict[str, Any] | None,
    response: dict[str, Any] | None = None,
    *,
    event_id: str = "e-1",
    at: str = "2026-11-20T14:32:00Z",
    **more: Any,
) -> dict[str, Any]:
    """A successful EC2 call; `more` replaces members of the record."""
    return {
        "eventVersion": "1.10",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/alice", "accountId": "123456789012"},
        "eventTime": at,
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31",
        "requestParameters": request,
        "responseElements": response if response is not None else {"requestId": "r-1", "_return": True},
        "requestID": "r-1",
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    } | more


def document(*records: Any) -> bytes:
    """A CloudTrail object, decompressed."""
    return json.dumps({"Records": list(records)}).encode()
