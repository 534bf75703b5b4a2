"""Blast radius: which network interfaces an edit can affect, by the configurations before and after it.

Source: the EC2 API reference for which calls name a subnet or VPC (for the others it is looked up), and the Amazon VPC
user guide for what a resource acts on.
"""

from collections.abc import Iterable

from network.verdict.acl import acl_of_subnet
from network.verdict.routing import table_of_subnet
from pipelines.correlate.blame.edits import Edit, Held, Part
from schemas.configuration import Configuration, RouteTable


def reach(found: Iterable[Edit], before: Configuration, after: Configuration) -> frozenset[str]:
    """Ids of the interfaces that any of the edits can affect."""
    return frozenset(eni for configuration in (before, after) for edit in found for eni in _reach(edit, configuration))


def _reach(edit: Edit, configuration: Configuration) -> set[str]:
    if edit.part in (Part.ROUTE, Part.ACL_ENTRY, Part.ATTACHMENT):
        return _in_subnets(configuration, _subnets(edit, configuration))
    if edit.part in (Part.ACL_ASSOCIATION, Part.TABLE_ASSOCIATION):
        return _in_subnets(configuration, _moved(edit, configuration))
    if edit.part is Part.GROUP_RULE:
        return {i.id for i in configuration.interfaces.values() if edit.resource in i.group_ids}
    if edit.resource in configuration.nat_gateways:
        return _in_subnets(configuration, _routed_to(edit.resource, configuration))
    return {edit.resource} & configuration.interfaces.keys()


def _subnets(edit: Edit, configuration: Configuration) -> set[str]:
    if edit.part is Part.ATTACHMENT:
        return _routed_to(edit.resource, configuration)
    table = configuration.route_tables.get(edit.resource) if edit.part is Part.ROUTE else None
    if table is not None and is_of_gateway(table):
        return {s.id for s in configuration.subnets.values() if s.vpc_id == table.vpc_id}
    of_subnet = table_of_subnet if edit.part is Part.ROUTE else acl_of_subnet
    return {s for s in configuration.subnets if (owner := of_subnet(configuration, s)) and owner.id == edit.resource}


def is_of_gateway(table: RouteTable) -> bool:
    """Whether it routes what comes in through a gateway (an edge association)."""
    return any(association.gateway_id for association in table.associations)


def _routed_to(target: str, configuration: Configuration) -> set[str]:
    tables = {t.id for t in configuration.route_tables.values() if any(r.target == target for r in t.routes)}
    return {s for s in configuration.subnets if (t := table_of_subnet(configuration, s)) and t.id in tables}


def _moved(edit: Edit, configuration: Configuration) -> set[str]:
    """The subnet; for a VPC's main route table, all subnets without an explicit association."""
    if not edit.key.startswith("main "):
        return {edit.key}
    holders = {value.holder for value in (edit.before, edit.after) if isinstance(value, Held)}
    return {s for s in configuration.subnets if (t := table_of_subnet(configuration, s)) and t.id in holders}


def _in_subnets(configuration: Configuration, subnets: set[str]) -> set[str]:
    return {i.id for i in configuration.interfaces.values() if i.subnet_id in subnets}
