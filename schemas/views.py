"""Every view of the store: for people who write SQL, where the tables are made for machines (`ddl/0013_views.sql`)."""

from collections.abc import Sequence
from dataclasses import dataclass

LOW, TEXT, TEXTS, WORDS = "LowCardinality(String)", "String", "Array(String)", "Nullable(String)"
TIME, INSTANT = "DateTime('UTC')", "Nullable(DateTime64(3, 'UTC'))"
PORT, COUNT, ADDRESS, RANGE = "Nullable(UInt16)", "Nullable(UInt64)", "Nullable(IPv6)", "Nullable(Int64)"


@dataclass(frozen=True)
class View:
    """`columns`: name, ClickHouse type and meaning of each."""

    name: str
    meaning: str
    columns: Sequence[tuple[str, str, str]]


_VALIDITY = (
    ("added", "UInt8", "1: the version of the resource before this one lacked it, and the call `begun_by` added it"),
    ("valid_from", INSTANT, "start of this version of the resource; NULL: as far back as is known"),
    ("valid_to", INSTANT, "end of this version; NULL: still valid"),
    ("begun_by", TEXT, "eventID of the change that began this version of the resource; '' when a snapshot showed it"),
    ("ended_by", TEXT, "eventID of the change that ended this version; '' when none did"),
    ("exact", "Bool", "false when part of the content cannot be known"),
)
_PORTS = (
    ("protocol", "Int64", "IANA protocol number; -1: all"),
    ("port_from", RANGE, "first port; NULL: all"),
    ("port_to", RANGE, "last port; NULL: all"),
)

