-- Interfaces that may have a service on a port above those of its clients (`high_ports.sql`): those with many ports of
-- 1024 or more that look like services' because they are the lower ones, and those with records that have no pair.
SELECT toString(interface_id) AS interface
FROM hourly_peers
WHERE hour >= toStartOfHour({since:DateTime('UTC')}) AND hour < {end:DateTime('UTC')}
    AND summary IN {summaries:Array(UInt64)}
    AND (pair = 0 OR (data > 0 AND bitAnd(bitShiftRight(service, 1), 65535) >= 1024))
GROUP BY interface_id
HAVING uniqExact(bitShiftRight(service, 1)) >= {many:UInt32} OR min(pair) = 0
ORDER BY interface
