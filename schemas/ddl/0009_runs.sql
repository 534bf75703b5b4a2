-- Outcomes are facts: attempts and receipts name their run; runs, their plans and dead letters are tables. An attempt
-- belongs to one process, which shows that it is alive by its heartbeat.

ALTER TABLE ledger
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String),
    ADD COLUMN IF NOT EXISTS run LowCardinality(String),
    ADD COLUMN IF NOT EXISTS owner UInt64,
    MODIFY COLUMN at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    ADD INDEX IF NOT EXISTS by_object object_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE receipts
    ADD COLUMN IF NOT EXISTS unenriched UInt64,
    ADD COLUMN IF NOT EXISTS run LowCardinality(String),
    MODIFY COLUMN at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC');

CREATE TABLE IF NOT EXISTS heartbeats
(
    owner UInt64,
    machine String,
    process UInt64,
    started UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY owner
TTL toDateTime(at) + INTERVAL 7 DAY;

CREATE TABLE IF NOT EXISTS runs
(
    run String,
    command LowCardinality(String),
    state LowCardinality(String),
    counts Map(LowCardinality(String), UInt64),
    detail String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (run, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS planned
(
    run String,
    kind LowCardinality(String),
    part UInt32,
    listed Bool,
    bucket LowCardinality(String),
    key String,
    etag String,
    version_id String,
    size UInt64,
    object_id UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (run, kind, part)
TTL toDateTime(at) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS dead_letters
(
    object_id UInt64,
    bucket LowCardinality(String),
    key String,
    etag String,
    version_id String,
    size UInt64,
    state LowCardinality(String),
    reason LowCardinality(String),
    detail String,
    run LowCardinality(String),
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (object_id, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE incidents ADD COLUMN IF NOT EXISTS run LowCardinality(String);

CREATE TABLE IF NOT EXISTS incident_drafts
(
    run String,
    id String,
    body String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (run, id)
TTL toDateTime(at) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS derivations
(
    name LowCardinality(String),
    built_from String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
