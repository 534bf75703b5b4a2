"""Fifty questions about five networks, each with the answer that AWS's rules give, written down beforehand: the
verdict, and for what is stopped the component that stops it. The networks have the form of saved `describe-*` answers.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from network.aws.describe import resources_from_describe
from network.verdict.reach import Question, Where, reach
from schemas.configuration import configuration
from schemas.protocols import protocol_number

Json = dict[str, Any]
Answers = dict[str, Json]


NAT = """
vpc vpc-1 10.0.0.0/16
subnet subnet-pub vpc-1 10.0.1.0/24
subnet subnet-app vpc-1 10.0.2.0/24
subnet subnet-db vpc-1 10.0.3.0/24
table rtb-pub vpc-1 subnet-pub : 10.0.0.0/16 local, 0.0.0.0/0 igw-1
table rtb-app vpc-1 subnet-app : 10.0.0.0/16 local, 0.0.0.0/0 nat-1
table rtb-db vpc-1 subnet-db : 10.0.0.0/16 local
acl acl-open vpc-1 subnet-pub subnet-app : in 100 allow all 0-65535 0.0.0.0/0, out 100 allow all 0-65535 0.0.0.0/0
acl acl-db vpc-1 subnet-db : in 100 allow tcp 5432-5432 10.0.2.0/24, out 100 allow tcp 1024-65535 10.0.2.0/24
group sg-web vpc-1 : in tcp 443 0.0.0.0/0, out all 0 0.0.0.0/0
group sg-app vpc-1 : in tcp 8080 sg-web, out all 0 0.0.0.0/0
group sg-db vpc-1 : in tcp 5432 sg-app, out all 0 0.0.0.0/0
eni eni-web subnet-pub 10.0.1.10 sg-web 198.51.100.10
eni eni-app subnet-app 10.0.2.10 sg-app
eni eni-db subnet-db 10.0.3.10 sg-db
igw igw-1 vpc-1
nat nat-1 subnet-pub 10.0.1.5
"""

PEERING = """
vpc vpc-a 10.1.0.0/16
vpc vpc-b 10.2.0.0/16
subnet subnet-a vpc-a 10.1.1.0/24
subnet subnet-b vpc-b 10.2.1.0/24
subnet subnet-c vpc-b 10.2.2.0/24
table rtb-a vpc-a subnet-a : 10.1.0.0/16 local, 10.2.0.0/16 pcx-1
table rtb-b vpc-b subnet-b : 10.2.0.0/16 local, 10.1.0.0/16 pcx-1
table rtb-c vpc-b subnet-c : 10.2.0.0/16 local
acl acl-a vpc-a subnet-a : in 100 allow all 0-65535 0.0.0.0/0, out 100 allow all 0-65535 0.0.0.0/0
acl acl-b vpc-b subnet-b subnet-c : in 90 deny tcp 23-23 0.0.0.0/0, in 100 allow all 0-65535 0.0.0.0/0,\
 out 100 allow all 0-65535 0.0.0.0/0
group sg-a vpc-a : in tcp 22 10.2.0.0/16, out all 0 0.0.0.0/0
group sg-b vpc-b : in tcp 443 10.1.1.0/24, in tcp 23 10.0.0.0/8, out tcp 22 10.1.0.0/16
group sg-c vpc-b : in all 0 10.0.0.0/8, out all 0 0.0.0.0/0
eni eni-a subnet-a 10.1.1.10 sg-a
eni eni-b subnet-b 10.2.1.10 sg-b
eni eni-c subnet-c 10.2.2.10 sg-c
"""

TRANSIT = """
vpc vpc-1 10.0.0.0/16
subnet subnet-app vpc-1 10.0.1.0/24
subnet subnet-old vpc-1 10.0.2.0/24
table rtb-app vpc-1 subnet-app : 10.0.0.0/16 local, 192.168.0.0/16 tgw-1
table rtb-old vpc-1 subnet-old : 10.0.0.0/16 local, 192.168.0.0/16 tgw-2 blackhole
acl acl-app vpc-1 subnet-app : in 100 allow tcp 443-443 192.168.0.0/16, in 110 allow tcp 1024-65535 0.0.0.0/0,\
 out 100 allow tcp 1024-65535 192.168.0.0/16, out 110 allow tcp 443-443 0.0.0.0/0,\
 out 120 allow tcp 5432-5432 10.0.0.0/16
