"""A packet, and one step on its path."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packet:
    """The opening packet of a conversation. Addresses as text, `protocol` by IANA number, ports 0 if it has none."""

    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int

    def reply(self) -> "Packet":
        """The reply to this packet."""
        return Packet(self.dst, self.src, self.protocol, self.dst_port, self.src_port)


@dataclass(frozen=True)
class Step:
    """The result of one layer.

    `layer` is security-group, network-acl, route or internet-gateway; `direction` is ingress or egress as that layer
    sees it; `resource` names the group (groups joined by commas where none of them allows), ACL, route table or
    gateway; `rule` is its text (`rules.py`). `result` is allow, deny, no-route, blackhole or unknown. `code` is the
    explanation code of AWS Reachability Analyzer, if it has one, when `result` is not allow. `of` is request or reply.
    """

    layer: str
    direction: str
    resource: str
    rule: str
    result: str
    code: str = ""
    of: str = "request"
