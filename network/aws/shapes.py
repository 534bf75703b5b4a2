"""Routes, ACL entries and security group rules, read from AWS objects in `describe-*` output and CloudTrail."""

from collections.abc import Iterable

from network.aws.fields import Fields
from network.cidr import canonical
from network.rules import LAST_RULE, acl_entry, group_rule
from schemas.configuration import AclEntry, Route, SecurityGroupRule

DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
TARGETS = (
    "gatewayId",
    "natGatewayId",
    "transitGatewayId",
    "vpcPeeringConnectionId",
    "vpcEndpointId",
    "egressOnlyInternetGatewayId",
    "localGatewayId",
    "carrierGatewayId",
    "coreNetworkArn",
    "odbNetworkArn",
    "networkInterfaceId",
    "instanceId",
)


def destination(fields: Fields) -> str:
    """A canonical CIDR or a prefix list id; "" if there is none."""
    return canonical(fields.text(*DESTINATIONS))


def target(fields: Fields) -> str:
    """`local` or an id; "" if there is none."""
    return "local" if fields.flag("localTarget") else fields.text(*TARGETS)


def route(fields: Fields) -> Route:
    """A route of a route table."""
    state, origin = fields.text("State") or "active", fields.text("Origin") or "CreateRoute"
    return Route(destination(fields), target(fields), state, origin)


def acl_entries(entries: Iterable[Fields]) -> tuple[AclEntry, ...]:
    """Entries of a network ACL in `describe-*` output or a CloudTrail response, without the final deny."""
    found = (acl_entry_from(entry) for entry in entries)
    return tuple(sorted((e for e in found if e.number <= LAST_RULE), key=lambda e: (e.egress, e.number)))


def acl_entry_from(entry: Fields) -> AclEntry:
    """An entry of a network ACL. Raises ValueError when the rule number or the protocol is not valid."""
    ports, icmp = entry.fields("PortRange"), entry.fields("IcmpTypeCode")
    return acl_entry(
        int(entry.text("RuleNumber")),
        entry.flag("Egress"),
        entry.text("RuleAction"),
        entry.text("Protocol", "aclProtocol"),
        entry.text("CidrBlock", "Ipv6CidrBlock"),
        ports=(ports.number("From"), ports.number("To")),
        icmp=(icmp.number("Type"), icmp.number("Code")),
    )


def permission_rules(permission: Fields, egress: bool) -> list[SecurityGroupRule]:
    """The rules of an IpPermission, one for each peer. Raises ValueError when the protocol is not valid."""
    peers = [entry.text("CidrIp") for entry in permission.each("IpRanges")]
    peers += [entry.text("CidrIpv6") for entry in permission.each("Ipv6Ranges")]
    peers += [entry.text("GroupId") for name in ("UserIdGroupPairs", "Groups") for entry in permission.each(name)]
    peers += [entry.text("PrefixListId") for entry in permission.each("PrefixListIds")]
    ports = permission.number("FromPort"), permission.number("ToPort")
    return [group_rule(egress, permission.text("IpProtocol"), peer, ports) for peer in peers if peer]


def described_rule(rule: Fields) -> SecurityGroupRule:
    """A rule as in `describe-security-group-rules` and in the response of an authorize call. Raises ValueError when
    the protocol is not valid."""
    referenced = rule.fields("ReferencedGroupInfo").text("GroupId")
    peer = rule.text("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId") or referenced
    return group_rule(
        rule.flag("IsEgress"),
        rule.text("IpProtocol"),
        peer,
        (rule.number("FromPort"), rule.number("ToPort")),
        rule.text("SecurityGroupRuleId"),
    )


def name_tag(fields: Fields) -> str:
    """The Name tag of the resource in a response; '' if it has none."""
    return next((tag.text("value") for tag in fields.each("tagSet") if tag.text("key") == "Name"), "")
