-- The flow records of some interfaces, counted by interface, minute, direction, service and peer. One row is a cell.
-- The local end is determined by the log's flow-direction field, otherwise by the direction added at ingest, otherwise
-- by which end is an address of the interface, so that a snapshot taken later still helps. The service has the lower of
-- the two ports, unless only the higher one is known for a service (`high_ports.sql`): ephemeral ports start at 1024,
-- in practice at 32768, and services use lower ones; where both are equal the local end counts as the service.
--
-- A record that is only known to be of five minutes counts at their beginning if it was accepted and at their end if it
-- was rejected, so that a change in between lies between the two.
--
-- A record opens a connection if it has a SYN (or SYN-ACK); where it has no flags, if it is the first accepted one
-- of its addresses and ports, or a rejected one before any accepted one.
--
-- `row` is the order of records as one number: time, object and line. Numbers take much less memory than tuples.
WITH
    high AS (
        SELECT tupleElement(pair, 1), tupleElement(pair, 2) FROM (
            SELECT arrayJoin(arrayZip({high_of:Array(String)}, {high_codes:Array(UInt32)})) AS pair
        )
    ),
    known AS (
        SELECT tupleElement(pair, 1), toIPv6(tupleElement(pair, 2)) FROM (
            SELECT arrayJoin(arrayZip({holders:Array(String)}, {addresses:Array(String)})) AS pair
        )
    )
SELECT
    interface_id,
    minute,
    ingress,
    server,
    protocol,
    port,
    peer,
    local,
    flagged,
    accept_flows,
    accept_opens,
    accept_open_first,
    accept_open_last,
    accept_packets,
    accept_bytes,
    accept_flags,
    toInt64(bitShiftRight(accept_min, 96)) AS accept_first,
    toInt64(bitShiftRight(accept_max, 96)) AS accept_last,
    accept_end,
    toInt64(intDiv(accept_ports, 65536)) AS accept_local_port,
    toInt64(accept_ports % 65536) AS accept_peer_port,
    toUInt64(bitShiftRight(accept_min, 32)) AS accept_first_object,
    toUInt64(toUInt32(accept_min)) AS accept_first_row,
    toUInt64(bitShiftRight(accept_max, 32)) AS accept_last_object,
    toUInt64(toUInt32(accept_max)) AS accept_last_row,
    reject_flows,
    reject_opens,
    reject_packets,
    reject_bytes,
    reject_flags,
    toInt64(bitShiftRight(reject_min, 96)) AS reject_first,
    toInt64(bitShiftRight(reject_max, 96)) AS reject_last,
    reject_end,
    if(reject_opens > 0, open_ports, reject_ports) AS ports,
    toInt64(intDiv(ports, 65536)) AS reject_local_port,
    toInt64(ports % 65536) AS reject_peer_port,
    toUInt64(bitShiftRight(reject_min, 32)) AS reject_first_object,
    toUInt64(toUInt32(reject_min)) AS reject_first_row,
    toUInt64(bitShiftRight(reject_max, 32)) AS reject_last_object,
    toUInt64(toUInt32(reject_max)) AS reject_last_row,
    data_flows,
    toInt64(bitShiftRight(data_min, 96)) AS data_first,
    toInt64(bitShiftRight(data_max, 96)) AS data_last,
    toUInt64(bitShiftRight(data_min, 32)) AS data_first_object,
    toUInt64(toUInt32(data_min)) AS data_first_row,
    toUInt64(bitShiftRight(data_max, 32)) AS data_last_object,
    toUInt64(toUInt32(data_max)) AS data_last_row
