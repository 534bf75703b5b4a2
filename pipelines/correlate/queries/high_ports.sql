-- Service ports above other ports of their conversations, as protocol * 65536 + port: ports of conversations with data
-- in which they are the higher one, and the lower one (1024 or more) has many values. A client's port has few services.
SELECT toString(interface_id) AS interface, toUInt32(protocol * 65536 + greatest(srcport, dstport)) AS code
FROM flows
WHERE interface_id IN {interfaces:Array(String)}
    AND start >= {start:DateTime('UTC')} AND start < {end:DateTime('UTC')}
    AND action = 'ACCEPT' AND srcport >= 1024 AND dstport >= 1024 AND srcport != dstport AND protocol IS NOT NULL
    AND (protocol != 6 OR bytes >= packets * {handshake_bytes:UInt32} + {data_bytes:UInt32})
GROUP BY interface, code
HAVING uniqExact(least(srcport, dstport)) >= {many:UInt32}
ORDER BY interface, code
