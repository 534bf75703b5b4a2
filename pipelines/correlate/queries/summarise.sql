-- Count the records of some hours and interfaces into `hourly_peers`: one row per hour, interface, service and peer. The
-- service is determined as in `minutes.sql`. Each hour has a summary of its own. Records of which the local end or an address is not known have the pair 0.
INSERT INTO hourly_peers (
    summary, hour, interface_id, service, pair, requests, answers, data, rejected, first_accepted, last_rejected,
    accepts, undirected, flows, loads
)
WITH high AS (
    SELECT tupleElement(pair, 1), tupleElement(pair, 2) FROM (
        SELECT arrayJoin(arrayZip({high_of:Array(String)}, {high_codes:Array(UInt32)})) AS pair
    )
)
SELECT
    bitXor({summary:UInt64}, toUInt64(intDiv(toUnixTimestamp(hour), 3600))),
    hour,
    interface_id,
    if(known, toUInt32(family * 33554432 + proto * 131072 + port * 2 + serves), 0) AS service,
    if(known, cityHash64(interface_id, peer, proto, port, serves), 0) AS pair,
    groupBitOrIf(minute, known AND accepted AND ingress = serves),
    groupBitOrIf(minute, known AND accepted AND ingress != serves),
    groupBitOrIf(minute, known AND accepted AND has_data),
    groupBitOrIf(minute, known AND action = 'REJECT'),
    minIf(start, accepted),
    maxIf(start, action = 'REJECT'),
    countIf(accepted),
    countIf(way = ''),
    if({whole:Bool}, count(), 0),
    if({whole:Bool}, sum(load), 0)
FROM
(
    SELECT
        interface_id,
        start,
        action,
        load,
        toStartOfHour(start) AS hour,
        bitShiftLeft(toUInt64(1), toMinute(start)) AS minute,
        if(flow_direction != '', flow_direction, direction) AS way,
        way = 'ingress' AS ingress,
        way != '' AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL AS known,
        action = 'ACCEPT' AS accepted,
        ifNull(protocol, 0) AS proto,
        ifNull(if(ingress, srcaddr, dstaddr), toIPv6('::')) AS peer,
        peer < toIPv6('::ffff:0.0.0.0') OR peer > toIPv6('::ffff:255.255.255.255') AS family,
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
        if(serves, local_port, peer_port) AS port,
        proto != 6 OR ifNull(bytes, 0) >= ifNull(packets, 0) * {handshake_bytes:UInt32} + {data_bytes:UInt32}
            AS has_data
    FROM flows
    WHERE start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
        AND interface_id >= {first:String} AND ({last:String} = '' OR interface_id < {last:String})
        AND (empty({interfaces:Array(String)}) OR interface_id IN {interfaces:Array(String)})
        AND toUnixTimestamp(toStartOfHour(start)) IN {hours:Array(UInt32)}
) AS records
GROUP BY hour, interface_id, service, pair
SETTINGS max_partitions_per_insert_block = 0
