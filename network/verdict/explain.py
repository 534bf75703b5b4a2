"""The verdict on a packet: what an interface's flow log shows for it and its reply, and whether they get through.

Paths that leave the VPC are assumed to work beyond their gateway: the remote end accepts and replies, by the same path.
A peer inside the VPC that is reached by any target other than `local` counts as such a remote end. A NAT gateway of the
VPC is part of the path: its subnet's network ACL and route table count.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from network.cidr import address_text, contains, is_address
from network.verdict import acl, routing, security_group
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from network.verdict.routing import Sender
from schemas.configuration import UNKNOWN, Configuration, NatGateway, NetworkInterface

__all__ = ["Packet", "Step", "Verdict", "explain"]

NAT_PORTS = (1024, 65535)
"""Source: Amazon VPC user guide, "Network ACLs", ephemeral ports."""


@dataclass(frozen=True)
class Verdict:
    """`action` (ACCEPT, REJECT, UNKNOWN): of the opening packet, as in the flow log of this interface.

    `reply` (ACCEPT, REJECT, LOST, NONE, UNKNOWN): of the reply, as seen at this interface; NONE when there is none or
    it never gets here. `outcome` (completes, rejected, lost, unknown): of the conversation. `steps` follow the
    packet's path, up to the step that stops it and including all at this interface. `blocker` is the first step whose
    result is not allow. `ways` are the route targets that are assumed to deliver, as the model does not contain what is
    behind them: a verdict says nothing about a change from one of them to another.
    """

    action: str
    reply: str
    outcome: str
    steps: tuple[Step, ...] = ()
    blocker: Step | None = None
    ways: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Stage:
    """Steps that must all allow the packet; otherwise the conversation ends with this outcome and reply. `here`: the
    request at the given interface. `way`: a route target that is assumed to deliver."""

    steps: tuple[Step, ...]
    outcome: str
    reply: str
    here: bool = False
    way: str = ""

    @property
    def state(self) -> str:
        return routing.outcome(self.steps)


def explain(packet: Packet, configuration: Configuration, interface_id: str) -> Verdict:
    """The verdict on the conversation that `packet` opens, seen from the interface, which is one end of it.

    Pure and total: an interface that is not in the configuration, text that is not an address, and any layer whose
    content could decide but is not known give UNKNOWN / unknown.
    """
    me = configuration.interfaces.get(interface_id)
    packet = Packet(
        address_text(packet.src), address_text(packet.dst), packet.protocol, packet.src_port, packet.dst_port
    )
    if me is None or not is_address(packet.src) or not is_address(packet.dst):
        return Verdict("UNKNOWN", "UNKNOWN", "unknown")
    if packet.dst in me.addresses:
        stages = list(_ingress(configuration, me, _peer(configuration, me, packet.src), packet))
    else:
        stages = list(_egress(configuration, me, _peer(configuration, me, packet.dst), packet))
    return _judge(stages)


def _peer(configuration: Configuration, me: NetworkInterface, address: str) -> NetworkInterface | None:
    """The interface of the VPC that has the address; None if the address is outside. An address in one of its subnets
    that no known interface has belongs to one that came after the snapshot, and may have any groups."""
    holders = index_of(configuration).holders(address)
    found = next((i for i in holders if i.vpc_id == me.vpc_id and i.id != me.id), None)
    if found is not None or address in me.addresses:
        return found
    subnets = (s for s in configuration.subnets.values() if s.vpc_id == me.vpc_id)
    subnet = next((s for s in subnets if any(contains(cidr, address) for cidr in s.cidrs)), None)
    if subnet is None:
        return None
    return NetworkInterface(UNKNOWN, me.vpc_id, subnet.id, (address,), group_ids=(UNKNOWN,))


def _ingress(
    configuration: Configuration, me: NetworkInterface, peer: NetworkInterface | None, packet: Packet
) -> Iterator[_Stage]:
    crosses = peer is None or peer.subnet_id != me.subnet_id
    if peer is not None:
        yield _Stage(security_group.check(configuration, peer, True, packet, "request"), "rejected", "NONE")
    if peer is not None and crosses:
        yield _Stage((acl.check(configuration, peer.subnet_id, True, packet, "request"),), "rejected", "NONE")
        yield _routed(configuration, Sender.of(peer), packet, me, "request", "NONE")
    if crosses:
        yield _Stage((acl.check(configuration, me.subnet_id, False, packet, "request"),), "rejected", "NONE", True)
    yield _Stage(security_group.check(configuration, me, False, packet, "request"), "rejected", "NONE", True)
    if me.interface_type == "nat_gateway" and peer is not None:
        text = f"where {me.id} sends it on to is not in the record"
        yield _Stage((Step(routing.NAT, "egress", me.id, text, "unknown"),), "lost", "NONE")
    if not crosses:
        return
    reply = packet.reply()
    yield _Stage((acl.check(configuration, me.subnet_id, True, reply, "reply"),), "rejected", "REJECT")
    yield _routed(configuration, Sender.of(me), reply, peer, "reply", "LOST")
    if peer is not None:
        yield _Stage((acl.check(configuration, peer.subnet_id, False, reply, "reply"),), "rejected", "ACCEPT")


def _egress(
    configuration: Configuration, me: NetworkInterface, peer: NetworkInterface | None, packet: Packet
) -> Iterator[_Stage]:
    reply = packet.reply()
    yield _Stage(security_group.check(configuration, me, True, packet, "request"), "rejected", "NONE", True)
    if peer is not None and peer.subnet_id == me.subnet_id:
        yield _Stage(security_group.check(configuration, peer, False, packet, "request"), "rejected", "NONE")
        return
    yield _Stage((acl.check(configuration, me.subnet_id, True, packet, "request"),), "rejected", "NONE", True)
    steps, target = routing.check(configuration, Sender.of(me), packet, peer, "request")
    nat = configuration.nat_gateways.get(target)
    yield _Stage(tuple(steps), "lost", "NONE", way="" if nat else _assumed(target))
    if nat is not None:
        yield from _beyond_nat(configuration, nat, me, peer, packet)
    if peer is not None and target == "local":
        yield _Stage((acl.check(configuration, peer.subnet_id, False, packet, "request"),), "rejected", "NONE")
        yield _Stage(security_group.check(configuration, peer, False, packet, "request"), "rejected", "NONE")
        yield _Stage((acl.check(configuration, peer.subnet_id, True, reply, "reply"),), "rejected", "NONE")
        yield _routed(configuration, Sender.of(peer), reply, me, "reply", "NONE")
    yield _Stage((acl.check(configuration, me.subnet_id, False, reply, "reply"),), "rejected", "REJECT")


def _beyond_nat(
    configuration: Configuration, nat: NatGateway, me: NetworkInterface, peer: NetworkInterface | None, packet: Packet
) -> Iterator[_Stage]:
    """The way of a request behind a NAT gateway, and of its answer back to it. The port that the gateway uses is any of
    `NAT_PORTS`. Whether an interface of the VPC accepts what comes from the gateway is not followed."""
    crosses = nat.subnet_id != me.subnet_id
    reply = packet.reply()
    if crosses:
        yield _Stage((acl.check(configuration, nat.subnet_id, False, packet, "request"),), "rejected", "NONE")
    yield _Stage((acl.check(configuration, nat.subnet_id, True, packet, "request"),), "rejected", "NONE")
    sender = Sender(nat.id, nat.vpc_id, nat.subnet_id, public=True)
    yield _routed(configuration, sender, packet, peer, "request", "NONE")
    if peer is not None:
        text = f"whether {peer.id} accepts what {nat.id} sends is not examined"
        yield _Stage((Step(routing.NAT, "egress", nat.id, text, "unknown"),), "lost", "NONE")
    back = acl.check_ports(configuration, nat.subnet_id, reply, NAT_PORTS)
    yield _Stage((back,), "rejected", "NONE")
    if crosses:
        yield _Stage((acl.check(configuration, nat.subnet_id, True, reply, "reply"),), "rejected", "NONE")


def _routed(  # noqa: PLR0917 - a packet, its way and what it means when it is lost
    configuration: Configuration, sender: Sender, packet: Packet, to: NetworkInterface | None, of: str, lost: str
) -> _Stage:
    steps, target = routing.check(configuration, sender, packet, to, of)
    return _Stage(tuple(steps), "lost", lost, way=_assumed(target))


def _assumed(target: str) -> str:
    """The target, if what is behind it is not in the model."""
    return "" if target == "local" or target.startswith("igw-") else target


def _judge(stages: Iterable[_Stage]) -> Verdict:
    """Collect every outcome and reply that is still possible; if only one is left, it is the verdict."""
    here: set[str] = set()
    ends: set[tuple[str, str]] = set()
    steps: list[Step] = []
    ways: set[str] = set()
    stopped = False
    for stage in stages:
        if stage.here:
            here.add(stage.state)
        if stage.here or not stopped:
            steps.extend(stage.steps)
        if not stopped and stage.way:
            ways.add(stage.way)
        if not stopped and stage.state != "allow":
            ends.add((stage.outcome, stage.reply))
            stopped = stage.state == "stop"
    if not stopped:
        ends.add(("completes", "ACCEPT"))
    action = "REJECT" if "stop" in here else "UNKNOWN" if "unknown" in here else "ACCEPT"
    outcomes, replies = {outcome for outcome, _ in ends}, {reply for _, reply in ends}
    return Verdict(
        action,
        replies.pop() if len(replies) == 1 else "UNKNOWN",
        outcomes.pop() if len(outcomes) == 1 else "unknown",
        tuple(steps),
        next((step for step in steps if step.result != "allow"), None),
        frozenset(ways),
    )
