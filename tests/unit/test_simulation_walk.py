"""Proves the oracle's packet walk, one rule of AWS at a time, on hand-made describe-* answers."""

import copy
from typing import Any

import pytest

from simulation.walk import Walk, walk

WEB, DB, CLIENT = "10.0.1.10", "10.0.2.20", "203.0.113.7"
COMPLETES = Walk("ACCEPT", "ACCEPT", "completes")
REJECTED = Walk("REJECT", "NONE", "rejected")


def entry(number: int, egress: bool, action: str = "allow", protocol: str = "-1", **more: Any) -> dict[str, Any]:
    return {"RuleNumber": number, "Egress": egress, "RuleAction": action, "Protocol": protocol} | (
        more or {"CidrBlock": "0.0.0.0/0"}
    )


def acl(acl_id: str, subnet: str) -> dict[str, Any]:
    return {
        "NetworkAclId": acl_id,
        "Associations": [{"SubnetId": subnet}],
        "Entries": [entry(100, False), entry(100, True)],
    }


def anywhere(protocol: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
    ports = {} if first is None else {"FromPort": first, "ToPort": last}
    return {"IpProtocol": protocol, "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": [], **ports}


def group(group_id: str, *ingress: dict[str, Any]) -> dict[str, Any]:
    return {"GroupId": group_id, "IpPermissions": list(ingress), "IpPermissionsEgress": [anywhere("-1")]}


def eni(eni_id: str, subnet: str, address: str, group_id: str, public: str = "") -> dict[str, Any]:
    association = {"Association": {"PublicIp": public}} if public else {}
    return {
        "NetworkInterfaceId": eni_id,
        "VpcId": "vpc-1",
        "SubnetId": subnet,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Groups": [{"GroupId": group_id}],
        **association,
    }


@pytest.fixture
def net() -> dict[str, Any]:
    """A public subnet with a web server, a private one (main route table) with a database."""
    return {
        "describe-network-interfaces": {
            "NetworkInterfaces": [
                eni("eni-web", "subnet-pub", WEB, "sg-web", public="198.51.100.10"),
                eni("eni-db", "subnet-prv", DB, "sg-db"),
            ]
        },
        "describe-network-acls": {"NetworkAcls": [acl("acl-pub", "subnet-pub"), acl("acl-prv", "subnet-prv")]},
        "describe-security-groups": {
            "SecurityGroups": [
                group("sg-web", anywhere("tcp", 22, 22), anywhere("tcp", 80, 80)),
                group(
                    "sg-db",
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 5432,
                        "ToPort": 5432,
                        "UserIdGroupPairs": [{"GroupId": "sg-web"}],
                    },
                ),
            ]
        },
        "describe-route-tables": {
            "RouteTables": [
                {
                    "RouteTableId": "rtb-main",
                    "VpcId": "vpc-1",
                    "Associations": [{"Main": True}],
                    "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}],
                },
                {
                    "RouteTableId": "rtb-pub",
                    "VpcId": "vpc-1",
                    "Associations": [{"Main": False, "SubnetId": "subnet-pub"}],
                    "Routes": [
                        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                        {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
                    ],
                },
            ]
        },
        "describe-internet-gateways": {
            "InternetGateways": [
                {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}
            ]
        },
    }


def entries(net: dict[str, Any], acl_no: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = net["describe-network-acls"]["NetworkAcls"][acl_no]["Entries"]
    return found


def public_routes(net: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = net["describe-route-tables"]["RouteTables"][1]["Routes"]
    return found


def request(net: dict[str, Any], port: int = 80, protocol: int = 6) -> Walk:
    return walk(net, "eni-web", CLIENT, WEB, protocol, 40000, port)


def call_out(net: dict[str, Any], to: str = CLIENT) -> Walk:
    return walk(net, "eni-web", WEB, to, 6, 50000, 443)


def ask_db(net: dict[str, Any], at: str = "eni-web", port: int = 5432) -> Walk:
    return walk(net, at, WEB, DB, 6, 50000, port)


def test_open_ports_complete_and_others_are_rejected(net: dict[str, Any]) -> None:
    assert [request(net, port) for port in (22, 80)] == [COMPLETES, COMPLETES]
    assert request(net, 3389) == REJECTED
    assert request(net, 80, protocol=17) == REJECTED
    assert call_out(net) == COMPLETES


def test_a_missing_default_route_loses_the_reply_and_says_accept(net: dict[str, Any]) -> None:
    del public_routes(net)[1]
    assert request(net) == Walk("ACCEPT", "LOST", "lost")
    assert request(net, 3389) == REJECTED
    assert call_out(net) == Walk("ACCEPT", "NONE", "lost")
    assert ask_db(net) == COMPLETES


def test_a_blackhole_wins_by_its_prefix(net: dict[str, Any]) -> None:
    public_routes(net).append({"DestinationCidrBlock": "203.0.113.0/24", "NatGatewayId": "nat-1", "State": "blackhole"})
    assert request(net) == Walk("ACCEPT", "LOST", "lost")
    assert call_out(net, "192.0.2.1") == COMPLETES


def test_an_internet_gateway_needs_attachment_and_a_public_address(net: dict[str, Any]) -> None:
    without = copy.deepcopy(net)
    net["describe-internet-gateways"]["InternetGateways"][0]["Attachments"] = []
    assert request(net).outcome == "lost"
    del without["describe-network-interfaces"]["NetworkInterfaces"][0]["Association"]
    assert call_out(without).outcome == "lost"
    public_routes(without)[1] = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
    assert call_out(without) == COMPLETES


def test_ipv6_needs_no_public_address(net: dict[str, Any]) -> None:
    web = net["describe-network-interfaces"]["NetworkInterfaces"][0]
    web["Ipv6Addresses"] = [{"Ipv6Address": "2001:db8:1::10"}]
    del web["Association"]
    packet = ("2001:db8:ffff::1", "2001:db8:1::10", 6, 40000, 80)
    assert walk(net, "eni-web", *packet) == REJECTED
    entries(net).extend(entry(101, egress, Ipv6CidrBlock="::/0") for egress in (False, True))
    net["describe-security-groups"]["SecurityGroups"][0]["IpPermissions"][1]["Ipv6Ranges"] = [{"CidrIpv6": "::/0"}]
    assert walk(net, "eni-web", *packet) == Walk("ACCEPT", "LOST", "lost")
    public_routes(net).append({"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"})
    assert walk(net, "eni-web", *packet) == COMPLETES


def test_the_lowest_matching_acl_rule_decides(net: dict[str, Any]) -> None:
    ssh = {"CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}}
    entries(net).append(entry(110, False, "deny", "6", **ssh))
    assert request(net, 22) == COMPLETES
    entries(net).append(entry(90, False, "deny", "6", **ssh))
    assert request(net, 22) == REJECTED
    assert request(net, 80) == COMPLETES


def test_acls_are_stateless_and_groups_are_not(net: dict[str, Any]) -> None:
    net["describe-security-groups"]["SecurityGroups"][0]["IpPermissionsEgress"] = []
    assert request(net) == COMPLETES
    high_ports = {"CidrBlock": "0.0.0.0/0", "PortRange": {"From": 32768, "To": 65535}}
    entries(net).append(entry(50, True, "deny", "6", **high_ports))
    assert request(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert call_out(net) == REJECTED


def test_an_outgoing_request_whose_answer_the_acl_denies(net: dict[str, Any]) -> None:
    entries(net).append(
        entry(50, False, "deny", "6", CidrBlock="203.0.113.0/24", PortRange={"From": 1024, "To": 65535})
    )
    assert call_out(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert call_out(net, "192.0.2.1") == COMPLETES


def test_no_rule_that_matches_is_a_deny(net: dict[str, Any]) -> None:
    entries(net).clear()
    assert request(net) == REJECTED


def test_icmp_rules_match_only_when_they_are_for_every_type(net: dict[str, Any]) -> None:
    groups = net["describe-security-groups"]["SecurityGroups"][0]["IpPermissions"]
    groups.append(anywhere("icmp", 8, -1))
    assert request(net, 0, protocol=1) == REJECTED
    groups.append(anywhere("icmp", -1, -1))
    assert request(net, 0, protocol=1) == COMPLETES
    entries(net).append(entry(80, False, "deny", "1", CidrBlock="0.0.0.0/0", IcmpTypeCode={"Type": 8, "Code": -1}))
    assert request(net, 0, protocol=1) == COMPLETES
    entries(net).append(entry(81, False, "deny", "1", CidrBlock="0.0.0.0/0", IcmpTypeCode={"Type": -1, "Code": -1}))
    assert request(net, 0, protocol=1) == REJECTED


def test_other_protocols_ignore_ports(net: dict[str, Any]) -> None:
    net["describe-security-groups"]["SecurityGroups"][0]["IpPermissions"].append(anywhere("47", 5, 6))
    assert request(net, 0, protocol=47) == COMPLETES


def test_between_subnets_both_ends_see_it(net: dict[str, Any]) -> None:
    assert ask_db(net) == COMPLETES
    assert ask_db(net, "eni-db") == COMPLETES
    assert ask_db(net, port=5433) == Walk("ACCEPT", "NONE", "rejected")
    assert ask_db(net, "eni-db", port=5433) == REJECTED


def test_the_peers_acl_counts_for_the_way_back(net: dict[str, Any]) -> None:
    high_ports = {"CidrBlock": "10.0.1.0/24", "PortRange": {"From": 32768, "To": 65535}}
    entries(net, 1).append(entry(50, True, "deny", "6", **high_ports))
    assert ask_db(net) == Walk("ACCEPT", "NONE", "rejected")
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "REJECT", "rejected")
    entries(net, 1).pop()
    entries(net).append(entry(50, False, "deny", "6", CidrBlock="10.0.2.0/24", PortRange={"From": 32768, "To": 65535}))
    assert ask_db(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "ACCEPT", "rejected")


def test_a_request_that_the_peer_cannot_send(net: dict[str, Any]) -> None:
    entries(net).append(entry(50, True, "deny", "6", CidrBlock="10.0.2.0/24", PortRange={"From": 5432, "To": 5432}))
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "NONE", "rejected")
    entries(net).pop()
    public_routes(net)[0]["State"] = "blackhole"
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "NONE", "lost")
    assert ask_db(net) == Walk("ACCEPT", "NONE", "lost")


def test_an_unused_address_of_the_vpc_loses_the_packet(net: dict[str, Any]) -> None:
    assert call_out(net, "10.0.2.99") == Walk("ACCEPT", "NONE", "lost")


def test_within_a_subnet_neither_acl_nor_route_counts(net: dict[str, Any]) -> None:
    net["describe-network-interfaces"]["NetworkInterfaces"].append(eni("eni-b", "subnet-pub", "10.0.1.11", "sg-web"))
    entries(net).clear()
    public_routes(net).clear()
    assert walk(net, "eni-web", "10.0.1.11", WEB, 6, 40000, 80) == COMPLETES
    assert walk(net, "eni-b", "10.0.1.11", WEB, 6, 40000, 80) == COMPLETES
    assert walk(net, "eni-web", "10.0.1.11", WEB, 6, 40000, 81) == REJECTED
    assert walk(net, "eni-b", "10.0.1.11", WEB, 6, 40000, 81) == Walk("ACCEPT", "NONE", "rejected")


def test_a_group_as_peer_means_private_addresses_of_its_members(net: dict[str, Any]) -> None:
    net["describe-network-interfaces"]["NetworkInterfaces"][0]["Groups"] = [{"GroupId": "sg-other"}]
    assert ask_db(net, "eni-db") == Walk("REJECT", "NONE", "rejected")
    assert request(net) == REJECTED


def test_answers_without_the_interface_are_an_error(net: dict[str, Any]) -> None:
    with pytest.raises(LookupError, match="eni-none"):
        walk(net, "eni-none", CLIENT, WEB, 6, 40000, 80)
