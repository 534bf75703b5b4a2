-- Minutes (Unix seconds) for which each flow log delivered something, even if only that there was no traffic. A record
-- covers the minutes from its start to its end, at most 15: the longest aggregation interval is 10 minutes, and times
-- may be off by one.
SELECT DISTINCT
    flow_log,
    toInt64(minute) AS minute
FROM
(
    SELECT DISTINCT
        object_id,
        arrayJoin(range(first, least(last, first + 15) + 1)) * 60 AS minute
    FROM
    (
        SELECT DISTINCT
            object_id,
            intDiv(toUnixTimestamp(start), 60) AS first,
            intDiv(toUnixTimestamp(`end`), 60) AS last
        FROM flows
        WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
        UNION ALL
        SELECT DISTINCT
            object_id,
            intDiv(toUnixTimestamp(start), 60) AS first,
            intDiv(toUnixTimestamp(`end`), 60) AS last
        FROM coverage
        WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')} AND log_status = 'NODATA'
    ) AS records
) AS minutes
ANY LEFT JOIN
(
    SELECT object_id, extract(key, '_(fl-[0-9A-Za-z]+)_') AS flow_log FROM receipts
) AS objects ON objects.object_id = minutes.object_id
WHERE minute < toUnixTimestamp({end:DateTime('UTC')})
ORDER BY flow_log, minute
