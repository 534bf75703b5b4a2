"""What calls on route tables and gateways do to the configuration, forward in time."""

from collections.abc import Callable
from dataclasses import replace

from network.aws.call import Call, ids_in
from network.aws.shapes import destination, name_tag, route, target
from network.history.state import State
from schemas.configuration import (
    UNKNOWN,
    InternetGateway,
    NatGateway,
    NetworkInterface,
    PrefixList,
    Route,
    RouteTable,
    RouteTableAssociation,
)


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
        state.put(RouteTable(made.text("routeTableId"), made.text("vpcId"), tuple(routes), name=name_tag(made)))


def _delete_route_table(call: Call, state: State) -> None:
    state.remove(RouteTable, call.request.text("routeTableId"))


def associate(state: State, table_id: str, association: RouteTableAssociation, vpc_id: str = "") -> None:
    """Add an association, or mark the subnets whose table is now unknown. `vpc_id` is for a main association."""
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
    """Attach the gateway; the VPC's routes to it become active."""
    if gateway_id and state.covers(vpc_id):
        gateway = state.get(InternetGateway, gateway_id) or InternetGateway(gateway_id)
        state.put(replace(gateway, vpc_ids=tuple(sorted({*gateway.vpc_ids, vpc_id}))))
        state.turn_routes(gateway_id, "active", vpc_id)


def detach_gateway(state: State, gateway_id: str, vpc_id: str) -> None:
    """Detach the gateway; the VPC's routes to it become blackholes."""
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


def targets_of(call: Call, state: State) -> list[str]:
    """The route targets that a call takes away or brings back: those that it names, and the interfaces of an instance
    that it names."""
    named = ids_in(call.event.request)
    instances = {name for name in named if name.startswith("i-")}
    return [*named, *(i.id for i in state.every(NetworkInterface) if i.instance_id in instances)]


def _take_away(call: Call, state: State) -> None:
    for name in targets_of(call, state):
        state.turn_routes(name, "blackhole")


def _bring_back(call: Call, state: State) -> None:
    for name in targets_of(call, state):
        state.turn_routes(name, "active")


def _stop_propagation(call: Call, state: State) -> None:
    """The gateway's propagated routes leave the table."""
    table, gateway = state.get(RouteTable, call.request.text("routeTableId")), call.request.text("gatewayId")
    if table is not None and gateway:
        kept = tuple(r for r in table.routes if not (r.propagated and r.target == gateway))
        state.put(replace(table, routes=kept))


def forget_list(call: Call, state: State) -> None:
    """The call does not show all entries of the prefix list, before it or after it: they are not known."""
    state.remove(PrefixList, call.request.text("PrefixListId"))


TAKE_AWAY = (
    "DeleteVpcPeeringConnection",
    "DeleteEgressOnlyInternetGateway",
    "DeleteVpcEndpoints",
    "DetachVpnGateway",
    "DeleteVpnGateway",
    "DeleteTransitGateway",
    "StopInstances",
    "TerminateInstances",
    "DetachNetworkInterface",
    "DeleteNetworkInterface",
)
"""Calls after which routes to what they name are blackholes."""

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
    **dict.fromkeys(TAKE_AWAY, _take_away),
    "StartInstances": _bring_back,
    "DisableVgwRoutePropagation": _stop_propagation,
    **dict.fromkeys(
        ("ModifyManagedPrefixList", "RestoreManagedPrefixListVersion", "DeleteManagedPrefixList"), forget_list
    ),
}
