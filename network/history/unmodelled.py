"""Changes whose effect the VPC model does not contain: who they may concern. Such a change is never tested; if it fits
in time and reach, it is a reason to suspect it, and never to prove another.

Source: the EC2 API reference, for what the calls name.
"""

from network.aws import services
from network.aws.call import ids_in
from network.history.apply import EFFECTS
from network.history.apply_routing import TAKE_AWAY
from network.verdict.routing import table_of_subnet
from schemas.change import ChangeEvent
from schemas.configuration import Configuration, NetworkInterface

HARMLESS = frozenset(
    {"CreateFlowLogs", "DeleteFlowLogs", "CreateNetworkInterface", "RunInstances", "CreateSecurityGroup"}
)
"""Calls that do nothing to packets of what exists: they concern the log, or create something new."""


CONTAINED = ("eni-", "i-", "sg-", "sgr-", "subnet-", "acl-", "aclassoc-", "rtb-", "rtbassoc-", "vpc-")
"""Ids of resources that a snapshot contains: one that it does not is of another VPC or newer."""

PARTLY = frozenset(TAKE_AWAY) | {
    "DisableVgwRoutePropagation",
    "StartInstances",
    "ModifyManagedPrefixList",
    "RestoreManagedPrefixListVersion",
    "DeleteManagedPrefixList",
}
"""Calls whose effect is in the model where a route shows it, and only there."""


ASSOCIATIONS = frozenset({"ReplaceRouteTableAssociation", "DisassociateRouteTable", "ReplaceNetworkAclAssociation"})
"""Calls that name an association, which alone names the subnet."""


def has_no_effect(event: ChangeEvent, before: Configuration) -> bool:
    """Whether a call that changes nothing in the configuration just before it, as far as it is known, has no effect."""
    return is_modelled(event) and is_resolved(event, before)


def is_modelled(event: ChangeEvent) -> bool:
    """Whether the model contains what such a call does, where it knows what the call names."""
    if event.event_name in HARMLESS:
        return True
    if event.event_name in PARTLY:
        return False
    return event.event_name in EFFECTS


def is_resolved(event: ChangeEvent, before: Configuration) -> bool:
    """Whether the configuration just before the call has the association that the call replaces or removes. Of one that
    it does not have, the subnet is not known, and so the effect is not."""
    if event.event_name not in ASSOCIATIONS:
        return True
    tables = {a.id for table in before.route_tables.values() for a in table.associations}
    acls = {a.id for acl in before.network_acls.values() for a in acl.associations}
    return event.request.get("associationId") in tables | acls


def concerned(event: ChangeEvent, configuration: Configuration) -> frozenset[str]:
    """Ids of the interfaces that a call may concern, by the resources that it names; all of them if it names none, as a
    call on the whole account does, or only such that the configuration does not contain."""
    named = frozenset(ids_in(event.request, event.response))
    if not is_resolved(event, configuration):
        return _in_vpc_of(named, configuration)
    if event.event_name in services.NAMES:
        return _managed(named, configuration)
    direct = frozenset(i.id for i in configuration.interfaces.values() if _belongs(i, named))
    routed = _routed(named, configuration)
    listed = frozenset(
        i.id
        for i in configuration.interfaces.values()
        for group_id in i.group_ids
        if (group := configuration.security_groups.get(group_id)) and any(rule.peer in named for rule in group.rules)
    )
    found = direct | routed | listed
    if found or (named and all(name.startswith(CONTAINED) for name in named)):
        return found
    return frozenset(configuration.interfaces)


def _in_vpc_of(named: frozenset[str], configuration: Configuration) -> frozenset[str]:
    """Interfaces in the VPCs of the route tables and network ACLs that are named; all of them if none is known."""
    vpcs = {table.vpc_id for table in configuration.route_tables.values() if table.id in named}
    vpcs |= {acl.vpc_id for acl in configuration.network_acls.values() if acl.id in named}
    return frozenset(i.id for i in configuration.interfaces.values() if not vpcs or i.vpc_id in vpcs)


def _managed(named: frozenset[str], configuration: Configuration) -> frozenset[str]:
    """Interfaces that AWS services made, in the VPCs of the named security groups; which of them is not in the call."""
    vpcs = {group.vpc_id for group_id in named if (group := configuration.security_groups.get(group_id))}
    return frozenset(i.id for i in configuration.interfaces.values() if i.managed_by and i.vpc_id in vpcs)


def _belongs(interface: NetworkInterface, named: frozenset[str]) -> bool:
    own = (interface.id, interface.instance_id, interface.subnet_id, interface.vpc_id, *interface.group_ids)
    return not named.isdisjoint(own)


def _routed(named: frozenset[str], configuration: Configuration) -> frozenset[str]:
    """Interfaces in subnets whose table is named, or has a route to or for something that is named."""
    tables = {
        table.id
        for table in configuration.route_tables.values()
        if table.id in named or any(r.target in named or r.destination in named for r in table.routes)
    }
    subnets = {s for s in configuration.subnets if (t := table_of_subnet(configuration, s)) and t.id in tables}
    return frozenset(i.id for i in configuration.interfaces.values() if i.subnet_id in subnets)
