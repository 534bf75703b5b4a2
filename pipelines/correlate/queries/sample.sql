-- A sample of an interface's flow records to compare with the verdict, always the same ones.
SELECT
    toDateTime64(start, 0, 'UTC') AS begin,
    action,
    toInt64(assumeNotNull(protocol)) AS proto,
    assumeNotNull(srcaddr) AS source,
    toInt64(ifNull(srcport, 0)) AS source_port,
    assumeNotNull(dstaddr) AS destination,
    toInt64(ifNull(dstport, 0)) AS destination_port
FROM flows
WHERE interface_id = {interface:String}
    AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    AND action IN ('ACCEPT', 'REJECT')
    AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IN (6, 17)
ORDER BY cityHash64(object_id, row_no), object_id, row_no
LIMIT {limit:UInt32}
