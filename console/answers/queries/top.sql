-- The values of one column with the most flow records that match. The `limit` parameter is one more than the values
-- shown: the additional row means that there are more.
SELECT
    {column:Identifier} AS value,
    count() AS records,
    ifNull(sum(packets), 0) AS packets,
    ifNull(sum(bytes), 0) AS bytes
FROM flows
WHERE matching
GROUP BY value
ORDER BY records DESC, bytes DESC, value
LIMIT {limit:UInt32}
