"""Network ACLs: at the subnet boundary, stateless, the first matching rule decides.

Source: Amazon VPC user guide, "Network ACLs". Flow logs contain no ICMP type, so whether an entry with a type matches
a logged packet cannot be known.
"""

from dataclasses import replace

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
    """The result of the subnet's ACL for a packet that leaves the subnet (`egress`) or enters it: that of the first
    entry that matches, unless an earlier one, which may match, would do something else."""
    direction = direction_of(egress)
    acl = acl_of_subnet(configuration, subnet_id)
    if acl is None:
        return Step(LAYER, direction, "", f"network ACL of {subnet_id} is not known", "unknown", of=of)
    entries = sorted((e for e in acl.entries if e.egress == egress), key=lambda e: e.number)
    found = [(entry, match) for entry in entries if (match := matches(entry, packet)) is not False]
    first = next((entry for entry, match in found if match), None)
    action, text = (first.action, acl_entry_text(first)) if first else ("deny", default_entry_text(egress))
    for entry, match in found:
        if match:
            break
        if not entry.known or entry.action != action:
            return Step(LAYER, direction, acl.id, acl_entry_text(entry), "unknown", of=of)
    allowed = action == "allow"
    return Step(LAYER, direction, acl.id, text, "allow" if allowed else "deny", "" if allowed else DENIED, of)


def check_ports(configuration: Configuration, subnet_id: str, reply: Packet, ports: tuple[int, int]) -> Step:
    """The result for an answer that enters the subnet at one of these ports, it is not known which: unknown where it
    depends on the port."""
    acl = acl_of_subnet(configuration, subnet_id)
    entries = acl.entries if acl is not None and reply.protocol in PORTED else ()
    edges = {p for e in entries for p in (e.port_from or 0, (e.port_to or 0) + 1) if ports[0] <= p <= ports[1]}
    steps = [
        check(configuration, subnet_id, False, replace(reply, dst_port=port), "reply")
        for port in sorted({ports[0], *edges})
    ]
    differs = any(step.result != steps[0].result for step in steps)
    return replace(steps[0], result="unknown", code="") if differs else steps[0]


def matches(entry: AclEntry, packet: Packet) -> bool | None:
    """Whether protocol, destination port (TCP and UDP only) and the remote end's address match; None where that cannot
    be known: the entry's content is not known, or it names an ICMP type."""
    if not entry.known:
        return None
    if not contains(entry.cidr, packet.dst if entry.egress else packet.src):
        return False
    if entry.protocol == ALL:
        return True
    if entry.protocol != packet.protocol:
        return False
    if packet.protocol in PORTED and entry.port_from is not None:
        last = entry.port_from if entry.port_to is None else entry.port_to
        return entry.port_from <= packet.dst_port <= last
    return True if packet.protocol not in ICMP or entry.icmp_type is None else None
