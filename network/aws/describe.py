"""Turns `aws ec2 describe-*` output into resources.

A network ACL's entries 32767 and 32768 are left out: the final deny of every ACL always applies, whether the output
shows it or not. Without `describe-vpcs`, a VPC's CIDRs are those of its `local` routes. Without
`describe-internet-gateways`, a gateway that is the target of an active route counts as attached.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from network.aws.fields import Fields
from network.aws.shapes import acl_entries, described_rule, permission_rules, route
from network.cidr import address_text, canonical
from network.rules import ordered_rules
from schemas.configuration import (
    AclAssociation,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Resource,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from schemas.describe import ANSWERS, MEMBERS, REQUIRED, how_to_save
from schemas.errors import FlowtrailError

__all__ = ["ANSWERS", "REQUIRED", "resources_from_describe"]

T = TypeVar("T")

GONE = ("deleting", "deleted", "failed")
"""EC2 still returns NAT gateways in these states for an hour."""


def resources_from_describe(answers: Mapping[str, Mapping[str, Any]]) -> tuple[Resource, ...]:
    """The resources in the output, which is given by command name. Raises FlowtrailError when required output is
    missing, or when some output lacks a member that its command always returns."""
    missing = [command for command in REQUIRED if command not in answers]
    if missing:
        raise FlowtrailError(
            f"The output of `aws ec2 {missing[0]}` is missing.",
            "\n".join(how_to_save(command) for command in missing),
        )
    names = _instance_names(answers)
    rule_ids = _rule_ids(answers)
    tables = _each(answers, "describe-route-tables", _route_table)
    subnets = _each(answers, "describe-subnets", _subnet)
    resources: list[Resource] = [*_vpcs(answers, tables, subnets), *subnets, *tables]
    resources += _each(answers, "describe-network-acls", _network_acl)
    resources += _each(answers, "describe-security-groups", lambda item: _security_group(item, rule_ids))
    resources += _each(answers, "describe-network-interfaces", lambda item: _interface(item, names))
    resources += _internet_gateways(answers, tables)
    resources += _each(answers, "describe-prefix-lists", _prefix_list)
    resources += [nat for nat in _each(answers, "describe-nat-gateways", _nat_gateway) if nat.state not in GONE]
    return tuple(resources)


class _Item(Fields):
    """An element of a list in the output, with its position for error messages."""

    def __init__(self, value: Any, where: str) -> None:
        super().__init__(value)
        self.where = where

    def required(self, name: str) -> str:
        found = self.text(name)
        if not found:
            raise _incomplete(self.where.split(":")[0], f"{self.where} has no {name}")
        return found


def _incomplete(command: str, what: str) -> FlowtrailError:
    return FlowtrailError(
        f"The output of `aws ec2 {command}` is incomplete: {what}.",
        f"Save it again: {how_to_save(command)}",
    )


def _items(answers: Mapping[str, Mapping[str, Any]], command: str) -> list[_Item]:
    if command not in answers:
        return []
    member = MEMBERS[command]
    found = answers[command].get(member) if isinstance(answers[command], Mapping) else None
    if not isinstance(found, list):
        raise _incomplete(command, f"it has no list {member}")
    return [_Item(value, f"{command}: {member}[{index}]") for index, value in enumerate(found)]


def _each(answers: Mapping[str, Mapping[str, Any]], command: str, make: Callable[[_Item], T]) -> list[T]:
    made = []
    for item in _items(answers, command):
        try:
            made.append(make(item))
        except ValueError as error:
            raise _incomplete(command, f"{item.where}: {error}") from None
    return made


def _name(item: Fields) -> str:
    tags = (*item.each("Tags"), *item.each("TagSet"))
    return next((tag.text("Value") for tag in tags if tag.text("Key") == "Name"), "")


def _vpcs(answers: Mapping[str, Mapping[str, Any]], tables: list[RouteTable], subnets: list[Subnet]) -> list[Vpc]:
    if "describe-vpcs" in answers:
        return _each(answers, "describe-vpcs", _vpc)
    ids = sorted({subnet.vpc_id for subnet in subnets})
    return [
        Vpc(i, tuple(sorted({r.destination for t in tables if t.vpc_id == i for r in t.routes if r.target == "local"})))
        for i in ids
    ]


def _vpc(item: _Item) -> Vpc:
    cidrs = [block.text("CidrBlock") for block in item.each("CidrBlockAssociationSet") if _associated(block)]
    cidrs += [block.text("Ipv6CidrBlock") for block in item.each("Ipv6CidrBlockAssociationSet") if _associated(block)]
    return Vpc(item.required("VpcId"), _cidrs(cidrs or [item.text("CidrBlock")]))


def _associated(block: Fields) -> bool:
    states = (block.fields("CidrBlockState").text("State"), block.fields("Ipv6CidrBlockState").text("State"))
    return not any(state.startswith(("disassociat", "fail")) for state in states)


def _cidrs(texts: list[str]) -> tuple[str, ...]:
    return tuple(sorted({canonical(text) for text in texts if text}))


def _subnet(item: _Item) -> Subnet:
    six = [block.text("Ipv6CidrBlock") for block in item.each("Ipv6CidrBlockAssociationSet") if _associated(block)]
    return Subnet(
        item.required("SubnetId"),
        item.required("VpcId"),
        _cidrs([item.text("CidrBlock"), *six]),
        item.text("AvailabilityZone"),
        _name(item),
    )


def _route_table(item: _Item) -> RouteTable:
    routes = [route(entry) for entry in item.each("Routes")]
    associations = [
        RouteTableAssociation(
            association.text("RouteTableAssociationId"),
            association.text("SubnetId"),
            association.text("GatewayId"),
            association.flag("Main"),
        )
        for association in item.each("Associations")
        if association.fields("AssociationState").text("State") in ("", "associating", "associated")
    ]
    return RouteTable(
        item.required("RouteTableId"),
        item.required("VpcId"),
        tuple(sorted((r for r in routes if r.destination), key=lambda r: (r.destination, r.origin))),
        tuple(sorted(associations, key=lambda a: a.id)),
        _name(item),
    )


def _network_acl(item: _Item) -> NetworkAcl:
    associations = (
        AclAssociation(association.text("NetworkAclAssociationId"), association.text("SubnetId"))
        for association in item.each("Associations")
    )
    return NetworkAcl(
        item.required("NetworkAclId"),
        item.required("VpcId"),
        item.flag("IsDefault"),
        acl_entries(item.each("Entries")),
        tuple(sorted(associations, key=lambda a: a.id)),
        _name(item),
    )


def _security_group(item: _Item, rule_ids: Mapping[tuple[str, SecurityGroupRule], str]) -> SecurityGroup:
    group_id = item.required("GroupId")
    rules = [rule for entry in item.each("IpPermissions") for rule in permission_rules(entry, False)]
    rules += [rule for entry in item.each("IpPermissionsEgress") for rule in permission_rules(entry, True)]
    named = (
        SecurityGroupRule(r.egress, r.protocol, r.peer, r.port_from, r.port_to, rule_ids.get((group_id, r), ""))
        for r in rules
    )
    return SecurityGroup(group_id, item.text("VpcId"), item.text("GroupName"), ordered_rules(named))


def _rule_ids(answers: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, SecurityGroupRule], str]:
    ids = {}
    for item in _items(answers, "describe-security-group-rules"):
        r = described_rule(item)
        ids[item.text("GroupId"), SecurityGroupRule(r.egress, r.protocol, r.peer, r.port_from, r.port_to)] = r.id
    return ids


def _instance_names(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    reservations = _items(answers, "describe-instances")
    return {entry.text("InstanceId"): _name(entry) for item in reservations for entry in item.each("Instances")}


def _interface(item: _Item, names: Mapping[str, str]) -> NetworkInterface:
    private = sorted(item.each("PrivateIpAddresses"), key=lambda entry: not entry.flag("Primary"))
    addresses = [entry.text("PrivateIpAddress") for entry in private] or [item.text("PrivateIpAddress")]
    addresses += [entry.text("Ipv6Address") for entry in item.each("Ipv6Addresses")]
    public = [entry.fields("Association").text("PublicIp") for entry in private]
    public.append(item.fields("Association").text("PublicIp"))
    instance_id = item.fields("Attachment").text("InstanceId")
    return NetworkInterface(
        item.required("NetworkInterfaceId"),
        item.required("VpcId"),
        item.required("SubnetId"),
        tuple(address_text(address) for address in addresses if address),
        tuple(dict.fromkeys(address for address in public if address)),
        tuple(sorted(group.text("GroupId") for group in item.each("Groups"))),
        instance_id,
        names.get(instance_id, "") if instance_id else _name(item),
        item.text("InterfaceType") or "interface",
        None if item.value("SourceDestCheck") is None else item.flag("SourceDestCheck"),
        (item.text("RequesterId") or "AWS") if item.flag("RequesterManaged") else "",
    )


def _internet_gateways(answers: Mapping[str, Mapping[str, Any]], tables: list[RouteTable]) -> list[InternetGateway]:
    named: dict[str, set[str]] = {}
    for table in tables:
        for way in table.routes:
            if way.target.startswith("igw-"):
                named.setdefault(way.target, set()).update({table.vpc_id} if way.state == "active" else ())
    if "describe-internet-gateways" not in answers:
        return [InternetGateway(igw, tuple(sorted(named[igw]))) for igw in sorted(named)]
    found = {}
    for item in _items(answers, "describe-internet-gateways"):
        vpcs = (a.text("VpcId") for a in item.each("Attachments") if not a.text("State").startswith("detach"))
        found[item.required("InternetGatewayId")] = tuple(sorted(vpcs))
    # A gateway that only a route still names was deleted: its attachment is not unknown, there is none.
    return [InternetGateway(igw, found.get(igw, ())) for igw in sorted({*found, *named})]


def _prefix_list(item: _Item) -> PrefixList:
    cidrs = _cidrs([str(cidr) for cidr in item.list("Cidrs")])
    return PrefixList(item.required("PrefixListId"), cidrs, item.text("PrefixListName"))


def _nat_gateway(item: _Item) -> NatGateway:
    addresses = (entry.text("PrivateIp") for entry in item.each("NatGatewayAddresses"))
    return NatGateway(
        item.required("NatGatewayId"),
        item.text("VpcId"),
        item.text("SubnetId"),
        item.text("State") or "available",
        tuple(address for address in addresses if address),
    )
