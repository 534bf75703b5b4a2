-- The time of the newest flow record, and the CloudTrail calls that are stored. One row.
SELECT
    (SELECT if(count() = 0, NULL, toDateTime64(max(start), 0, 'UTC')) FROM flows) AS newest,
    toInt64(uniqExact(event_id)) AS changes,
    maxOrNull(toDateTime64(event_time, 0, 'UTC')) AS changes_last
FROM change_events
