"""Routes: where a packet that leaves its subnet goes, and whether it gets there.

Source: Amazon VPC user guide, "Route tables". The longest prefix wins, whatever the kind of route; for the same
destination, a static route takes precedence over a propagated one. Routes to prefix lists are ignored: their CIDRs are
not in the `describe-*` output that is read. A blackhole route can match like any other and drops the packet. Anything
beyond a target other than `local` or an internet gateway (NAT, transit gateway, peering, endpoint, appliance) is
outside the model and assumed to deliver.
"""

from network.cidr import is_ipv6, prefix_length
from network.rules import route_text
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import UNKNOWN, Configuration, NetworkInterface, Route, RouteTable

LAYER = "route"
GATEWAY = "internet-gateway"
NO_ROUTE = "NO_ROUTE_TO_DESTINATION"
BLACKHOLE = "BAD_STATE_ROUTE"
NOBODY = "NO_POSSIBLE_DESTINATION"
NOT_ATTACHED = "BAD_STATE_ATTACHMENT"
NO_PUBLIC_ADDRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"


def table_of_subnet(configuration: Configuration, subnet_id: str) -> RouteTable | None:
    """The table associated with the subnet, else the main table of its VPC; None when it cannot be known."""
    return index_of(configuration).table(subnet_id)


def lookup(table: RouteTable, address: str) -> Route | None:
    """The table's route for the address; None if it has none."""
    best, best_rank = None, (-1, False)
    for route in table.routes:
        length = prefix_length(route.destination, address)
        rank = (length, not route.propagated)
        if length >= 0 and rank > best_rank:
            best, best_rank = route, rank
    return best


def check(
    configuration: Configuration, sender: NetworkInterface, packet: Packet, to: NetworkInterface | None, of: str
) -> tuple[list[Step], str]:
    """The path of a packet from the sender's subnet to another; `to` is the interface that has its destination address.

    Returns the steps, and the target: `local`, an id, or "" if the packet is lost or the target is not known.
    """
    table = table_of_subnet(configuration, sender.subnet_id)
    if table is None:
        return [Step(LAYER, "egress", "", f"route table of {sender.subnet_id} is not known", "unknown", of=of)], ""
    route = lookup(table, packet.dst)
    if route is None:
        return [Step(LAYER, "egress", table.id, f"no route to {packet.dst}", "no-route", NO_ROUTE, of)], ""
    text = route_text(route)
    if route.target == UNKNOWN:
        return [Step(LAYER, "egress", table.id, text, "unknown", of=of)], ""
    if route.state == "blackhole":
        return [Step(LAYER, "egress", table.id, text, "blackhole", BLACKHOLE, of)], ""
    if route.target == "local" and to is None:
        return [Step(LAYER, "egress", table.id, f"{text}: no interface has {packet.dst}", "no-route", NOBODY, of)], ""
    steps = [Step(LAYER, "egress", table.id, text, "allow", of=of)]
    if route.target.startswith("igw-"):
        gateway = _gateway(configuration, sender, packet, route.target, of)
        return [*steps, gateway], route.target if gateway.result == "allow" else ""
    return steps, route.target


def _gateway(configuration: Configuration, sender: NetworkInterface, packet: Packet, gateway_id: str, of: str) -> Step:
    gateway = configuration.internet_gateways.get(gateway_id)
    if gateway is None:
        return Step(GATEWAY, "egress", gateway_id, f"attachment of {gateway_id} is not known", "unknown", of=of)
    if sender.vpc_id not in gateway.vpc_ids:
        return Step(GATEWAY, "egress", gateway_id, f"not attached to {sender.vpc_id}", "deny", NOT_ATTACHED, of)
    if not is_ipv6(packet.dst) and not sender.public_addresses:
        text = f"{sender.id} has no public address"
        return Step(GATEWAY, "egress", gateway_id, text, "deny", NO_PUBLIC_ADDRESS, of)
    return Step(GATEWAY, "egress", gateway_id, f"attached to {sender.vpc_id}", "allow", of=of)
