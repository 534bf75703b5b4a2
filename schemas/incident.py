"""Incidents: what stopped the traffic, who changed it, and how to undo it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.ledger import WRITTEN_AT
from schemas.table import SECONDS, Column, Table
from schemas.times import rfc3339


class Kind(StrEnum):
    REJECTS = "rejects"
    LOST_TRAFFIC = "lost-traffic"


class Certainty(StrEnum):
    """PROVEN: tested; these packets pass before the change and not after it. SUSPECTED: a change fits but could
    not be tested, or the test disagrees in part. UNEXPLAINED: no change fits."""

    PROVEN = "proven"
    SUSPECTED = "suspected"
    UNEXPLAINED = "unexplained"


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Cause:
    """The change that caused an incident. `layer` is `network-acl`, `security-group`, `route`, ...; `rule` names the
    rule or route, e.g. `ingress 90 deny tcp 22 from 0.0.0.0/0` or `0.0.0.0/0 -> igw-1`."""

    event_ids: tuple[str, ...]
    event_name: str
    actor: str
    source_ip: str
    time: datetime
    layer: str
    resource: str
    rule: str


@dataclass(frozen=True)
class Evidence:
    """A record that can be read again: object, ETag and line (or record ordinal in a CloudTrail object)."""

    what: str
    time: datetime
    bucket: str
    key: str
    etag: str
    line: int
    text: str


@dataclass(frozen=True)
class TimelineEntry:
    time: datetime
    what: str


@dataclass(frozen=True)
class Incident:
    """`fix` and `inverse` are `aws` commands: one undoes the cause, the other undoes the fix. Neither is ever run."""

    id: str
    kind: Kind
    state: State
    certainty: Certainty
    reason: str
    cause: Cause | None
    enis: tuple[str, ...]
    protocols: tuple[int, ...]
    ports: tuple[int, ...]
    peers: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    closed_at: datetime | None
    closed_by: tuple[str, ...]
    fix: str | None
    inverse: str | None
    timeline: tuple[TimelineEntry, ...]
    evidence: tuple[Evidence, ...]
    coverage: str
    proof_query: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; times as RFC 3339 in UTC."""
        return json.loads(json.dumps(asdict(self), default=_plain))  # type: ignore[no-any-return]


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{value!r} cannot be written as JSON")


@dataclass(frozen=True)
class Statement:
    """What was said of an incident at a time, by a run that had correlated `[judged_from, judged_to)`. `replaced_by`:
    "" while it stood; when it was withdrawn, the id of the incident that replaces it, or "-"."""

    at: datetime
    run: str
    judged_from: datetime
    judged_to: datetime
    incident: Incident
    replaced_by: str = ""


_OLD = "NULL: written by an earlier release"

INCIDENTS = Table(
    "incidents",
    (
        Column("id", pa.string(), "String", "incident id: a digest of its cause and location"),
        Column("generation", pa.uint64(), "UInt64", "correlation that wrote the row; the highest one counts"),
        Column("deleted", pa.uint8(), "UInt8", "1 when a later correlation of the same range no longer finds it"),
        Column("kind", TEXT, LOW, "rejects or lost-traffic"),
        Column("state", TEXT, LOW, "open or closed"),
        Column("certainty", TEXT, LOW, "proven, suspected or unexplained"),
        Column("layer", TEXT, LOW, "network-acl, security-group, route, ...; '' without a cause"),
        Column("resource", pa.string(), "String", "resource that was changed; '' without a cause"),
        Column("actor", pa.string(), "String", "who changed it; '' without a cause"),
        Column("event_ids", pa.list_(pa.string()), "Array(String)", "eventIDs of the changes that caused it"),
        Column("enis", pa.list_(pa.string()), "Array(String)", "network interfaces affected"),
        Column("ports", pa.list_(pa.uint16()), "Array(UInt16)", "service ports affected"),
        Column("peers", pa.list_(pa.string()), "Array(String)", "peers affected"),
        Column("first_seen", SECONDS, "DateTime('UTC')", "first reject, or when replies stopped"),
        Column("last_seen", SECONDS, "DateTime('UTC')", "last reject, or last unanswered flow"),
        Column(
            "closed_at",
            SECONDS,
            "Nullable(DateTime('UTC'))",
            "first accepted or answered flow afterwards",
            nulls="NULL: open",
        ),
        Column("body", pa.string(), "String", "the whole incident as JSON"),
        Column("run", TEXT, LOW, "the run that wrote the row (runs.run)"),
        Column(
            "judged_from", SECONDS, "Nullable(DateTime('UTC'))", "start of the range it was judged with", nulls=_OLD
        ),
        Column("judged_to", SECONDS, "Nullable(DateTime('UTC'))", "end of that range, exclusive", nulls=_OLD),
    ),
)

INCIDENT_HISTORY = Table(
    "incident_history",
    (
        Column("id", pa.string(), "String", "the incident (incidents.id)"),
        Column("run", TEXT, LOW, "the run that said so (runs.run)"),
        Column("judged_from", SECONDS, "DateTime('UTC')", "start of the range it was judged with"),
        Column("judged_to", SECONDS, "DateTime('UTC')", "end of that range, exclusive"),
        Column("state", TEXT, LOW, "open or closed"),
        Column("certainty", TEXT, LOW, "proven, suspected or unexplained"),
        Column(
            "replaced_by",
            pa.string(),
            "String",
            "'' while it stands; when it was withdrawn, the incident that replaces it, or '-'",
        ),
        Column("body", pa.string(), "String", "the whole incident as JSON"),
        WRITTEN_AT,
    ),
)
"""Everything that an incident was ever said to be, and when."""
