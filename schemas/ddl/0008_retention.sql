-- How long records were kept, and when: what has expired is told from what was lost.

CREATE TABLE retention
(
    seconds UInt64,
    state LowCardinality(String),
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (at, state)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
