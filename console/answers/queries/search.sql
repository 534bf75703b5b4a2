-- The newest of the flow records that match. The `limit` parameter is one more than the rows shown: the additional row
-- means that there are more.
SELECT
    toDateTime64(start, 0, 'UTC') AS start,
    toDateTime64(end, 0, 'UTC') AS end,
    action,
    reject_reason,
    direction,
    srcaddr,
    srcport,
    dstaddr,
    dstport,
    pkt_srcaddr,
    pkt_dstaddr,
    protocol,
    packets,
    bytes,
    interface_id,
    instance_id,
    instance_name,
    subnet_id,
    vpc_id,
    network_acl_id,
    route_table_id,
    time_source,
    object_id,
    row_no AS line
FROM flows
WHERE matching
ORDER BY flows.start DESC, interface_id, object_id, row_no
LIMIT {limit:UInt32}
