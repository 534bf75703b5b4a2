"""The configuration while it moves through time: mutable, and tracks what was touched."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

from schemas.configuration import (
    FIELD_OF,
    Configuration,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    Subnet,
    Vpc,
    configuration,
)

R = TypeVar(
    "R", Subnet, RouteTable, NetworkAcl, SecurityGroup, NetworkInterface, InternetGateway, NatGateway, PrefixList
)
Key = tuple[type[Any], str]
Value = tuple[Resource | None, frozenset[str]]
"""A resource, or None if it does not exist; for a subnet also which of its associations cannot be known."""

NOTHING: Value = (None, frozenset())


def key_of(resource: Resource) -> Key:
    return type(resource), resource.id


class State:
    """Resources by type and id.

    `unknown` holds (route-table or network-acl, subnet id) pairs whose association cannot be known. `subnet_of`
    remembers the subnet of removed associations, because later calls (earlier ones, going backward) name them.
    With `vpcs_known` false a resource may be created in a VPC that is not in the state.
    """

    def __init__(self, resources: Iterable[Resource] = (), vpcs_known: bool = True) -> None:
        self._maps: dict[type[Any], dict[str, Resource]] = {cls: {} for cls in FIELD_OF}
        for resource in resources:
            self._maps[type(resource)][resource.id] = resource
        self.unknown: set[tuple[str, str]] = set()
        self.subnet_of: dict[str, str] = {}
        self.touched: set[Key] = set()
        self._vpcs_known = vpcs_known

    def get(self, kind: type[R], resource_id: str) -> R | None:
        return cast(R | None, self._maps[kind].get(resource_id))

    def every(self, kind: type[R]) -> list[R]:
        """All resources of a kind, as a copy: the state may be changed while iterating."""
        return cast(list[R], list(self._maps[kind].values()))

    def put(self, resource: Resource) -> None:
        self._maps[type(resource)][resource.id] = resource
        self.touched.add(key_of(resource))

    def remove(self, kind: type[Any], resource_id: str) -> None:
        if self._maps[kind].pop(resource_id, None) is not None:
            self.touched.add((kind, resource_id))
            self.unknown = {(of, subnet_id) for of, subnet_id in self.unknown if subnet_id != resource_id}

    def covers(self, vpc_id: str) -> bool:
        """Whether resources created in this VPC belong to the state."""
        return not self._vpcs_known or vpc_id in self._maps[Vpc]

    def __iter__(self) -> Iterator[Key]:
        return ((kind, resource_id) for kind, resources in self._maps.items() for resource_id in resources)

    def value(self, key: Key) -> Value:
        resource = self._maps[key[0]].get(key[1])
        if resource is None or key[0] is not Subnet:
            return resource, frozenset()
        return resource, frozenset(kind for kind, subnet_id in self.unknown if subnet_id == key[1])

    def take_touched(self) -> set[Key]:
        """The keys touched since the last call."""
        touched, self.touched = self.touched, set()
        return touched

    def doubt(self, kind: str, subnet_id: str, doubtful: bool = True) -> None:
        """Mark the subnet's association of this kind as unknown or, if not `doubtful`, as known again."""
        if subnet_id in self._maps[Subnet]:
            (self.unknown.add if doubtful else self.unknown.discard)((kind, subnet_id))
            self.touched.add((Subnet, subnet_id))

    def configuration(self) -> Configuration:
        resources = (resource for by_id in self._maps.values() for resource in by_id.values())
        return replace(configuration(resources), unknown_associations=frozenset(self.unknown))

    # Route tables

    def put_route(self, table: RouteTable, route: Route) -> None:
        """Add a route, replacing any that was created for the same destination."""
        kept = [r for r in table.routes if r.destination != route.destination or r.propagated]
        self.put(replace(table, routes=tuple(sorted([*kept, route], key=lambda r: (r.destination, r.origin)))))

    def drop_route(self, table: RouteTable, destination: str) -> None:
        kept = tuple(r for r in table.routes if r.destination != destination or r.propagated)
        self.put(replace(table, routes=kept))

    def turn_routes(self, target: str, state: str, vpc_id: str = "") -> None:
        """Set the state of all routes to this target, of one VPC or of all, to active or blackhole."""
        for table in self.every(RouteTable):
            if vpc_id in ("", table.vpc_id) and any(r.target == target and r.state != state for r in table.routes):
                turned = tuple(replace(r, state=state) if r.target == target else r for r in table.routes)
                self.put(replace(table, routes=turned))

    def table_association(self, association_id: str) -> tuple[RouteTable, RouteTableAssociation] | None:
        for table in self.every(RouteTable):
            for association in table.associations:
                if association.id == association_id:
                    return table, association
        return None

    def put_table_association(self, table_id: str, association: RouteTableAssociation) -> bool:
        """Add an association to its table; returns whether the table exists."""
        table = self.get(RouteTable, table_id)
        if table is None:
            return False
        kept = [a for a in table.associations if a.id != association.id]
        self.put(replace(table, associations=tuple(sorted([*kept, association], key=lambda a: a.id))))
        return True

    def drop_table_association(self, association_id: str) -> None:
        found = self.table_association(association_id)
        if found is not None:
            table, association = found
            self.subnet_of[association_id] = association.subnet_id
            self.put(replace(table, associations=tuple(a for a in table.associations if a.id != association_id)))

    def on_main_table(self, vpc_id: str = "") -> list[str]:
        """Subnets (of one VPC or of all) without an explicit route table association."""
        explicit = {a.subnet_id for table in self.every(RouteTable) for a in table.associations}
        return [s.id for s in self.every(Subnet) if vpc_id in ("", s.vpc_id) and s.id not in explicit]

    def has_main_table(self, vpc_id: str) -> bool:
        tables = self.every(RouteTable)
        return any(table.vpc_id == vpc_id and any(a.main for a in table.associations) for table in tables)

    # Network ACLs

    def acl_of_association(self, association_id: str) -> tuple[NetworkAcl, str] | None:
        """The ACL and the subnet of an association."""
        for acl in self.every(NetworkAcl):
            for association in acl.associations:
                if association.id == association_id:
                    return acl, association.subnet_id
        return None

    def drop_acl_association(self, association_id: str) -> str:
        """Remove an association; returns its subnet, even if it was removed before, or "" if it was never seen."""
        found = self.acl_of_association(association_id)
        if found is None:
            return self.subnet_of.get(association_id, "")
        acl, subnet_id = found
        self.subnet_of[association_id] = subnet_id
        self.put(replace(acl, associations=tuple(a for a in acl.associations if a.id != association_id)))
        return subnet_id
