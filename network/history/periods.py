"""Which subnet, network ACL and route table an interface had, and when."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from network.history.state import Key
from network.history.values import Values
from network.verdict.acl import acl_of_subnet
from network.verdict.routing import table_of_subnet
from schemas.configuration import NetworkAcl, NetworkInterface, RouteTable, Subnet, configuration


@dataclass(frozen=True)
class InterfacePeriod:
    """An interface in `[valid_from, valid_to)`; None is open-ended, "" is unknown. Addresses as in NetworkInterface."""

    valid_from: datetime | None
    valid_to: datetime | None
    vpc_id: str
    subnet_id: str
    instance_id: str
    instance_name: str
    network_acl_id: str
    route_table_id: str
    addresses: tuple[str, ...]


class Associations:
    """The network ACL and route table of each subnet, from each position at which they changed."""

    def __init__(self, values: Values) -> None:
        keys = [key for key in values if key[0] in (Subnet, RouteTable, NetworkAcl)]
        self._found: dict[str, list[tuple[int, tuple[str, str]]]] = {}
        for position in sorted({position for key in keys for position in _links_changed(values, key)}):
            current = [values.at(key, position) for key in keys]
            unknown = frozenset((kind, r.id) for r, doubts in current if r is not None for kind in doubts)
            config = replace(configuration(r for r, _ in current if r is not None), unknown_associations=unknown)
            for subnet_id in config.subnets:
                acl, table = acl_of_subnet(config, subnet_id), table_of_subnet(config, subnet_id)
                pair = (acl.id if acl else "", table.id if table else "")
                known = self._found.setdefault(subnet_id, [])
                if not known or known[-1][1] != pair:
                    known.append((position, pair))

    @property
    def subnets(self) -> Iterable[str]:
        """Every subnet that ever had one."""
        return self._found.keys()

    def positions(self, subnet_id: str) -> list[int]:
        return [position for position, _ in self._found.get(subnet_id, [])]

    def at(self, subnet_id: str, position: int) -> tuple[str, str]:
        """Ids of the network ACL and the route table, "" if unknown."""
        found = self._found.get(subnet_id, [])
        index = bisect_right(found, position, key=lambda entry: entry[0])
        return found[index - 1][1] if index else ("", "")


def _links_changed(values: Values, key: Key) -> Iterator[int]:
    """Positions at which the associations of a table or an ACL change, or whether those of a subnet are known."""
    last: object = None
    for position, (resource, doubts), _ in values.entries(key):
        links = (resource is None, getattr(resource, "associations", ()), doubts)
        if links != last:
            yield position
        last = links


def interface_periods(
    values: Values, associations: Associations, interface_id: str, time_of: Callable[[int], datetime | None]
) -> tuple[InterfacePeriod, ...]:
    """The periods of an interface in time order; () if it was never known."""
    key = (NetworkInterface, interface_id)
    starts = {entry[0] for entry in values.entries(key)}
    subnets = {r.subnet_id for _, (r, _), _ in values.entries(key) if isinstance(r, NetworkInterface)}
    positions = sorted(starts.union(*(associations.positions(subnet_id) for subnet_id in subnets)))
    found: list[InterfacePeriod] = []
    for position in positions:
        resource, _ = values.at(key, position)
        begin = time_of(position)
        if found and found[-1].valid_to is None:
            found[-1] = replace(found[-1], valid_to=begin)
        if found and found[-1].valid_from == found[-1].valid_to and found[-1].valid_from is not None:
            found.pop()
        if not isinstance(resource, NetworkInterface):
            continue
        period = InterfacePeriod(
            begin,
            None,
            resource.vpc_id,
            resource.subnet_id,
            resource.instance_id,
            resource.name if resource.instance_id else "",
            *associations.at(resource.subnet_id, position),
            resource.addresses,
        )
        if found and found[-1].valid_to == begin and replace(found[-1], valid_from=begin, valid_to=None) == period:
            found[-1] = replace(found[-1], valid_to=None)
        else:
            found.append(period)
    return tuple(found)
