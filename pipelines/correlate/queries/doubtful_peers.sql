-- Interfaces with a peer that a service accepted as `detect` demands and also rejected, not both long before the range,
-- or with a peer that exchanged data with a service and whose requests in the range had a minute without an answer or
-- without data: without that, `detect` finds no signal that is about single peers. The service is determined as in
-- `minutes.sql`; records whose local end is not known are left out (`undirected.sql`).
WITH
    high AS (
        SELECT tupleElement(pair, 1), tupleElement(pair, 2) FROM (
            SELECT arrayJoin(arrayZip({high_of:Array(String)}, {high_codes:Array(UInt32)})) AS pair
        )
    ),
    directed AS (
        SELECT
            interface_id,
            start,
            action,
            if(flow_direction != '', flow_direction, direction) = 'ingress' AS ingress,
            assumeNotNull(if(ingress, srcaddr, dstaddr)) AS peer,
            ifNull(if(ingress, dstport, srcport), 0) AS local_port,
            ifNull(if(ingress, srcport, dstport), 0) AS peer_port,
            assumeNotNull(protocol) AS proto,
            if(
                empty({high_codes:Array(UInt32)}),
                local_port <= peer_port,
                multiIf(
                    (((interface_id, toUInt32(proto * 65536 + local_port)) IN high) AS local_high)
                        = (((interface_id, toUInt32(proto * 65536 + peer_port)) IN high) AS peer_high),
                    local_port <= peer_port, local_port < peer_port, NOT peer_high, local_high
                )
            ) AS serves,
            cityHash64(interface_id, peer, proto, if(serves, local_port, peer_port), serves) AS pair,
            proto != 6 OR ifNull(bytes, 0) >= ifNull(packets, 0) * {handshake_bytes:UInt32} + {data_bytes:UInt32}
                AS has_data
        FROM flows
        WHERE interface_id IN {interfaces:Array(String)}
            AND start >= {since:DateTime('UTC')} AND start < {end:DateTime('UTC')}
            AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND protocol IS NOT NULL
            AND (flow_direction != '' OR direction != '')
    ),
    rejected AS (SELECT pair, max(start) AS last FROM directed WHERE action = 'REJECT' GROUP BY pair),
    unanswered AS (
        SELECT DISTINCT pair FROM (
            SELECT pair, max(has_data) AS data, uniqExact(ingress) AS ways
            FROM directed
            WHERE action = 'ACCEPT' AND start >= toStartOfMinute({start:DateTime('UTC')})
            GROUP BY pair, toStartOfMinute(start)
        ) WHERE ways = 1 OR NOT data
    )
SELECT DISTINCT interface
FROM
(
    SELECT
        pair,
        toString(any(interface_id)) AS interface,
        min(start) AS first,
        max(start) AS last,
        max(has_data) AS data,
        count() >= {regular:UInt32} AS often
    FROM directed
    WHERE action = 'ACCEPT'
        AND pair IN (SELECT pair FROM rejected UNION DISTINCT SELECT pair FROM unanswered)
    GROUP BY pair
) AS accepted
LEFT JOIN rejected ON rejected.pair = accepted.pair
WHERE (accepted.data AND accepted.pair IN unanswered)
    OR (
        (accepted.data OR accepted.often)
        AND rejected.last > toDateTime(0, 'UTC') AND accepted.first < rejected.last + 60
        AND greatest(accepted.last, rejected.last) >= {start:DateTime('UTC')}
    )
