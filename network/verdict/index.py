"""Lookups in a configuration that would otherwise scan all of its resources for every packet."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from network.cidr import contains
from schemas.configuration import Configuration, NetworkAcl, NetworkInterface, RouteTable

KEPT = 64
"""Maximum number of configurations with cached lookups."""


class Index:
    """Lookups in one configuration. Anything that cannot be known is None."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    @cached_property
    def _acls(self) -> dict[str, NetworkAcl]:
        acls = self._configuration.network_acls.values()
        return {association.subnet_id: acl for acl in acls for association in acl.associations}

    @cached_property
    def _tables(self) -> dict[str, RouteTable]:
        tables = self._configuration.route_tables.values()
        return {a.subnet_id: table for table in tables for a in table.associations if a.subnet_id}

    @cached_property
    def _main_tables(self) -> dict[str, RouteTable]:
        tables = self._configuration.route_tables.values()
        return {table.vpc_id: table for table in tables if any(a.main for a in table.associations)}

    @cached_property
    def _holders(self) -> dict[str, list[NetworkInterface]]:
        found: dict[str, list[NetworkInterface]] = {}
        for interface in self._configuration.interfaces.values():
            for address in interface.addresses:
                found.setdefault(address, []).append(interface)
        return found

    def acl(self, subnet_id: str) -> NetworkAcl | None:
        unknown = ("network-acl", subnet_id) in self._configuration.unknown_associations
        return None if unknown else self._acls.get(subnet_id)

    def table(self, subnet_id: str) -> RouteTable | None:
        """The table associated with the subnet, else the main table of its VPC."""
        if ("route-table", subnet_id) in self._configuration.unknown_associations:
            return None
        subnet = self._configuration.subnets.get(subnet_id)
        return self._tables.get(subnet_id) or (self._main_tables.get(subnet.vpc_id) if subnet else None)

    def holders(self, address: str) -> list[NetworkInterface]:
        """Interfaces that have this private (or IPv6) address."""
        return self._holders.get(address, [])

    def far_ends(self, vpc_id: str, address: str) -> list[NetworkInterface]:
        """Interfaces that may be the other end of a conversation of an interface in this VPC. Ranges of VPCs overlap:
        an address in the range of the VPC is one of its own; another may be in any VPC that it is connected to."""
        found = self.holders(address)
        own = [interface for interface in found if interface.vpc_id == vpc_id]
        vpc = self._configuration.vpcs.get(vpc_id)
        inside = vpc is not None and any(contains(cidr, address) for cidr in vpc.cidrs)
        return own if own or inside else found


@dataclass(frozen=True, eq=False)
class _ByIdentity:
    """Compared by identity, as configurations have no hash."""

    configuration: Configuration

    def __hash__(self) -> int:
        return id(self.configuration)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.configuration is other.configuration


def index_of(configuration: Configuration) -> Index:
    return _index_of(_ByIdentity(configuration))


@lru_cache(maxsize=KEPT)
def _index_of(handle: _ByIdentity) -> Index:
    return Index(handle.configuration)
