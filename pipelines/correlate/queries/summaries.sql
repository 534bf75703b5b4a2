-- The summaries of some hours: which records each counts (as in `flows_by_hour.sql`), how many rows it has, and how many
-- seconds ago it was written.
SELECT
    toInt64(toUnixTimestamp(peers.hour)) AS hour,
    summary,
    sum(flows) AS flows,
    sum(loads) AS loads,
    count() AS rows,
    any(_partition_id) AS partition,
    toInt64(dateDiff('second', max(at), now64(3, 'UTC'))) AS age
FROM hourly_peers AS peers
WHERE peers.hour >= {start:DateTime('UTC')} AND peers.hour < {end:DateTime('UTC')}
GROUP BY peers.hour, summary ORDER BY hour, summary
