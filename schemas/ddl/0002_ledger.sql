-- Append-only: begin (objects, expected rows per object and chunk) -> chunks -> receipts -> done.

CREATE TABLE ledger
(
    load UInt64,
    state LowCardinality(String),
    bucket LowCardinality(String),
    key String,
    etag String,
    version_id String,
    size UInt64,
    object_id UInt64,
    table_name LowCardinality(String),
    chunk UInt32,
    rows UInt64,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (load, state, chunk)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE receipts
(
    object_id UInt64,
    bucket LowCardinality(String),
    key String,
    etag String,
    version_id String,
    size UInt64,
    kind LowCardinality(String),
    load UInt64,
    rows_read UInt64,
    rows_written UInt64,
    rows_rejected UInt64,
    rows_skipped UInt64,
    skipped_reasons Map(LowCardinality(String), UInt64),
    first_time Nullable(DateTime('UTC')),
    last_time Nullable(DateTime('UTC')),
    parser_version UInt16,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY object_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
