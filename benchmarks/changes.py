"""Changes as ingest stores them, made in bulk."""

import json
from datetime import datetime
from typing import Any


def rule_change(n: int, at: datetime, call: str, group: str, port: int) -> dict[str, Any]:
    """The `n`th change: a call that adds a rule to a security group, or removes it."""
    peers = {"groups": {}, "ipRanges": {"items": [{"cidrIp": "192.0.2.0/24"}]}, "ipv6Ranges": {}, "prefixListIds": {}}
    rule = {"ipProtocol": "tcp", "fromPort": port, "toPort": port, **peers}
    return {
        "event_time": at,
        "event_id": f"event-{n}",
        "event_name": call,
        "actor": "arn:aws:iam::123456789012:user/ann",
        "source_ip": "198.51.100.7",
        "account_id": "123456789012",
        "region": "eu-central-1",
        "resources": [group],
        "request": json.dumps({"groupId": group, "ipPermissions": {"items": [rule]}}),
        "response": '{"_return":true}',
        **dict.fromkeys(("actor_type", "user_agent"), ""),
        **{"object_id": 1, "row_no": n, "load": 1, "chunk": 0},
    }
