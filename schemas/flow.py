"""Flow log records: the registry of columns behind the parser, the DDL check, the docs and the filters.

Source of names, versions, types and null rules: the AWS flow log record reference (versions 2 to 5) and, for 7 to 11,
public descriptions of it; version 6 has transit gateway fields only (`tgw.py`). Header fields that are not in this
registry go to `extra`.
"""

import pyarrow as pa

from schemas.table import ADDRESS, PROVENANCE, SECONDS, Column, Table

TEXT = pa.dictionary(pa.int32(), pa.string())
LOW = "LowCardinality(String)"
EMPTY = "never; '' when the log has '-' or lacks the field"
NULL = "NULL when the log has '-' or lacks the field"


def text(aws: str, version: int, meaning: str) -> Column:
    return Column(aws.replace("-", "_"), TEXT, LOW, meaning, aws, version, EMPTY)


def number(aws: str, version: int, bits: int, meaning: str) -> Column:
    arrow = {8: pa.uint8(), 16: pa.uint16(), 64: pa.uint64()}[bits]
    return Column(aws.replace("-", "_"), arrow, f"Nullable(UInt{bits})", meaning, aws, version, NULL)


def address(aws: str, version: int, meaning: str) -> Column:
    return Column(aws.replace("-", "_"), ADDRESS, "Nullable(IPv6)", meaning, aws, version, NULL)


