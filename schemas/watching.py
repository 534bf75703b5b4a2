"""What `watch` keeps: which loads it has judged, and what it has told of incidents on which channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.ledger import WRITTEN_AT
from schemas.object_ref import ObjectKind
from schemas.table import Column, Table

JUDGED = Table(
    "judged",
    (
        Column("load", pa.uint64(), "UInt64", "the attempt whose records were correlated (receipts.load)"),
        WRITTEN_AT,
    ),
)
"""Loads that `watch` has correlated, kept for 90 days; twice is once."""

NOTIFICATIONS = Table(
    "notifications",
    (
        Column("incident", pa.string(), "String", "the incident (incidents.id)"),
        Column("digest", pa.string(), "String", "identifies what was said of it: state, certainty and cause"),
        Column("channel", TEXT, LOW, "where it is told"),
        Column(
            "state", TEXT, LOW, "claimed, sent, failed, or known (said before the channel was first used); append-only"
        ),
        Column("detail", pa.string(), "String", "claimed: by which turn; failed: why"),
        WRITTEN_AT,
    ),
)


@dataclass(frozen=True)
class Due:
    """A load that is not judged yet, and the times of its earliest and latest record."""

    load: int
    kind: ObjectKind
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Message:
    """What is told of an incident: a `title` of one line and a `text` of a few, both without control characters, and a
    `body` of plain JSON types. `digest` identifies what is said; the same is not sent twice to one channel."""

    incident: str
    digest: str
    title: str
    text: str
    body: Mapping[str, Any]
