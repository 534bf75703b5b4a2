-- Watching: which loads are judged, and what was told of which incident.

CREATE TABLE IF NOT EXISTS judged
(
    load UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY load
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS notifications
(
    incident String,
    digest String,
    channel LowCardinality(String),
    state LowCardinality(String),
    detail String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (incident, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
