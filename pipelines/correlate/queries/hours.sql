-- Which minutes of each hour a service of an interface had accepted requests, answers and data in: bit n of a mask is
-- the nth minute. `service` is coded as in `detect/minutes.py`. From the summaries of the hours (`summarise.sql`).
SELECT
    toString(interface_id) AS interface,
    toInt64(peers.service) AS service,
    toInt64(intDiv(toUnixTimestamp(peers.hour), 3600)) AS hour,
    groupBitOr(peers.requests) AS requests,
    groupBitOr(peers.answers) AS answers,
    groupBitOr(peers.data) AS data
FROM hourly_peers AS peers
WHERE peers.hour >= toStartOfHour({since:DateTime('UTC')}) AND peers.hour < {end:DateTime('UTC')}
    AND summary IN {summaries:Array(UInt64)} AND interface_id IN {interfaces:Array(String)} AND pair != 0
GROUP BY interface_id, peers.service, peers.hour
HAVING requests > 0 OR answers > 0
ORDER BY interface, service, hour