FROM
(
    SELECT
        interface_id,
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
        toInt64(maxIf(finish, accepted)) AS accept_end,
        minIf(row, accepted) AS accept_min,
        maxIf(row, accepted) AS accept_max,
        argMinIf(both_ports, row, accepted) AS accept_ports,
        toInt64(countIf(NOT accepted)) AS reject_flows,
        toInt64(countIf(NOT accepted AND opens)) AS reject_opens,
        toInt64(sumIf(n_packets, NOT accepted)) AS reject_packets,
        toInt64(sumIf(n_bytes, NOT accepted)) AS reject_bytes,
        toInt64(groupBitOrIf(flags, NOT accepted)) AS reject_flags,
        toInt64(maxIf(finish, NOT accepted)) AS reject_end,
        minIf(row, NOT accepted) AS reject_min,
        maxIf(row, NOT accepted) AS reject_max,
        argMinIf(both_ports, row, NOT accepted) AS reject_ports,
        argMinIf(both_ports, row, NOT accepted AND opens) AS open_ports,
        toInt64(countIf(has_data)) AS data_flows,
        minIf(row, has_data) AS data_min,
        maxIf(row, has_data) AS data_max
    FROM
    (
        SELECT
            interface_id,
            start,
            toUnixTimestamp(if(time_source = 'object-name' AND action = 'REJECT', `end`, start)) AS at,
            toUnixTimestamp(`end`) AS finish,
            bitOr(bitShiftLeft(toUInt128(at), 96), bitOr(bitShiftLeft(toUInt128(object_id), 32), toUInt128(row_no))) AS row,
            multiIf(
                flow_direction != '', toString(flow_direction),
                direction != '', toString(direction),
                (interface_id, assumeNotNull(dstaddr)) IN known, 'ingress',
                (interface_id, assumeNotNull(srcaddr)) IN known, 'egress',
                '') AS way,
            assumeNotNull(protocol) AS proto,
            if(way = 'ingress', assumeNotNull(dstaddr), assumeNotNull(srcaddr)) AS near,
            if(way = 'ingress', assumeNotNull(srcaddr), assumeNotNull(dstaddr)) AS far,
            ifNull(if(way = 'ingress', dstport, srcport), 0) AS local_port,
            ifNull(if(way = 'ingress', srcport, dstport), 0) AS peer_port,
            toUInt32(local_port) * 65536 + peer_port AS both_ports,
            ifNull(packets, 0) AS n_packets,
            ifNull(bytes, 0) AS n_bytes,
            tcp_flags,
            ifNull(tcp_flags, 0) AS flags,
            (interface_id, toUInt32(proto * 65536 + local_port)) IN high AS local_high,
            (interface_id, toUInt32(proto * 65536 + peer_port)) IN high AS peer_high,
            multiIf(local_high = peer_high, local_port <= peer_port, local_port < peer_port, NOT peer_high, local_high)
                AS serves,
            action = 'ACCEPT' AS accepted,
            multiIf(
                proto = 6 AND tcp_flags IS NOT NULL, bitAnd(flags, 2) = 2,
                accepted, first_accepted = at,
                first_accepted = 0 OR first_accepted > at) AS opens,
            accepted AND (
                proto != 6 OR n_bytes >= n_packets * {handshake_bytes:UInt32} + {data_bytes:UInt32}
            ) AS has_data
        FROM flows
        ANY LEFT JOIN
        (
            SELECT interface_id, protocol, srcaddr, srcport, dstaddr, dstport, min(toUnixTimestamp(start)) AS first_accepted
            FROM flows
            WHERE interface_id IN {interfaces:Array(String)}
                AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
                AND action = 'ACCEPT' AND (protocol != 6 OR tcp_flags IS NULL)
            GROUP BY interface_id, protocol, srcaddr, srcport, dstaddr, dstport
        ) AS earliest USING (interface_id, protocol, srcaddr, srcport, dstaddr, dstport)
        WHERE interface_id IN {interfaces:Array(String)}
            AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
            AND action IN ('ACCEPT', 'REJECT')
            AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL
    ) AS rows
    WHERE way != ''
    GROUP BY interface_id, minute, ingress, server, proto, port, far
) AS cells
ORDER BY interface_id
