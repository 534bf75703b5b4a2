"""Proves that calling an EC2 endpoint and reading what the real `aws` command line saved from it give the same
resources, and that each failure has a remedy."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from connectors.aws.ec2 import describe_all
from connectors.aws.saved_answers import read_answers
from network.aws.describe import ANSWERS, REQUIRED, resources_from_describe
from schemas.configuration import NetworkInterface, PrefixList, RouteTable, Vpc, configuration
from schemas.errors import FlowtrailError

AWS = str(Path(sys.executable).parent / "aws")


def build_vpc(endpoint: str) -> dict[str, str]:
    ec2 = boto3.client("ec2", endpoint_url=endpoint)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "UserIdGroupPairs": [{"GroupId": group}]},
        ],
    )
    listed = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=5,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "203.0.113.0/24"}, {"Cidr": "192.0.2.0/24"}],
    )["PrefixList"]["PrefixListId"]
    images = ec2.describe_images()["Images"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}]
    instance = ec2.run_instances(
        ImageId=images[0]["ImageId"],
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=[group],
        TagSpecifications=tags,  # type: ignore[arg-type]
    )["Instances"][0]["InstanceId"]
    return {
        "vpc": vpc,
        "subnet": subnet,
        "igw": gateway,
        "table": table,
        "group": group,
        "instance": instance,
        "list": listed,
    }


def test_endpoint_and_saved_answers_give_the_same_resources(s3_endpoint: str, tmp_path: Path) -> None:
    made = build_vpc(s3_endpoint)
    for command in ANSWERS:
        saved = subprocess.run([AWS, "ec2", command, "--output", "json"], capture_output=True, text=True, check=True)
        (tmp_path / f"{command}.json").write_text(saved.stdout, "utf-8")
    answers = describe_all()
    assert tuple(sorted(answers)) == tuple(sorted(ANSWERS))
    resources = resources_from_describe(answers)
    saved_resources = resources_from_describe(read_answers(str(tmp_path)))
    assert {r for r in resources if not isinstance(r, PrefixList)} == {
        r for r in saved_resources if not isinstance(r, PrefixList)
    }

    config = configuration(resources)
    assert config.prefix_lists[made["list"]] == PrefixList(made["list"], ("192.0.2.0/24", "203.0.113.0/24"), "offices")
    interface = next(i for i in config.interfaces.values() if i.instance_id == made["instance"])
    assert interface.name == "web-1"
    assert interface.group_ids == (made["group"],)
    assert (interface.vpc_id, interface.subnet_id) == (made["vpc"], made["subnet"])
    routes = {route.destination: route.target for route in config.route_tables[made["table"]].routes}
    assert routes == {"10.9.0.0/16": "local", "0.0.0.0/0": made["igw"]}
    assert config.internet_gateways[made["igw"]].vpc_ids == (made["vpc"],)
    ingress = [rule for rule in config.security_groups[made["group"]].rules if not rule.egress]
    assert [(rule.port_from, rule.port_to, rule.peer) for rule in ingress] == [
        (22, 22, "0.0.0.0/0"),
        (80, 81, made["group"]),
    ]
    assert all(rule.id.startswith("sgr-") for rule in ingress)
    assert config.vpcs[made["vpc"]] == Vpc(made["vpc"], ("10.9.0.0/16",))


def test_required_answers_are_enough(s3_endpoint: str) -> None:
    made = build_vpc(s3_endpoint)
    everything = describe_all()
    config = configuration(resources_from_describe({name: everything[name] for name in REQUIRED}))
    assert config.vpcs[made["vpc"]].cidrs == ("10.9.0.0/16",)
    assert config.internet_gateways[made["igw"]].vpc_ids == (made["vpc"],)
    assert any(isinstance(r, NetworkInterface) and r.name == "" for r in config.resources())
    assert any(isinstance(r, RouteTable) for r in config.resources())


def test_a_denied_call_names_the_permission(s3_endpoint: str) -> None:
    ec2 = boto3.client("ec2", endpoint_url=s3_endpoint)
    with Stubber(ec2) as answered:
        answered.add_client_error("describe_subnets", "UnauthorizedOperation", "no", 403)
        with pytest.raises(FlowtrailError, match=r"denies ec2:DescribeSubnets") as caught:
            describe_all(ec2)
    assert "Grant ec2:DescribeSubnets" in caught.value.remedy


def test_an_endpoint_that_cannot_be_reached(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(FlowtrailError, match="EC2 cannot be reached") as caught:
        describe_all()
    assert "AWS_ENDPOINT_URL" in caught.value.remedy


def test_no_region(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(FlowtrailError, match="No AWS region") as caught:
        describe_all()
    assert "AWS_REGION" in caught.value.remedy
