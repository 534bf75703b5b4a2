-- What the range contains, by interface and flow log: flow records (including those with an unknown local end), how
-- many of them were accepted and how many have no time of their own, intervals without traffic, and intervals with
-- records that AWS dropped. The flow log is taken from the object's name.
SELECT
    interface_id,
    flow_log,
    toInt64(sum(flows)) AS flows,
    toInt64(sum(accepts)) AS accepts,
    toInt64(sum(untimed)) AS untimed,
    toInt64(sum(nodata)) AS nodata,
    toInt64(sum(skipdata)) AS skipdata
FROM
(
    SELECT
        interface_id,
        object_id,
        count() AS flows,
        countIf(action = 'ACCEPT') AS accepts,
        countIf(time_source = 'object-name') AS untimed,
        0 AS nodata,
        0 AS skipdata
    FROM flows
    WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    GROUP BY interface_id, object_id
    UNION ALL
    SELECT interface_id, object_id, 0, 0, 0, countIf(log_status = 'NODATA'), countIf(log_status = 'SKIPDATA')
    FROM coverage
    WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    GROUP BY interface_id, object_id
) AS counts
ANY LEFT JOIN
(
    SELECT object_id, extract(key, '_(fl-[0-9A-Za-z]+)_') AS flow_log FROM receipts
) AS objects ON objects.object_id = counts.object_id
GROUP BY interface_id, flow_log
ORDER BY interface_id, flow_log
