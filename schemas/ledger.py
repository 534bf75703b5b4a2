"""The ledger of loads and the receipts of objects, which make each count exactly once; and how long rows are kept."""

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import MILLISECONDS, SECONDS, Column, Table

LEDGER = Table(
    "ledger",
    (
        Column("load", pa.uint64(), "UInt64", "the load"),
        Column("state", TEXT, LOW, "begin, done or given-up; append-only, the last one holds"),
        Column("bucket", TEXT, LOW, "begin: bucket of the object"),
        Column("key", pa.string(), "String", "begin: key of the object"),
        Column("etag", pa.string(), "String", "begin: ETag of the object"),
        Column("version_id", pa.string(), "String", "begin: version id of the object, '' without versioning"),
        Column("size", pa.uint64(), "UInt64", "begin: bytes of the object as stored"),
        Column("object_id", pa.uint64(), "UInt64", "begin: the object; 0 in other states"),
        Column("table_name", TEXT, LOW, "begin: table of the chunk, '' for an object without rows"),
        Column("chunk", pa.uint32(), "UInt32", "begin: chunk within the load"),
        Column("rows", pa.uint64(), "UInt64", "begin: rows of this object in this chunk"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the entry was written"),
    ),
)

RECEIPTS = Table(
    "receipts",
    (
        Column("object_id", pa.uint64(), "UInt64", "the object version"),
        Column("bucket", TEXT, LOW, "bucket"),
        Column("key", pa.string(), "String", "key"),
        Column("etag", pa.string(), "String", "ETag"),
        Column("version_id", pa.string(), "String", "version id, '' without versioning"),
        Column("size", pa.uint64(), "UInt64", "bytes as stored"),
        Column("kind", TEXT, LOW, "flow-log or cloudtrail"),
        Column("load", pa.uint64(), "UInt64", "the load that wrote the object's rows"),
        Column("rows_read", pa.uint64(), "UInt64", "records in the object; = written + rejected + skipped"),
        Column("rows_written", pa.uint64(), "UInt64", "records in flows, coverage or change_events"),
        Column("rows_rejected", pa.uint64(), "UInt64", "records in rejected_lines"),
        Column("rows_skipped", pa.uint64(), "UInt64", "records that are counted and not kept"),
        Column("skipped_reasons", pa.map_(pa.string(), pa.uint64()), "Map(LowCardinality(String), UInt64)", "why"),
        Column(
            "first_time", SECONDS, "Nullable(DateTime('UTC'))", "earliest record", nulls="NULL when none has a time"
        ),
        Column("last_time", SECONDS, "Nullable(DateTime('UTC'))", "latest record", nulls="NULL when none has a time"),
        Column("parser_version", pa.uint16(), "UInt16", "version of the parser that read the object"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the object was done"),
    ),
)
"""One row per object version; its presence means done, and it is written after every row of the load."""

RETENTION = Table(
    "retention",
    (
        Column("seconds", pa.uint64(), "UInt64", "how long records are kept after their start; 0: for ever"),
        Column("state", TEXT, LOW, "begun or done; append-only, the last one done holds"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the entry was written"),
    ),
)


@dataclass(frozen=True)
class Receipt:
    """What became of one object. Raises ValueError unless read = written + rejected + skipped."""

    ref: ObjectRef
    kind: ObjectKind
    load: int
    rows_read: int
    rows_written: int
    rows_rejected: int
    skipped_reasons: dict[str, int] = field(default_factory=dict)
    first_time: datetime | None = None
    last_time: datetime | None = None

    @property
    def rows_skipped(self) -> int:
        return sum(self.skipped_reasons.values())

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_written + self.rows_rejected + self.rows_skipped:
            raise ValueError(
                f"{self.ref.url}: {self.rows_read} records read, but {self.rows_written} written"
                f" + {self.rows_rejected} rejected + {self.rows_skipped} skipped"
            )


@dataclass(frozen=True)
class DeadLetter:
    """An object that could not be read: a reference, never the payload."""

    ref: ObjectRef
    reason: str
    detail: str
