"""Network ACLs: at the subnet's border, stateless, the first rule that matches decides.

Source: Amazon VPC user guide, "Network ACLs". Flow logs hold no ICMP type, so an entry that names a type matches
no logged packet.
"""

from pipelines.network.cidr import contains
from pipelines.network.index import index_of
from pipelines.network.packet import Packet, Step, direction_of
from pipelines.network.rules import ICMP, PORTED, acl_entry_text, default_entry_text
from schemas.network import ALL, AclEntry, Configuration, NetworkAcl

LAYER = "network-acl"
DENIED = "SUBNET_ACL_RESTRICTION"


def acl_of_subnet(configuration: Configuration, subnet_id: str) -> NetworkAcl | None:
    """The subnet's network ACL; None when it cannot be known."""
    return index_of(configuration).acl(subnet_id)


def check(configuration: Configuration, subnet_id: str, egress: bool, packet: Packet, of: str) -> Step:
    """What the subnet's ACL says of a packet that leaves it (`egress`) or comes in."""
    direction = direction_of(egress)
    acl = acl_of_subnet(configuration, subnet_id)
    if acl is None:
        return Step(LAYER, direction, "", f"network ACL of {subnet_id} is not known", "unknown", of=of)
    for entry in sorted(acl.entries, key=lambda e: e.number):
        if entry.egress != egress:
            continue
        if not entry.known:
            return Step(LAYER, direction, acl.id, acl_entry_text(entry), "unknown", of=of)
        if matches(entry, packet):
            allowed = entry.action == "allow"
            code = "" if allowed else DENIED
            return Step(LAYER, direction, acl.id, acl_entry_text(entry), "allow" if allowed else "deny", code, of)
    return Step(LAYER, direction, acl.id, default_entry_text(egress), "deny", DENIED, of)


def matches(entry: AclEntry, packet: Packet) -> bool:
    """Protocol, destination port (TCP and UDP only), and CIDR of the far end."""
    if not contains(entry.cidr, packet.dst if entry.egress else packet.src):
        return False
    if entry.protocol == ALL:
        return True
    if entry.protocol != packet.protocol:
        return False
    if packet.protocol in PORTED and entry.port_from is not None:
        last = entry.port_from if entry.port_to is None else entry.port_to
        return entry.port_from <= packet.dst_port <= last
    return packet.protocol not in ICMP or entry.icmp_type is None
