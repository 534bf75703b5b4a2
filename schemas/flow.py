"""Flow-log records: the registry of columns that parse, DDL check, docs and filters come from.

Source of names, versions, types and null rules: the AWS flow-log record reference (versions 2 to 5) and, for 7 to 11,
public descriptions of it; version 6 has transit gateway fields only (`tgw.py`). A field that a header names and this
registry does not know goes to `extra`.
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
    text("interface-id", 2, "the network interface that the traffic was recorded at"),
    address("srcaddr", 2, "source; on the interface's own side its primary private address"),
    address("dstaddr", 2, "destination; on the interface's own side its primary private address"),
    number("srcport", 2, 16, "source port; 0 for protocols without ports"),
    number("dstport", 2, 16, "destination port; 0 for protocols without ports"),
    number("protocol", 2, 8, "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6"),
    number("packets", 2, 64, "packets in the aggregation interval"),
    number("bytes", 2, 64, "bytes in the aggregation interval"),
    Column("start", SECONDS, "DateTime('UTC')", "first packet of the interval (up to 60 s late)", "start", 2),
    Column("end", SECONDS, "DateTime('UTC')", "last packet of the interval (up to 60 s late)", "end", 2),
    text("action", 2, "ACCEPT or REJECT, as security groups and network ACLs decided"),
    text("vpc-id", 3, "VPC of the interface; from VPC metadata when the log lacks it"),
    text("subnet-id", 3, "subnet of the interface; from VPC metadata when the log lacks it"),
    text("instance-id", 3, "instance of the interface; from VPC metadata when the log lacks it"),
    number("tcp-flags", 3, 8, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    text("type", 3, "IPv4, IPv6 or EFA"),
    address("pkt-srcaddr", 3, "source address that the packet carried"),
    address("pkt-dstaddr", 3, "destination address that the packet carried"),
    text("region", 4, "region of the interface"),
    text("az-id", 4, "availability zone id of the interface"),
    text("sublocation-type", 4, "wavelength, outpost or localzone"),
    text("sublocation-id", 4, "id of the sublocation"),
    text("pkt-src-aws-service", 5, "AWS IP range that pkt-srcaddr lies in"),
    text("pkt-dst-aws-service", 5, "AWS IP range that pkt-dstaddr lies in"),
    text("flow-direction", 5, "ingress or egress, as logged"),
    number("traffic-path", 5, 8, "path of egress traffic, 1 to 8"),
    text("ecs-cluster-arn", 7, "ARN of the ECS cluster, when the traffic is of a running ECS task"),
    text("ecs-cluster-name", 7, "name of the ECS cluster"),
    text("ecs-container-instance-arn", 7, "ARN of the ECS container instance; none on Fargate"),
    text("ecs-container-instance-id", 7, "id of the ECS container instance; none on Fargate"),
    text("ecs-container-id", 7, "runtime id of the first container of the task"),
    text("ecs-second-container-id", 7, "runtime id of the second container of the task"),
    text("ecs-service-name", 7, "name of the ECS service that started the task"),
    text("ecs-task-definition-arn", 7, "ARN of the ECS task definition"),
    text("ecs-task-arn", 7, "ARN of the ECS task"),
    text("ecs-task-id", 7, "id of the ECS task"),
    text("reject-reason", 8, "BPA, EC, ... as logged; says nothing of security groups and network ACLs"),
    text("resource-id", 9, "the regional NAT gateway that logged the record"),
    text("encryption-status", 10, "as logged: 0 not encrypted, 1 by Nitro, 2 by the application, 3 both"),
    text("instance-tag", 11, "value of the chosen tag of the instance, percent-encoded as logged"),
    text("instance-tag-2", 11, "value of the second chosen tag of the instance, percent-encoded as logged"),
    text("interface-tag", 11, "value of the chosen tag of the interface, percent-encoded as logged"),
    text("interface-tag-2", 11, "value of the second chosen tag of the interface, percent-encoded as logged"),
    text("asg-tag", 11, "value of the chosen tag of the Auto Scaling group, percent-encoded as logged"),
    text("asg-tag-2", 11, "value of the second chosen tag of the Auto Scaling group, percent-encoded as logged"),
    text("interface-type", 11, "nat_gateway, network_load_balancer, vpc_endpoint, ..."),
    text("next-hop-interface-id", 11, "the interface that got egress traffic, or that sent ingress traffic"),
    text("next-hop-subnet-id", 11, "subnet of the next hop"),
    text("next-hop-az-id", 11, "availability zone id of the next hop"),
    text("next-hop-vpc-id", 11, "VPC of the next hop"),
    text("next-hop-interface-type", 11, "interface type of the next hop"),
)
"""The fields AWS logs. `log-status` is no column: flows hold OK records only, the rest are coverage."""

EXTRA = Column(
    "extra",
    pa.map_(pa.string(), pa.string()),
    "Map(LowCardinality(String), String)",
    "fields of the header that this registry does not know, by their AWS name; '-' is left out",
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
"""What VPC metadata, as it was at the record's `start`, adds."""

FLOWS = Table("flows", (*LOGGED, EXTRA, *ENRICHED, *PROVENANCE))

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
        *PROVENANCE,
    ),
)
"""NODATA and SKIPDATA records: how complete an answer is."""

RAW_CAP = 1024
REJECTED_LINES = Table(
    "rejected_lines",
    (
        Column("reason", TEXT, LOW, "why the line is no record, e.g. token-count, bad-address:srcaddr"),
        Column("raw", pa.string(), "String", f"the line, at most {RAW_CAP} bytes of it, undecodable bytes escaped"),
        *PROVENANCE,
    ),
)
"""Lines that could not be understood: kept, never guessed."""
