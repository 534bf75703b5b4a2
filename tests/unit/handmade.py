"""A VPC as hand-made describe-* answers, and a story about it, for the simulation's tests."""

import copy
from datetime import datetime
from typing import Any

from simulation.network import Endpoint, Network, Phase
from simulation.story import BEGIN, FIXED, Story, clock

WEB, DB, CLIENT = "10.0.1.10", "10.0.2.20", "203.0.113.7"

NETWORK = Network(
    vpc_id="vpc-1",
    web=Endpoint("web-1", "eni-web", "i-web", WEB, "vpc-1", "subnet-pub", "use1-az1"),
    db=Endpoint("db-1", "eni-db", "i-db", DB, "vpc-1", "subnet-prv", "use1-az2"),
    internet_gateway_id="igw-1",
    public_route_table_id="rtb-pub",
    public_acl_id="acl-pub",
    private_acl_id="acl-prv",
)


def entry(number: int, egress: bool, action: str = "allow", protocol: str = "-1", **more: Any) -> dict[str, Any]:
    """A network ACL entry, for all IPv4 addresses unless `more` says otherwise."""
    rule = {"RuleNumber": number, "Egress": egress, "RuleAction": action, "Protocol": protocol}
    return rule | (more or {"CidrBlock": "0.0.0.0/0"})


def ports(cidr: str, first: int, last: int) -> dict[str, Any]:
    return {"CidrBlock": cidr, "PortRange": {"From": first, "To": last}}


def anywhere(protocol: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
    """A permission in a security group."""
    span = {} if first is None else {"FromPort": first, "ToPort": last}
    return {"IpProtocol": protocol, "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": [], **span}


def eni(eni_id: str, subnet: str, address: str, group_id: str, public: str = "") -> dict[str, Any]:
    return {
        "NetworkInterfaceId": eni_id,
        "VpcId": "vpc-1",
        "SubnetId": subnet,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Groups": [{"GroupId": group_id}],
        **({"Association": {"PublicIp": public}} if public else {}),
    }


def _acl(acl_id: str, subnet: str) -> dict[str, Any]:
    entries = [entry(100, False), entry(100, True)]
    return {"NetworkAclId": acl_id, "Associations": [{"SubnetId": subnet}], "Entries": entries}


def _group(group_id: str, *ingress: dict[str, Any]) -> dict[str, Any]:
    return {"GroupId": group_id, "IpPermissions": list(ingress), "IpPermissionsEgress": [anywhere("-1")]}


def _route(cidr: str, gateway: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": cidr, "GatewayId": gateway, "State": "active"}


def answers() -> dict[str, Any]:
    """A public subnet with a web server, and a private one (main route table) with a database."""
    from_web = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": "sg-web"}]}
    interfaces = [
        eni("eni-web", "subnet-pub", WEB, "sg-web", "198.51.100.10"),
        eni("eni-db", "subnet-prv", DB, "sg-db"),
    ]
    main = {"RouteTableId": "rtb-main", "VpcId": "vpc-1", "Associations": [{"Main": True}]}
    public = {"RouteTableId": "rtb-pub", "VpcId": "vpc-1", "Associations": [{"Main": False, "SubnetId": "subnet-pub"}]}
    local, default = _route("10.0.0.0/16", "local"), _route("0.0.0.0/0", "igw-1")
    gateway = {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}
    return {
        "describe-network-interfaces": {"NetworkInterfaces": interfaces},
        "describe-network-acls": {"NetworkAcls": [_acl("acl-pub", "subnet-pub"), _acl("acl-prv", "subnet-prv")]},
        "describe-security-groups": {
            "SecurityGroups": [
                _group("sg-web", anywhere("tcp", 22, 22), anywhere("tcp", 80, 80)),
                _group("sg-db", from_web),
            ]
        },
        "describe-route-tables": {
            "RouteTables": [main | {"Routes": [dict(local)]}, public | {"Routes": [dict(local), default]}]
        },
        "describe-internet-gateways": {"InternetGateways": [gateway]},
    }


def entries(net: dict[str, Any], acl_no: int = 0) -> list[dict[str, Any]]:
    """Entries of the ACL of the public (0) or the private (1) subnet."""
    found: list[dict[str, Any]] = net["describe-network-acls"]["NetworkAcls"][acl_no]["Entries"]
    return found


def public_routes(net: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = net["describe-route-tables"]["RouteTables"][1]["Routes"]
    return found


def without_route(net: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(net)
    del public_routes(changed)[1]
    return changed


def with_deny(net: dict[str, Any], port: int = 22) -> dict[str, Any]:
    changed = copy.deepcopy(net)
    entries(changed).append(entry(90, False, "deny", "6", **ports("0.0.0.0/0", port, port)))
    return changed


def story(*, fixed: bool = False) -> Story:
    """The route is deleted at 14:32, the rule added at 15:05; with `fixed` both are undone at 15:50."""
    good = answers()
    states: list[tuple[datetime, dict[str, Any]]] = [
        (BEGIN, good),
        (clock("14:32"), without_route(good)),
        (clock("15:05"), with_deny(without_route(good))),
    ]
    if fixed:
        states.append((FIXED, good))
    return Story(NETWORK, tuple(Phase(at, net) for at, net in states), (), (), frozenset())
