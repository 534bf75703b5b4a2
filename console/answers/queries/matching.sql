-- Conditions on `flows` for `WHERE matching`. From the first AND on, each line is a filter of `search`; a line is left out
-- when its parameter is not set. An address is looked for at the packet level too: behind a NAT gateway, only these fields
-- have the real peer. A single address is compared for equality, which the index on the addresses needs.
flows.start >= {from:DateTime('UTC')} AND flows.start < {to:DateTime('UTC')}
AND action = {action:String}
AND direction = {direction:String}
AND interface_id = {eni:String}
AND instance_id = {instance:String}
AND instance_name LIKE {name:String}
AND subnet_id = {subnet:String}
AND vpc_id = {vpc:String}
AND protocol = {protocol:UInt8}
AND (srcport = {port:UInt16} OR dstport = {port:UInt16})
AND (srcaddr = {src:IPv6} OR pkt_srcaddr = {src:IPv6})
AND (srcaddr BETWEEN {src_first:IPv6} AND {src_last:IPv6} OR pkt_srcaddr BETWEEN {src_first:IPv6} AND {src_last:IPv6})
AND (dstaddr = {dst:IPv6} OR pkt_dstaddr = {dst:IPv6})
AND (dstaddr BETWEEN {dst_first:IPv6} AND {dst_last:IPv6} OR pkt_dstaddr BETWEEN {dst_first:IPv6} AND {dst_last:IPv6})
AND (srcaddr = {addr:IPv6} OR dstaddr = {addr:IPv6} OR pkt_srcaddr = {addr:IPv6} OR pkt_dstaddr = {addr:IPv6})
AND (srcaddr BETWEEN {addr_first:IPv6} AND {addr_last:IPv6} OR dstaddr BETWEEN {addr_first:IPv6} AND {addr_last:IPv6} OR pkt_srcaddr BETWEEN {addr_first:IPv6} AND {addr_last:IPv6} OR pkt_dstaddr BETWEEN {addr_first:IPv6} AND {addr_last:IPv6})
AND (direction != 'egress' AND (srcaddr = {peer:IPv6} OR pkt_srcaddr = {peer:IPv6}) OR direction != 'ingress' AND (dstaddr = {peer:IPv6} OR pkt_dstaddr = {peer:IPv6}))
AND (direction != 'egress' AND (srcaddr BETWEEN {peer_first:IPv6} AND {peer_last:IPv6} OR pkt_srcaddr BETWEEN {peer_first:IPv6} AND {peer_last:IPv6}) OR direction != 'ingress' AND (dstaddr BETWEEN {peer_first:IPv6} AND {peer_last:IPv6} OR pkt_dstaddr BETWEEN {peer_first:IPv6} AND {peer_last:IPv6}))
