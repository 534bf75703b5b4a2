-- Flow log objects with records in [from, to) that were loaded from more than one place: of the same name, which AWS
-- gives only once, and with as many records. Grouped by the buckets they are in; `records` are those counted again.
SELECT
    buckets,
    count() AS objects,
    sum(again) AS records,
    toDateTime64(min(first), 0, 'UTC') AS start,
    toDateTime64(max(last), 0, 'UTC') AS end
FROM
(
    SELECT
        extract(key, '[^/]+$') AS name,
        arraySort(groupUniqArray(toString(bucket))) AS buckets,
        rows_read * (uniqExact(bucket, key) - 1) AS again,
        min(first_time) AS first,
        max(last_time) AS last
    FROM receipts
    WHERE kind = 'flow-log' AND match(key, '_fl-[0-9A-Za-z]+_[0-9]+T[0-9]+Z_[0-9A-Za-z]+[.][^/]*$')
        AND last_time >= {from:DateTime('UTC')} AND first_time < {to:DateTime('UTC')}
        AND load NOT IN (SELECT load FROM ledger WHERE state = 'given-up')
    GROUP BY name, rows_read
    HAVING uniqExact(bucket, key) > 1
) AS named
GROUP BY buckets
ORDER BY records DESC, buckets
LIMIT {limit:UInt32}
