CREATE TABLE config_snapshots
(
    snapshot_id String,
    as_of DateTime64(3, 'UTC'),
    source LowCardinality(String),
    account_id LowCardinality(String),
    region LowCardinality(String),
    resource_type LowCardinality(String),
    resource_id String,
    body String,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (as_of, snapshot_id, resource_type, resource_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE config_versions
(
    generation UInt64,
    resource_type LowCardinality(String),
    resource_id String,
    valid_from Nullable(DateTime64(3, 'UTC')),
    valid_to Nullable(DateTime64(3, 'UTC')),
    begun_by String,
    ended_by String,
    exact Bool,
    body String
)
ENGINE = MergeTree
ORDER BY (generation, resource_type, resource_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
