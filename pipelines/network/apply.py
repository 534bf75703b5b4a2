"""What a successful CloudTrail call does to the configuration, forward in time.

Source of the calls' members: the EC2 service model and recorded CloudTrail events. Calls on resources that the state
does not have change nothing, and so do calls whose effect is outside the model (VGW propagation, transit gateway
routes, endpoints, prefix lists, Block Public Access, subnet attributes): they stay in the list of changes.
Content of a call that cannot be read is put down as unknown.
"""

from collections.abc import Callable
from dataclasses import replace

from pipelines.network import group_rules
from pipelines.network.call import Call
from pipelines.network.fields import Fields
from pipelines.network.rules import ordered_rules
from pipelines.network.shapes import acl_entries, acl_entry_from, destination, route, target
from pipelines.network.state import State
from schemas.network import (
    UNKNOWN,
    AclAssociation,
    AclEntry,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
)


def apply(call: Call, state: State) -> None:
    """Moves the state from just before the call to just after it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state)


def _name(fields: Fields) -> str:
    return next((tag.text("value") for tag in fields.each("tagSet") if tag.text("key") == "Name"), "")


def _create_route(call: Call, state: State) -> None:
    table = state.get(RouteTable, call.request.text("routeTableId"))
    where = destination(call.request)
    if table is not None and where:
        old = next((r for r in table.routes if r.destination == where and call.name == "ReplaceRoute"), None)
        origin = old.origin if old is not None else "CreateRoute"
        state.put_route(table, Route(where, target(call.request) or UNKNOWN, origin=origin))


def _delete_route(call: Call, state: State) -> None:
    table = state.get(RouteTable, call.request.text("routeTableId"))
    if table is not None:
        state.drop_route(table, destination(call.request))


def _create_route_table(call: Call, state: State) -> None:
    made = call.response.fields("routeTable")
    if state.covers(made.text("vpcId")) and made.text("routeTableId"):
        routes = sorted((route(entry) for entry in made.each("routeSet")), key=lambda r: (r.destination, r.origin))
        state.put(RouteTable(made.text("routeTableId"), made.text("vpcId"), tuple(routes), name=_name(made)))


def _delete_route_table(call: Call, state: State) -> None:
    state.remove(RouteTable, call.request.text("routeTableId"))


def associate(state: State, table_id: str, association: RouteTableAssociation, vpc_id: str = "") -> None:
    """Puts an association in place, or says whose table is now not known. `vpc_id`: of a main association."""
    known = state.put_table_association(table_id, association)
    if association.subnet_id:
        state.doubt("route-table", association.subnet_id, not known)
    elif association.main and not known:
        for subnet_id in state.on_main_table(vpc_id):
            state.doubt("route-table", subnet_id)


def _associate_route_table(call: Call, state: State) -> None:
    subnet_id, gateway_id = call.request.text("subnetId"), call.request.text("gatewayId")
    association = RouteTableAssociation(call.response.text("associationId"), subnet_id, gateway_id)
    associate(state, call.request.text("routeTableId"), association)


def _disassociate_route_table(call: Call, state: State) -> None:
    association_id = call.request.text("associationId")
    state.drop_table_association(association_id)
    state.doubt("route-table", state.subnet_of.get(association_id, ""), False)


def _replace_table_association(call: Call, state: State) -> None:
    old_id, new_id = call.request.text("associationId"), call.response.text("newAssociationId")
    found = state.table_association(old_id)
    if found is not None:
        table, association = found
        state.drop_table_association(old_id)
        associate(state, call.request.text("routeTableId"), replace(association, id=new_id), table.vpc_id)
    elif state.subnet_of.get(old_id):
        associate(state, call.request.text("routeTableId"), RouteTableAssociation(new_id, state.subnet_of[old_id]))


def attach_gateway(state: State, gateway_id: str, vpc_id: str) -> None:
    """Routes of the VPC to it are active."""
    if gateway_id and state.covers(vpc_id):
        gateway = state.get(InternetGateway, gateway_id) or InternetGateway(gateway_id)
        state.put(replace(gateway, vpc_ids=tuple(sorted({*gateway.vpc_ids, vpc_id}))))
        state.turn_routes(gateway_id, "active", vpc_id)


def detach_gateway(state: State, gateway_id: str, vpc_id: str) -> None:
    """Routes of the VPC to it are blackholes."""
    gateway = state.get(InternetGateway, gateway_id)
    if gateway is not None:
        state.put(replace(gateway, vpc_ids=tuple(v for v in gateway.vpc_ids if v != vpc_id)))
    state.turn_routes(gateway_id, "blackhole", vpc_id)


def _attach(call: Call, state: State) -> None:
    attach_gateway(state, call.request.text("internetGatewayId"), call.request.text("vpcId"))


def _detach(call: Call, state: State) -> None:
    detach_gateway(state, call.request.text("internetGatewayId"), call.request.text("vpcId"))


def _delete_internet_gateway(call: Call, state: State) -> None:
    state.remove(InternetGateway, call.request.text("internetGatewayId"))
    state.turn_routes(call.request.text("internetGatewayId"), "blackhole")


def _create_nat_gateway(call: Call, state: State) -> None:
    made = call.response.fields("natGateway")
    if state.covers(made.text("vpcId")) and made.text("natGatewayId"):
        addresses = (entry.text("privateIp") for entry in made.each("natGatewayAddressSet"))
        known = tuple(address for address in addresses if address)
        state.put(NatGateway(made.text("natGatewayId"), made.text("vpcId"), made.text("subnetId"), addresses=known))


def _delete_nat_gateway(call: Call, state: State) -> None:
    state.remove(NatGateway, call.request.text("natGatewayId"))
    state.turn_routes(call.request.text("natGatewayId"), "blackhole")


def _delete_peering(call: Call, state: State) -> None:
    state.turn_routes(call.request.text("vpcPeeringConnectionId"), "blackhole")


def _create_network_acl(call: Call, state: State) -> None:
    made = call.response.fields("networkAcl")
    if state.covers(made.text("vpcId")) and made.text("networkAclId"):
        try:
            entries = acl_entries(made.each("entrySet"))
        except ValueError:  # a new ACL has no entries of its own but the implied deny
            entries = ()
        names = made.text("networkAclId"), made.text("vpcId")
        state.put(NetworkAcl(*names, made.flag("default"), entries, name=_name(made)))


def _delete_network_acl(call: Call, state: State) -> None:
    state.remove(NetworkAcl, call.request.text("networkAclId"))


def put_entry(acl: NetworkAcl, entry: AclEntry) -> NetworkAcl:
    """In place of any with its number and direction."""
    kept = [e for e in acl.entries if (e.egress, e.number) != (entry.egress, entry.number)]
    return replace(acl, entries=tuple(sorted([*kept, entry], key=lambda e: (e.egress, e.number))))


def drop_entry(acl: NetworkAcl, number: int | None, egress: bool) -> NetworkAcl:
    return replace(acl, entries=tuple(e for e in acl.entries if (e.number, e.egress) != (number, egress)))


def named_entry(call: Call) -> AclEntry:
    """The entry that a create or replace call names; its content is unknown where it cannot be read."""
    try:
        return acl_entry_from(call.request)
    except ValueError:
        return AclEntry(call.request.number("ruleNumber") or 0, call.request.flag("egress"), known=False)


def _put_entry(call: Call, state: State) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(put_entry(acl, named_entry(call)))


def _drop_entry(call: Call, state: State) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(drop_entry(acl, call.request.number("ruleNumber"), call.request.flag("egress")))


def associate_acl(state: State, acl_id: str, association_id: str, subnet_id: str) -> None:
    """Puts an association in place, or says that the subnet's ACL is now not known."""
    acl = state.get(NetworkAcl, acl_id)
    if acl is not None and subnet_id:
        kept = [a for a in acl.associations if a.id != association_id]
        associations = sorted([*kept, AclAssociation(association_id, subnet_id)], key=lambda a: a.id)
        state.put(replace(acl, associations=tuple(associations)))
    state.doubt("network-acl", subnet_id, acl is None)


