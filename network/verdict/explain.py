"""The verdict on a packet: what an interface's flow log shows for it and its reply, and whether they get through.

Paths that leave the VPC are assumed to work beyond their gateway: the remote end accepts and replies, by the same path.
A peer inside the VPC that is reached by any target other than `local` counts as such a remote end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from network.cidr import address_text, is_address
from network.verdict import acl, routing, security_group
from network.verdict.index import index_of
from network.verdict.packet import Packet, Step
from schemas.configuration import Configuration, NetworkInterface

__all__ = ["Packet", "Step", "Verdict", "explain"]


@dataclass(frozen=True)
class Verdict:
    """`action` (ACCEPT, REJECT, UNKNOWN): of the opening packet, as in the flow log of this interface.

    `reply` (ACCEPT, REJECT, LOST, NONE, UNKNOWN): of the reply, as seen at this interface; NONE when there is none or
    it never gets here. `outcome` (completes, rejected, lost, unknown): of the conversation. `steps` follow the
    packet's path, up to the step that stops it and including all at this interface. `blocker` is the first step whose
    result is not allow.
    """

    action: str
    reply: str
    outcome: str
    steps: tuple[Step, ...] = ()
    blocker: Step | None = None


@dataclass(frozen=True)
class _Stage:
    """Steps that must all allow the packet; otherwise the conversation ends with this outcome and reply. `here`: the
    request at the given interface."""

    steps: tuple[Step, ...]
    outcome: str
    reply: str
    here: bool = False

    @property
    def state(self) -> str:
        results = {step.result for step in self.steps}
        if results <= {"allow"}:
            return "allow"
        return "unknown" if results <= {"allow", "unknown"} else "stop"


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
    holders = index_of(configuration).holders(address)
    return next((i for i in holders if i.vpc_id == me.vpc_id and i.id != me.id), None)


def _ingress(
    configuration: Configuration, me: NetworkInterface, peer: NetworkInterface | None, packet: Packet
) -> Iterator[_Stage]:
    crosses = peer is None or peer.subnet_id != me.subnet_id
    if peer is not None:
        yield _Stage((security_group.check(configuration, peer, True, packet, "request"),), "rejected", "NONE")
    if peer is not None and crosses:
        yield _Stage((acl.check(configuration, peer.subnet_id, True, packet, "request"),), "rejected", "NONE")
        steps, _ = routing.check(configuration, peer, packet, me, "request")
        yield _Stage(tuple(steps), "lost", "NONE")
    if crosses:
        yield _Stage((acl.check(configuration, me.subnet_id, False, packet, "request"),), "rejected", "NONE", True)
    yield _Stage((security_group.check(configuration, me, False, packet, "request"),), "rejected", "NONE", True)
    if not crosses:
        return
    reply = packet.reply()
    yield _Stage((acl.check(configuration, me.subnet_id, True, reply, "reply"),), "rejected", "REJECT")
    steps, _ = routing.check(configuration, me, reply, peer, "reply")
    yield _Stage(tuple(steps), "lost", "LOST")
    if peer is not None:
        yield _Stage((acl.check(configuration, peer.subnet_id, False, reply, "reply"),), "rejected", "ACCEPT")


def _egress(
    configuration: Configuration, me: NetworkInterface, peer: NetworkInterface | None, packet: Packet
) -> Iterator[_Stage]:
    reply = packet.reply()
    yield _Stage((security_group.check(configuration, me, True, packet, "request"),), "rejected", "NONE", True)
    if peer is not None and peer.subnet_id == me.subnet_id:
        yield _Stage((security_group.check(configuration, peer, False, packet, "request"),), "rejected", "NONE")
        return
    yield _Stage((acl.check(configuration, me.subnet_id, True, packet, "request"),), "rejected", "NONE", True)
    steps, target = routing.check(configuration, me, packet, peer, "request")
    yield _Stage(tuple(steps), "lost", "NONE")
    if peer is not None and target == "local":
        yield _Stage((acl.check(configuration, peer.subnet_id, False, packet, "request"),), "rejected", "NONE")
        yield _Stage((security_group.check(configuration, peer, False, packet, "request"),), "rejected", "NONE")
        yield _Stage((acl.check(configuration, peer.subnet_id, True, reply, "reply"),), "rejected", "NONE")
        back, _ = routing.check(configuration, peer, reply, me, "reply")
        yield _Stage(tuple(back), "lost", "NONE")
    yield _Stage((acl.check(configuration, me.subnet_id, False, reply, "reply"),), "rejected", "REJECT")


def _judge(stages: Iterable[_Stage]) -> Verdict:
    """Collect every outcome and reply that is still possible; if only one is left, it is the verdict."""
    here: set[str] = set()
    ends: set[tuple[str, str]] = set()
    steps: list[Step] = []
    stopped = False
    for stage in stages:
        if stage.here:
            here.add(stage.state)
        if stage.here or not stopped:
            steps.extend(stage.steps)
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
    )
