"""Routes: where a packet that leaves its subnet goes, and whether it gets there.

Source: Amazon VPC user guide, "Route tables". The longest prefix wins, whatever the kind of route; for the same
destination, a static route takes precedence over one to a prefix list, and that over a propagated one. A blackhole
route can match like any other and drops the packet. A route to a prefix list whose entries are not known may match
anything. Anything beyond a target that is outside the model (transit gateway, peering, endpoint, appliance) is assumed
to deliver, as far as anybody knows: see `Verdict.ways`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from network.cidr import is_ipv6, is_public, prefix_length
from network.rules import route_text
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import UNKNOWN, Configuration, NetworkInterface, PrefixList, Route, RouteTable

LAYER = "route"
GATEWAY = "internet-gateway"
NAT = "nat-gateway"
NO_ROUTE = "NO_ROUTE_TO_DESTINATION"
BLACKHOLE = "BAD_STATE_ROUTE"
NOBODY = "NO_POSSIBLE_DESTINATION"
NOT_ATTACHED = "BAD_STATE_ATTACHMENT"
NO_PUBLIC_ADDRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
STATIC, LISTED, PROPAGATED = 2, 1, 0
NO_LISTS: Mapping[str, PrefixList] = {}


@dataclass(frozen=True)
class Sender:
    """Who sends a packet out of its subnet: an interface or a NAT gateway. `public`: it has a public IPv4 address."""

    id: str
    vpc_id: str
    subnet_id: str
    public: bool

    @classmethod
    def of(cls, interface: NetworkInterface) -> "Sender":
        return cls(interface.id, interface.vpc_id, interface.subnet_id, bool(interface.public_addresses))


def table_of_subnet(configuration: Configuration, subnet_id: str) -> RouteTable | None:
    """The table associated with the subnet, else the main table of its VPC; None when it cannot be known."""
    return index_of(configuration).table(subnet_id)


def lookup(table: RouteTable, address: str, lists: Mapping[str, PrefixList] = NO_LISTS) -> Route | None:
    """The table's route for the address, by the destinations that are known; None if it has none."""
    best, best_rank = None, (-1, -1)
    for route in table.routes:
        rank = _rank(route, address, lists)
        if rank[0] >= 0 and rank > best_rank:
            best, best_rank = route, rank
    return best


def _rank(route: Route, address: str, lists: Mapping[str, PrefixList]) -> tuple[int, int]:
    if not route.destination.startswith("pl-"):
        return prefix_length(route.destination, address), PROPAGATED if route.propagated else STATIC
    found = lists.get(route.destination)
    return max((prefix_length(cidr, address) for cidr in found.cidrs), default=-1) if found else -1, LISTED


def check(
    configuration: Configuration, sender: Sender, packet: Packet, to: NetworkInterface | None, of: str
) -> tuple[list[Step], str]:
    """The path of a packet from the sender's subnet to another; `to` is the interface that has its destination address.

    Returns the steps, and the target: `local`, an id, or "" if the packet is lost or the target is not known.
    """
    table = table_of_subnet(configuration, sender.subnet_id)
    if table is None:
        return [Step(LAYER, "egress", "", f"route table of {sender.subnet_id} is not known", "unknown", of=of)], ""
    lists = configuration.prefix_lists
    way = _Way(configuration, sender, packet, to, of, table.id)
    steps, target = way.by(lookup(table, packet.dst, lists))
    for route in table.routes:  # to a prefix list that may contain the address
        if route.destination.startswith("pl-") and route.destination not in lists:
            other, elsewhere = way.by(route)
            examined = {"local", *configuration.nat_gateways} & {target, elsewhere}  # what follows depends on it
            if (examined and target != elsewhere) or outcome(other) != outcome(steps):
                return [Step(LAYER, "egress", table.id, route_text(route), "unknown", of=of)], ""
    return steps, target


def outcome(steps: Iterable[Step]) -> str:
    """What becomes of a packet that must pass all of these steps: allow, stop or unknown."""
    results = {step.result for step in steps}
    if results <= {"allow"}:
        return "allow"
    return "unknown" if results <= {"allow", "unknown"} else "stop"


@dataclass(frozen=True)
class _Way:
    configuration: Configuration
    sender: Sender
    packet: Packet
    to: NetworkInterface | None
    of: str
    table_id: str

    def by(self, route: Route | None) -> tuple[list[Step], str]:
        """As `check`, by this route."""
        if route is None:
            return [self._step(f"no route to {self.packet.dst}", "no-route", NO_ROUTE)], ""
        text = route_text(route)
        if route.target == UNKNOWN:
            return [self._step(text, "unknown")], ""
        if route.state == "blackhole":
            return [self._step(text, "blackhole", BLACKHOLE)], ""
        if route.target == "local" and self.to is None:
            return [self._step(f"{text}: no interface has {self.packet.dst}", "no-route", NOBODY)], ""
        steps = [self._step(text, "allow")]
        beyond = self._beyond(route.target)
        if beyond is None:
            return steps, route.target
        return [*steps, beyond], route.target if beyond.result == "allow" else ""

    def _step(self, text: str, result: str, code: str = "") -> Step:
        return Step(LAYER, "egress", self.table_id, text, result, code, self.of)

    def _beyond(self, target: str) -> Step | None:
        """What the target does with the packet; None for one that is not examined."""
        if target.startswith("igw-"):
            return self._internet(target)
        if target.startswith("nat-") and self.of == "reply":
            text = "a NAT gateway carries no answers to connections that it did not open"
            return Step(NAT, "egress", target, text, "deny", of=self.of)
        if target.startswith("nat-"):
            known = target in self.configuration.nat_gateways or is_ipv6(self.packet.dst) or is_public(self.packet.dst)
            return None if known else Step(NAT, "egress", target, f"{target} is not known", "unknown", of=self.of)
        holder = self.configuration.interfaces.get(target)
        if holder is not None and holder.source_dest_check:
            text = f"{target} checks source and destination, so that it forwards nothing"
            return Step("network-interface", "ingress", target, text, "deny", of=self.of)
        return None

    def _internet(self, gateway_id: str) -> Step:
        def step(text: str, result: str, code: str = "") -> Step:
            return Step(GATEWAY, "egress", gateway_id, text, result, code, self.of)

        gateway = self.configuration.internet_gateways.get(gateway_id)
        if gateway is None:
            return step(f"attachment of {gateway_id} is not known", "unknown")
        if self.sender.vpc_id not in gateway.vpc_ids:
            return step(f"not attached to {self.sender.vpc_id}", "deny", NOT_ATTACHED)
        if not is_ipv6(self.packet.dst) and not is_public(self.packet.dst):
            return step(f"{self.packet.dst} is not an address of the internet", "deny", NOBODY)
        if not is_ipv6(self.packet.dst) and not self.sender.public:
            return step(f"{self.sender.id} has no public address", "deny", NO_PUBLIC_ADDRESS)
        return step(f"attached to {self.sender.vpc_id}", "allow")
