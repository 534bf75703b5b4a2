-- Stretches of [from, to) of which an interface's flow log delivered nothing, not even that there was no traffic, between
-- two records of it; longest first. Where a record covers more than a minute and a half, intervals are of ten minutes and
-- two records may lie twice as far apart without any missing; else of one. Five minutes are the steps that we look in.
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
