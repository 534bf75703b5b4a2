"""What the configuration was just before a successful CloudTrail call, given how it was just after.

Calls that take away or replace do not say what was there; earlier calls on the same thing may. Where they do not, it
is put down as unknown, never guessed.
"""

from collections.abc import Callable
from dataclasses import replace

from pipelines.network import group_rules
from pipelines.network.apply import (
    add_rules,
    apply,
    associate,
    associate_acl,
    attach_gateway,
    detach_gateway,
    doubt_rules,
    drop_entry,
    drop_rules,
    group_of,
    modified_interface,
    named_entry,
    new_groups,
    put_entry,
)
from pipelines.network.call import Call, History
from pipelines.network.fields import Fields
from pipelines.network.shapes import destination, route, target
from pipelines.network.state import R, State
from schemas.network import (
    UNKNOWN,
    AclEntry,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroupRule,
    Subnet,
)


def undo(call: Call, state: State, history: History) -> None:
    """Moves the state from just after the call to just before it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state, history)


# Routes

DELETIONS = ("DeleteNatGateway", "DeleteInternetGateway", "DeleteVpcPeeringConnection")
"""Of targets: their ids are never used again."""


def _uncreate_route(call: Call, state: State, _: History) -> None:
    table = state.get(RouteTable, call.request.text("routeTableId"))
    if table is not None:
        state.drop_route(table, destination(call.request))


def _restore_route(call: Call, state: State, history: History) -> None:
    table = state.get(RouteTable, call.request.text("routeTableId"))
    where = destination(call.request)
    if table is None or not where:
        return
    known = _earlier_route(call, table.id, where, history)
    state.put_route(table, _as_it_was(known, table.vpc_id, call, state, history))


def _as_it_was(known: Route, vpc_id: str, call: Call, state: State, history: History) -> Route:
    """The route with the state that its target gave it just before the call."""
    gateway = state.get(InternetGateway, known.target)
    detached = gateway is not None and vpc_id not in gateway.vpc_ids
    deleted = any(earlier.name in DELETIONS for earlier in history.before(call, known.target))
    return replace(known, state="blackhole") if detached or deleted else known


def _earlier_route(call: Call, table_id: str, where: str, history: History) -> Route:
    for earlier in history.before(call, table_id):
        if (
            earlier.name == "CreateRouteTable"
            and earlier.response.fields("routeTable").text("routeTableId") == table_id
        ):
            first = (route(entry) for entry in earlier.response.fields("routeTable").each("routeSet"))
            return next((r for r in first if r.destination == where), Route(where, UNKNOWN))
        if earlier.request.text("routeTableId") != table_id or destination(earlier.request) != where:
            continue
        if earlier.name in ("CreateRoute", "ReplaceRoute"):
            return Route(where, target(earlier.request) or UNKNOWN)
        break
    return Route(where, UNKNOWN)


# Associations of route tables


def _disassociate(call: Call, state: State, _: History) -> None:
    association_id, subnet_id = call.response.text("associationId"), call.request.text("subnetId")
    state.drop_table_association(association_id)
    state.subnet_of[association_id] = subnet_id
    subnet = state.get(Subnet, subnet_id)
    if subnet is not None:
        state.doubt("route-table", subnet_id, not state.has_main_table(subnet.vpc_id))


def _reassociate(call: Call, state: State, history: History) -> None:
    association_id = call.request.text("associationId")
    table_id, found = _earlier_association(call, association_id, history)
    subnet_id = found.subnet_id or state.subnet_of.get(association_id, "")
    if subnet_id or found.gateway_id:
        associate(state, table_id, RouteTableAssociation(association_id, subnet_id, found.gateway_id))
        return
    for each in state.on_main_table():  # any of them may have been the one
        state.doubt("route-table", each)


def _replace_back(call: Call, state: State, history: History) -> None:
    old_id, new_id = call.request.text("associationId"), call.response.text("newAssociationId")
    table_id, earlier = _earlier_association(call, old_id, history)
    found = state.table_association(new_id)
    if found is not None:
        table, association = found
        state.drop_table_association(new_id)
        state.subnet_of[old_id] = association.subnet_id
        associate(state, table_id, replace(association, id=old_id), table.vpc_id)
        return
    subnet_id = state.subnet_of.get(new_id, "") or earlier.subnet_id
    if subnet_id:
        state.subnet_of[old_id] = subnet_id
        associate(state, table_id, RouteTableAssociation(old_id, subnet_id))


def _earlier_association(call: Call, association_id: str, history: History) -> tuple[str, RouteTableAssociation]:
    """The table ("" when no call tells) and what is known of the association."""
    for earlier in history.before(call, association_id):
        if earlier.name == "AssociateRouteTable" and earlier.response.text("associationId") == association_id:
            subnet_id, gateway_id = earlier.request.text("subnetId"), earlier.request.text("gatewayId")
            return earlier.request.text("routeTableId"), RouteTableAssociation(association_id, subnet_id, gateway_id)
        if (
            earlier.name == "ReplaceRouteTableAssociation"
            and earlier.response.text("newAssociationId") == association_id
        ):
            _, older = _earlier_association(earlier, earlier.request.text("associationId"), history)
            return earlier.request.text("routeTableId"), replace(older, id=association_id)
    return "", RouteTableAssociation(association_id)


# Gateways


def _detach(call: Call, state: State, _: History) -> None:
    detach_gateway(state, call.request.text("internetGatewayId"), call.request.text("vpcId"))


def _attach(call: Call, state: State, _: History) -> None:
    attach_gateway(state, call.request.text("internetGatewayId"), call.request.text("vpcId"))


def _undelete_internet_gateway(call: Call, state: State, _: History) -> None:
    """It was detached, else it could not have been deleted; so routes to it were blackholes already."""
    gateway_id = call.request.text("internetGatewayId")
    if gateway_id and state.get(InternetGateway, gateway_id) is None:
        state.put(InternetGateway(gateway_id))


def _uncreate_nat_gateway(call: Call, state: State, _: History) -> None:
    state.remove(NatGateway, call.response.fields("natGateway").text("natGatewayId"))


def _undelete_nat_gateway(call: Call, state: State, history: History) -> None:
    nat_id = call.request.text("natGatewayId")
    nat = _rebuilt(NatGateway, nat_id, call, history)
    if nat is not None and state.covers(nat.vpc_id):
        state.put(nat)
    state.turn_routes(nat_id, "active")


def _undelete_peering(call: Call, state: State, _: History) -> None:
    state.turn_routes(call.request.text("vpcPeeringConnectionId"), "active")


# Network ACLs


def _uncreate_entry(call: Call, state: State, _: History) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(drop_entry(acl, call.request.number("ruleNumber"), call.request.flag("egress")))


def _restore_entry(call: Call, state: State, history: History) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    number, egress = call.request.number("ruleNumber"), call.request.flag("egress")
    if acl is None or number is None:
        return
    for earlier in history.before(call, acl.id):
        if (
            earlier.request.text("networkAclId") == acl.id
            and earlier.request.number("ruleNumber") == number
            and earlier.request.flag("egress") == egress
        ):
            if earlier.name in ("CreateNetworkAclEntry", "ReplaceNetworkAclEntry"):
                state.put(put_entry(acl, named_entry(earlier)))
                return
            break
    state.put(put_entry(acl, AclEntry(number, egress, known=False)))


def _replace_acl_back(call: Call, state: State, history: History) -> None:
    old_id, new_id = call.request.text("associationId"), call.response.text("newAssociationId")
    subnet_id = state.drop_acl_association(new_id)
    state.subnet_of[old_id] = subnet_id
    acl_id = next(
        (
            earlier.request.text("networkAclId")
            for earlier in history.before(call, old_id)
            if earlier.name == "ReplaceNetworkAclAssociation" and earlier.response.text("newAssociationId") == old_id
        ),
        "",
    )
    associate_acl(state, acl_id, old_id, subnet_id)


# Security groups and interfaces


def _unauthorize(call: Call, state: State, _: History) -> None:
    group = group_of(call, state)
    if group is not None:
        try:
            state.put(drop_rules(group, group_rules.authorized(call)))
        except ValueError:
            state.put(doubt_rules(group, group_rules.is_egress(call)))


def _unrevoke(call: Call, state: State, history: History) -> None:
    group = group_of(call, state)
    if group is None:
        return
    ids = group_rules.revoked_ids(call)
    try:
        rules = group_rules.revoked(call)
    except ValueError:
        state.put(replace(group, known=False))
        return
    earlier = _earlier_rules(call, group.id, history)
    named = [rule if rule.id else next((e for e in earlier if group_rules.same(e, rule)), rule) for rule in rules]
    for rule_id in ids:
        if not any(rule.id == rule_id for rule in named):
            found = next((rule for rule in earlier if rule.id == rule_id), None)
            named += [found] if found else []
            group = group if found else replace(group, known=False)
    state.put(add_rules(group, named))


def _earlier_rules(call: Call, group_id: str, history: History) -> list[SecurityGroupRule]:
    """Rules as the calls before this one left them, newest first: the first with an id is how it was."""
    found: list[SecurityGroupRule] = []
    changed: list[tuple[str, Call]] = []
    for earlier in history.before(call, group_id):
        try:
            if earlier.name.startswith("AuthorizeSecurityGroup"):
                rules = group_rules.authorized(earlier)
                egress = {rule.id: rule.egress for rule in rules}
                found += [
                    group_rules.modified_rule(rule_id, fields, egress[rule_id])
                    for changed_id, modify in changed
                    for rule_id, fields in group_rules.modified(modify)
                    if rule_id == changed_id and rule_id in egress
                ]
                found += rules
            elif earlier.name == "ModifySecurityGroupRules":
                changed += [(rule_id, earlier) for rule_id, _ in group_rules.modified(earlier)]
        except ValueError:
            continue  # what cannot be read tells nothing
    return found


def _unmodify_rules(call: Call, state: State, history: History) -> None:
    group = group_of(call, state)
    if group is None:
        return
    earlier = _earlier_rules(call, group.id, history)
    for rule_id, fields in group_rules.modified(call):
        kept = tuple(rule for rule in group.rules if not _is_modified(rule, rule_id, fields))
        group = doubt_rules(group) if kept == group.rules else replace(group, rules=kept)
        old = next((rule for rule in earlier if rule.id == rule_id), None)
        group = replace(group, known=False) if old is None else add_rules(group, [old])
    state.put(group)


def _is_modified(rule: SecurityGroupRule, rule_id: str, fields: Fields) -> bool:
    """Whether the rule is what the call made: by id, or by content where its id was not learnt."""
    try:
        return group_rules.same(rule, group_rules.modified_rule(rule_id, fields, rule.egress))
    except ValueError:
        return rule.id == rule_id


def _unmodify_interface(call: Call, state: State, history: History) -> None:
    interface = modified_interface(call, state)
    if interface is None or not new_groups(call):
        return
    named = {interface.id, call.request.text("instanceId")} - {""}
    earlier = (groups for name in sorted(named) for e in history.before(call, name) if (groups := new_groups(e)))
    state.put(replace(interface, group_ids=next(earlier, (UNKNOWN,))))


# Whole resources


def _uncreate_route_table(call: Call, state: State, _: History) -> None:
    state.remove(RouteTable, call.response.fields("routeTable").text("routeTableId"))


def _uncreate_network_acl(call: Call, state: State, _: History) -> None:
    state.remove(NetworkAcl, call.response.fields("networkAcl").text("networkAclId"))


def _undelete_route_table(call: Call, state: State, history: History) -> None:
    """No subnet used it, else it could not have been deleted."""
    table = _rebuilt(RouteTable, call.request.text("routeTableId"), call, history)
    if table is not None and state.covers(table.vpc_id):
        routes = tuple(_as_it_was(r, table.vpc_id, call, state, history) for r in table.routes)
        state.put(replace(table, routes=routes, associations=()))


def _undelete_network_acl(call: Call, state: State, history: History) -> None:
    """No subnet used it, else it could not have been deleted."""
    acl = _rebuilt(NetworkAcl, call.request.text("networkAclId"), call, history)
    if acl is not None and state.covers(acl.vpc_id):
        state.put(replace(acl, associations=()))


def _rebuilt(kind: type[R], resource_id: str, call: Call, history: History) -> R | None:
    """A deleted resource as the calls since its creation made it. Without its creation there is none: what depends on
    it is then not known."""
    alone = State(vpcs_known=False)
    for earlier in reversed(list(history.before(call, resource_id))):
        apply(earlier, alone)
    return alone.get(kind, resource_id)


EFFECTS: dict[str, Callable[[Call, State, History], None]] = {
    "CreateRoute": _uncreate_route,
    "ReplaceRoute": _restore_route,
    "DeleteRoute": _restore_route,
    "CreateRouteTable": _uncreate_route_table,
    "DeleteRouteTable": _undelete_route_table,
    "AssociateRouteTable": _disassociate,
    "DisassociateRouteTable": _reassociate,
    "ReplaceRouteTableAssociation": _replace_back,
    "AttachInternetGateway": _detach,
    "DetachInternetGateway": _attach,
    "DeleteInternetGateway": _undelete_internet_gateway,
    "CreateNatGateway": _uncreate_nat_gateway,
    "DeleteNatGateway": _undelete_nat_gateway,
    "DeleteVpcPeeringConnection": _undelete_peering,
    "CreateNetworkAcl": _uncreate_network_acl,
    "DeleteNetworkAcl": _undelete_network_acl,
    "CreateNetworkAclEntry": _uncreate_entry,
    "ReplaceNetworkAclEntry": _restore_entry,
    "DeleteNetworkAclEntry": _restore_entry,
    "ReplaceNetworkAclAssociation": _replace_acl_back,
    "AuthorizeSecurityGroupIngress": _unauthorize,
    "AuthorizeSecurityGroupEgress": _unauthorize,
    "RevokeSecurityGroupIngress": _unrevoke,
    "RevokeSecurityGroupEgress": _unrevoke,
    "ModifySecurityGroupRules": _unmodify_rules,
    "ModifyNetworkInterfaceAttribute": _unmodify_interface,
    "ModifyInstanceAttribute": _unmodify_interface,
}
