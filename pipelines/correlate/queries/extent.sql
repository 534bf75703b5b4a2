-- How many flow records the range has, the time span of all flow records, and the unreadable lines of the range. One
-- row.
SELECT
    (
        SELECT toInt64(count()) FROM flows WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    ) AS found,
    toDateTime64(minOrNull(start), 0, 'UTC') AS first,
    toDateTime64(maxOrNull(start), 0, 'UTC') AS last,
    (
        SELECT toInt64(sum(rows_rejected)) FROM receipts
        WHERE kind = 'flow-log'
            AND ifNull(last_time >= {start:DateTime('UTC')}, 1) AND ifNull(first_time < {end:DateTime('UTC')}, 1)
    ) AS rejected_lines
FROM flows