LOGGED: tuple[Column, ...] = (
    number("version", 2, 8, "highest version among the fields of the log's format"),
    text("account-id", 2, "owner of the network interface; may be 'unknown'"),
    text("interface-id", 2, "network interface for which the traffic was recorded"),
    address("srcaddr", 2, "source address; for outgoing traffic, the interface's primary private address"),
    address("dstaddr", 2, "destination address; for incoming traffic, the interface's primary private address"),
    number("srcport", 2, 16, "source port; 0 for protocols without ports"),
    number("dstport", 2, 16, "destination port; 0 for protocols without ports"),
    number("protocol", 2, 8, "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6"),
    number("packets", 2, 64, "packets in the aggregation interval"),
    number("bytes", 2, 64, "bytes in the aggregation interval"),
    Column(
        "start",
        SECONDS,
        "DateTime('UTC')",
        "time of the first packet in the aggregation interval (up to 60 s late)",
        "start",
        2,
    ),
    Column(
        "end",
        SECONDS,
        "DateTime('UTC')",
        "time of the last packet in the aggregation interval (up to 60 s late)",
        "end",
        2,
    ),
    text("action", 2, "ACCEPT or REJECT, as decided by security groups and network ACLs"),
    text("vpc-id", 3, "VPC of the interface; from VPC metadata when the log lacks it"),
    text("subnet-id", 3, "subnet of the interface; from VPC metadata when the log lacks it"),
    text("instance-id", 3, "instance of the interface; from VPC metadata when the log lacks it"),
    number("tcp-flags", 3, 8, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    text("type", 3, "IPv4, IPv6 or EFA"),
    address("pkt-srcaddr", 3, "packet-level (original) source address"),
    address("pkt-dstaddr", 3, "packet-level (original) destination address"),
    text("region", 4, "region of the interface"),
    text("az-id", 4, "Availability Zone id of the interface"),
    text("sublocation-type", 4, "wavelength, outpost or localzone"),
    text("sublocation-id", 4, "id of the sublocation"),
    text("pkt-src-aws-service", 5, "AWS service whose IP ranges contain pkt-srcaddr"),
    text("pkt-dst-aws-service", 5, "AWS service whose IP ranges contain pkt-dstaddr"),
    text("flow-direction", 5, "ingress or egress, as logged"),
    number("traffic-path", 5, 8, "path of egress traffic, 1 to 8"),
    text("ecs-cluster-arn", 7, "ARN of the ECS cluster, if the traffic belongs to a running ECS task"),
    text("ecs-cluster-name", 7, "name of the ECS cluster"),
    text("ecs-container-instance-arn", 7, "ARN of the ECS container instance; none on Fargate"),
    text("ecs-container-instance-id", 7, "id of the ECS container instance; none on Fargate"),
    text("ecs-container-id", 7, "runtime id of the first container of the task"),
    text("ecs-second-container-id", 7, "runtime id of the second container of the task"),
    text("ecs-service-name", 7, "name of the ECS service that started the task"),
    text("ecs-task-definition-arn", 7, "ARN of the ECS task definition"),
    text("ecs-task-arn", 7, "ARN of the ECS task"),
    text("ecs-task-id", 7, "id of the ECS task"),
    text("reject-reason", 8, "BPA, EC, ... as logged; does not cover security groups and network ACLs"),
    text("resource-id", 9, "regional NAT gateway that logged the record"),
    text("encryption-status", 10, "as logged: 0 not encrypted, 1 by Nitro, 2 by the application, 3 both"),
    text("instance-tag", 11, "value of the selected instance tag, percent-encoded as logged"),
    text("instance-tag-2", 11, "value of the second selected instance tag, percent-encoded as logged"),
    text("interface-tag", 11, "value of the selected interface tag, percent-encoded as logged"),
    text("interface-tag-2", 11, "value of the second selected interface tag, percent-encoded as logged"),
    text("asg-tag", 11, "value of the selected Auto Scaling group tag, percent-encoded as logged"),
    text("asg-tag-2", 11, "value of the second selected Auto Scaling group tag, percent-encoded as logged"),
    text("interface-type", 11, "nat_gateway, network_load_balancer, vpc_endpoint, ..."),
    text("next-hop-interface-id", 11, "interface that received the egress traffic or sent the ingress traffic"),
    text("next-hop-subnet-id", 11, "subnet of the next hop"),
    text("next-hop-az-id", 11, "Availability Zone id of the next hop"),
    text("next-hop-vpc-id", 11, "VPC of the next hop"),
    text("next-hop-interface-type", 11, "interface type of the next hop"),
)
"""The fields AWS logs. `log-status` is not a column: `flows` holds OK records only, the others go to `coverage`."""

EXTRA = Column(
    "extra",
    pa.map_(pa.string(), pa.string()),
    "Map(LowCardinality(String), String)",
    "header fields without a column of their own, by AWS name; '-' values are left out",
)

FROM_NAME = "object-name"
TIME_SOURCE = Column(
    "time_source",
    TEXT,
    LOW,
    f"{FROM_NAME}: the log has neither start nor end, which are the five minutes that the object's name gives; start or"
    " end: the log has only that one, and both have its value",
    nulls="never; '' when both are as logged",
)

ENRICHED: tuple[Column, ...] = (
    Column(
        "direction", TEXT, LOW, "ingress or egress at the interface: which end is local", nulls="never; '' when unknown"
    ),
    Column("instance_name", TEXT, LOW, "Name tag of the instance at the record's time", nulls="never; '' when unknown"),
    Column(
        "network_acl_id", TEXT, LOW, "network ACL of the subnet at the record's time", nulls="never; '' when unknown"
    ),
    Column(
        "route_table_id", TEXT, LOW, "route table of the subnet at the record's time", nulls="never; '' when unknown"
    ),
)
"""Columns added from VPC metadata as of the record's `start`."""

FLOWS = Table("flows", (*LOGGED, EXTRA, TIME_SOURCE, *ENRICHED, *PROVENANCE))

HANDSHAKE_BYTES = 64
"""Bytes per packet, including the IP header, up to which a TCP packet is a SYN, a SYN-ACK or a bare ACK: 40 without
options, 60 with the usual ones, and a margin. Larger packets carry data."""
DATA_BYTES = 100
"""Bytes in excess of `HANDSHAKE_BYTES` per packet from which a record carries data: more than a scanner's stray packet
or an unsolicited banner, less than any request or answer of a common protocol."""

LOG_STATUS = "log-status"
BY_AWS_NAME: dict[str, Column] = {c.aws: c for c in LOGGED}

DEFAULT_FORMAT: tuple[str, ...] = (*(c.aws for c in LOGGED if c.version == 2), LOG_STATUS)
"""The 14 fields of the default (version 2) format in their documented order."""

COVERAGE = Table(
    "coverage",
    (
        BY_AWS_NAME["account-id"],
        BY_AWS_NAME["interface-id"],
        BY_AWS_NAME["start"],
        BY_AWS_NAME["end"],
        Column("log_status", TEXT, LOW, "NODATA: no traffic; SKIPDATA: AWS dropped records", LOG_STATUS, 2),
        TIME_SOURCE,
        *PROVENANCE,
    ),
)
"""NODATA and SKIPDATA records: they show how complete an answer is."""

RAW_CAP = 1024
REJECTED_LINES = Table(
    "rejected_lines",
    (
        Column("reason", TEXT, LOW, "why the line is not a valid record, e.g. token-count, bad-address:srcaddr"),
        Column("raw", pa.string(), "String", f"the line, cut to {RAW_CAP} bytes, with undecodable bytes escaped"),
        *PROVENANCE,
    ),
)
"""Lines that could not be parsed: kept as they are, never guessed at."""
