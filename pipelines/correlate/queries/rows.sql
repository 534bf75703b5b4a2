-- Flow records by object id and line, with the bucket, key and ETag of their object.
SELECT
    object_id,
    toUInt64(row_no) AS row_no,
    toDateTime64(start, 0, 'UTC') AS begin,
    toDateTime64(`end`, 0, 'UTC') AS finish,
    interface_id,
    action,
    toInt64(ifNull(protocol, 0)) AS proto,
    assumeNotNull(srcaddr) AS source,
    toInt64(ifNull(srcport, 0)) AS source_port,
    assumeNotNull(dstaddr) AS destination,
    toInt64(ifNull(dstport, 0)) AS destination_port,
    toInt64(ifNull(packets, 0)) AS packets,
    toInt64(ifNull(bytes, 0)) AS bytes,
    bucket,
    key,
    etag,
    toString(reject_reason) AS reject_reason
FROM flows
ANY LEFT JOIN (SELECT object_id, bucket, key, etag FROM receipts) AS objects ON objects.object_id = flows.object_id
WHERE key != '' AND interface_id IN {interfaces:Array(String)}
    AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    AND (object_id, toUInt64(row_no)) IN arrayZip({objects:Array(UInt64)}, {lines:Array(UInt64)})
ORDER BY begin, object_id, row_no
