"""Proves that what is printed to undo a change does so: each kind of change is made at a real EC2 API, the command that
undoes it is run by the real `aws` command line, and the API then describes what it described before; then the inverse.

The command line runs in this process, which saves a second for each command. `test_correlate_undo` runs commands that
look something up in a real shell.
"""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import awscli
import boto3
import pytest
from awscli.clidriver import create_clidriver

from connectors.aws.ec2 import describe_all
from network.aws.describe import resources_from_describe
from pipelines.correlate.blame.edits import edits
from pipelines.correlate.tell.undo_command import undo
from schemas.configuration import Configuration, SecurityGroup, configuration

DATA = str(Path(awscli.__file__).parent / "data")
"""Where the command line has its own settings; it says so in the environment when it is imported."""
REGION = "eu-central-1"
ANY = "0.0.0.0/0"
Json = dict[str, Any]


@dataclass
class Vpc:
    """A subnet with a route table, a network ACL of its own, two security groups and an interface."""

    endpoint: str

    def __post_init__(self) -> None:
        ec2 = self.ec2
        self.id = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.table = ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=self.id)
        self.acl = ec2.create_network_acl(VpcId=self.id)["NetworkAcl"]["NetworkAclId"]
        self.groups = [
            ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id)["GroupId"] for name in ("a", "b")
        ]
        made = ec2.create_network_interface(SubnetId=self.subnet, Groups=self.groups[:1])
        self.eni = made["NetworkInterface"]["NetworkInterfaceId"]

    @cached_property
    def ec2(self) -> Any:
        return boto3.client("ec2", endpoint_url=self.endpoint, region_name=REGION)

    def route(self, call: str = "create_route", **more: str) -> None:
        getattr(self.ec2, call)(RouteTableId=self.table, **more)

    def entry(
        self, call: str = "create_network_acl_entry", number: int = 90, *, egress: bool = False, **more: Any
    ) -> None:
        rule = {"Protocol": "6", "RuleAction": "deny", "PortRange": {"From": 22, "To": 22}} | more
        rule |= {} if "Ipv6CidrBlock" in more else {"CidrBlock": ANY}
        rule = {} if call.startswith("delete") else rule
        getattr(self.ec2, call)(NetworkAclId=self.acl, RuleNumber=number, Egress=egress, **rule)

    def rule(self, call: str, protocol: str = "tcp", ports: tuple[int, int] | None = (443, 443), **peer: Json) -> None:
        permission: Json = {"IpProtocol": protocol, **{name: [value] for name, value in peer.items()}}
        if ports:
            permission |= {"FromPort": ports[0], "ToPort": ports[1]}
        getattr(self.ec2, call)(GroupId=self.groups[0], IpPermissions=[permission])


Step = Callable[[Vpc], object]
IN, OUT = "security_group_ingress", "security_group_egress"
CIDR, CIDR6 = {"CidrIp": "192.0.2.0/24"}, {"CidrIpv6": "2001:db8::/32"}


def member(vpc: Vpc) -> Json:
    return {"GroupId": vpc.groups[1]}


def changes() -> Iterator[tuple[str, Step | None, Step]]:
    """Name, what is there before, and the change."""

    def default(v: Vpc) -> None:
        v.route(DestinationCidrBlock=ANY, GatewayId=v.igw)

    yield "route deleted", default, lambda v: v.route("delete_route", DestinationCidrBlock=ANY)
    yield "route created", None, default
    yield (
        "route replaced",
        default,
        lambda v: v.route("replace_route", DestinationCidrBlock=ANY, NetworkInterfaceId=v.eni),
    )
    six = {"DestinationIpv6CidrBlock": "::/0"}
    yield "IPv6 route created", None, lambda v: v.route(**six, GatewayId=v.igw)
    yield "entry created", None, lambda v: v.entry()
    yield "entry deleted", lambda v: v.entry(), lambda v: v.entry("delete_network_acl_entry")
    yield (
        "entry replaced",
        lambda v: v.entry(egress=True),
        lambda v: v.entry("replace_network_acl_entry", egress=True, PortRange={"From": 1024, "To": 65535}),
    )
    yield "entry of all protocols", None, lambda v: v.entry(Protocol="-1", PortRange={})
    yield "ICMP entry", None, lambda v: v.entry(Protocol="1", PortRange={}, IcmpTypeCode={"Type": 8, "Code": -1})
    yield "rule authorized", None, lambda v: v.rule(f"authorize_{IN}", IpRanges=CIDR)
    yield (
        "rule revoked",
        lambda v: v.rule(f"authorize_{IN}", IpRanges=CIDR),
        lambda v: v.rule(f"revoke_{IN}", IpRanges=CIDR),
    )
    yield (
        "IPv6 rule revoked",
        lambda v: v.rule(f"authorize_{IN}", "udp", (53, 53), Ipv6Ranges=CIDR6),
        lambda v: v.rule(f"revoke_{IN}", "udp", (53, 53), Ipv6Ranges=CIDR6),
    )
    yield (
        "rule of a group revoked",
        lambda v: v.rule(f"authorize_{IN}", ports=(5432, 5433), UserIdGroupPairs=member(v)),
        lambda v: v.rule(f"revoke_{IN}", ports=(5432, 5433), UserIdGroupPairs=member(v)),
    )
    yield "ICMP rule", None, lambda v: v.rule(f"authorize_{IN}", "icmp", (8, -1), IpRanges=CIDR)
    yield "all egress revoked", None, lambda v: v.rule(f"revoke_{OUT}", "-1", None, IpRanges={"CidrIp": ANY})
    yield (
        "groups of an interface",
        None,
        lambda v: v.ec2.modify_network_interface_attribute(NetworkInterfaceId=v.eni, Groups=v.groups[1:]),
    )
    yield (
        "gateway detached",
        None,
        lambda v: v.ec2.detach_internet_gateway(InternetGatewayId=v.igw, VpcId=v.id),
    )


@pytest.fixture
def vpc(s3_endpoint: str) -> Vpc:
    return Vpc(s3_endpoint)


CHANGES = {name: (before, change) for name, before, change in changes()}


@pytest.mark.parametrize("name", CHANGES)
def test_the_fix_and_its_inverse(vpc: Vpc, name: str) -> None:
    prepare, change = CHANGES[name]
    if prepare:
        prepare(vpc)
    before = described(vpc)
    change(vpc)
    after = described(vpc)
    made = undo(edits(before, after), REGION)
    assert made.fix, made.why
    assert made.inverse, made.why
    run(made.fix)
    assert edits(before, described(vpc)) == ()
    run(made.inverse)
    assert edits(after, described(vpc)) == ()


def described(vpc: Vpc) -> Configuration:
    """The configuration without the ids of security group rules, which a rule that is made again cannot have."""
    found = resources_from_describe(describe_all(vpc.ec2))
    return configuration(
        replace(r, rules=tuple(replace(rule, id="") for rule in r.rules)) if isinstance(r, SecurityGroup) else r
        for r in found
    )


def run(line: str) -> None:
    """The commands of a line, as a shell would run them."""
    with mock.patch.dict(os.environ, AWS_DATA_PATH=DATA):
        driver = create_clidriver()
        for command in line.split(" && "):
            words = shlex.split(command)
            assert words[0] == "aws"
            assert driver.main(words[1:]) == 0, command
