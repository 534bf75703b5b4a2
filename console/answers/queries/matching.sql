-- Flow records that match every filter of `search`. A filter that is not set matches everything: '' for text, NULL for
-- numbers and addresses; the engine removes its condition before it selects indexes. An address is looked for at the
-- packet level too: behind a NAT gateway, only these fields have the real peer. A single address is compared for
-- equality, as the index on the addresses needs it; of the two conditions on an address, the engine removes the other.
SELECT *, peer_addr
FROM flows
WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
    AND ({action:String} = '' OR action = {action:String})
    AND ({direction:String} = '' OR direction = {direction:String})
    AND ({eni:String} = '' OR interface_id = {eni:String})
    AND ({instance:String} = '' OR instance_id = {instance:String})
    AND ({name:String} = '' OR instance_name LIKE {name:String})
    AND ({subnet:String} = '' OR subnet_id = {subnet:String})
    AND ({vpc:String} = '' OR vpc_id = {vpc:String})
    AND ({protocol:Nullable(UInt8)} IS NULL OR protocol = {protocol:Nullable(UInt8)})
    AND ({port:Nullable(UInt16)} IS NULL OR srcport = {port:Nullable(UInt16)} OR dstport = {port:Nullable(UInt16)})
    AND ({addr_first:Nullable(IPv6)} IS NULL OR {addr_first:Nullable(IPv6)} = {addr_last:Nullable(IPv6)}
        OR srcaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)}
        OR dstaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)}
        OR pkt_srcaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)}
        OR pkt_dstaddr BETWEEN {addr_first:Nullable(IPv6)} AND {addr_last:Nullable(IPv6)})
    AND ({addr_first:Nullable(IPv6)} IS NULL OR {addr_first:Nullable(IPv6)} != {addr_last:Nullable(IPv6)}
        OR srcaddr = {addr_first:Nullable(IPv6)} OR dstaddr = {addr_first:Nullable(IPv6)}
        OR pkt_srcaddr = {addr_first:Nullable(IPv6)} OR pkt_dstaddr = {addr_first:Nullable(IPv6)})
    AND ({src_first:Nullable(IPv6)} IS NULL OR {src_first:Nullable(IPv6)} = {src_last:Nullable(IPv6)}
        OR srcaddr BETWEEN {src_first:Nullable(IPv6)} AND {src_last:Nullable(IPv6)}
        OR pkt_srcaddr BETWEEN {src_first:Nullable(IPv6)} AND {src_last:Nullable(IPv6)})
    AND ({src_first:Nullable(IPv6)} IS NULL OR {src_first:Nullable(IPv6)} != {src_last:Nullable(IPv6)}
        OR srcaddr = {src_first:Nullable(IPv6)} OR pkt_srcaddr = {src_first:Nullable(IPv6)})
    AND ({dst_first:Nullable(IPv6)} IS NULL OR {dst_first:Nullable(IPv6)} = {dst_last:Nullable(IPv6)}
        OR dstaddr BETWEEN {dst_first:Nullable(IPv6)} AND {dst_last:Nullable(IPv6)}
        OR pkt_dstaddr BETWEEN {dst_first:Nullable(IPv6)} AND {dst_last:Nullable(IPv6)})
    AND ({dst_first:Nullable(IPv6)} IS NULL OR {dst_first:Nullable(IPv6)} != {dst_last:Nullable(IPv6)}
        OR dstaddr = {dst_first:Nullable(IPv6)} OR pkt_dstaddr = {dst_first:Nullable(IPv6)})
    AND ({peer_first:Nullable(IPv6)} IS NULL OR {peer_first:Nullable(IPv6)} != {peer_last:Nullable(IPv6)}
        OR srcaddr = {peer_first:Nullable(IPv6)} OR dstaddr = {peer_first:Nullable(IPv6)}
        OR pkt_srcaddr = {peer_first:Nullable(IPv6)} OR pkt_dstaddr = {peer_first:Nullable(IPv6)})
    AND ({peer_first:Nullable(IPv6)} IS NULL
        OR (direction != 'egress' AND srcaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)})
        OR (direction != 'egress' AND pkt_srcaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)})
        OR (direction != 'ingress' AND dstaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)})
        OR (direction != 'ingress' AND pkt_dstaddr BETWEEN {peer_first:Nullable(IPv6)} AND {peer_last:Nullable(IPv6)}))
