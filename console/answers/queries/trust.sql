-- The time of the newest flow record, what the ledger has of the 24 hours before it (rows of flow log objects, and
-- intervals of which AWS dropped records), and the CloudTrail calls that are stored. One row.
WITH (SELECT max(start) FROM flows) AS last
SELECT
    (SELECT if(count() = 0, NULL, toDateTime64(max(start), 0, 'UTC')) FROM flows) AS newest,
    (SELECT toInt64(sum(rows_written)) FROM receipts WHERE kind = 'flow-log' AND last_time >= last - 86400) AS records,
    (SELECT toInt64(count()) FROM coverage WHERE log_status = 'SKIPDATA' AND start >= last - 86400) AS skipped,
    toInt64(uniqExact(event_id)) AS changes,
    maxOrNull(toDateTime64(event_time, 0, 'UTC')) AS changes_last
FROM change_events
