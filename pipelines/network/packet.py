"""A packet, and one step of its way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packet:
    """The opening packet of a conversation. Addresses as text, `protocol` by IANA number, ports 0 where it has none."""

    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int

    def reply(self) -> "Packet":
        """The packet that answers it."""
        return Packet(self.dst, self.src, self.protocol, self.dst_port, self.src_port)


@dataclass(frozen=True)
class Step:
    """What one layer says.

    `layer` is security-group, network-acl, route or internet-gateway; `direction` is ingress or egress as that layer
    sees it; `resource` names the group (groups joined by commas where none of them allows), ACL, route table or
    gateway; `rule` is its text (`rules.py`). `result` is allow, deny, no-route, blackhole or unknown. `code` is the
    explanation code of AWS Reachability Analyzer where it has one for what does not allow. `of` is request or reply.
    """

    layer: str
    direction: str
    resource: str
    rule: str
    result: str
    code: str = ""
    of: str = "request"


def direction_of(egress: bool) -> str:
    return "egress" if egress else "ingress"
