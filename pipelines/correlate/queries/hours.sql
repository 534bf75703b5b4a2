-- Which minutes of each hour a service of an interface had accepted requests, answers and data in: bit n of a mask is
-- the nth minute. `service` is coded as in `detect/minutes.py`, and determined as in `minutes.sql`. Records whose local
-- end is not known are left out (`undirected.sql`).
WITH high AS (
    SELECT tupleElement(pair, 1), tupleElement(pair, 2) FROM (
        SELECT arrayJoin(arrayZip({high_of:Array(String)}, {high_codes:Array(UInt32)})) AS pair
    )
)
SELECT
    interface_id AS interface,
    toInt64(family * 33554432 + proto * 131072 + if(serves, local_port, peer_port) * 2 + serves) AS service,
    toInt64(hour) AS hour,
    groupBitOrIf(minute, ingress = serves) AS requests,
    groupBitOrIf(minute, ingress != serves) AS answers,
    groupBitOrIf(minute, has_data) AS data
FROM
(
    SELECT
        interface_id,
        intDiv(toUnixTimestamp(start), 3600) AS hour,
        bitShiftLeft(toUInt64(1), intDiv(toUnixTimestamp(start), 60) % 60) AS minute,
        if(flow_direction != '', flow_direction, direction) AS way,
        way = 'ingress' AS ingress,
        assumeNotNull(protocol) AS proto,
        toInt64(assumeNotNull(srcaddr) < toIPv6('::ffff:0.0.0.0')
            OR assumeNotNull(srcaddr) > toIPv6('::ffff:255.255.255.255')) AS family,
        ifNull(if(ingress, dstport, srcport), 0) AS local_port,
        ifNull(if(ingress, srcport, dstport), 0) AS peer_port,
        if(
            empty({high_codes:Array(UInt32)}),
            local_port <= peer_port,
            multiIf(
                (((interface_id, toUInt32(proto * 65536 + local_port)) IN high) AS local_high)
                    = (((interface_id, toUInt32(proto * 65536 + peer_port)) IN high) AS peer_high),
                local_port <= peer_port, local_port < peer_port, NOT peer_high, local_high
            )
        ) AS serves,
        proto != 6 OR ifNull(bytes, 0) >= ifNull(packets, 0) * {handshake_bytes:UInt32} + {data_bytes:UInt32}
            AS has_data
    FROM flows
    WHERE interface_id IN {interfaces:Array(String)}
        AND start >= {since:DateTime('UTC')} AND start < {end:DateTime('UTC')}
        AND action = 'ACCEPT' AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL
        AND (flow_direction != '' OR direction != '')
) AS rows
GROUP BY interface, service, hour
ORDER BY interface, service, hour
