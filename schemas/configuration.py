"""The VPC configuration as the verdict uses it: plain frozen objects, the same whatever the source.

CIDRs are canonical strings; protocols are IANA numbers, `protocols.ALL` (-1) for any; ids are AWS ids.
What the history does not show is marked as unknown, never guessed: `Route.target == UNKNOWN`, `AclEntry.known`,
`SecurityGroup.known` and `Configuration.unknown_associations`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from schemas.protocols import ALL

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Vpc:
    id: str
    cidrs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subnet:
    id: str
    vpc_id: str
    cidrs: tuple[str, ...] = ()
    availability_zone: str = ""
    name: str = ""


@dataclass(frozen=True)
class Route:
    """`destination` is a CIDR or a prefix list id; `target` is `local`, an id, or UNKNOWN."""

    destination: str
    target: str
    state: str = "active"
    origin: str = "CreateRoute"

    @property
    def propagated(self) -> bool:
        """Whether a gateway propagated the route: no API call creates, replaces or deletes it."""
        return self.origin in ("EnableVgwRoutePropagation", "Advertisement")


@dataclass(frozen=True)
class RouteTableAssociation:
    """With a subnet, with a gateway (edge association) or, if `main`, with the VPC."""

    id: str
    subnet_id: str = ""
    gateway_id: str = ""
    main: bool = False


@dataclass(frozen=True)
class RouteTable:
    id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()
    associations: tuple[RouteTableAssociation, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class AclEntry:
    """A rule. `known` is false when only its number and direction are known (it was deleted before any snapshot)."""

    number: int
    egress: bool
    action: str = ""
    protocol: int = ALL
    cidr: str = ""
    port_from: int | None = None
    port_to: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    known: bool = True


@dataclass(frozen=True)
class AclAssociation:
    id: str
    subnet_id: str


@dataclass(frozen=True)
class NetworkAcl:
    id: str
    vpc_id: str
    is_default: bool = False
    entries: tuple[AclEntry, ...] = ()
    associations: tuple[AclAssociation, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class SecurityGroupRule:
    """`peer` is a CIDR, a group id or a prefix list id; for ICMP, the ports hold type and code."""

    egress: bool
    protocol: int
    peer: str
    port_from: int | None = None
    port_to: int | None = None
    id: str = ""


@dataclass(frozen=True)
class SecurityGroup:
    """`known` is false when some rule, e.g. one revoked before any snapshot, cannot be determined."""

    id: str
    vpc_id: str
    name: str = ""
    rules: tuple[SecurityGroupRule, ...] = ()
    known: bool = True


@dataclass(frozen=True)
class NetworkInterface:
    """`addresses`: private IPv4, primary first, then IPv6. `public_addresses`: those associated with them.
    `source_dest_check`: it only takes packets that are addressed to it; None if that is not known. `managed_by`: the
    AWS service that made it and alone may change it, such as `amazon-rds`; "" for an interface of one's own."""

    id: str
    vpc_id: str
    subnet_id: str
    addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    instance_id: str = ""
    name: str = ""
    interface_type: str = "interface"
    source_dest_check: bool | None = None
    managed_by: str = ""


@dataclass(frozen=True)
class InternetGateway:
    id: str
    vpc_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class NatGateway:
    id: str
    vpc_id: str
    subnet_id: str
    state: str = "available"
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrefixList:
    """A managed prefix list, a customer's or AWS's own, with all of its entries."""

    id: str
    cidrs: tuple[str, ...] = ()
    name: str = ""


Resource = (
    Vpc
    | Subnet
    | RouteTable
    | NetworkAcl
    | SecurityGroup
    | NetworkInterface
    | InternetGateway
    | NatGateway
    | PrefixList
)

RESOURCE_TYPES: dict[str, type[Any]] = {
    "vpc": Vpc,
    "subnet": Subnet,
    "route-table": RouteTable,
    "network-acl": NetworkAcl,
    "security-group": SecurityGroup,
    "network-interface": NetworkInterface,
    "internet-gateway": InternetGateway,
    "natgateway": NatGateway,
    "prefix-list": PrefixList,
}
"""By resource type, as named in EC2 tag specifications."""

TYPE_NAMES: dict[type[Any], str] = {cls: name for name, cls in RESOURCE_TYPES.items()}


@dataclass(frozen=True)
class Configuration:
    """All resources at one instant, by id. `unknown_associations` holds (resource type, subnet id) pairs
    for subnets whose route table or network ACL at that instant cannot be known."""

    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    network_acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    interfaces: Mapping[str, NetworkInterface] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    unknown_associations: frozenset[tuple[str, str]] = frozenset()

    def resources(self) -> list[Resource]:
        """Every resource, by field and then by id."""
        maps = (getattr(self, f.name) for f in fields(self) if f.name != "unknown_associations")
        return [resources[key] for resources in maps for key in sorted(resources)]


FIELD_OF: dict[type[Any], str] = {
    Vpc: "vpcs",
    Subnet: "subnets",
    RouteTable: "route_tables",
    NetworkAcl: "network_acls",
    SecurityGroup: "security_groups",
    NetworkInterface: "interfaces",
    InternetGateway: "internet_gateways",
    NatGateway: "nat_gateways",
    PrefixList: "prefix_lists",
}
"""The `Configuration` field that holds each resource type."""


def configuration(resources: Iterable[Resource]) -> Configuration:
    """A `Configuration` with these resources; when an id repeats, the last one wins."""
    maps: dict[str, dict[str, Resource]] = {name: {} for name in FIELD_OF.values()}
    for resource in resources:
        maps[FIELD_OF[type(resource)]][resource.id] = resource
    return Configuration(**maps)  # type: ignore[arg-type]
