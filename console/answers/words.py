"""Resources of a VPC, and the difference between two versions of one, in words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from network.rules import acl_entry_text, default_entry_text, group_rule_text, route_text
from schemas.configuration import (
    TYPE_NAMES,
    UNKNOWN,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Resource,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)

KINDS = {"network-acl": "network ACL", "natgateway": "NAT gateway", "vpc": "VPC"}
RULE_ID = re.compile(r" \(sgr-[0-9a-zA-Z]+\)$")
"""The id of a rule: the same rule may be known with it or without it."""


@dataclass(frozen=True)
class Line:
    """One difference: `change` is added, removed or changed; `before` and `after` say what it was and is."""

    change: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.change == "changed":
            return f"changed: {self.before} => {self.after}"
        return f"{self.change}: {self.before or self.after}"


def kind(resource: Resource) -> str:
    """The kind of the resource: `security group`, `network ACL`, ..."""
    name = TYPE_NAMES[type(resource)]
    return KINDS.get(name, name.replace("-", " "))


def title(resource: Resource) -> str:
    """`security group sg-1 (web) of vpc-1`."""
    name, vpc_id = getattr(resource, "name", ""), getattr(resource, "vpc_id", "")
    return f"{kind(resource)} {resource.id}" + (f" ({name})" if name else "") + (f" of {vpc_id}" if vpc_id else "")


def lines(resource: Resource) -> list[str]:
    """What the resource contains, one entry a line."""
    return list(_parts(resource).values())


def difference(before: Resource | None, after: Resource | None) -> list[Line]:
    """How the two versions of a resource differ, entry by entry."""
    was, now = _parts(before) if before else {}, _parts(after) if after else {}
    found = []
    for key in dict.fromkeys([*was, *now]):
        old, new = was.get(key, ""), now.get(key, "")
        if not old or not new:
            found.append(Line("removed" if old else "added", old, new))
        elif RULE_ID.sub("", old) != RULE_ID.sub("", new):
            found.append(Line("changed", old, new))
    return found


def told(before: Resource | None, after: Resource | None) -> str:
    """The difference in one line: `network ACL acl-1: added: ingress 90 deny tcp 22 from 0.0.0.0/0`."""
    resource = after or before
    if resource is None:
        return ""
    if before is None or after is None:
        return f"{title(resource)} {'created' if before is None else 'deleted'}"
    entries = "; ".join(map(str, difference(before, after)))
    return f"{kind(resource)} {resource.id}: {entries}" if entries else ""


def _parts(resource: Resource) -> dict[str, str]:
    """The entries of the resource in words, by what identifies each of them."""
    parts: Callable[[Any], dict[str, str]] = _PARTS[type(resource)]
    return {key: text for key, text in parts(resource).items() if text}


def _vpc(vpc: Vpc) -> dict[str, str]:
    return {cidr: f"CIDR {cidr}" for cidr in vpc.cidrs}


def _subnet(subnet: Subnet) -> dict[str, str]:
    zone = f"Availability Zone {subnet.availability_zone}" if subnet.availability_zone else ""
    return {**{cidr: f"CIDR {cidr}" for cidr in subnet.cidrs}, "zone": zone}


def _route_table(table: RouteTable) -> dict[str, str]:
    found = {}
    for route in table.routes:
        text = "its target is not known" if route.target == UNKNOWN else ""
        words = [word for word in ("propagated" if route.propagated else "", text) if word]
        words += [route.state] if route.state != "active" else []
        shown = f"route {route_text(route)}" + (f" ({', '.join(words)})" if words else "")
        found[f"route {route.destination} {route.propagated}"] = shown
    for association in table.associations:
        of = "the VPC, as its main route table" if association.main else association.subnet_id or association.gateway_id
        found[f"association {of}"] = f"associated with {of}"
    return found


def _network_acl(acl: NetworkAcl) -> dict[str, str]:
    found = {}
    for egress in (False, True):
        for entry in sorted((e for e in acl.entries if e.egress == egress), key=lambda e: e.number):
            found[f"{egress} {entry.number}"] = acl_entry_text(entry)
        found[f"{egress} *"] = default_entry_text(egress)
    return found | {a.subnet_id: f"associated with {a.subnet_id}" for a in acl.associations}


def _security_group(group: SecurityGroup) -> dict[str, str]:
    found = {RULE_ID.sub("", group_rule_text(rule)): group_rule_text(rule) for rule in group.rules}
    return found | {"": "" if group.known else "some of its rules are not known"}


def _interface(interface: NetworkInterface) -> dict[str, str]:
    check = {True: "checks source and destination", False: "does not check source and destination", None: ""}
    groups = {
        g: "some of its security groups are not known" if g == UNKNOWN else f"security group {g}"
        for g in interface.group_ids
    }
    return {
        "subnet": f"in {interface.subnet_id}",
        **{address: f"address {address}" for address in interface.addresses},
        **{address: f"public address {address}" for address in interface.public_addresses},
        **groups,
        "instance": f"attached to {interface.instance_id}" if interface.instance_id else "",
        "type": f"type {interface.interface_type}" if interface.interface_type != "interface" else "",
        "check": check[interface.source_dest_check],
        "managed": f"managed by {interface.managed_by}" if interface.managed_by else "",
    }


def _internet_gateway(gateway: InternetGateway) -> dict[str, str]:
    return {vpc_id: f"attached to {vpc_id}" for vpc_id in gateway.vpc_ids}


def _nat_gateway(gateway: NatGateway) -> dict[str, str]:
    addresses = {address: f"address {address}" for address in gateway.addresses}
    return {"subnet": f"in {gateway.subnet_id}", "state": f"state {gateway.state}", **addresses}


def _prefix_list(found: PrefixList) -> dict[str, str]:
    return {cidr: f"entry {cidr}" for cidr in found.cidrs}


_PARTS: dict[type[Any], Callable[[Any], dict[str, str]]] = {
    Vpc: _vpc,
    Subnet: _subnet,
    RouteTable: _route_table,
    NetworkAcl: _network_acl,
    SecurityGroup: _security_group,
    NetworkInterface: _interface,
    InternetGateway: _internet_gateway,
    NatGateway: _nat_gateway,
    PrefixList: _prefix_list,
}
