"""Random `describe-*` answers for a small VPC, and packets at one of its interfaces, for Hypothesis.

Few ports, prefixes and addresses, so that rules overlap, shadow one another and make a difference.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

VPC = "vpc-1"
SUBNETS = ("subnet-a", "subnet-b", "subnet-c")
GROUPS = ("sg-1", "sg-2", "sg-3")
OUTSIDE = ("203.0.113.7", "203.0.113.200", "198.51.100.9", "10.0.9.9", "10.9.9.9", "2001:db8:ffff::7")
UNSEEN = ("10.0.1.99", "10.0.2.99")
"""Addresses in subnets that nobody in the answers has: perhaps somebody who came later does."""
CIDRS = (
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.2.0/24",
    "10.0.1.10/32",
    "203.0.113.0/24",
    "203.0.113.128/25",
    "203.0.113.7/32",
    "2001:db8::/56",
    "2001:db8:ffff::/48",
)
PORTS = (22, 80, 443, 1024, 40000, 65535)
PROTOCOLS = (6, 17, 1, 58, 47)
NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}

# A strategy is made once: to make it takes longer than to draw from it.
OFTEN = st.sampled_from((True, True, True, True, False))
EITHER = st.booleans()
QUARTER, FIFTH, SIXTH = st.integers(0, 3), st.integers(0, 4), st.integers(0, 5)
ANY_CIDR, ANY_GROUP = st.sampled_from(CIDRS), st.sampled_from(GROUPS)
PORT_RANGES = st.sampled_from(((22, 22), (80, 80), (0, 65535), (1024, 65535), (22, 443), (1024, 40000)))
RULE_NUMBERS = st.integers(1, 12)
ENTRY_PROTOCOLS, RULE_PROTOCOLS = st.sampled_from((-1, *PROTOCOLS)), st.sampled_from((-1, -1, *PROTOCOLS))
ACTIONS = st.sampled_from(("allow", "deny"))
ICMP_TYPES = st.sampled_from((-1, 8))
ICMP_RANGES = st.sampled_from(((-1, -1), (8, -1), (8, 0)))
PEERS = st.integers(1, 2), st.sampled_from(("cidr", "cidr", "group", "list"))
DESTINATIONS = ("0.0.0.0/0", "::/0", "203.0.113.0/24", "203.0.113.128/25", "10.0.2.0/24", "2001:db8:ffff::/48")
SOME_DESTINATIONS = st.lists(st.sampled_from(DESTINATIONS), unique=True, max_size=5)
TARGETS = st.sampled_from(("igw-1", "igw-1", "igw-1", "igw-2", "nat-1", "nat-1", "nat-2", "tgw-1", "pcx-1", "vgw-1"))
SOME_GROUPS = st.lists(ANY_GROUP, unique=True, max_size=2)
HARDLY_ANY_GROUPS = st.sampled_from(((), GROUPS[:1], GROUPS[:1]))
WHICH_ACL, WHICH_TABLE = st.sampled_from(("acl-1", "acl-2")), st.sampled_from(("", "rtb-1", "rtb-2"))
PLACES = st.integers(2, 4), st.sampled_from((1, 1, 2, 3))


@cache
@st.composite
def acl_entries(draw: st.DrawFn, egress: bool) -> Json:
    protocol = draw(ENTRY_PROTOCOLS)
    entry: Json = {
        "RuleNumber": draw(RULE_NUMBERS) * 10,
        "Protocol": str(protocol),
        "RuleAction": draw(ACTIONS),
        "Egress": egress,
    }
    cidr = draw(ANY_CIDR)
    entry["Ipv6CidrBlock" if ":" in cidr else "CidrBlock"] = cidr
    if protocol in (6, 17):
        first, last = draw(PORT_RANGES)
        entry["PortRange"] = {"From": first, "To": last}
    if protocol in (1, 58) and draw(EITHER):
        kind = draw(ICMP_TYPES)
        entry["IcmpTypeCode"] = {"Type": kind, "Code": -1}
    return entry


@cache
def own_entries(egress: bool) -> st.SearchStrategy[list[Json]]:
    return st.lists(acl_entries(egress), max_size=3)


@st.composite
def acls(draw: st.DrawFn, acl_id: str, subnets: list[str]) -> Json:
    entries = []
    for egress in (False, True):
        own = draw(own_entries(egress))
        entries += list({entry["RuleNumber"]: entry for entry in own}.values())
        if draw(OFTEN):  # an allow rule after all others, so that not everything is denied
            entries += [
                {
                    "RuleNumber": 200,
                    "Protocol": "-1",
                    "RuleAction": "allow",
                    "Egress": egress,
                    "CidrBlock": "0.0.0.0/0",
                },
                {"RuleNumber": 201, "Protocol": "-1", "RuleAction": "allow", "Egress": egress, "Ipv6CidrBlock": "::/0"},
            ]
        if draw(EITHER):  # moto leaves out the implicit deny, AWS shows it
            last = {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": egress}
            entries.append(last | {"CidrBlock": "0.0.0.0/0"})
    associations = [
        {"NetworkAclAssociationId": f"aclassoc-{subnet}", "NetworkAclId": acl_id, "SubnetId": subnet}
        for subnet in subnets
    ]
    return {
        "NetworkAclId": acl_id,
        "VpcId": VPC,
        "IsDefault": False,
        "Associations": associations,
        "Entries": draw(st.permutations(entries)),
    }


@st.composite
def permissions(draw: st.DrawFn) -> Json:
    protocol = draw(RULE_PROTOCOLS)
    written = NAMES.get(protocol, str(protocol)) if draw(EITHER) else str(protocol)
    permission: Json = {"IpProtocol": written, "IpRanges": [], "Ipv6Ranges": [], "UserIdGroupPairs": []}
    if protocol in (6, 17):
        permission["FromPort"], permission["ToPort"] = draw(PORT_RANGES)
    elif protocol in (1, 58):
        permission["FromPort"], permission["ToPort"] = draw(ICMP_RANGES)
    for _ in range(draw(PEERS[0])):
        kind = draw(PEERS[1])
        cidr = draw(ANY_CIDR)
        if kind == "group":
            permission["UserIdGroupPairs"].append({"GroupId": draw(ANY_GROUP), "UserId": "1"})
        elif kind == "list":
            permission["PrefixListIds"] = [{"PrefixListId": "pl-1"}]
        elif ":" in cidr:
            permission["Ipv6Ranges"].append({"CidrIpv6": cidr})
        else:
            permission["IpRanges"].append({"CidrIp": cidr})
    return permission


PERMISSIONS = st.lists(permissions(), max_size=3), st.lists(permissions(), max_size=2)


@cache
@st.composite
def groups(draw: st.DrawFn, group_id: str) -> Json:
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ingress, egress = draw(PERMISSIONS[0]), draw(PERMISSIONS[1])
    return {
        "GroupId": group_id,
        "GroupName": group_id,
        "VpcId": VPC,
        "IpPermissions": ingress + ([anywhere] if draw(OFTEN) else []),
        "IpPermissionsEgress": egress + ([anywhere] if draw(OFTEN) else []),
    }


def target_member(target: str) -> str:
    names = {"nat": "NatGatewayId", "tgw": "TransitGatewayId", "pcx": "VpcPeeringConnectionId"}
    return names.get(target.split("-", maxsplit=1)[0], "GatewayId")


@st.composite
def tables(draw: st.DrawFn, table_id: str, associations: list[Json]) -> Json:
    routes: list[Json] = []
    if draw(OFTEN):
        routes.append({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable"})
    if draw(OFTEN):
        routes.append({"DestinationIpv6CidrBlock": "2001:db8::/56", "GatewayId": "local", "Origin": "CreateRouteTable"})
    for cidr in draw(SOME_DESTINATIONS):
        target = draw(TARGETS)
        name = "DestinationIpv6CidrBlock" if ":" in cidr else "DestinationCidrBlock"
        routes.append({name: cidr, target_member(target): target, "Origin": "CreateRoute"})
        if draw(FIFTH) == 0:  # the same destination, propagated: the static route wins
            routes.append({name: cidr, "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation"})
    for route in routes:
        dead = "local" not in route.values() and draw(SIXTH) == 0
        route["State"] = "blackhole" if dead else "active"
    if draw(QUARTER) == 0:
        routes.append({"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "Origin": "CreateRoute"})
    return {
        "RouteTableId": table_id,
        "VpcId": VPC,
        "Routes": draw(st.permutations(routes)),
        "Associations": associations,
    }


@cache
@st.composite
def interfaces(draw: st.DrawFn, number: int, subnet_number: int) -> Json:
    private = [{"PrivateIpAddress": f"10.0.{subnet_number}.{10 * number}", "Primary": True}]
    if draw(QUARTER) == 0:
        private.insert(0, {"PrivateIpAddress": f"10.0.{subnet_number}.{10 * number + 1}", "Primary": False})
    if draw(OFTEN):
        private[-1]["Association"] = {"PublicIp": f"52.0.0.{number}"}
    chosen = draw(SOME_GROUPS)
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "VpcId": VPC,
        "SubnetId": SUBNETS[subnet_number - 1],
        "PrivateIpAddress": f"10.0.{subnet_number}.{10 * number}",
        "PrivateIpAddresses": private,
        "Ipv6Addresses": [{"Ipv6Address": f"2001:db8::{subnet_number}:{number}"}] if draw(EITHER) else [],
        "Groups": [{"GroupId": group_id} for group_id in chosen or draw(HARDLY_ANY_GROUPS)],
    }


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Json]:
    """What `describe-*` returns for a VPC with three subnets, by command."""
    by_acl: dict[str, list[str]] = {"acl-1": [], "acl-2": []}
    by_table: dict[str, list[Json]] = {
        "rtb-1": [{"Main": True, "RouteTableAssociationId": "rtbassoc-main"}],
        "rtb-2": [],
    }
    for subnet in SUBNETS:
        by_acl[draw(WHICH_ACL)].append(subnet)
        table = draw(WHICH_TABLE)
        if table:
            association = {"Main": False, "RouteTableAssociationId": f"rtbassoc-{subnet}", "SubnetId": subnet}
            by_table[table].append(association)
    places = [draw(PLACES[1]) for _ in range(draw(PLACES[0]))]
    attached = [{"VpcId": VPC, "State": "available"}] if draw(OFTEN) else []
    subnets = [
        {"SubnetId": subnet, "VpcId": VPC, "CidrBlock": f"10.0.{number}.0/24", "AvailabilityZone": "eu-central-1a"}
        for number, subnet in enumerate(SUBNETS, 1)
    ]
    return {
        "describe-subnets": {"Subnets": subnets},
        "describe-route-tables": {"RouteTables": [draw(tables(table, own)) for table, own in by_table.items()]},
        "describe-network-acls": {"NetworkAcls": [draw(acls(acl, own)) for acl, own in by_acl.items()]},
        "describe-security-groups": {"SecurityGroups": [draw(groups(group)) for group in GROUPS]},
        "describe-network-interfaces": {
            "NetworkInterfaces": [draw(interfaces(number, place)) for number, place in enumerate(places, 1)]
        },
        "describe-internet-gateways": {
            "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": attached}]
            + ([{"InternetGatewayId": "igw-2", "Attachments": []}] if draw(EITHER) else [])
        },
        "describe-vpcs": {"Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]},
        "describe-nat-gateways": {
            "NatGateways": [{"NatGatewayId": "nat-1", "VpcId": VPC, "SubnetId": draw(st.sampled_from(SUBNETS))}]
        },
    }


def conversation(choose: Callable[[Sequence[Any]], Any], of: Mapping[str, Any]) -> tuple[str, str, str, int, int, int]:
    """An interface and a packet at it: interface, src, dst, protocol, source port, destination port."""
    enis = of["describe-network-interfaces"]["NetworkInterfaces"]
    here = choose(enis)
    mine = choose(addresses(here))
    theirs = [a for eni in enis if eni is not here for a in addresses(eni)]
    choice = (*OUTSIDE, *UNSEEN, *theirs, *theirs, *theirs)
    far = choose([a for a in choice if (":" in a) == (":" in mine)])
    src, dst = choose(((far, mine), (mine, far)))
    protocol = choose((6, 6, 6, 17, 58 if ":" in mine else 1, 47))
    src_port, dst_port = (choose(PORTS), choose(PORTS)) if protocol in (6, 17) else (0, 0)
    return here["NetworkInterfaceId"], src, dst, protocol, src_port, dst_port


def addresses(eni: Json) -> list[str]:
    return [a["PrivateIpAddress"] for a in eni["PrivateIpAddresses"]] + [a["Ipv6Address"] for a in eni["Ipv6Addresses"]]
