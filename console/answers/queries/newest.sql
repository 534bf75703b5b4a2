-- The time of the newest flow record, NULL without any, and how many CloudTrail objects were read. One row.
SELECT
    (SELECT if(count() = 0, NULL, toDateTime64(max(start), 0, 'UTC')) FROM flows) AS flows_last,
    toInt64(countIf(kind = 'cloudtrail')) AS trail_objects
FROM receipts
