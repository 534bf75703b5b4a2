-- Minutes (Unix seconds) for which AWS dropped records of the interface: nothing can be concluded from them.
SELECT DISTINCT toInt64(arrayJoin(range(
    intDiv(toUnixTimestamp(start), 60) * 60, least(toUnixTimestamp(`end`), toUnixTimestamp(start) + 900) + 1, 60
))) AS minute
FROM coverage
WHERE interface_id = {interface:String} AND log_status = 'SKIPDATA'
    AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
ORDER BY minute
