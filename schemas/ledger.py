"""The ledger of loads and the receipts of objects, which make each object count exactly once; and row retention."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import MILLISECONDS, SECONDS, Column, Table

LEASE = timedelta(seconds=60)
"""How long a process that holds an attempt on a server may be silent before it counts as dead."""

WRITTEN_AT = Column(
    "at",
    MILLISECONDS,
    "DateTime64(3, 'UTC')",
    "when the row was written, by the store's clock",
    default="now64(3, 'UTC')",
)

REFERENCE: tuple[Column, ...] = (
    Column("bucket", TEXT, LOW, "bucket"),
    Column("key", pa.string(), "String", "key"),
    Column("etag", pa.string(), "String", "ETag"),
    Column("version_id", pa.string(), "String", "version id, '' without versioning"),
    Column("size", pa.uint64(), "UInt64", "size in bytes, as stored"),
)
"""An object version (`ObjectRef`)."""

LEDGER = Table(
    "ledger",
    (
        Column("load", pa.uint64(), "UInt64", "the attempt that writes the load"),
        Column("state", TEXT, LOW, "begin, done, given-up or cleared (its rows are removed); append-only"),
        Column("bucket", TEXT, LOW, "begin: bucket of the object"),
        Column("key", pa.string(), "String", "begin: key of the object"),
        Column("etag", pa.string(), "String", "begin: ETag of the object"),
        Column("version_id", pa.string(), "String", "begin: version id of the object, '' without versioning"),
        Column("size", pa.uint64(), "UInt64", "begin: size of the object in bytes, as stored"),
        Column("object_id", pa.uint64(), "UInt64", "begin: the object; 0 in other states"),
        Column("table_name", TEXT, LOW, "begin: table of the chunk, '' for an object without rows"),
        Column("chunk", pa.uint32(), "UInt32", "begin: chunk within the load"),
        Column("rows", pa.uint64(), "UInt64", "begin: rows of this object in this chunk"),
        WRITTEN_AT,
        Column("kind", TEXT, LOW, "begin: flow-log or cloudtrail"),
        Column("run", TEXT, LOW, "the run that the attempt belongs to (runs.run)"),
        Column("owner", pa.uint64(), "UInt64", "the process that the attempt belongs to (heartbeats.owner)"),
    ),
)
"""One attempt (`load`) is one process's try at some objects; its id is never used by another process."""

RECEIPTS = Table(
    "receipts",
    (
        Column("object_id", pa.uint64(), "UInt64", "the object version"),
        *REFERENCE,
        Column("kind", TEXT, LOW, "flow-log or cloudtrail"),
        Column("load", pa.uint64(), "UInt64", "the attempt that wrote the object's rows (ledger.load)"),
        Column("rows_read", pa.uint64(), "UInt64", "records in the object; = written + rejected + skipped"),
        Column("rows_written", pa.uint64(), "UInt64", "records in flows, coverage or change_events"),
        Column("rows_rejected", pa.uint64(), "UInt64", "records in rejected_lines"),
        Column("rows_skipped", pa.uint64(), "UInt64", "records counted but not kept"),
        Column(
            "skipped_reasons",
            pa.map_(pa.string(), pa.uint64()),
            "Map(LowCardinality(String), UInt64)",
            "skipped records by reason",
        ),
        Column(
            "first_time",
            SECONDS,
            "Nullable(DateTime('UTC'))",
            "earliest record",
            nulls="NULL when no record has a time",
        ),
        Column(
            "last_time", SECONDS, "Nullable(DateTime('UTC'))", "latest record", nulls="NULL when no record has a time"
        ),
        Column("parser_version", pa.uint16(), "UInt16", "version of the parser that read the object"),
        WRITTEN_AT,
        Column("unenriched", pa.uint64(), "UInt64", "flow records whose interface no snapshot has"),
        Column("run", TEXT, LOW, "the run that loaded the object (runs.run)"),
    ),
)
"""One row per object version, written after all rows of the attempt. An object is done when it has a receipt of an
attempt that has not been given up."""

RETENTION = Table(
    "retention",
    (
        Column("seconds", pa.uint64(), "UInt64", "how long records are kept after their start; 0: forever"),
        Column("state", TEXT, LOW, "begun or done; append-only, the last done entry counts"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the entry was written"),
    ),
)


@dataclass(frozen=True)
class Receipt:
    """The outcome for one object. Raises ValueError unless read = written + rejected + skipped."""

    ref: ObjectRef
    kind: ObjectKind
    load: int
    rows_read: int
    rows_written: int
    rows_rejected: int
    skipped_reasons: dict[str, int] = field(default_factory=dict)
    first_time: datetime | None = None
    last_time: datetime | None = None
    unenriched: int = 0
    run: str = ""

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
