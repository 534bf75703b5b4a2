"""Security groups: at the interface, stateful, allow rules only, the union of the interface's groups.

Source: Amazon VPC user guide, "Security groups". A rule whose effect on a packet cannot be evaluated (a prefix list
whose entries are not known, a group whose members are not all known, an ICMP type, which flow logs do not record) makes
the result unknown unless another rule allows the packet.
"""

from network.cidr import contains, is_public
from network.rules import direction_of, group_rule_text, protocol_text
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import UNKNOWN, Configuration, NetworkInterface, SecurityGroupRule
from schemas.protocols import ALL, ICMP, PORTED

LAYER = "security-group"
NOT_ALLOWED = "ENI_SG_RULES_MISMATCH"
NO_RULES = "SG_HAS_NO_RULES"


def check(
    configuration: Configuration, interface: NetworkInterface, egress: bool, packet: Packet, of: str
) -> tuple[Step, ...]:
    """The result of the interface's groups for a packet that opens a conversation; () for an interface without groups,
    such as a NAT gateway's: AWS attaches none, and nothing is filtered."""
    if not interface.group_ids:
        return ()
    direction = direction_of(egress)
    any_rule, incomplete = False, False
    doubtful: SecurityGroupRule | None = None
    for group_id in sorted(interface.group_ids):
        group = configuration.security_groups.get(group_id)
        if group is None:
            incomplete = True
            continue
        for rule in group.rules:
            if rule.egress == egress:
                any_rule = True
                match = matches(configuration, rule, packet)
                if match:
                    return (Step(LAYER, direction, group.id, group_rule_text(rule), "allow", of=of),)
                if match is None and doubtful is None:
                    doubtful = rule
        incomplete = incomplete or not group.known
    groups = ",".join(sorted(interface.group_ids))
    if doubtful is not None:
        return (Step(LAYER, direction, groups, group_rule_text(doubtful), "unknown", of=of),)
    far, word = (packet.dst, "to") if egress else (packet.src, "from")
    port = f" {packet.dst_port}" if packet.protocol in PORTED else ""
    text = f"{direction} no rule for {protocol_text(packet.protocol)}{port} {word} {far}"
    if incomplete:
        return (Step(LAYER, direction, groups, text, "unknown", of=of),)
    return (Step(LAYER, direction, groups, text, "deny", NOT_ALLOWED if any_rule else NO_RULES, of),)


def matches(configuration: Configuration, rule: SecurityGroupRule, packet: Packet) -> bool | None:
    """Whether protocol, destination port (TCP and UDP only) and peer match; None where that cannot be known."""
    if rule.protocol not in (ALL, packet.protocol):
        return False
    if rule.protocol in PORTED and rule.port_from is not None:
        last = rule.port_from if rule.port_to is None else rule.port_to
        if not rule.port_from <= packet.dst_port <= last:
            return False
    peer = _names_peer(configuration, rule.peer, packet.dst if rule.egress else packet.src)
    any_type = rule.protocol not in ICMP or (rule.port_from, rule.port_to) == (None, None)
    return peer if any_type or peer is False else None


def _names_peer(configuration: Configuration, peer: str, address: str) -> bool | None:
    if peer.startswith("sg-"):
        return is_member(configuration, peer, address)
    if peer.startswith("pl-"):
        found = configuration.prefix_lists.get(peer)
        return None if found is None else any(contains(cidr, address) for cidr in found.cidrs)
    return contains(peer, address)


def is_member(configuration: Configuration, group_id: str, address: str) -> bool | None:
    """Whether an interface with this group has the private (or IPv6) address; None where that cannot be known: nobody
    that is known has the address, although a member may have it, or the groups of who has it are not known."""
    group = configuration.security_groups.get(group_id)
    holders = index_of(configuration).holders(address)
    if any(group_id in interface.group_ids for interface in holders):
        return True
    if group is None:  # of another account or VPC, and its members may have any address that a VPC may have
        own = any(contains(cidr, address) for vpc in configuration.vpcs.values() for cidr in vpc.cidrs)
        return False if is_public(address) or (own and _all_known(holders)) else None
    vpc = configuration.vpcs.get(group.vpc_id)
    if vpc is None or not any(contains(cidr, address) for cidr in vpc.cidrs):
        return False if vpc is not None or is_public(address) else None
    return False if _all_known([i for i in holders if i.vpc_id == vpc.id]) else None


def _all_known(holders: list[NetworkInterface]) -> bool:
    return bool(holders) and all(UNKNOWN not in interface.group_ids for interface in holders)
