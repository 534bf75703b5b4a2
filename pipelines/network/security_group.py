"""Security groups: at the interface, stateful, allow rules only, the union of the interface's groups.

Source: Amazon VPC user guide, "Security groups". A rule that names a prefix list matches nothing here: its CIDRs are
in no `describe-*` answer that is read.
"""

from pipelines.network.cidr import contains
from pipelines.network.index import index_of
from pipelines.network.packet import Packet, Step, direction_of
from pipelines.network.rules import ICMP, PORTED, group_rule_text, protocol_text
from schemas.network import ALL, Configuration, NetworkInterface, SecurityGroupRule

LAYER = "security-group"
NOT_ALLOWED = "ENI_SG_RULES_MISMATCH"
NO_RULES = "SG_HAS_NO_RULES"


def check(configuration: Configuration, interface: NetworkInterface, egress: bool, packet: Packet, of: str) -> Step:
    """What the interface's groups say of a packet that opens a conversation."""
    direction = direction_of(egress)
    any_rule, lost = False, False
    for group_id in sorted(interface.group_ids):
        group = configuration.security_groups.get(group_id)
        if group is None:
            lost = True
            continue
        for rule in group.rules:
            if rule.egress == egress:
                any_rule = True
                if matches(configuration, rule, packet):
                    return Step(LAYER, direction, group.id, group_rule_text(rule), "allow", of=of)
        lost = lost or not group.known
    groups = ",".join(sorted(interface.group_ids))
    far, word = (packet.dst, "to") if egress else (packet.src, "from")
    port = f" {packet.dst_port}" if packet.protocol in PORTED else ""
    text = f"{direction} no rule for {protocol_text(packet.protocol)}{port} {word} {far}"
    if lost:
        return Step(LAYER, direction, groups, text, "unknown", of=of)
    return Step(LAYER, direction, groups, text, "deny", NOT_ALLOWED if any_rule else NO_RULES, of)


def matches(configuration: Configuration, rule: SecurityGroupRule, packet: Packet) -> bool:
    """Protocol, destination port (TCP and UDP only; ICMP only where the rule allows every type), and the far end."""
    if rule.protocol not in (ALL, packet.protocol):
        return False
    ports = (rule.port_from, rule.port_to)
    if rule.protocol in ICMP and ports != (None, None):
        return False
    if rule.protocol in PORTED and rule.port_from is not None:
        last = rule.port_from if rule.port_to is None else rule.port_to
        if not rule.port_from <= packet.dst_port <= last:
            return False
    far = packet.dst if rule.egress else packet.src
    return contains(rule.peer, far) or is_member(configuration, rule.peer, far)


def is_member(configuration: Configuration, group_id: str, address: str) -> bool:
    """Whether an interface with this group has the private address."""
    return any(group_id in interface.group_ids for interface in index_of(configuration).holders(address))
