"""Transit gateway flow logs: a record reference of their own, in tables of their own.

They have no network interface and no action, so their rows never lie beside those of a VPC. Source of names, types and
null rules: the AWS record reference for transit gateway flow logs (all fields came with version 6).
"""

import pyarrow as pa

from schemas.flow import EXTRA, LOG_STATUS, LOW, NULL, TEXT, address, number, text
from schemas.table import PROVENANCE, SECONDS, Column, Table

VERSION = 6


def _lost(why: str, meaning: str) -> Column:
    aws = f"packets-lost-{why}"
    return Column(aws.replace("-", "_"), pa.uint64(), "Nullable(UInt64)", meaning, aws, VERSION, NULL)


TGW_LOGGED: tuple[Column, ...] = (
    number("version", VERSION, 8, "highest version among the fields of the log's format"),
    text("resource-type", VERSION, "TransitGateway or TransitGatewayAttachment"),
    text("account-id", VERSION, "owner of the transit gateway"),
    text("tgw-id", VERSION, "the transit gateway"),
    text("tgw-attachment-id", VERSION, "the attachment that the traffic was recorded at"),
    text("tgw-src-vpc-account-id", VERSION, "owner of the source VPC"),
    text("tgw-dst-vpc-account-id", VERSION, "owner of the destination VPC"),
    text("tgw-src-vpc-id", VERSION, "source VPC"),
    text("tgw-dst-vpc-id", VERSION, "destination VPC"),
    text("tgw-src-subnet-id", VERSION, "subnet of the source"),
    text("tgw-dst-subnet-id", VERSION, "subnet of the destination"),
    text("tgw-src-eni", VERSION, "interface of the source's attachment"),
    text("tgw-dst-eni", VERSION, "interface of the destination's attachment"),
    text("tgw-src-az-id", VERSION, "availability zone id of the source"),
    text("tgw-dst-az-id", VERSION, "availability zone id of the destination"),
    text("tgw-pair-attachment-id", VERSION, "the attachment at the other end, by the flow's direction"),
    address("srcaddr", VERSION, "source address"),
    address("dstaddr", VERSION, "destination address"),
    number("srcport", VERSION, 16, "source port; 0 for protocols without ports"),
    number("dstport", VERSION, 16, "destination port; 0 for protocols without ports"),
    number("protocol", VERSION, 8, "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6"),
    number("packets", VERSION, 64, "packets in the aggregation interval"),
    number("bytes", VERSION, 64, "bytes in the aggregation interval"),
    Column("start", SECONDS, "DateTime('UTC')", "first packet of the interval (up to 60 s late)", "start", VERSION),
    Column("end", SECONDS, "DateTime('UTC')", "last packet of the interval (up to 60 s late)", "end", VERSION),
    text("type", VERSION, "IPv4, IPv6 or EFA"),
    _lost("no-route", "packets lost because no route was there"),
    _lost("blackhole", "packets lost to a blackhole route"),
    _lost("mtu-exceeded", "packets lost because they were larger than the MTU"),
    _lost("ttl-expired", "packets lost because their time to live ran out"),
    number("tcp-flags", VERSION, 8, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32"),
    text("region", VERSION, "region of the transit gateway"),
    text("flow-direction", VERSION, "ingress or egress, as the transit gateway sees it"),
    text("pkt-src-aws-service", VERSION, "AWS IP range that srcaddr lies in"),
    text("pkt-dst-aws-service", VERSION, "AWS IP range that dstaddr lies in"),
)
"""The fields AWS logs, in the order of the default format. `log-status` is no column: these hold OK records only."""

TGW_FLOWS = Table("tgw_flows", (*TGW_LOGGED, EXTRA, *PROVENANCE))

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
        *PROVENANCE,
    ),
)
"""NODATA and SKIPDATA records of transit gateways. Apart from `coverage`: a gap at an attachment says nothing of any
interface, and must not make an answer about a VPC look less complete."""
