"""Edits: the differences between two configurations, entry by entry. The edits of a change are those between the
configurations before and after it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from schemas.configuration import (
    AclAssociation,
    AclEntry,
    Configuration,
    NetworkAcl,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
)


class Part(StrEnum):
    """The kind of entry that was edited."""

    ROUTE = "route"
    TABLE_ASSOCIATION = "route-table-association"
    ACL_ENTRY = "network-acl-entry"
    ACL_ASSOCIATION = "network-acl-association"
    GROUP_RULE = "security-group-rule"
    INTERFACE_GROUPS = "network-interface-groups"
    ATTACHMENT = "internet-gateway-attachment"
    RESOURCE = "resource"


@dataclass(frozen=True)
class Held:
    """An association, and the id of the resource that holds it."""

    holder: str
    association: AclAssociation | RouteTableAssociation


Value = Route | AclEntry | SecurityGroupRule | Held | tuple[str, ...] | str | Resource | None


@dataclass(frozen=True)
class Edit:
    """The edit of one entry. `resource` is the id of the edited resource (of an association: its new holder), `key`
    names the entry in it: a destination, `ingress 90`, a subnet, ... `before` is None where the entry was created,
    `after` where it was deleted. `exact` is false where the resource's content before or after is only partly
    known."""

    part: Part
    resource: str
    key: str
    before: Value
    after: Value
    exact: bool = True

    @property
    def place(self) -> tuple[str, str, str]:
        """Identifies the entry: edits with the same place are successive edits of one entry."""
        return self.part, "" if self.part in (Part.ACL_ASSOCIATION, Part.TABLE_ASSOCIATION) else self.resource, self.key

    @property
    def removes(self) -> bool:
        return self.after is None


def edits(before: Configuration, after: Configuration) -> tuple[Edit, ...]:
    """The edits that turn `before` into `after`, in a fixed order: by part, resource and key."""
    found = [
        *_entries(Part.ROUTE, before.route_tables, after.route_tables, _routes),
        *_entries(Part.ACL_ENTRY, before.network_acls, after.network_acls, _acl_entries),
        *_entries(Part.GROUP_RULE, before.security_groups, after.security_groups, _group_rules),
        *_entries(
            Part.INTERFACE_GROUPS, before.interfaces, after.interfaces, lambda i: {"": tuple(sorted(i.group_ids))}
        ),
        *_entries(
            Part.ATTACHMENT, before.internet_gateways, after.internet_gateways, lambda g: {v: v for v in g.vpc_ids}
        ),
        *_moves(Part.ACL_ASSOCIATION, _acl_associations(before), _acl_associations(after)),
        *_moves(Part.TABLE_ASSOCIATION, _table_associations(before), _table_associations(after)),
        *_whole(before.nat_gateways, after.nat_gateways),
        *_whole(before.interfaces, after.interfaces, lambda i: replace(i, group_ids=())),
    ]
    return tuple(sorted(found, key=lambda e: (e.part, e.resource, e.key, e.before is None)))


def _routes(table: RouteTable) -> dict[str, Value]:
    return {f"{r.destination} {r.origin if r.propagated else ''}".strip(): r for r in table.routes}


def _acl_entries(acl: NetworkAcl) -> dict[str, Value]:
    return {f"{'egress' if e.egress else 'ingress'} {e.number}": e for e in acl.entries}


def _group_rules(group: SecurityGroup) -> dict[str, Value]:
    return {repr(replace(rule, id="")): rule for rule in group.rules}


def _differ(one: Value, other: Value) -> bool:
    """Security group rules that differ only in their id are the same rule, removed and added again."""
    if isinstance(one, SecurityGroupRule) and isinstance(other, SecurityGroupRule):
        return replace(one, id="") != replace(other, id="")
    return one != other


def _entries(
    part: Part,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    entries: Callable[[Any], Mapping[str, Any]],
) -> Iterator[Edit]:
    for resource_id in sorted(before.keys() | after.keys()):
        old, new = before.get(resource_id), after.get(resource_id)
        if old == new:
            continue
        exact = getattr(old, "known", True) and getattr(new, "known", True)
        was, now = entries(old) if old else {}, entries(new) if new else {}
        differ = [key for key in sorted(was.keys() | now.keys()) if _differ(was.get(key), now.get(key))]
        for key in differ:
            yield Edit(part, resource_id, key, was.get(key), now.get(key), exact)
        if not differ and not exact:
            yield Edit(part, resource_id, "", None, None, exact)


def _acl_associations(configuration: Configuration) -> dict[str, Held]:
    return {a.subnet_id: Held(acl.id, a) for acl in configuration.network_acls.values() for a in acl.associations}


def _table_associations(configuration: Configuration) -> dict[str, Held]:
    return {
        a.subnet_id or a.gateway_id or f"main {table.vpc_id}": Held(table.id, a)
        for table in configuration.route_tables.values()
        for a in table.associations
    }


def _moves(part: Part, before: Mapping[str, Held], after: Mapping[str, Held]) -> Iterator[Edit]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if (old and old.holder) != (new and new.holder):
            holder = new or old
            yield Edit(part, holder.holder if holder else "", key, old, new)


def _whole(
    before: Mapping[str, Any], after: Mapping[str, Any], of: Callable[[Any], Any] = lambda resource: resource
) -> Iterator[Edit]:
    for resource_id in sorted(before.keys() | after.keys()):
        old, new = before.get(resource_id), after.get(resource_id)
        if old is None or new is None or of(old) != of(new):
            yield Edit(Part.RESOURCE, resource_id, "", old, new)
