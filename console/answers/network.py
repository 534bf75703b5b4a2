"""The network at a time: what each subnet has, the resources that are known, and which of them differ from earlier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.history import timeline_of
from console.answers.words import title
from network.verdict.acl import acl_of_subnet
from network.verdict.routing import table_of_subnet
from schemas.configuration import TYPE_NAMES, Resource


@dataclass(frozen=True)
class SubnetRow:
    """A subnet with the ids of its network ACL and route table; None where they are not known."""

    subnet_id: str
    vpc_id: str
    cidrs: tuple[str, ...]
    network_acl: str | None
    route_table: str | None
    interfaces: int


@dataclass(frozen=True)
class Network:
    """`resources` are titles by resource id, by type. `different`: the ids of those that are not what they were at
    `since` or did not exist then, and of those that no longer exist; empty without `since`."""

    at: datetime
    since: datetime | None
    subnets: Sequence[SubnetRow]
    resources: Mapping[str, Mapping[str, str]]
    different: Sequence[str]
    known_to: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "since": self.since,
            "subnets": [vars(row) for row in self.subnets],
            "resources": {name: dict(titles) for name, titles in self.resources.items()},
            "different": list(self.different),
            "known_to": self.known_to,
        }


def network(store: Store, at: datetime, since: datetime | None = None) -> Network:
    """The network at `at`. Raises FlowtrailError without any snapshot, or when the store cannot be read."""
    timeline = timeline_of(store)
    known = timeline.at(at)
    subnets = []
    for subnet in sorted(known.subnets.values(), key=lambda each: (each.vpc_id, each.id)):
        acl, table = acl_of_subnet(known, subnet.id), table_of_subnet(known, subnet.id)
        count = sum(each.subnet_id == subnet.id for each in known.interfaces.values())
        names = (acl.id if acl else None, table.id if table else None)
        subnets.append(SubnetRow(subnet.id, subnet.vpc_id, subnet.cidrs, *names, count))
    titles: dict[str, dict[str, str]] = {}
    for resource in known.resources():
        titles.setdefault(TYPE_NAMES[type(resource)], {})[resource.id] = title(resource)
    different: list[str] = []
    if since is not None:
        was, now = (_by_id(each.resources()) for each in (timeline.at(since), known))
        different = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    return Network(at, since, subnets, titles, different, timeline.latest)


def _by_id(resources: Sequence[Resource]) -> dict[str, Resource]:
    return {resource.id: resource for resource in resources}
