"""Transit gateway flow logs: they have their own record reference, and tables of their own here.

They have no network interface and no action, so their rows are never stored with those of a VPC. Source of names, types
and null rules: the AWS record reference for transit gateway flow logs (version 6 introduced all fields).
"""

import pyarrow as pa

from schemas.flow import EXTRA, LOG_STATUS, LOW, NULL, TEXT, TIME_SOURCE, address, number, text
from schemas.table import PROVENANCE, SECONDS, Column, Table

VERSION = 6


def _lost(why: str, meaning: str) -> Column:
    aws = f"packets-lost-{why}"
    return Column(aws.replace("-", "_"), pa.uint64(), "Nullable(UInt64)", meaning, aws, VERSION, NULL)


TGW_LOGGED: tuple[Column, ...] = (
    number("version", VERSION, 8, "highest version among the fields of the log's format"),
    text("resource-type", VERSION, "TransitGateway or TransitGatewayAttachment"),
    text("account-id", VERSION, "owner of the transit gateway"),
    text("tgw-id", VERSION, "transit gateway"),
    text("tgw-attachment-id", VERSION, "attachment for which the traffic was recorded"),
    text("tgw-src-vpc-account-id", VERSION, "owner of the source VPC"),
    text("tgw-dst-vpc-account-id", VERSION, "owner of the destination VPC"),
    text("tgw-src-vpc-id", VERSION, "source VPC"),
    text("tgw-dst-vpc-id", VERSION, "destination VPC"),
    text("tgw-src-subnet-id", VERSION, "subnet of the source"),
    text("tgw-dst-subnet-id", VERSION, "subnet of the destination"),
    text("tgw-src-eni", VERSION, "network interface of the source attachment"),
    text("tgw-dst-eni", VERSION, "network interface of the destination attachment"),
    text("tgw-src-az-id", VERSION, "Availability Zone id of the source"),
    text("tgw-dst-az-id", VERSION, "Availability Zone id of the destination"),
    text(
        "tgw-pair-attachment-id", VERSION, "attachment at the other end: egress or ingress, depending on flow-direction"
    ),
    address("srcaddr", VERSION, "source address"),
    address("dstaddr", VERSION, "destination address"),
    number("srcport", VERSION, 16, "source port; 0 for protocols without ports"),
    number("dstport", VERSION, 16, "destination port; 0 for protocols without ports"),
    number("protocol", VERSION, 8, "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6"),
    number("packets", VERSION, 64, "packets in the aggregation interval"),
    number("bytes", VERSION, 64, "bytes in the aggregation interval"),
    Column(
        "start",
        SECONDS,
        "DateTime('UTC')",
        "time of the first packet in the aggregation interval (up to 60 s late)",
        "start",
        VERSION,
    ),
    Column(
        "end",
        SECONDS,
        "DateTime('UTC')",
        "time of the last packet in the aggregation interval (up to 60 s late)",
        "end",
        VERSION,
    ),
    text("type", VERSION, "IPv4, IPv6 or EFA"),
    _lost("no-route", "packets lost because there was no route"),
    _lost("blackhole", "packets lost to a blackhole route"),
    _lost("mtu-exceeded", "packets lost because they were larger than the MTU"),
    _lost("ttl-expired", "packets lost because their time to live expired"),
    number("tcp-flags", VERSION, 8, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32"),
    text("region", VERSION, "region of the transit gateway"),
    text("flow-direction", VERSION, "ingress or egress, from the transit gateway's point of view"),
    text("pkt-src-aws-service", VERSION, "AWS service whose IP ranges contain srcaddr"),
    text("pkt-dst-aws-service", VERSION, "AWS service whose IP ranges contain dstaddr"),
)
"""The fields AWS logs, in the order of the default format. `log-status` is not a column: only OK records are stored."""

TGW_FLOWS = Table("tgw_flows", (*TGW_LOGGED, EXTRA, TIME_SOURCE, *PROVENANCE))

TGW_BY_AWS_NAME: dict[str, Column] = {c.aws: c for c in TGW_LOGGED}

TGW_COVERAGE = Table(
    "tgw_coverage",
    (
        TGW_BY_AWS_NAME["account-id"],
        TGW_BY_AWS_NAME["tgw-id"],
        TGW_BY_AWS_NAME["tgw-attachment-id"],
        TGW_BY_AWS_NAME["start"],
        TGW_BY_AWS_NAME["end"],
        Column("log_status", TEXT, LOW, "NODATA: no traffic; SKIPDATA: AWS dropped records", LOG_STATUS, VERSION),
        TIME_SOURCE,
        *PROVENANCE,
    ),
)
"""NODATA and SKIPDATA records of transit gateways. Kept apart from `coverage`: a gap at an attachment says
nothing about any interface, and must not make an answer about a VPC look less complete."""