acl acl-old vpc-1 subnet-old : in 100 allow all 0-65535 0.0.0.0/0, out 100 allow all 0-65535 0.0.0.0/0
group sg-app vpc-1 : in tcp 443 192.168.10.0/24, out all 0 0.0.0.0/0
group sg-old vpc-1 : in all 0 0.0.0.0/0, out all 0 0.0.0.0/0
eni eni-app subnet-app 10.0.1.10 sg-app
eni eni-old subnet-old 10.0.2.10 sg-old
"""

ENDPOINTS = """
vpc vpc-1 10.0.0.0/16
subnet subnet-app vpc-1 10.0.1.0/24
subnet subnet-end vpc-1 10.0.9.0/24
table rtb-app vpc-1 subnet-app : 10.0.0.0/16 local, pl-s3 vpce-1
table rtb-end vpc-1 subnet-end : 10.0.0.0/16 local
acl acl-open vpc-1 subnet-app subnet-end : in 100 allow all 0-65535 0.0.0.0/0, out 100 allow all 0-65535 0.0.0.0/0
group sg-app vpc-1 : in tcp 8080 10.0.0.0/16, out tcp 443 pl-s3, out tcp 443 sg-end
group sg-end vpc-1 : in tcp 443 10.0.1.0/24, out all 0 0.0.0.0/0
eni eni-app subnet-app 10.0.1.10 sg-app
eni eni-end subnet-end 10.0.9.20 sg-end
list pl-s3 52.218.0.0/17
"""

BALANCED = """
vpc vpc-1 10.0.0.0/16
subnet subnet-pub vpc-1 10.0.1.0/24
subnet subnet-web vpc-1 10.0.2.0/24
subnet subnet-dmz vpc-1 10.0.3.0/24
table rtb-pub vpc-1 subnet-pub : 10.0.0.0/16 local, 0.0.0.0/0 igw-1
table rtb-web vpc-1 subnet-web subnet-dmz : 10.0.0.0/16 local
acl acl-pub vpc-1 subnet-pub : in 90 deny tcp 443-443 203.0.113.0/24, in 100 allow all 0-65535 0.0.0.0/0,\
 out 100 allow all 0-65535 0.0.0.0/0
acl acl-web vpc-1 subnet-web : in 100 allow tcp 8443-8443 10.0.1.0/24, out 100 allow tcp 1024-32767 10.0.1.0/24
acl acl-dmz vpc-1 subnet-dmz : in 100 allow all 0-65535 0.0.0.0/0, out 90 deny tcp 1024-65535 0.0.0.0/0,\
 out 100 allow all 0-65535 0.0.0.0/0
group sg-alb vpc-1 : in tcp 443 0.0.0.0/0, out tcp 8443 sg-web, out tcp 9000 10.0.0.0/16
group sg-web vpc-1 : in tcp 8443 sg-alb, out all 0 0.0.0.0/0
group sg-dmz vpc-1 : in tcp 9000 sg-alb, in icmp 0 10.0.0.0/16, out all 0 0.0.0.0/0
eni eni-alb subnet-pub 10.0.1.20 sg-alb 198.51.100.20
eni eni-web subnet-web 10.0.2.10 sg-web
eni eni-dmz subnet-dmz 10.0.3.10 sg-dmz
igw igw-1 vpc-1
"""

QUESTIONS: dict[str, tuple[str, str]] = {
    "nat": (
        NAT,
        """
203.0.113.5 10.0.1.10 tcp 443 reachable
203.0.113.5 198.51.100.10 tcp 443 reachable
203.0.113.5 10.0.1.10 tcp 22 blocked sg-web
10.0.1.10 10.0.2.10 tcp 8080 reachable
10.0.1.10 10.0.3.10 tcp 5432 blocked acl-db
10.0.2.10 10.0.3.10 tcp 5432 reachable
10.0.2.10 10.0.3.10 tcp 3306 blocked acl-db
10.0.3.10 10.0.2.10 tcp 8080 blocked sg-app
10.0.2.10 192.0.2.80 tcp 443 reachable
10.0.3.10 192.0.2.80 tcp 443 blocked acl-db
""",
    ),
    "peering": (
        PEERING,
        """
10.1.1.10 10.2.1.10 tcp 443 reachable
10.1.1.10 10.2.1.10 tcp 80 blocked sg-b
10.1.1.10 10.2.1.10 tcp 23 blocked acl-b
10.2.1.10 10.1.1.10 tcp 22 reachable
10.2.1.10 10.1.1.10 tcp 443 blocked sg-b
10.1.1.10 10.2.2.10 tcp 443 partly rtb-c
10.2.2.10 10.1.1.10 tcp 22 blocked rtb-c
10.2.1.10 10.2.2.10 tcp 443 blocked sg-b
10.2.2.10 10.2.1.10 tcp 23 blocked acl-b
10.1.1.10 192.0.2.80 tcp 443 blocked rtb-a
""",
    ),
    "transit": (
        TRANSIT,
        """
