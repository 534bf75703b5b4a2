"""Runs: what a command planned and what became of it, so that its outcome can be read from the store on any machine."""

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.incident import EXAMINED
from schemas.ledger import REFERENCE, WRITTEN_AT
from schemas.table import Column, Table

RUNS = Table(
    "runs",
    (
        Column("run", pa.string(), "String", "names the run; in order of time"),
        Column("command", TEXT, LOW, "ingest, correlate, replay, ..."),
        Column("state", TEXT, LOW, "begun, listed, busy, done or failed; append-only"),
        Column("counts", pa.map_(pa.string(), pa.uint64()), "Map(LowCardinality(String), UInt64)", "what was counted"),
        Column(
            "detail", pa.string(), "String", "begun: what the run is about; busy: object ids, by commas; failed: why"
        ),
        WRITTEN_AT,
        *EXAMINED,
    ),
)

PLANNED = Table(
    "planned",
    (
        Column("run", pa.string(), "String", "the run (runs.run)"),
        Column("kind", TEXT, LOW, "flow-log or cloudtrail"),
        Column("part", pa.uint32(), "UInt32", "the load within the run and kind; its objects are read together"),
        Column("listed", pa.bool_(), "Bool", "false for an object that an earlier run left unfinished"),
        *REFERENCE,
        Column("object_id", pa.uint64(), "UInt64", "the object version"),
        WRITTEN_AT,
    ),
)
"""What a run is to load, kept for 14 days: steps of a pipeline receive the number of a part and read it here."""

DEAD_LETTERS = Table(
    "dead_letters",
    (
        Column("object_id", pa.uint64(), "UInt64", "the object version"),
        *REFERENCE,
        Column("state", TEXT, LOW, "set-aside or forgotten; append-only, the last entry counts"),
        Column("reason", TEXT, LOW, "why the object could not be read, e.g. truncated-gzip"),
        Column("detail", pa.string(), "String", "the reason as a sentence"),
        Column("run", TEXT, LOW, "the run that set it aside (runs.run)"),
        WRITTEN_AT,
    ),
)
"""Objects that could not be read: references, never their content."""

HEARTBEATS = Table(
    "heartbeats",
    (
        Column("owner", pa.uint64(), "UInt64", "the process (ledger.owner)"),
        Column("machine", pa.string(), "String", "where it runs: boot and process namespace, on Linux"),
        Column("process", pa.uint64(), "UInt64", "its process id"),
        Column("started", pa.uint64(), "UInt64", "when it started, in clock ticks since boot, on Linux"),
        WRITTEN_AT,
    ),
)
"""Processes that hold attempts, kept for 7 days; the last beat counts."""

INCIDENT_DRAFTS = Table(
    "incident_drafts",
    (
        Column("run", pa.string(), "String", "the run that found it (runs.run)"),
        Column("id", pa.string(), "String", "names the incident"),
        Column("body", pa.string(), "String", "the whole incident as JSON"),
        WRITTEN_AT,
    ),
)
"""Incidents as the workers of a run found them, kept for 14 days; they count once the run has published them."""

DERIVATIONS = Table(
    "derivations",
    (
        Column("name", TEXT, LOW, "the derived table, e.g. config_versions; or watch, once it has begun"),
        Column("built_from", pa.string(), "String", "identifies the facts it was derived from"),
        WRITTEN_AT,
    ),
)
"""Which facts a derived table was built from, so that it is rebuilt only when they have changed."""
