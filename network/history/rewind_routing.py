"""Route tables and gateways as they were before a call on them."""

from collections.abc import Callable
from dataclasses import replace

from network.aws.call import Call, History
from network.aws.shapes import destination, route, target
from network.history.apply_routing import TAKE_AWAY, associate, attach_gateway, detach_gateway, forget_list, targets_of
from network.history.rebuild import rebuilt
from network.history.state import State
from schemas.configuration import UNKNOWN, InternetGateway, NatGateway, Route, RouteTable, RouteTableAssociation, Subnet

# Routes

DELETIONS = ("DeleteNatGateway", "DeleteInternetGateway", "DeleteVpcPeeringConnection")
"""Calls that delete route targets, whose ids are never used again."""


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


def _uncreate_route_table(call: Call, state: State, _: History) -> None:
    state.remove(RouteTable, call.response.fields("routeTable").text("routeTableId"))


def _undelete_route_table(call: Call, state: State, history: History) -> None:
    """No subnet used it, or it could not have been deleted."""
    table = rebuilt(RouteTable, call.request.text("routeTableId"), call, history)
    if table is not None and state.covers(table.vpc_id):
        routes = tuple(_as_it_was(r, table.vpc_id, call, state, history) for r in table.routes)
        state.put(replace(table, routes=routes, associations=()))


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
    for each in state.on_main_table():  # any of these subnets may be the one
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
    """The table id ("" if no call contains it) and what is known about the association."""
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
    """It was already detached, or it could not have been deleted; so routes to it were already blackholes."""
    gateway_id = call.request.text("internetGatewayId")
    if gateway_id and state.get(InternetGateway, gateway_id) is None:
        state.put(InternetGateway(gateway_id))


def _uncreate_nat_gateway(call: Call, state: State, _: History) -> None:
    state.remove(NatGateway, call.response.fields("natGateway").text("natGatewayId"))


def _undelete_nat_gateway(call: Call, state: State, history: History) -> None:
    nat_id = call.request.text("natGatewayId")
    nat = rebuilt(NatGateway, nat_id, call, history)
    if nat is not None and state.covers(nat.vpc_id):
        state.put(nat)
    state.turn_routes(nat_id, "active")


def _give_back(call: Call, state: State, _: History) -> None:
    for name in targets_of(call, state):
        state.turn_routes(name, "active")


def _forget_list(call: Call, state: State, _: History) -> None:
    forget_list(call, state)


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
    "ModifyManagedPrefixList": _forget_list,
    "RestoreManagedPrefixListVersion": _forget_list,
    **dict.fromkeys(TAKE_AWAY, _give_back),
}
