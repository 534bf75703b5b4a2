"""Changes to the VPC configuration: successful CloudTrail calls that can alter reachability."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.table import PROVENANCE, SECONDS, Column, Table

CHANGE_EVENTS = Table(
    "change_events",
    (
        Column("event_time", SECONDS, "DateTime('UTC')", "when the call completed"),
        Column("event_id", pa.string(), "String", "CloudTrail eventID; records with the same one count as one change"),
        Column("event_name", TEXT, LOW, "API call, e.g. DeleteRoute"),
        Column("actor", pa.string(), "String", "userIdentity.arn, or the closest identity in the record"),
        Column("actor_type", TEXT, LOW, "userIdentity.type; '' when absent"),
        Column("source_ip", pa.string(), "String", "sourceIPAddress: an address, a DNS name or 'AWS Internal'"),
        Column("user_agent", pa.string(), "String", "userAgent; '' when absent"),
        Column("account_id", TEXT, LOW, "recipientAccountId, else userIdentity.accountId"),
        Column("region", TEXT, LOW, "awsRegion"),
        Column("resources", pa.list_(pa.string()), "Array(String)", "resource ids in the request and the response"),
        Column("request", pa.string(), "String", "requestParameters as JSON"),
        Column("response", pa.string(), "String", "responseElements as JSON"),
        *PROVENANCE,
    ),
)


@dataclass(frozen=True)
class ChangeEvent:
    """One API call, normalised. `request` and `response` are the objects that CloudTrail logged."""

    event_time: datetime
    event_id: str
    event_name: str
    actor: str
    actor_type: str
    source_ip: str
    user_agent: str
    account_id: str
    region: str
    resources: tuple[str, ...]
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    object_id: int = 0
    row_no: int = 0

    @property
    def order(self) -> tuple[datetime, str]:
        """Total order of changes: by time, then eventID, because CloudTrail times are whole seconds."""
        return self.event_time, self.event_id

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ChangeEvent":
        """A change event from a row of `change_events` (keyed by column name, `event_time` an aware datetime)."""
        plain = {
            name: row[name] for name in cls.__dataclass_fields__ if name not in ("request", "response", "resources")
        }
        return cls(
            **plain,
            resources=tuple(row["resources"]),
            request=json.loads(row["request"]),
            response=json.loads(row["response"]),
        )
