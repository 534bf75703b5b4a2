"""Incidents: what stopped the traffic, who changed it, and how to undo it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.table import MILLISECONDS, SECONDS, Column, Table
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

    @property
    def last_sign(self) -> datetime:
        """When it was last seen, or seen to be over."""
        return max(self.last_seen, self.closed_at or self.last_seen)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; times as RFC 3339 in UTC."""
        return json.loads(json.dumps(asdict(self), default=_plain))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Examined:
    """The range `[start, end)` that a correlation judged; it read records from `since` on."""

    since: datetime
    start: datetime
    end: datetime

    @property
    def lookback(self) -> timedelta:
        return self.start - self.since

    def within(self, other: "Examined") -> bool:
        """Whether the other range contains this one; how far back they read does not matter."""
        return other.start <= self.start and self.end <= other.end

    def hull(self, other: "Examined") -> "Examined":
        """The shortest range that contains both."""
        return Examined(min(self.since, other.since), min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Said:
    """What a run said of an incident, and when. `examined`: what it is judged from; None, like `at`, where a release
    before 0010_history found it. `withdrawn`: the run no longer found it; `replaced_by` are then the incidents that it
    found instead."""

    incident: Incident
    examined: Examined | None
    run: str = ""
    at: datetime | None = None
    generation: int = 0
    withdrawn: bool = False
    replaced_by: tuple[str, ...] = ()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{value!r} cannot be written as JSON")


EXAMINED: tuple[Column, ...] = tuple(
    Column(name, SECONDS, "Nullable(DateTime('UTC'))", meaning, nulls="NULL: not noted")
    for name, meaning in (
        ("read_from", "records were read from this time on"),
        ("examined_from", "start of the range that was examined"),
        ("examined_to", "end of the range that was examined, exclusive"),
    )
)
"""The columns of `Examined`."""

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
            "said_at",
            MILLISECONDS,
            "Nullable(DateTime64(3, 'UTC'))",
            "when it was said",
            nulls="NULL: by a release that did not note it",
        ),
        *EXAMINED,
        Column(
            "replaced_by",
            pa.list_(pa.string()),
            "Array(String)",
            "deleted: ids of the incidents that the run found instead",
        ),
    ),
)

INCIDENT_HISTORY = Table("incident_history", INCIDENTS.columns)
"""Everything that was ever said of incidents, the current state included: one row for each incident, generation and
run."""
