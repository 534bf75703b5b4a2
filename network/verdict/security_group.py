"""Security groups: at the interface, stateful, allow rules only, the union of the interface's groups.

Source: Amazon VPC user guide, "Security groups". A rule for a prefix list matches nothing here: its CIDRs are not
in the `describe-*` output that is read.
"""

from network.cidr import contains
from network.rules import direction_of, group_rule_text, protocol_text
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import Configuration, NetworkInterface, SecurityGroupRule
from schemas.protocols import ALL, ICMP, PORTED

LAYER = "security-group"
NOT_ALLOWED = "ENI_SG_RULES_MISMATCH"
NO_RULES = "SG_HAS_NO_RULES"


def check(configuration: Configuration, interface: NetworkInterface, egress: bool, packet: Packet, of: str) -> Step:
    """The result of the interface's groups for a packet that opens a conversation."""
    direction = direction_of(egress)
    any_rule, incomplete = False, False
    for group_id in sorted(interface.group_ids):
        group = configuration.security_groups.get(group_id)
        if group is None:
            incomplete = True
            continue
        for rule in group.rules:
            if rule.egress == egress:
                any_rule = True
                if matches(configuration, rule, packet):
                    return Step(LAYER, direction, group.id, group_rule_text(rule), "allow", of=of)
        incomplete = incomplete or not group.known
    groups = ",".join(sorted(interface.group_ids))
    far, word = (packet.dst, "to") if egress else (packet.src, "from")
    port = f" {packet.dst_port}" if packet.protocol in PORTED else ""
    text = f"{direction} no rule for {protocol_text(packet.protocol)}{port} {word} {far}"
    if incomplete:
        return Step(LAYER, direction, groups, text, "unknown", of=of)
    return Step(LAYER, direction, groups, text, "deny", NOT_ALLOWED if any_rule else NO_RULES, of)


def matches(configuration: Configuration, rule: SecurityGroupRule, packet: Packet) -> bool:
    """Whether protocol, destination port (TCP and UDP only; ICMP only if the rule allows every type) and peer match."""
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
