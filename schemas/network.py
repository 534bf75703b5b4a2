"""The VPC configuration as the verdict sees it: plain, frozen, the same whatever it was read from.

CIDRs are canonical strings; protocols are IANA numbers, `ALL` (-1) for any; ids are AWS's.
What history could not tell is said, never guessed: `Route.target == UNKNOWN`, `AclEntry.known`,
`SecurityGroup.known` and `Configuration.unknown_associations`.
"""

import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

ALL = -1
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


@dataclass(frozen=True)
class RouteTableAssociation:
    """Of a subnet, of a gateway (edge association), or, with `main`, of the VPC."""

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
    """A rule. `known` is false where only its number and direction are known (a deletion before any snapshot)."""

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
    """`peer` is a CIDR, a group id or a prefix list id; for ICMP the ports are type and code."""

    egress: bool
    protocol: int
    peer: str
    port_from: int | None = None
    port_to: int | None = None
    id: str = ""


@dataclass(frozen=True)
class SecurityGroup:
    """`known` is false where some rule that was revoked before any snapshot cannot be named."""

    id: str
    vpc_id: str
    name: str = ""
    rules: tuple[SecurityGroupRule, ...] = ()
    known: bool = True


@dataclass(frozen=True)
class NetworkInterface:
    """`addresses` are private ones, the primary first, then IPv6; `public_addresses` are those mapped to them."""

    id: str
    vpc_id: str
    subnet_id: str
    addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    instance_id: str = ""
    name: str = ""
    interface_type: str = "interface"


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


Resource = Vpc | Subnet | RouteTable | NetworkAcl | SecurityGroup | NetworkInterface | InternetGateway | NatGateway

RESOURCE_TYPES: dict[str, type[Any]] = {
    "vpc": Vpc,
    "subnet": Subnet,
    "route-table": RouteTable,
    "network-acl": NetworkAcl,
    "security-group": SecurityGroup,
    "network-interface": NetworkInterface,
    "internet-gateway": InternetGateway,
    "natgateway": NatGateway,
}
"""By the words of `aws ec2 create-tags` resource types."""

TYPE_NAMES: dict[type[Any], str] = {cls: name for name, cls in RESOURCE_TYPES.items()}


@dataclass(frozen=True)
class Configuration:
    """Everything at one instant, by id. `unknown_associations` names (resource type, subnet id) pairs
    whose route table or network ACL at this instant cannot be known."""

    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    network_acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    interfaces: Mapping[str, NetworkInterface] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    unknown_associations: frozenset[tuple[str, str]] = frozenset()

    def resources(self) -> list[Resource]:
        """Every resource, in the order of the fields and of ids."""
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
}
"""The field of Configuration that holds a type of resource."""


def configuration(resources: typing.Iterable[Resource]) -> Configuration:
    """A Configuration of these resources; a later one with the same id wins."""
    maps: dict[str, dict[str, Resource]] = {name: {} for name in FIELD_OF.values()}
    for resource in resources:
        maps[FIELD_OF[type(resource)]][resource.id] = resource
    return Configuration(**maps)  # type: ignore[arg-type]


def to_body(resource: Resource) -> dict[str, Any]:
    """Plain JSON types, all fields."""
    return asdict(resource)


def from_body(resource_type: str, body: Mapping[str, Any]) -> Resource:
    """The resource that `to_body` wrote. Raises KeyError for an unknown type of resource."""
    built: Resource = _build(RESOURCE_TYPES[resource_type], body)
    return built


def _build(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items() if name in hints})  # type: ignore[operator]
    if typing.get_origin(kind) is tuple:
        return tuple(_build(typing.get_args(kind)[0], item) for item in value)
    return value
