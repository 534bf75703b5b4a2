-- Everything that an incident was said to be stays, and each statement names the range that it rests on, so that a
-- narrower look never overwrites a wider one.

ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS judged_from Nullable(DateTime('UTC')),
    ADD COLUMN IF NOT EXISTS judged_to Nullable(DateTime('UTC'));

CREATE TABLE IF NOT EXISTS incident_history
(
    id String,
    run LowCardinality(String),
    judged_from DateTime('UTC'),
    judged_to DateTime('UTC'),
    state LowCardinality(String),
    certainty LowCardinality(String),
    replaced_by String,
    body String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (id, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