def _replace_acl_association(call: Call, state: State) -> None:
    subnet_id = state.drop_acl_association(call.request.text("associationId"))
    new_id = call.response.text("newAssociationId")
    state.subnet_of[new_id] = subnet_id
    associate_acl(state, call.request.text("networkAclId"), new_id, subnet_id)


def group_of(call: Call, state: State) -> SecurityGroup | None:
    """The group that a call names, by id, or by name as old clients do."""
    group_id, name = call.request.text("groupId"), call.request.text("groupName")
    if group_id:
        return state.get(SecurityGroup, group_id)
    named = [group for group in state.every(SecurityGroup) if name and group.name == name]
    return named[0] if len(named) == 1 else None


def add_rules(group: SecurityGroup, rules: list[SecurityGroupRule]) -> SecurityGroup:
    """Those that the group already has are not doubled."""
    merged = [r for r in group.rules if not any(group_rules.same(r, rule) for rule in rules)] + rules
    return replace(group, rules=ordered_rules(merged))


def drop_rules(group: SecurityGroup, rules: list[SecurityGroupRule]) -> SecurityGroup:
    return replace(group, rules=tuple(r for r in group.rules if not any(group_rules.same(r, rule) for rule in rules)))


def _authorize(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is not None:
        try:
            state.put(add_rules(group, group_rules.authorized(call)))
        except ValueError:
            state.put(replace(group, known=False))


def _revoke(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is None:
        return
    try:
        rules = group_rules.revoked(call)
    except ValueError:
        state.put(doubt_rules(group, group_rules.is_egress(call)))
        return
    ids = set(group_rules.revoked_ids(call)) - {rule.id for rule in rules}
    present = {rule.id for rule in group.rules}
    group = drop_rules(group, rules)
    group = replace(group, rules=tuple(rule for rule in group.rules if rule.id not in ids))
    if ids - present:
        group = doubt_rules(group, group_rules.is_egress(call))
    state.put(group)


def doubt_rules(group: SecurityGroup, egress: bool | None = None) -> SecurityGroup:
    """One of the rules without an id may be gone or changed: only the others are sure to hold."""
    sure = tuple(rule for rule in group.rules if rule.id or egress not in (None, rule.egress))
    return replace(group, rules=sure, known=False)


def _modify_rules(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is None:
        return
    for rule_id, fields in group_rules.modified(call):
        old = next((rule for rule in group.rules if rule.id == rule_id), None)
        if old is None:
            group = doubt_rules(group)
            continue
        group = drop_rules(group, [old])
        try:
            group = add_rules(group, [group_rules.modified_rule(rule_id, fields, old.egress)])
        except ValueError:
            group = replace(group, known=False)
    state.put(group)


def _delete_group(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is not None:
        state.remove(SecurityGroup, group.id)


def new_groups(call: Call) -> tuple[str, ...]:
    """The complete new set of groups that a call gives an interface; () when it does not touch the groups."""
    named = call.request.list("groupSet")
    ids = (entry if isinstance(entry, str) else Fields(entry).text("groupId") for entry in named)
    return tuple(sorted(group_id for group_id in ids if group_id))


def modified_interface(call: Call, state: State) -> NetworkInterface | None:
    """The interface of the call: named, or the only one of the instance that it names."""
    interface = state.get(NetworkInterface, call.request.text("networkInterfaceId"))
    instance_id = call.request.text("instanceId")
    if interface is not None or not instance_id:
        return interface
    of_instance = [i for i in state.every(NetworkInterface) if i.instance_id == instance_id]
    return of_instance[0] if len(of_instance) == 1 else None


def _modify_interface(call: Call, state: State) -> None:
    interface, groups = modified_interface(call, state), new_groups(call)
    if interface is not None and groups:
        state.put(replace(interface, group_ids=groups))


EFFECTS: dict[str, Callable[[Call, State], None]] = {
    "CreateRoute": _create_route,
    "ReplaceRoute": _create_route,
    "DeleteRoute": _delete_route,
    "CreateRouteTable": _create_route_table,
    "DeleteRouteTable": _delete_route_table,
    "AssociateRouteTable": _associate_route_table,
    "DisassociateRouteTable": _disassociate_route_table,
    "ReplaceRouteTableAssociation": _replace_table_association,
    "AttachInternetGateway": _attach,
    "DetachInternetGateway": _detach,
    "DeleteInternetGateway": _delete_internet_gateway,
    "CreateNatGateway": _create_nat_gateway,
    "DeleteNatGateway": _delete_nat_gateway,
    "DeleteVpcPeeringConnection": _delete_peering,
    "CreateNetworkAcl": _create_network_acl,
    "DeleteNetworkAcl": _delete_network_acl,
    "CreateNetworkAclEntry": _put_entry,
    "ReplaceNetworkAclEntry": _put_entry,
    "DeleteNetworkAclEntry": _drop_entry,
    "ReplaceNetworkAclAssociation": _replace_acl_association,
    "AuthorizeSecurityGroupIngress": _authorize,
    "AuthorizeSecurityGroupEgress": _authorize,
    "RevokeSecurityGroupIngress": _revoke,
    "RevokeSecurityGroupEgress": _revoke,
    "ModifySecurityGroupRules": _modify_rules,
    "DeleteSecurityGroup": _delete_group,
    "ModifyNetworkInterfaceAttribute": _modify_interface,
    "ModifyInstanceAttribute": _modify_interface,
}
