-- By hour (Unix seconds), how many flow records there are, and the sum of their loads: what identifies them.
SELECT toInt64(intDiv(toUnixTimestamp(start), 3600)) * 3600 AS hour, count() AS flows, sum(load) AS loads
FROM flows
WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
GROUP BY hour ORDER BY hour
