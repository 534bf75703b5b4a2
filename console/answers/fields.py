"""Fields by which flow records can be counted. Without the store, so that `--help` stays fast."""

from enum import StrEnum


class Field(StrEnum):
    """Named like the filters of `search`, where there is one."""

    SRC = "src"
    DST = "dst"
    PKT_SRC = "pkt-src"
    PKT_DST = "pkt-dst"
    PEER = "peer"
    SRCPORT = "srcport"
    DSTPORT = "dstport"
    PROTOCOL = "protocol"
    ACTION = "action"
    REASON = "reason"
    DIRECTION = "direction"
    ENI = "eni"
    INSTANCE = "instance"
    NAME = "name"
    SUBNET = "subnet"
    VPC = "vpc"
    ACCOUNT = "account"

    @property
    def column(self) -> str:
        """Its column of `flows`."""
        return _COLUMNS.get(self, self.value)


_COLUMNS = {
    Field.SRC: "srcaddr",
    Field.DST: "dstaddr",
    Field.PKT_SRC: "pkt_srcaddr",
    Field.PKT_DST: "pkt_dstaddr",
    Field.PEER: "peer_addr",
    Field.REASON: "reject_reason",
    Field.ENI: "interface_id",
    Field.INSTANCE: "instance_id",
    Field.NAME: "instance_name",
    Field.SUBNET: "subnet_id",
    Field.VPC: "vpc_id",
    Field.ACCOUNT: "account_id",
}
