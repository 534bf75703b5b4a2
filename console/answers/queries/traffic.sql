-- Flow records between interfaces' services and peers, by steps of time: accepted ones with data and without, and rejected
-- ones. Without ports, or without peers, all of them count.
SELECT
    toDateTime64(toStartOfInterval(flows.start, toIntervalSecond({step:UInt32}), 'UTC'), 0, 'UTC') AS start,
    toInt64(countIf(action = 'ACCEPT' AND has_data)) AS data,
    toInt64(countIf(action = 'ACCEPT' AND NOT has_data)) AS empty,
    toInt64(countIf(action = 'REJECT')) AS rejected
FROM
(
    SELECT
        start,
        action,
        protocol != 6 OR ifNull(bytes, 0) >= ifNull(packets, 0) * {handshake_bytes:UInt32} + {data_bytes:UInt32} AS has_data
    FROM flows
    WHERE interface_id IN {enis:Array(String)} AND protocol IN {protocols:Array(UInt8)}
        AND start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
        AND (empty({ports:Array(UInt16)}) OR srcport IN {ports:Array(UInt16)} OR dstport IN {ports:Array(UInt16)})
        AND (empty({peers:Array(String)})
            OR srcaddr IN arrayMap(peer -> toIPv6(peer), {peers:Array(String)})
            OR dstaddr IN arrayMap(peer -> toIPv6(peer), {peers:Array(String)}))
) AS flows
GROUP BY start
ORDER BY start