192.168.10.5 10.0.1.10 tcp 443 reachable
192.168.20.5 10.0.1.10 tcp 443 blocked sg-app
192.168.10.5 10.0.1.10 tcp 22 blocked acl-app
10.0.1.10 192.168.10.5 tcp 443 reachable
10.0.1.10 192.168.10.5 tcp 22 blocked acl-app
192.168.10.5 10.0.2.10 tcp 443 partly rtb-old
10.0.2.10 192.168.10.5 tcp 443 blocked rtb-old
10.0.1.10 10.0.2.10 tcp 5432 reachable
10.0.2.10 10.0.1.10 tcp 443 blocked acl-app
10.0.1.10 192.0.2.80 tcp 443 blocked rtb-app
""",
    ),
    "endpoints": (
        ENDPOINTS,
        """
10.0.1.10 52.218.1.1 tcp 443 reachable
10.0.1.10 52.218.1.1 tcp 80 blocked sg-app
10.0.1.10 52.218.200.1 tcp 443 blocked sg-app
10.0.1.10 10.0.9.20 tcp 443 reachable
10.0.1.10 10.0.9.20 tcp 80 blocked sg-app
10.0.9.20 10.0.1.10 tcp 8080 reachable
10.0.9.20 10.0.1.10 tcp 443 blocked sg-app
10.0.9.20 52.218.1.1 tcp 443 blocked rtb-end
203.0.113.5 10.0.1.10 tcp 8080 blocked sg-app
203.0.113.5 10.0.9.20 tcp 443 blocked sg-end
""",
    ),
    "balanced": (
        BALANCED,
        """
