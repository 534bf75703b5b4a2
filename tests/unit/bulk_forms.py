"""The form of each field in a text record, written by hand from the AWS reference; `-` only where it is allowed."""

ADDRESS = r"(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]+:[0-9a-f:]+)"
ARN = r"arn:aws:ecs:[a-z0-9-]+:\d{12}:"
SERVICE = r"[A-Z0-9_]+"
TAG = r"[A-Za-z0-9%.-]+"

FORMS = {
    "version": r"\d+",
    "account-id": r"\d{12}|unknown",
    "interface-id": r"eni-[0-9a-f]{17}|-",
    "srcaddr": ADDRESS,
    "dstaddr": ADDRESS,
    "srcport": r"\d{1,5}",
    "dstport": r"\d{1,5}",
    "protocol": r"1|6|17|58",
    "packets": r"[1-9]\d*",
    "bytes": r"[1-9]\d*",
    "start": r"\d{10}",
    "end": r"\d{10}",
    "action": r"ACCEPT|REJECT",
    "log-status": r"OK|NODATA|SKIPDATA",
    "vpc-id": r"vpc-[0-9a-f]{17}",
    "subnet-id": r"subnet-[0-9a-f]{17}|-",
    "instance-id": r"i-[0-9a-f]{17}|-",
    "tcp-flags": r"\d+|-",
    "type": r"IPv4|IPv6",
    "pkt-srcaddr": ADDRESS,
    "pkt-dstaddr": ADDRESS,
    "region": r"us-east-1",
    "az-id": r"use1-az\d|-",
    "sublocation-type": r"wavelength|outpost|localzone|-",
    "sublocation-id": r"[a-z0-9-]+",
    "pkt-src-aws-service": rf"{SERVICE}|-",
    "pkt-dst-aws-service": rf"{SERVICE}|-",
    "flow-direction": r"ingress|egress",
    "traffic-path": r"[1-8]|-",
    "ecs-cluster-arn": rf"{ARN}cluster/[\w-]+|-",
    "ecs-cluster-name": r"[\w-]+",
    "ecs-container-instance-arn": rf"{ARN}container-instance/[\w-]+/[0-9a-f]{{32}}|-",
    "ecs-container-instance-id": r"[0-9a-f]{32}|-",
    "ecs-container-id": r"[0-9a-f]{32}-\d{10}|-",
    "ecs-second-container-id": r"[0-9a-f]{32}-\d{10}|-",
    "ecs-service-name": r"[\w-]+",
    "ecs-task-definition-arn": rf"{ARN}task-definition/\w+:\d+|-",
    "ecs-task-arn": rf"{ARN}task/[\w-]+/[0-9a-f]{{32}}|-",
    "ecs-task-id": r"[0-9a-f]{32}|-",
    "reject-reason": r"BPA|EC|-",
    "resource-id": r"nat-[0-9a-f]{17}|-",
    "encryption-status": r"[0-3]|-",
    "instance-tag": TAG,
    "instance-tag-2": TAG,
    "interface-tag": TAG,
    "interface-tag-2": TAG,
    "asg-tag": TAG,
    "asg-tag-2": TAG,
    "interface-type": r"interface|nat_gateway|network_load_balancer|vpc_endpoint|regional_nat_gateway",
    "next-hop-interface-id": r"eni-[0-9a-f]{17}|-",
    "next-hop-subnet-id": r"subnet-[0-9a-f]{17}|-",
    "next-hop-az-id": r"use1-az\d|-",
    "next-hop-vpc-id": r"vpc-[0-9a-f]{17}|-",
    "next-hop-interface-type": r"[a-z_]+|-",
}

SOMETIMES_ABSENT = {name for name, form in FORMS.items() if form.endswith("|-")} | {
    *("sublocation-id", "ecs-cluster-name", "ecs-service-name"),
    *("instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2"),
}
"""Fields that must occur both with and without a value in OK records."""

NOT_MEASURED = {
    *("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action", "tcp-flags", "type"),
    *("pkt-srcaddr", "pkt-dstaddr", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    *("reject-reason", "encryption-status", "next-hop-interface-id", "next-hop-subnet-id", "next-hop-az-id"),
    *("next-hop-vpc-id", "next-hop-interface-type"),
}
"""Always `-` in NODATA and SKIPDATA records."""

TRANSIT_FORMS = {
    **{name: FORMS[name] for name in FORMS if name not in ("interface-id", "action")},
    "resource-type": r"TransitGateway|TransitGatewayAttachment",
    "tgw-id": r"tgw-[0-9a-f]{17}",
    "tgw-attachment-id": r"tgw-attach-[0-9a-f]{17}",
    "tgw-pair-attachment-id": r"tgw-attach-[0-9a-f]{17}|-",
    **{f"tgw-{end}-vpc-account-id": r"\d{12}|unknown|-" for end in ("src", "dst")},
    **{f"tgw-{end}-vpc-id": r"vpc-[0-9a-f]{17}|-" for end in ("src", "dst")},
    **{f"tgw-{end}-subnet-id": r"subnet-[0-9a-f]{17}|-" for end in ("src", "dst")},
    **{f"tgw-{end}-eni": r"eni-[0-9a-f]{17}|-" for end in ("src", "dst")},
    **{f"tgw-{end}-az-id": r"use1-az\d|-" for end in ("src", "dst")},
    **dict.fromkeys(
        ("packets-lost-no-route", "packets-lost-blackhole", "packets-lost-mtu-exceeded", "packets-lost-ttl-expired"),
        r"\d+",
    ),
}
TRANSIT_KNOWN = {"version", "resource-type", "account-id", "tgw-id", "tgw-attachment-id", "start", "end", "log-status"}
TRANSIT_KNOWN.add("region")
"""Fields that have a value even in a transit gateway's NODATA record."""