VIEWS = (
    View(
        "flow_records",
        "The table `flows` with addresses, protocols and flags as text. Restrict `start`, `action` and `interface_id`,"
        " or `srcaddr` and `dstaddr` (`srcaddr = toIPv6('198.51.100.7')`), which are indexed; the texts are not.",
        (
            ("start", TIME, "time of the first packet in the aggregation interval"),
            ("end", TIME, "time of the last packet in the aggregation interval"),
            ("action", LOW, "ACCEPT or REJECT"),
            ("reject_reason", LOW, "BPA, EC, ... as logged"),
            ("direction", TEXT, "ingress or egress at the interface; '' when unknown"),
            ("protocol_name", "Nullable(String)", "tcp, udp, icmp, icmpv6, or the protocol's number"),
            ("source", WORDS, "source address as text: 10.0.1.10, 2001:db8::1"),
            ("srcport", PORT, "source port"),
            ("destination", WORDS, "destination address as text"),
            ("dstport", PORT, "destination port"),
            ("local", WORDS, "the interface's own address; NULL when the direction is unknown"),
            ("peer", WORDS, "the other end's address; NULL when the direction is unknown"),
            ("service_port", PORT, "TCP and UDP: the lower of the two ports, which mostly is the service's"),
            ("flags", TEXT, "TCP flags that were seen: SYN, SYN-ACK, FIN, RST; '' when none were logged"),
            ("packets", COUNT, "packets in the aggregation interval"),
            ("bytes", COUNT, "bytes in the aggregation interval"),
            ("packet_source", WORDS, "pkt-srcaddr as text: the real source behind a NAT gateway or load balancer"),
            ("packet_destination", WORDS, "pkt-dstaddr as text"),
            *((name, LOW, "as in `flows`") for name in ("interface_id", "instance_id", "instance_name", "subnet_id")),
            *((name, LOW, "as in `flows`") for name in ("vpc_id", "network_acl_id", "route_table_id", "account_id")),
            *((name, LOW, "as in `flows`") for name in ("region", "az_id", "time_source")),
            ("srcaddr", ADDRESS, "source address as in `flows`, to filter by"),
            ("dstaddr", ADDRESS, "destination address as in `flows`, to filter by"),
            ("object_id", "UInt64", "the S3 object of the record: join with `receipts` for bucket, key and ETag"),
            ("row_no", "UInt32", "line in the object"),
        ),
    ),
    View(
        "changes",
        "The table `change_events`, each change once, however often it was delivered. It reads all of them: for a short"
        " time among very many, filter the table by `event_time`.",
        (
            ("time", TIME, "when the call completed"),
            ("call", TEXT, "API call, e.g. DeleteRoute"),
            ("actor", TEXT, "who made it: userIdentity.arn, or the closest identity"),
            ("source_ip", TEXT, "from which address"),
            ("user_agent", TEXT, "with which tool"),
            ("account_id", TEXT, "account"),
            ("region", TEXT, "region"),
            ("resources", TEXTS, "ids that the call named or made"),
            ("request", TEXT, "requestParameters as JSON"),
            ("event_id", TEXT, "CloudTrail eventID"),
        ),
    ),
    View(
        "known_incidents",
        "What is said of each incident now.",
        (
            ("id", TEXT, "id, as in `flowtrail incident ID`"),
            ("kind", LOW, "rejects or lost-traffic"),
            ("state", LOW, "open or closed"),
            ("certainty", LOW, "proven, suspected or unexplained"),
            ("actor", TEXT, "who made the change; '' without a cause"),
            ("layer", LOW, "route, network-acl, security-group, ..."),
            ("resource", TEXT, "resource that stops the packets"),
            ("call", TEXT, "API call; '' without a cause"),
            ("event_ids", TEXTS, "eventIDs of the calls"),
            ("enis", TEXTS, "interfaces that are affected"),
            ("ports", "Array(UInt16)", "service ports"),
            ("peers", TEXTS, "other ends"),
            ("first_seen", TIME, "first sign"),
            ("last_seen", TIME, "last sign"),
            ("closed_at", "Nullable(DateTime('UTC'))", "when traffic was back; NULL while the incident is open"),
            ("reason", TEXT, "why it is this certain"),
            ("fix", TEXT, "the `aws` command that undoes it; '' where there is none"),
        ),
    ),
    View(
        "security_group_rules",
        "The rules of security groups over time, a row for each rule and version of its group.",
        (
            ("group_id", TEXT, "security group"),
            ("group_name", TEXT, "its name"),
            ("vpc_id", TEXT, "its VPC"),
            ("direction", TEXT, "ingress or egress"),
            *_PORTS,
            ("peer", TEXT, "CIDR, security group or prefix list"),
            ("rule_id", TEXT, "sgr-...; '' when unknown"),
            *_VALIDITY,
        ),
    ),
    View(
        "network_acl_entries",
        "The entries of network ACLs over time, a row for each entry and version of its ACL.",
        (
            ("acl_id", TEXT, "network ACL"),
            ("vpc_id", TEXT, "its VPC"),
            ("subnet_ids", TEXTS, "subnets that are associated with it"),
            ("direction", TEXT, "ingress or egress"),
            ("number", "Int64", "rule number; 32767 is the entry that AWS adds"),
            ("action", TEXT, "allow or deny"),
            *_PORTS,
            ("cidr", TEXT, "CIDR"),
            *_VALIDITY,
        ),
    ),
    View(
        "routes",
        "The routes of route tables over time, a row for each route and version of its table.",
        (
            ("route_table_id", TEXT, "route table"),
            ("vpc_id", TEXT, "its VPC"),
            ("subnet_ids", TEXTS, "subnets that are explicitly associated with it"),
            ("destination", TEXT, "CIDR or prefix list"),
            ("target", TEXT, "gateway, interface, peering connection, ..., or local"),
            ("state", TEXT, "active or blackhole"),
            *_VALIDITY,
        ),
    ),
    View(
        "hourly_records",
        "How much the store has of each interface, by the hour.",
        (
            ("hour", TIME, "hour"),
            ("interface_id", LOW, "network interface"),
            ("accepts", "UInt64", "flow records that were accepted"),
            ("rejects", "UInt64", "flow records that were rejected"),
            ("intervals_without_traffic", "UInt64", "NODATA"),
            ("intervals_skipped_by_aws", "UInt64", "SKIPDATA: AWS dropped records"),
        ),
    ),
)