192.0.2.5 198.51.100.20 tcp 443 reachable
203.0.113.5 198.51.100.20 tcp 443 blocked acl-pub
192.0.2.5 10.0.1.20 tcp 80 blocked sg-alb
10.0.1.20 10.0.2.10 tcp 8443 partly acl-web
192.0.2.5 10.0.2.10 tcp 8443 blocked acl-web
10.0.2.10 10.0.1.20 tcp 443 blocked acl-web
10.0.1.20 10.0.3.10 tcp 9000 partly acl-dmz
10.0.1.20 10.0.3.10 tcp 8443 blocked sg-alb
10.0.2.10 10.0.3.10 tcp 9000 blocked acl-web
10.0.3.10 192.0.2.5 tcp 443 blocked rtb-web
""",
    ),
}


def asked() -> Iterator[Any]:
    for name, (_, lines) in QUESTIONS.items():
        for line in lines.strip().splitlines():
            yield (
                pytest.param(name, *line.split(), id=f"{name}: {line}")
                if len(line.split()) == 6
                else pytest.param(name, *line.split(), "", id=f"{name}: {line}")
            )


@pytest.mark.parametrize(("name", "src", "dst", "protocol", "port", "verdict", "decides"), list(asked()))
def test_the_answer_is_the_one_that_was_written_down(  # noqa: PLR0917
    name: str, src: str, dst: str, protocol: str, port: str, verdict: str, decides: str
) -> None:
    known = configuration(resources_from_describe(answers(QUESTIONS[name][0])))
    question = Question(Where(src), Where(dst), protocol_number(protocol) or 0, int(port))
    found = reach(question, known)
    step = found.decisive.decides if found.decisive else None
    assert (found.reach.value, step.resource if step else "") == (verdict, decides)


def test_there_are_fifty_of_five_networks() -> None:
    assert len(QUESTIONS) == 5
    assert len(list(asked())) == 50


def answers(text: str) -> Answers:
    """The network as `describe-*` answers."""
    found: dict[str, list[Json]] = {
        kind: [] for kind in ("vpc", "subnet", "table", "acl", "group", "eni", "igw", "nat", "list")
    }
    vpc_of: dict[str, str] = {}
    for line in text.strip().splitlines():
        head, _, rest = line.partition(" : ")
        kind, name, *words = head.split()
        parts = [part.split() for part in rest.split(",") if part.strip()]
        if kind == "subnet":
            vpc_of[name] = words[0]
        found[kind].append(_MAKE[kind](name, words, parts, vpc_of))
    return {
        "describe-vpcs": {"Vpcs": found["vpc"]},
        "describe-subnets": {"Subnets": found["subnet"]},
        "describe-route-tables": {"RouteTables": found["table"]},
        "describe-network-acls": {"NetworkAcls": found["acl"]},
        "describe-security-groups": {"SecurityGroups": found["group"]},
        "describe-network-interfaces": {"NetworkInterfaces": found["eni"]},
        "describe-internet-gateways": {"InternetGateways": found["igw"]},
        "describe-nat-gateways": {"NatGateways": found["nat"]},
        "describe-prefix-lists": {"PrefixLists": found["list"]},
    }


Words, Parts = list[str], list[list[str]]


def _table(name: str, words: Words, parts: Parts, vpc_of: dict[str, str]) -> Json:
    del vpc_of
    routes = []
    for where, target, *state in parts:
        end = {"DestinationPrefixListId": where} if where.startswith("pl-") else {"DestinationCidrBlock": where}
        kind = {"nat": "NatGatewayId", "pcx": "VpcPeeringConnectionId", "tgw": "TransitGatewayId"}
        routes.append({**end, kind.get(target.split("-")[0], "GatewayId"): target, "State": (state or ["active"])[0]})
    associations = [{"RouteTableAssociationId": f"rtbassoc-{s}", "SubnetId": s, "Main": False} for s in words[1:]]
    return {"RouteTableId": name, "VpcId": words[0], "Routes": routes, "Associations": associations}


def _acl(name: str, words: Words, parts: Parts, vpc_of: dict[str, str]) -> Json:
    del vpc_of
    entries = []
    for way, number, action, protocol, ports, cidr in parts:
        first, last = map(int, ports.split("-"))
        code = {"all": "-1", "tcp": "6"}[protocol]
        span = {"PortRange": {"From": first, "To": last}} if protocol != "all" else {}
        entry = {"RuleNumber": int(number), "Egress": way == "out", "RuleAction": action, "Protocol": code}
        entries.append({**entry, "CidrBlock": cidr, **span})
    associations = [{"NetworkAclAssociationId": f"aclassoc-{s}", "SubnetId": s} for s in words[1:]]
    return {"NetworkAclId": name, "VpcId": words[0], "Entries": entries, "Associations": associations}


def _group(name: str, words: Words, parts: Parts, vpc_of: dict[str, str]) -> Json:
    del vpc_of
    rules: dict[str, list[Json]] = {"in": [], "out": []}
    for way, protocol, port, peer in parts:
        rule: Json = {"IpProtocol": {"all": "-1"}.get(protocol, protocol)}
        if protocol == "tcp":
            rule |= {"FromPort": int(port), "ToPort": int(port)}
        elif protocol == "icmp":
            rule |= {"FromPort": -1, "ToPort": -1}
        if peer.startswith("sg-"):
            rule["UserIdGroupPairs"] = [{"GroupId": peer}]
        elif peer.startswith("pl-"):
            rule["PrefixListIds"] = [{"PrefixListId": peer}]
        else:
            rule["IpRanges"] = [{"CidrIp": peer}]
        rules[way].append(rule)
    return {"GroupId": name, "VpcId": words[0], "IpPermissions": rules["in"], "IpPermissionsEgress": rules["out"]}


def _eni(name: str, words: Words, parts: Parts, vpc_of: dict[str, str]) -> Json:
    del parts
    subnet, address, group, *public = words
    made: Json = {"NetworkInterfaceId": name, "VpcId": vpc_of[subnet], "SubnetId": subnet, "PrivateIpAddress": address}
    made |= {"PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}], "Groups": [{"GroupId": group}]}
    return made | ({"Association": {"PublicIp": public[0]}} if public else {})


_MAKE: dict[str, Any] = {
    "vpc": lambda name, words, *_: {"VpcId": name, "CidrBlock": words[0]},
    "subnet": lambda name, words, *_: {"SubnetId": name, "VpcId": words[0], "CidrBlock": words[1]},
    "table": _table,
    "acl": _acl,
    "group": _group,
    "eni": _eni,
    "igw": lambda name, words, *_: {
        "InternetGatewayId": name, "Attachments": [{"VpcId": words[0], "State": "available"}],
    },
    "nat": lambda name, words, parts, vpc_of: {
        "NatGatewayId": name, "VpcId": vpc_of[words[0]], "SubnetId": words[0], "State": "available",
        "NatGatewayAddresses": [{"PrivateIp": words[1]}],
    },
    "list": lambda name, words, *_: {"PrefixListId": name, "PrefixListName": name, "Cidrs": words},
}  # fmt: skip
