"""Network ACLs: at the subnet boundary, stateless, the first matching rule decides.

Source: Amazon VPC user guide, "Network ACLs". Flow logs contain no ICMP type, so an entry with a type matches no
logged packet.
"""

from network.cidr import contains
from network.rules import acl_entry_text, default_entry_text, direction_of
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import AclEntry, Configuration, NetworkAcl
from schemas.protocols import ALL, ICMP, PORTED

LAYER = "network-acl"
DENIED = "SUBNET_ACL_RESTRICTION"


def acl_of_subnet(configuration: Configuration, subnet_id: str) -> NetworkAcl | None:
    """The subnet's network ACL; None when it cannot be known."""
    return index_of(configuration).acl(subnet_id)


def check(configuration: Configuration, subnet_id: str, egress: bool, packet: Packet, of: str) -> Step:
    """The result of the subnet's ACL for a packet that leaves the subnet (`egress`) or enters it."""
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
    """Whether protocol, destination port (TCP and UDP only) and the remote end's address match."""
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
