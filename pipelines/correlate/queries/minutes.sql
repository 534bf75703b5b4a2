-- The flow records of one interface, counted by minute, direction, service and peer. One row is a cell. The local end
-- is determined by the log's flow-direction field, otherwise by the direction added at ingest, otherwise by which end
-- is an address of the interface, so that a snapshot taken later still helps. The service has the lower of the two
-- ports, unless only the higher one is known for a service (`high_ports.sql`): ephemeral ports start at 1024, in
-- practice at 32768, and services use lower ones; where both are equal the local end counts as the service.
--
-- A record that is only known to be of five minutes counts at their beginning if it was accepted and at their end if it
-- was rejected, so that a change in between lies between the two.
--
-- A record opens a connection if it has a SYN (or SYN-ACK); where it has no flags, if it is the first accepted one
-- of its addresses and ports, or a rejected one before any accepted one.
SELECT
    toInt64(toUnixTimestamp(toStartOfMinute(start))) AS minute,
    toInt64(way = 'ingress') AS ingress,
    toInt64(serves) AS server,
    toInt64(proto) AS protocol,
    toInt64(if(serves, local_port, peer_port)) AS port,
    far AS peer,
    any(near) AS local,
    toInt64(countIf(tcp_flags IS NOT NULL)) AS flagged,
    toInt64(countIf(accepted)) AS accept_flows,
    toInt64(countIf(accepted AND opens)) AS accept_opens,
    toInt64(minIf(at, accepted AND opens)) AS accept_open_first,
    toInt64(maxIf(at, accepted AND opens)) AS accept_open_last,
    toInt64(sumIf(n_packets, accepted)) AS accept_packets,
    toInt64(sumIf(n_bytes, accepted)) AS accept_bytes,
    toInt64(groupBitOrIf(flags, accepted)) AS accept_flags,
    toInt64(minIf(at, accepted)) AS accept_first,
    toInt64(maxIf(at, accepted)) AS accept_last,
    toInt64(maxIf(finish, accepted)) AS accept_end,
    toInt64(argMinIf(local_port, row, accepted)) AS accept_local_port,
    toInt64(argMinIf(peer_port, row, accepted)) AS accept_peer_port,
    argMinIf(object_id, row, accepted) AS accept_first_object,
    toUInt64(argMinIf(row_no, row, accepted)) AS accept_first_row,
    argMaxIf(object_id, row, accepted) AS accept_last_object,
    toUInt64(argMaxIf(row_no, row, accepted)) AS accept_last_row,
    toInt64(countIf(NOT accepted)) AS reject_flows,
    toInt64(countIf(NOT accepted AND opens)) AS reject_opens,
    toInt64(sumIf(n_packets, NOT accepted)) AS reject_packets,
    toInt64(sumIf(n_bytes, NOT accepted)) AS reject_bytes,
    toInt64(groupBitOrIf(flags, NOT accepted)) AS reject_flags,
    toInt64(minIf(at, NOT accepted)) AS reject_first,
    toInt64(maxIf(at, NOT accepted)) AS reject_last,
    toInt64(maxIf(finish, NOT accepted)) AS reject_end,
    toInt64(argMinIf(local_port, (NOT opens, row), NOT accepted)) AS reject_local_port,
    toInt64(argMinIf(peer_port, (NOT opens, row), NOT accepted)) AS reject_peer_port,
    argMinIf(object_id, row, NOT accepted) AS reject_first_object,
    toUInt64(argMinIf(row_no, row, NOT accepted)) AS reject_first_row,
    argMaxIf(object_id, row, NOT accepted) AS reject_last_object,
    toUInt64(argMaxIf(row_no, row, NOT accepted)) AS reject_last_row,
    toInt64(countIf(has_data)) AS data_flows,
    toInt64(minIf(at, has_data)) AS data_first,
    toInt64(maxIf(at, has_data)) AS data_last,
    argMinIf(object_id, row, has_data) AS data_first_object,
    toUInt64(argMinIf(row_no, row, has_data)) AS data_first_row,
    argMaxIf(object_id, row, has_data) AS data_last_object,
    toUInt64(argMaxIf(row_no, row, has_data)) AS data_last_row
FROM
(
    SELECT
        start,
        toUnixTimestamp(if(time_source = 'object-name' AND action = 'REJECT', `end`, start)) AS at,
        toUnixTimestamp(`end`) AS finish,
        (at, object_id, row_no) AS row,
        multiIf(
            flow_direction != '', toString(flow_direction),
            direction != '', toString(direction),
            has(arrayMap(x -> toIPv6(x), {addresses:Array(String)}), assumeNotNull(dstaddr)), 'ingress',
            has(arrayMap(x -> toIPv6(x), {addresses:Array(String)}), assumeNotNull(srcaddr)), 'egress',
            '') AS way,
        assumeNotNull(protocol) AS proto,
        if(way = 'ingress', assumeNotNull(dstaddr), assumeNotNull(srcaddr)) AS near,
        if(way = 'ingress', assumeNotNull(srcaddr), assumeNotNull(dstaddr)) AS far,
        ifNull(if(way = 'ingress', dstport, srcport), 0) AS local_port,
        ifNull(if(way = 'ingress', srcport, dstport), 0) AS peer_port,
        ifNull(packets, 0) AS n_packets,
        ifNull(bytes, 0) AS n_bytes,
        tcp_flags,
        ifNull(tcp_flags, 0) AS flags,
        has({high_ports:Array(UInt32)}, toUInt32(proto * 65536 + local_port)) AS local_high,
        has({high_ports:Array(UInt32)}, toUInt32(proto * 65536 + peer_port)) AS peer_high,
        multiIf(local_high = peer_high, local_port <= peer_port, local_port < peer_port, NOT peer_high, local_high)
            AS serves,
        action = 'ACCEPT' AS accepted,
        multiIf(
            proto = 6 AND tcp_flags IS NOT NULL, bitAnd(flags, 2) = 2,
            accepted, first_accepted = at,
            first_accepted = 0 OR first_accepted > at) AS opens,
        accepted AND (
            proto != 6 OR n_bytes >= n_packets * {handshake_bytes:UInt32} + {data_bytes:UInt32}
        ) AS has_data,
        object_id,
        row_no
    FROM flows
    ANY LEFT JOIN
    (
        SELECT protocol, srcaddr, srcport, dstaddr, dstport, min(toUnixTimestamp(start)) AS first_accepted
        FROM flows
        WHERE interface_id = {interface:String}
            AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
            AND action = 'ACCEPT' AND (protocol != 6 OR tcp_flags IS NULL)
        GROUP BY protocol, srcaddr, srcport, dstaddr, dstport
    ) AS earliest USING (protocol, srcaddr, srcport, dstaddr, dstport)
    WHERE interface_id = {interface:String}
        AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
        AND action IN ('ACCEPT', 'REJECT')
        AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL
) AS rows
WHERE way != ''
GROUP BY minute, ingress, server, proto, port, far
