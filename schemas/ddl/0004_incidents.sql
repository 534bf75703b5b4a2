CREATE TABLE incidents
(
    id String,
    generation UInt64,
    deleted UInt8,
    kind LowCardinality(String),
    state LowCardinality(String),
    certainty LowCardinality(String),
    layer LowCardinality(String),
    resource String,
    actor String,
    event_ids Array(String),
    enis Array(String),
    ports Array(UInt16),
    peers Array(String),
    first_seen DateTime('UTC'),
    last_seen DateTime('UTC'),
    closed_at Nullable(DateTime('UTC')),
    body String
)
ENGINE = ReplacingMergeTree(generation, deleted)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
