"""Proves the oracle's packet walk, one AWS rule at a time, on hand-made describe-* answers."""

import copy
from typing import Any

import pytest

from simulation.walk import Walk, walk
from tests.unit.handmade import CLIENT, DB, WEB, answers, anywhere, eni, entries, entry, ports, public_routes

COMPLETES = Walk("ACCEPT", "ACCEPT", "completes")
REJECTED = Walk("REJECT", "NONE", "rejected")


@pytest.fixture
def net() -> dict[str, Any]:
    return answers()


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


def test_a_missing_default_route_loses_the_reply_and_logs_accept(net: dict[str, Any]) -> None:
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
    ssh = ports("0.0.0.0/0", 22, 22)
    entries(net).append(entry(110, False, "deny", "6", **ssh))
    assert request(net, 22) == COMPLETES
    entries(net).append(entry(90, False, "deny", "6", **ssh))
    assert request(net, 22) == REJECTED
    assert request(net, 80) == COMPLETES


def test_acls_are_stateless_and_groups_are_not(net: dict[str, Any]) -> None:
    net["describe-security-groups"]["SecurityGroups"][0]["IpPermissionsEgress"] = []
    assert request(net) == COMPLETES
    high_ports = ports("0.0.0.0/0", 32768, 65535)
    entries(net).append(entry(50, True, "deny", "6", **high_ports))
    assert request(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert call_out(net) == REJECTED


def test_an_outgoing_request_whose_answer_the_acl_denies(net: dict[str, Any]) -> None:
    entries(net).append(entry(50, False, "deny", "6", **ports("203.0.113.0/24", 1024, 65535)))
    assert call_out(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert call_out(net, "192.0.2.1") == COMPLETES


def test_no_matching_rule_is_a_deny(net: dict[str, Any]) -> None:
    entries(net).clear()
    assert request(net) == REJECTED


def test_icmp_rules_match_their_type_or_every_type(net: dict[str, Any]) -> None:
    groups = net["describe-security-groups"]["SecurityGroups"][0]["IpPermissions"]
    groups.append(anywhere("icmp", 3, -1))
    assert request(net, 0, protocol=1) == REJECTED
    groups.append(anywhere("icmp", -1, -1))
    assert request(net, 0, protocol=1) == COMPLETES
    entries(net).append(entry(79, False, "deny", "1", CidrBlock="0.0.0.0/0", IcmpTypeCode={"Type": 3, "Code": -1}))
    assert request(net, 0, protocol=1) == COMPLETES
    entries(net).append(entry(80, False, "deny", "1", CidrBlock="0.0.0.0/0", IcmpTypeCode={"Type": 8, "Code": -1}))
    assert request(net, 0, protocol=1) == REJECTED
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


def test_the_acl_of_the_peer_applies_to_the_way_back(net: dict[str, Any]) -> None:
    high_ports = ports("10.0.1.0/24", 32768, 65535)
    entries(net, 1).append(entry(50, True, "deny", "6", **high_ports))
    assert ask_db(net) == Walk("ACCEPT", "NONE", "rejected")
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "REJECT", "rejected")
    entries(net, 1).pop()
    entries(net).append(entry(50, False, "deny", "6", **ports("10.0.2.0/24", 32768, 65535)))
    assert ask_db(net) == Walk("ACCEPT", "REJECT", "rejected")
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "ACCEPT", "rejected")


def test_a_request_that_the_peer_cannot_send(net: dict[str, Any]) -> None:
    entries(net).append(entry(50, True, "deny", "6", **ports("10.0.2.0/24", 5432, 5432)))
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "NONE", "rejected")
    entries(net).pop()
    public_routes(net)[0]["State"] = "blackhole"
    assert ask_db(net, "eni-db") == Walk("ACCEPT", "NONE", "lost")
    assert ask_db(net) == Walk("ACCEPT", "NONE", "lost")


def test_an_unused_address_of_the_vpc_loses_the_packet(net: dict[str, Any]) -> None:
    assert call_out(net, "10.0.2.99") == Walk("ACCEPT", "NONE", "lost")


def test_within_a_subnet_neither_acl_nor_route_applies(net: dict[str, Any]) -> None:
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
