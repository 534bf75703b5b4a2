"""Helpers for the correlation tests: a small VPC, calls that change it, hand-made flow records, and the cells that
result from them (counted with a plain loop over the records: the oracle of `minutes.sql`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

import pyarrow as pa

from network.history.timeline import Timeline
from pipelines.correlate.detect.minutes import MANY_PORTS, MINUTES
from schemas.change import ChangeEvent
from schemas.configuration import (
    AclAssociation,
    AclEntry,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from schemas.flow import DATA_BYTES, FLOWS, HANDSHAKE_BYTES
from schemas.snapshot import Snapshot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEB, DB, ENI = "10.0.1.10", "10.0.2.20", "eni-web"
PEOPLE = ("192.0.2.11", "192.0.2.12", "203.0.113.13", "203.0.113.14")
ADMINS = ("192.0.2.21", "203.0.113.22", "203.0.113.23")
OUTSIDE = ("198.51.100.31", "198.51.100.32")
SCANNERS = ("198.18.0.1", "198.18.7.2", "198.19.3.3")


def clock(text: str) -> datetime:
    """A time on the test day, such as `14:32` or `14:32:05`."""
    return datetime.combine(NOON, time.fromisoformat(text), UTC)


def resources() -> tuple[Resource, ...]:
    """A public subnet with a web server (22 and 80 open), a private one with a database and its own ACL."""
    local, default = Route("10.0.0.0/16", "local", origin="CreateRouteTable"), Route("0.0.0.0/0", "igw-1")
    everything = tuple(AclEntry(100, egress, "allow", cidr="0.0.0.0/0") for egress in (False, True))
    web_rules = tuple(SecurityGroupRule(False, 6, "0.0.0.0/0", port, port, f"sgr-{port}") for port in (22, 80))
    out = SecurityGroupRule(True, -1, "0.0.0.0/0", id="sgr-out")
    return (
        Vpc("vpc-1", ("10.0.0.0/16",)),
        Subnet("subnet-pub", "vpc-1", ("10.0.1.0/24",)),
        Subnet("subnet-prv", "vpc-1", ("10.0.2.0/24",)),
        RouteTable("rtb-pub", "vpc-1", (default, local), (RouteTableAssociation("rtbassoc-pub", "subnet-pub"),)),
        RouteTable("rtb-main", "vpc-1", (local,), (RouteTableAssociation("rtbassoc-main", main=True),)),
        NetworkAcl("acl-pub", "vpc-1", True, everything, (AclAssociation("aclassoc-pub", "subnet-pub"),)),
        NetworkAcl("acl-prv", "vpc-1", False, everything, (AclAssociation("aclassoc-prv", "subnet-prv"),)),
        NetworkAcl("acl-shut", "vpc-1"),
        SecurityGroup("sg-web", "vpc-1", "web", (*web_rules, out)),
        SecurityGroup("sg-db", "vpc-1", "db", (SecurityGroupRule(False, 6, "sg-web", 5432, 5432), out)),
        SecurityGroup("sg-none", "vpc-1", "none"),
        NetworkInterface(ENI, "vpc-1", "subnet-pub", (WEB,), ("198.51.100.10",), ("sg-web",), "i-web", "web-1"),
        NetworkInterface("eni-db", "vpc-1", "subnet-prv", (DB,), (), ("sg-db",), "i-db", "db-1"),
        InternetGateway("igw-1", ("vpc-1",)),
    )


def call(
    at: str, name: str, request: dict[str, Any], response: dict[str, Any] | None = None, **more: Any
) -> ChangeEvent:
    """A change; its id is its time and name unless `event_id` says otherwise."""
    event = ChangeEvent(
        clock(at),
        f"{at} {name}",
        name,
        "arn:alice",
        "IAMUser",
        "198.51.100.7",
        "",
        "1",
        "eu-central-1",
        (),
        request,
        {},
    )
    return replace(event, response=response or {"_return": True}, **more)


def permission(port: int, cidr: str) -> dict[str, Any]:
    """A TCP rule as CloudTrail records it."""
    peers = {"groups": {}, "ipRanges": {"items": [{"cidrIp": cidr}]}, "ipv6Ranges": {}, "prefixListIds": {}}
    return {"items": [{"ipProtocol": "tcp", "fromPort": port, "toPort": port, **peers}]}


def delete_route(at: str, **more: Any) -> ChangeEvent:
    return call(at, "DeleteRoute", {"routeTableId": "rtb-pub", "destinationCidrBlock": "0.0.0.0/0"}, **more)


def create_route(at: str, **more: Any) -> ChangeEvent:
    request = {"routeTableId": "rtb-pub", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}
    return call(at, "CreateRoute", request, **more)


def deny(
    at: str, port: int = 22, *, number: int = 90, acl: str = "acl-pub", egress: bool = False, **more: Any
) -> ChangeEvent:
    request = {
        "networkAclId": acl,
        "ruleNumber": number,
        "egress": egress,
        "ruleAction": "deny",
        "aclProtocol": "6",
        "cidrBlock": "0.0.0.0/0",
        "portRange": {"from": port, "to": port},
        "icmpTypeCode": {},
    }
    return call(at, "CreateNetworkAclEntry", request, **more)


def undeny(at: str, number: int = 90, *, acl: str = "acl-pub", egress: bool = False, **more: Any) -> ChangeEvent:
    request = {"networkAclId": acl, "ruleNumber": number, "egress": egress}
    return call(at, "DeleteNetworkAclEntry", request, **more)


def timeline(*changes: ChangeEvent, as_of: str = "08:00") -> Timeline:
    return Timeline([Snapshot(clock(as_of), "files", resources())], changes)


@dataclass(frozen=True)
class Flow:
    """A flow record of the web server; `flags` is None for a log without TCP flags."""

    at: datetime
    src: str
    src_port: int
    dst: str
    dst_port: int
    packets: int = 1
    bytes: int = 60
    action: str = "ACCEPT"
    flags: int | None = None
    protocol: int = 6
    lasts: int = 0


def ends(peer: str, port: int, n: int, *, answer: bool, server: bool = True) -> dict[str, Any]:
    """Addresses and ports of the `n`th conversation with a peer, for its request or its answer."""
    far_port, near_port = (40000 + n % 20000, port) if server else (port, 40000 + n % 20000)
    inward = {"src": peer, "src_port": far_port, "dst": WEB, "dst_port": near_port}
    outward = {"src": WEB, "src_port": near_port, "dst": peer, "dst_port": far_port}
    return inward if answer != server else outward


def talk(at: datetime, peer: str, port: int, n: int = 0, **more: Any) -> list[Flow]:
    """A conversation that exchanges data."""
    server, flagged = more.get("server", True), more.get("flagged", False)
    return [
        Flow(
            at, **ends(peer, port, n, answer=False, server=server), packets=8, bytes=900, flags=3 if flagged else None
        ),
        Flow(
            at, **ends(peer, port, n, answer=True, server=server), packets=10, bytes=6000, flags=19 if flagged else None
        ),
    ]


def attempt(at: datetime, peer: str, port: int, n: int = 0, *, answered: bool, **more: Any) -> list[Flow]:
    """SYNs and, if `answered`, SYN-ACKs that never arrive."""
    server, flagged = more.get("server", True), more.get("flagged", False)
    flows = [
        Flow(
            at, **ends(peer, port, n, answer=False, server=server), packets=3, bytes=180, flags=2 if flagged else None
        ),
        Flow(
            at, **ends(peer, port, n, answer=True, server=server), packets=3, bytes=180, flags=18 if flagged else None
        ),
    ]
    return flows if answered else flows[:1]


def reject(at: datetime, peer: str, port: int, n: int = 0, *, flags: int | None = None, answer: bool = False) -> Flow:
    return Flow(at, **ends(peer, port, n, answer=answer), packets=2, bytes=120, action="REJECT", flags=flags)


def every(seconds: int, first: str, last: str, phase: int = 0) -> Iterable[datetime]:
    """Times in `[first, last)`, `seconds` apart."""
    at = clock(first) + timedelta(seconds=phase)
    while at < clock(last):
        yield at
        at += timedelta(seconds=seconds)


def noise(first: str, last: str, *, flagged: bool = False) -> list[Flow]:
    """Scans of closed ports, and sometimes of open ones."""
    flows = []
    for n, at in enumerate(every(20, first, last, 7)):
        scanner = SCANNERS[n % 3]
        flows.append(reject(at, scanner, (23, 3389, 445, 8080)[n % 4], n, flags=2 if flagged else None))
        if n % 15 == 0:
            flows += attempt(at, scanner, (22, 80)[n % 2], n, answered=True, flagged=flagged)
    return flows


def service(port: int, peers: Sequence[str], seconds: int, first: str, last: str, **more: Any) -> list[Flow]:
    """Peers that connect every `seconds` seconds and are served."""
    times = [(n, p, at) for p in range(len(peers)) for n, at in enumerate(every(seconds, first, last, 11 * p))]
    return [flow for n, p, at in times for flow in talk(at, peers[p], port, n * 7 + p, **more)]


def usual(first: str, last: str, **more: Any) -> list[Flow]:
    """Part of a day on which everything works."""
    return [
        *service(80, PEOPLE, 45, first, last, **more),
        *service(22, ADMINS, 90, first, last, **more),
        *service(443, OUTSIDE, 60, first, last, server=False, **more),
    ]


def outage(first: str, last: str, reading: str, *, ports: Sequence[int] = (80, 22, 443), **more: Any) -> list[Flow]:
    """The same without the default route, in one of the readings `answers`, `requests` and `nothing`."""
    flows: list[Flow] = []
    for port, peers, seconds in ((80, PEOPLE, 30), (22, ADMINS, 60), (443, OUTSIDE, 60)):
        for p, peer in enumerate(peers if port in ports and reading != "nothing" else ()):
            for n, at in enumerate(every(seconds, first, last, 13 * p + 2)):
                inbound = port != 443
                answered = reading == "answers" and inbound
                flows += attempt(at, peer, port, n * 11 + p, answered=answered, server=inbound, **more)
    return flows


def refused(first: str, last: str, port: int = 22, peers: Sequence[str] = ADMINS, **more: Any) -> list[Flow]:
    """Peers that keep trying."""
    times = [(n, p, at) for p in range(len(peers)) for n, at in enumerate(every(60, first, last, 9 * p + 3))]
    return [reject(at, peers[p], port, n * 3 + p, **more) for n, p, at in times]


def packed(address: str) -> bytes:
    ip = ip_address(address)
    return ip.packed if ip.version == 6 else IPv6Address(f"::ffff:{address}").packed


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def covered(first: str, last: str) -> list[int]:
    """Every minute of `[first, last)`."""
    return [seconds(at) for at in every(60, first, last)]


def minutes_table(flows: Sequence[Flow]) -> pa.Table:
    """The cells of the web server's records; line numbers are positions in the list, starting at 2."""
    groups: dict[tuple[Any, ...], list[tuple[int, Flow]]] = {}
    high = high_ports(flows)
    for line, flow in enumerate(flows, start=2):
        ingress = flow.dst == WEB
        near, far = (flow.dst_port, flow.src_port) if ingress else (flow.src_port, flow.dst_port)
        peer = flow.src if ingress else flow.dst
        minute = seconds(flow.at) // 60 * 60
        known = tuple((flow.protocol, port) in high for port in (near, far))
        server = near <= far if known[0] == known[1] else known[0]
        key = (minute, int(ingress), int(server), flow.protocol, near if server else far, packed(peer))
        groups.setdefault(key, []).append((line, flow))
    first: dict[tuple[Any, ...], datetime] = {}
    for flow in flows:
        if flow.action == "ACCEPT" and (flow.protocol != 6 or flow.flags is None):
            first[ends_of(flow)] = min(flow.at, first.get(ends_of(flow), flow.at))
    rows = [_cell(key, members, first) for key, members in groups.items()]
    return pa.Table.from_pylist(rows, MINUTES)


