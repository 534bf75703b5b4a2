-- What was said of an incident is kept, with the run, the time and the range that was examined.

ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS said_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS read_from Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS examined_from Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS examined_to Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS replaced_by Array(String);

CREATE TABLE IF NOT EXISTS incident_history
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
    body String,
    run LowCardinality(String),
    said_at Nullable(DateTime64(3, 'UTC')),
    read_from Nullable(DateTime('UTC')),
    examined_from Nullable(DateTime('UTC')),
    examined_to Nullable(DateTime('UTC')),
    replaced_by Array(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (id, generation, run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS read_from Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS examined_from Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS examined_to Nullable(DateTime('UTC'));
