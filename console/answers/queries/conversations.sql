-- The conversations of some interfaces, or without any, of all, in [since, until), those with the most bytes first: interface, both ends and the
-- service, with a port that the client used. The service is taken to have the lower port. Records whose local end is not
-- known are left out.
SELECT
    toString(interface_id) AS interface,
    near,
    far,
    toInt64(proto) AS protocol,
    toInt64(if(serves, local_port, peer_port)) AS port,
    serves AS server,
    toInt64(argMax(if(serves, peer_port, local_port), start)) AS client_port,
    toInt64(countIf(action = 'ACCEPT')) AS accepted,
    toInt64(countIf(action = 'REJECT')) AS rejected,
    toInt64(sum(ifNull(bytes, 0))) AS total,
    toDateTime64(max(start), 0, 'UTC') AS last
FROM
(
    SELECT
        interface_id, start, action, bytes,
        if(flow_direction != '', toString(flow_direction), toString(direction)) AS way,
        assumeNotNull(protocol) AS proto,
        if(way = 'ingress', assumeNotNull(dstaddr), assumeNotNull(srcaddr)) AS near,
        if(way = 'ingress', assumeNotNull(srcaddr), assumeNotNull(dstaddr)) AS far,
        ifNull(if(way = 'ingress', dstport, srcport), 0) AS local_port,
        ifNull(if(way = 'ingress', srcport, dstport), 0) AS peer_port,
        local_port <= peer_port AS serves
    FROM flows
    WHERE (empty({interfaces:Array(String)}) OR interface_id IN {interfaces:Array(String)})
        AND start >= {since:DateTime('UTC')} AND start < {until:DateTime('UTC')}
        AND action IN ('ACCEPT', 'REJECT')
        AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL
)
WHERE way != ''
GROUP BY interface, near, far, proto, port, serves
ORDER BY total DESC, interface, far, proto, port, server
LIMIT {limit:UInt32}