def high_ports(flows: Sequence[Flow]) -> set[tuple[int, int]]:
    """(protocol, port) of ports that are the higher one in conversations with `MANY_PORTS` lower ones above 1023."""
    lower: dict[tuple[int, int], set[int]] = {}
    for flow in flows:
        low, high = sorted((flow.src_port, flow.dst_port))
        if flow.action == "ACCEPT" and _has_data(flow) and 1024 <= low < high:
            lower.setdefault((flow.protocol, high), set()).add(low)
    return {high for high, ports in lower.items() if len(ports) >= MANY_PORTS}


def ends_of(flow: Flow) -> tuple[Any, ...]:
    return flow.protocol, flow.src, flow.src_port, flow.dst, flow.dst_port


def _opens(flow: Flow, first: dict[tuple[Any, ...], datetime]) -> bool:
    if flow.protocol == 6 and flow.flags is not None:
        return flow.flags & 2 != 0
    if flow.action == "ACCEPT":
        return first[ends_of(flow)] == flow.at
    return ends_of(flow) not in first or first[ends_of(flow)] > flow.at


def _cell(
    key: tuple[Any, ...], members: list[tuple[int, Flow]], accepted: dict[tuple[Any, ...], datetime]
) -> dict[str, Any]:
    minute, ingress, server, protocol, port, peer = key
    row: dict[str, Any] = {
        "minute": minute,
        "ingress": ingress,
        "server": server,
        "protocol": protocol,
        "port": port,
        "peer": peer,
        "local": packed(WEB),
        "flagged": sum(flow.flags is not None for _, flow in members),
    }
    parts = {
        "accept": [m for m in members if m[1].action == "ACCEPT"],
        "reject": [m for m in members if m[1].action == "REJECT"],
        "data": [m for m in members if m[1].action == "ACCEPT" and _has_data(m[1])],
    }
    for name, mine in parts.items():
        ordered = sorted(mine, key=lambda m: (m[1].at, m[0]))
        first, last = (ordered[0], ordered[-1]) if ordered else ((0, None), (0, None))
        opening = [m for m in ordered if _opens(m[1], accepted)]
        told = (opening or ordered)[0][1] if ordered and name == "reject" else first[1]
        row |= {
            f"{name}_flows": len(mine),
            f"{name}_opens": len(opening),
            f"{name}_open_first": seconds(opening[0][1].at) if opening else 0,
            f"{name}_open_last": seconds(opening[-1][1].at) if opening else 0,
            f"{name}_packets": sum(flow.packets for _, flow in mine),
            f"{name}_bytes": sum(flow.bytes for _, flow in mine),
            f"{name}_flags": _or(flow.flags or 0 for _, flow in mine),
            f"{name}_first": seconds(first[1].at) if first[1] else 0,
            f"{name}_last": seconds(last[1].at) if last[1] else 0,
            f"{name}_end": max((seconds(flow.at) + flow.lasts for _, flow in mine), default=0),
            f"{name}_local_port": (told.dst_port if ingress else told.src_port) if told else 0,
            f"{name}_peer_port": (told.src_port if ingress else told.dst_port) if told else 0,
            f"{name}_first_object": int(bool(ordered)),
            f"{name}_first_row": first[0],
            f"{name}_last_object": int(bool(ordered)),
            f"{name}_last_row": last[0],
        }
    return row


