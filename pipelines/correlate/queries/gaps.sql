-- Minutes (Unix seconds) for which AWS dropped records of each interface: nothing can be concluded from them. Without
-- names of interfaces, those of all.
SELECT DISTINCT toString(interface_id) AS interface, toInt64(arrayJoin(range(
    intDiv(toUnixTimestamp(start), 60) * 60, least(toUnixTimestamp(`end`), toUnixTimestamp(start) + 900) + 1, 60
))) AS minute
FROM coverage
WHERE (empty({interfaces:Array(String)}) OR interface_id IN {interfaces:Array(String)}) AND log_status = 'SKIPDATA'
    AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
ORDER BY interface, minute
