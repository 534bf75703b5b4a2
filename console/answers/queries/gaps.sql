-- Periods within [from, to), between two records of an interface, for which its flow log delivered nothing, not even
-- that there was no traffic; longest first. Where any record covers more than 90 seconds, the aggregation interval is
-- taken to be 10 minutes, otherwise 1 minute; two records may be up to two intervals apart without any missing. Records
-- are grouped in steps of 5 minutes.
SELECT
    interface_id,
    toDateTime64(before, 0, 'UTC') AS start,
    toDateTime64(first, 0, 'UTC') AS end
FROM
(
    SELECT
        interface_id,
        first,
        max(last) OVER (PARTITION BY interface_id ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
        max(longest) OVER (PARTITION BY interface_id) > 90 AS slow
    FROM
    (
        SELECT
            interface_id, min(start) AS first, max(end) AS last, max(toUnixTimestamp(end) - toUnixTimestamp(start)) AS longest
        FROM
        (
            SELECT interface_id, start, end FROM flows
            WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
                AND ({eni:String} = '' OR interface_id = {eni:String})
            UNION ALL
            SELECT interface_id, start, end FROM coverage
            WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')} AND log_status = 'NODATA'
                AND ({eni:String} = '' OR interface_id = {eni:String})
        ) AS records
        GROUP BY interface_id, intDiv(toUnixTimestamp(start), 300)
    ) AS steps
) AS followed
WHERE toUnixTimestamp(before) > 0 AND toUnixTimestamp(first) > toUnixTimestamp(before) + if(slow, 1500, 420)
ORDER BY toUnixTimestamp(first) - toUnixTimestamp(before) DESC, interface_id, first
LIMIT {limit:UInt32}
