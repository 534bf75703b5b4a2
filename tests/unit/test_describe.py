"""Proves how `describe-*` answers are read: one normal form, what a missing answer means, and a clear message for an
incomplete one; from objects and from a folder of files."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.aws.ec2 import OPERATIONS
from connectors.aws.saved_answers import read_answers
from network.aws.describe import ANSWERS, REQUIRED, resources_from_describe
from schemas.configuration import (
    AclEntry,
    Configuration,
    NetworkInterface,
    Route,
    SecurityGroupRule,
    Subnet,
    Vpc,
    configuration,
)
from schemas.errors import FlowtrailError
from tests.unit.vpc import web_answers


def read(answers: dict[str, Any]) -> Configuration:
    return configuration(resources_from_describe(answers))


def test_everything_in_the_answers() -> None:
    config = read(web_answers())
    assert config.vpcs == {"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))}
    assert config.subnets == {"subnet-1": Subnet("subnet-1", "vpc-1", ("10.0.1.0/24",), "eu-central-1a", "public")}
    assert config.route_tables["rtb-1"].routes == (
        Route("0.0.0.0/0", "igw-1"),
        Route("10.0.0.0/16", "local", "active", "CreateRouteTable"),
    )
    assert config.network_acls["acl-1"].entries == tuple(
        AclEntry(100, egress, "allow", -1, "0.0.0.0/0") for egress in (False, True)
    )
    assert config.security_groups["sg-1"].rules == (
        SecurityGroupRule(False, 6, "0.0.0.0/0", 22, 22, "sgr-22"),
        SecurityGroupRule(False, 6, "0.0.0.0/0", 80, 80),
        SecurityGroupRule(True, -1, "0.0.0.0/0"),
    )
    assert config.interfaces["eni-1"] == NetworkInterface(
        "eni-1",
        "vpc-1",
        "subnet-1",
        ("10.0.1.10", "10.0.1.11"),
        ("198.51.100.1",),
        ("sg-1",),
        "i-1",
        "web-1",
    )
    assert config.internet_gateways["igw-1"].vpc_ids == ("vpc-1",)
    assert config.nat_gateways == {}


def test_the_connector_asks_for_every_answer() -> None:
    asked = tuple(name.replace("_", "-") for name in OPERATIONS)
    assert (*asked, "describe-prefix-lists") == ANSWERS


def test_ipv6_prefix_lists_icmp_and_numbers_for_protocols() -> None:
    answers = web_answers()
    answers["describe-vpcs"]["Vpcs"][0] |= {
        "CidrBlockAssociationSet": [
            {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
            {"CidrBlock": "10.9.0.0/16", "CidrBlockState": {"State": "disassociated"}},
        ],
        "Ipv6CidrBlockAssociationSet": [
            {"Ipv6CidrBlock": "2001:DB8:0::/56", "Ipv6CidrBlockState": {"State": "associated"}}
        ],
    }
    table = answers["describe-route-tables"]["RouteTables"][0]
    table["Routes"] += [
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "blackhole"},
        {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"},
    ]
    acl = answers["describe-network-acls"]["NetworkAcls"][0]
    acl["Entries"] = [
        {"RuleNumber": 20, "Protocol": "1", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.9.9.9/8"}
        | {"IcmpTypeCode": {"Type": 8, "Code": -1}},
        {"RuleNumber": 30, "Protocol": "58", "RuleAction": "allow", "Egress": False, "Ipv6CidrBlock": "::/0"}
        | {"IcmpTypeCode": {"Type": -1, "Code": -1}},
    ]
    group = answers["describe-security-groups"]["SecurityGroups"][0]
    group["IpPermissions"] = [
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "17", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": "sg-9"}]},
        {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]},
    ]
    group["IpPermissionsEgress"] = []
    config = read(answers)
    assert config.vpcs["vpc-1"].cidrs == ("10.0.0.0/16", "2001:db8::/56")
    assert Route("::/0", "eigw-1", "blackhole") in config.route_tables["rtb-1"].routes
    assert Route("pl-1", "vpce-1") in config.route_tables["rtb-1"].routes
    assert config.network_acls["acl-1"].entries == (
        AclEntry(20, False, "allow", 1, "10.0.0.0/8", icmp_type=8),
        AclEntry(30, False, "allow", 58, "::/0"),
    )
    assert config.security_groups["sg-1"].rules == (
        SecurityGroupRule(False, -1, "pl-1"),
        SecurityGroupRule(False, 1, "10.0.0.0/8"),
        SecurityGroupRule(False, 17, "sg-9", 53, 53),
        SecurityGroupRule(False, 58, "::/0", 128),
    )


def test_required_answers_are_enough() -> None:
    answers = {name: answer for name, answer in web_answers().items() if name in REQUIRED}
    config = read(answers)
    assert config.vpcs == {"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))}
    assert config.internet_gateways["igw-1"].vpc_ids == ("vpc-1",)
    assert config.interfaces["eni-1"].name == ""
    table = answers["describe-route-tables"]["RouteTables"][0]
    table["Routes"][1]["State"] = "blackhole"
    assert read(answers).internet_gateways["igw-1"].vpc_ids == ()


def test_a_gateway_that_only_a_route_names_is_attached_to_nothing() -> None:
    answers = web_answers()
    answers["describe-internet-gateways"]["InternetGateways"] = []
    assert read(answers).internet_gateways["igw-1"].vpc_ids == ()


@pytest.mark.parametrize("command", REQUIRED)
def test_a_required_answer_is_missing(command: str) -> None:
    answers = web_answers()
    del answers[command]
    with pytest.raises(FlowtrailError, match=f"`aws ec2 {command}` is missing") as caught:
        resources_from_describe(answers)
    assert caught.value.remedy == f"aws ec2 {command} --output json > {command}.json"


@pytest.mark.parametrize(
    ("command", "answer", "says"),
    [
        ("describe-subnets", {}, "it has no list Subnets"),
        ("describe-subnets", {"Subnets": {}}, "it has no list Subnets"),
        ("describe-subnets", [], "it has no list Subnets"),
        ("describe-subnets", {"Subnets": ["subnet-1"]}, r"describe-subnets: Subnets\[0\] has no SubnetId"),
        ("describe-route-tables", {"RouteTables": [{"RouteTableId": "rtb-1"}]}, r"RouteTables\[0\] has no VpcId"),
        ("describe-vpcs", {"Subnets": []}, "it has no list Vpcs"),
        (
            "describe-network-acls",
            {"NetworkAcls": [{"NetworkAclId": "a", "VpcId": "v", "Entries": [{"RuleNumber": 1, "Protocol": "x"}]}]},
            r"NetworkAcls\[0\]: .*'x'",
        ),
    ],
)
def test_an_incomplete_answer(command: str, answer: Any, says: str) -> None:
    with pytest.raises(FlowtrailError, match=says) as caught:
        resources_from_describe(web_answers() | {command: answer})
    assert caught.value.remedy == f"Save it again: aws ec2 {command} --output json > {command}.json"


def saved(folder: Path, **replaced: str) -> str:
    for command, answer in web_answers().items():
        text = replaced.get(command.replace("-", "_"), json.dumps(answer))
        if text:
            (folder / f"{command}.json").write_text(text, "utf-8")
    return str(folder)


def test_a_folder_of_saved_answers(tmp_path: Path) -> None:
    assert read_answers(saved(tmp_path)) == web_answers()


def test_optional_files_may_be_absent(tmp_path: Path) -> None:
    found = read_answers(saved(tmp_path, describe_vpcs="", describe_nat_gateways=""))
    assert set(web_answers()) - set(found) == {"describe-vpcs", "describe-nat-gateways"}


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FlowtrailError, match=r"The folder .*none does not exist") as caught:
        read_answers(str(tmp_path / "none"))
    assert "aws ec2 describe-subnets --output json" in caught.value.remedy


def test_a_required_file_is_missing(tmp_path: Path) -> None:
    folder = saved(tmp_path, describe_route_tables="", describe_network_acls="")
    with pytest.raises(FlowtrailError, match=r"describe-route-tables.json is missing") as caught:
        read_answers(folder)
    assert "aws ec2 describe-route-tables --output json > describe-route-tables.json" in caught.value.remedy
    assert "aws ec2 describe-network-acls --output json > describe-network-acls.json" in caught.value.remedy


@pytest.mark.parametrize("text", ["SUBNETS\teu-central-1a\t251", "[]", '"x"', "{", "[" * 100_000])
def test_a_file_that_is_not_the_json_of_the_command(tmp_path: Path, text: str) -> None:
    with pytest.raises(FlowtrailError, match=r"describe-subnets.json is not the JSON") as caught:
        read_answers(saved(tmp_path, describe_subnets=text))
    assert "--output text" in caught.value.remedy
    assert "aws ec2 describe-subnets --output json" in caught.value.remedy
