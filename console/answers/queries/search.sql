-- Flow records that match every filter, newest first. A filter that is not set matches everything: '' for text, NULL
-- for numbers and addresses; the engine removes its condition before it selects indexes. A single address is also
-- compared for equality with either end, as the index on both ends needs it. The `limit` parameter is one more than the
-- rows shown: the additional row means that there are more.
SELECT
    toDateTime64(start, 0, 'UTC') AS start,
    toDateTime64(end, 0, 'UTC') AS end,
    action,
    direction,
    srcaddr,
    srcport,
    dstaddr,
    dstport,
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
    receipts.bucket AS bucket,
    receipts.key AS key,
    receipts.etag AS etag,
    row_no AS line
FROM
(
    SELECT *, peer_addr
    FROM flows
    WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
        AND ({action:String} = '' OR action = {action:String})
        AND ({eni:String} = '' OR interface_id = {eni:String})
        AND ({protocol:Nullable(UInt8)} IS NULL OR protocol = {protocol:Nullable(UInt8)})
        AND ({port:Nullable(UInt16)} IS NULL OR srcport = {port:Nullable(UInt16)} OR dstport = {port:Nullable(UInt16)})
        AND ({addr_first:Nullable(IPv6)} IS NULL
            OR srcaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)}
            OR dstaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)})
        AND ({addr_first:Nullable(IPv6)} IS NULL OR {addr_first:Nullable(IPv6)} != {addr_last:Nullable(IPv6)}
            OR srcaddr = {addr_first:Nullable(IPv6)} OR dstaddr = {addr_first:Nullable(IPv6)})
        AND ({peer_first:Nullable(IPv6)} IS NULL OR {peer_first:Nullable(IPv6)} != {peer_last:Nullable(IPv6)}
            OR srcaddr = {peer_first:Nullable(IPv6)} OR dstaddr = {peer_first:Nullable(IPv6)})
        AND ({peer_first:Nullable(IPv6)} IS NULL
            OR peer_addr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)}
            OR (direction = '' AND srcaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)})
            OR (direction = '' AND dstaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)}))
    ORDER BY start DESC, interface_id, object_id, row_no
    LIMIT {limit:UInt32}
) AS found
ANY LEFT JOIN receipts ON receipts.object_id = found.object_id
ORDER BY found.start DESC, interface_id, found.object_id, row_no
