-- Interfaces whose records in [from, to) were delivered by more than one flow log at the same time, longest first. Only
-- an object's name contains its flow log. Two flow logs, one for accepted and one for rejected traffic, do not overlap,
-- nor does one that starts where another ended. With only one flow log in the range no record is read.
WITH named AS
(
    SELECT object_id, extract(key, '_(fl-[0-9A-Za-z]+)_[0-9]+T[0-9]+Z_') AS flow_log FROM receipts
    WHERE kind = 'flow-log' AND flow_log != ''
        AND last_time >= {from:DateTime('UTC')} AND first_time < {to:DateTime('UTC')}
)
SELECT
    interface_id,
    arraySort(groupUniqArrayArray([flow_log, other])) AS flow_logs,
    toDateTime64(min(first), 0, 'UTC') AS start,
    toDateTime64(max(least(last, until)), 0, 'UTC') AS end
FROM
(
    SELECT
        interface_id, flow_log, first, last,
        max(last) OVER before AS until,
        argMax(flow_log, last) OVER before AS other
    FROM
    (
        SELECT interface_id, action, flow_log, min(first) AS first, max(last) AS last
        FROM
        (
            SELECT interface_id, action, object_id, min(start) AS first, max(end) AS last FROM flows
            WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
                AND (SELECT uniqExact(flow_log) > 1 FROM named)
            GROUP BY interface_id, action, object_id
        ) AS records
        INNER JOIN named USING (object_id)
        GROUP BY interface_id, action, flow_log
    ) AS logged
    WINDOW before AS (
        PARTITION BY interface_id, action ORDER BY first, flow_log ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS followed
WHERE toUnixTimestamp(until) > 0 AND first < until
GROUP BY interface_id
ORDER BY max(toUnixTimestamp(least(last, until)) - toUnixTimestamp(first)) DESC, interface_id
LIMIT {limit:UInt32}