def _has_data(flow: Flow) -> bool:
    return flow.protocol != 6 or flow.bytes >= HANDSHAKE_BYTES * flow.packets + DATA_BYTES


def _or(values: Iterable[int]) -> int:
    total = 0
    for value in values:
        total |= value
    return total


def flows_table(flows: Sequence[Flow], object_id: int = 1, *, directions: bool = True) -> pa.Table:
    """Rows of `flows` as ingest writes them; without `directions`, as before the first snapshot."""
    rows = []
    for line, flow in enumerate(flows, start=2):
        row: dict[str, Any] = {column.name: "" for column in FLOWS.columns if column.clickhouse.startswith("Low")}
        ingress = flow.dst == WEB
        row |= {
            "interface_id": ENI,
            "srcaddr": packed(flow.src),
            "dstaddr": packed(flow.dst),
            "srcport": flow.src_port,
            "dstport": flow.dst_port,
            "protocol": flow.protocol,
            "packets": flow.packets,
            "bytes": flow.bytes,
            "start": flow.at,
            "end": flow.at + timedelta(seconds=flow.lasts),
            "action": flow.action,
            "tcp_flags": flow.flags,
            "flow_direction": ("ingress" if ingress else "egress") if directions and flow.flags is not None else "",
            "direction": ("ingress" if ingress else "egress") if directions else "",
            "extra": [],
            "object_id": object_id,
            "row_no": line,
            "load": 1,
            "chunk": 0,
        }
        rows.append(row)
    return pa.Table.from_pylist(rows, FLOWS.schema)
